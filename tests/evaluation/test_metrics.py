import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.evaluation.metrics import aiou, interval_iou, rl2x100, srcc

scores = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=2, max_size=40).map(
    lambda rows: (np.array([a for a, _ in rows]) / 2.0, np.array([b for _, b in rows]) / 2.0)
)
interval = st.tuples(st.integers(-1, 100), st.integers(0, 60)).map(lambda ab: (ab[0], ab[0] + ab[1]))


def _ranks(values):
    ranks = []
    for value in values:
        below = sum(other < value for other in values)
        equal = sum(other == value for other in values)
        ranks.append(below + (equal + 1) / 2)
    return ranks


@settings(deadline=None)
@given(scores)
def test_srcc_is_scipys_and_that_of_a_plain_loop(pair):
    truth, predicted = pair
    found = srcc(truth, predicted)
    if len(set(truth)) == 1 or len(set(predicted)) == 1:
        assert math.isnan(found)
        return
    assert found == pytest.approx(scipy.stats.spearmanr(truth, predicted).statistic, abs=1e-9)
    a, b = _ranks(truth), _ranks(predicted)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    top = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    bottom = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    assert found == pytest.approx(top / bottom, abs=1e-9)
    assert -1 <= found <= 1


@settings(deadline=None)
@given(scores)
def test_rl2_is_that_of_a_plain_loop(pair):
    truth, predicted = pair
    found = rl2x100(truth, predicted)
    spread = max(truth) - min(truth)
    if spread == 0:
        assert math.isnan(found)
        return
    total = 0.0
    for y, p in zip(truth, predicted, strict=True):
        total += (abs(y - p) / spread) ** 2
    assert found == pytest.approx(100 * total / len(truth))
    assert found >= 0


@settings(deadline=None)
@given(st.lists(st.tuples(interval, interval), min_size=1, max_size=20))
def test_iou_is_that_of_a_plain_loop(rows):
    truth, predicted = (np.array([row[k] for row in rows], dtype=float) for k in (0, 1))
    found = interval_iou(truth, predicted)
    for value, ((a, b), (c, d)) in zip(found, rows, strict=True):
        inside = sum(a <= x < b and c <= x < d for x in range(-1, 200))
        either = sum(a <= x < b or c <= x < d for x in range(-1, 200))
        gap = max(0, max(a, c) - min(b, d))  # the union is taken from first to last
        expected = inside / (either + gap) if either + gap else 1.0
        assert value == pytest.approx(expected)
    for threshold in (0.5, 0.75):
        assert aiou(found, threshold) == pytest.approx(100 * sum(v >= threshold for v in found) / len(found))


def test_a_backward_interval_is_refused():
    good, bad = np.array([[0.0, 5.0]]), np.array([[5.0, 0.0]])
    with pytest.raises(DataError, match="labelled"):
        interval_iou(bad, good)
    with pytest.raises(DataError, match="predicted"):
        interval_iou(good, bad)


def test_nothing_has_no_metric():
    nothing = np.zeros(0)
    assert math.isnan(srcc(nothing, nothing))
    assert math.isnan(rl2x100(nothing, nothing))
    assert math.isnan(aiou(nothing, 0.5))


def test_iou_at_the_threshold_counts():
    assert aiou(np.array([0.5, 0.4]), 0.5) == 50.0
