import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.evaluation.metrics import (
    aiou,
    bias,
    coverage,
    expected_calibration_error,
    interval_iou,
    kendall,
    mae,
    mean_stage_iou,
    median_error,
    rl2x100,
    srcc,
)

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
@given(scores)
def test_kendall_is_scipys_and_that_of_a_plain_loop(pair):
    truth, predicted = pair
    found = kendall(truth, predicted)
    if len(set(truth)) == 1 or len(set(predicted)) == 1:
        assert math.isnan(found)
        return
    assert found == pytest.approx(scipy.stats.kendalltau(truth, predicted).statistic, abs=1e-9)
    agree = untied_a = untied_b = 0
    for i in range(len(truth)):
        for j in range(i):
            a, b = truth[i] - truth[j], predicted[i] - predicted[j]
            agree += int(a * b > 0) - int(a * b < 0)
            untied_a += a != 0
            untied_b += b != 0
    assert found == pytest.approx(agree / math.sqrt(untied_a * untied_b), abs=1e-9)


@settings(deadline=None)
@given(scores)
def test_errors_are_those_of_a_plain_loop(pair):
    truth, predicted = pair
    errors = [p - y for y, p in zip(truth, predicted, strict=True)]
    sizes = sorted(abs(e) for e in errors)
    middle = len(sizes) // 2
    assert mae(truth, predicted) == pytest.approx(sum(sizes) / len(sizes))
    assert bias(truth, predicted) == pytest.approx(sum(errors) / len(errors))
    median = sizes[middle] if len(sizes) % 2 else (sizes[middle - 1] + sizes[middle]) / 2
    assert median_error(truth, predicted) == pytest.approx(median)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(*[st.lists(st.integers(0, 38), min_size=2, max_size=2, unique=True).map(sorted)] * 2),
        min_size=1,
        max_size=10,
    )
)
def test_the_mean_iou_over_stages_is_that_of_a_plain_loop(rows):
    truth, predicted = (np.array([row[k] for row in rows], dtype=float) for k in (0, 1))
    found = mean_stage_iou(truth, predicted, np.full(len(rows), 40.0))
    for value, (labelled, guessed) in zip(found, rows, strict=True):
        total = 0.0
        for stage in range(3):
            # The stage of a frame is the number of transitions before it.
            a = {f for f in range(40) if sum(f > t for t in labelled) == stage}
            b = {f for f in range(40) if sum(f > t for t in guessed) == stage}
            total += len(a & b) / len(a | b)
        assert value == pytest.approx(total / 3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=30))
def test_the_calibration_error_is_that_of_a_plain_loop(rows):
    confidence = np.array([c / 20 for c, _ in rows])
    correct = np.array([right for _, right in rows])
    total = 0.0
    for number in range(10):
        inside = [(c / 20, r) for c, r in rows if c // 2 == number or (c == 20 and number == 9)]
        if inside:
            share = sum(r for _, r in inside) / len(inside)
            stated = sum(c for c, _ in inside) / len(inside)
            total += len(inside) / len(rows) * abs(share - stated)
    found = expected_calibration_error(confidence, correct)
    assert found == pytest.approx(total, abs=1e-9)
    assert 0 <= found <= 1


def test_coverage_counts_the_ends():
    intervals = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    assert coverage(np.array([1.0, 2.0, 2.5, 0.5]), intervals) == 50.0


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
    for metric in (kendall, mae, median_error, bias):
        assert math.isnan(metric(nothing, nothing))
    assert math.isnan(coverage(nothing, np.zeros((0, 2))))
    assert math.isnan(expected_calibration_error(nothing, nothing > 0))


def test_iou_at_the_threshold_counts():
    assert aiou(np.array([0.5, 0.4]), 0.5) == 50.0
