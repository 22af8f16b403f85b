import itertools
import json
import statistics

import makers
import numpy as np
import pytest
import scipy.stats

from stagescore.data.manifest import Manifest
from stagescore.errors import DataError
from stagescore.evaluation.floors import floors_and_ceilings


@pytest.fixture(scope="session")
def real(real_finediving):
    return floors_and_ceilings(real_finediving.manifest)


def bound(floors, name, dives):
    (found,) = [b for b in floors.bounds if b.name == name and b.dives.startswith(dives)]
    return found


@pytest.mark.parametrize(
    ("dives", "srcc", "rl2x100", "aiou50", "aiou75", "rows"),
    [
        ("all dives", 0.588, 1.335, 68.76, 26.03, (2251, 749)),
        ("individual dives", 0.507, 1.597, 65.87, 26.32, (1804, 589)),
    ],
)
def test_the_real_floors_are_those_of_the_method(real, dives, srcc, rl2x100, aiou50, aiou75, rows):
    number = bound(real, "dive_number_mean", dives)
    assert round(number.srcc, 3) == srcc
    assert round(number.rl2x100, 3) == rl2x100
    assert (number.num_train, number.num_test) == rows
    stages = bound(real, "median_transitions", dives)
    assert round(stages.aiou50, 2) == aiou50
    assert round(stages.aiou75, 2) == aiou75
    assert (stages.num_train, stages.num_test) == rows


def test_the_real_ceilings_are_those_of_the_method(real):
    judge = bound(real, "one_judge", "seven-mark")
    assert judge.num_test == 1369
    assert judge.srcc == pytest.approx(0.968, abs=0.01)
    assert judge.srcc_range == pytest.approx((0.966, 0.970), abs=0.001)
    assert bound(real, "half_panel", "seven-mark").srcc == pytest.approx(0.981, abs=0.01)
    pairs = bound(real, "one_judge", "five-mark")
    assert pairs.num_test == 607
    assert pairs.srcc == pytest.approx(0.932, abs=0.01)
    assert bound(real, "one_judge", "three-mark").num_test == 1024


@pytest.mark.parametrize("individual", [False, True])
@pytest.mark.parametrize("name", ["dive_number", "difficulty"])
def test_the_score_floors_are_those_of_a_plain_loop(real_finediving, real, individual, name):
    dives = [d for d in real_finediving.manifest if not (individual and d.synchronised)]
    train = [d for d in dives if d.split == "train"]
    test = [d for d in dives if d.split == "test"]
    predicted = []
    for query in test:
        like = [d.score for d in train if getattr(d, name) == getattr(query, name)]
        predicted.append(round(statistics.fmean(like or [d.score for d in train]), 9))
    truth = [d.score for d in test]
    found = bound(real, f"{name}_mean", "individual" if individual else "all")
    assert found.srcc == pytest.approx(scipy.stats.spearmanr(truth, predicted).statistic, abs=1e-9)
    spread = max(truth) - min(truth)
    rl2 = 100 * statistics.fmean(((t - p) / spread) ** 2 for t, p in zip(truth, predicted, strict=True))
    assert found.rl2x100 == pytest.approx(rl2)
    assert found.score_range == (min(truth), max(truth))


def test_the_transition_floor_is_that_of_a_plain_loop(real_finediving, real):
    train = [d.transitions for d in real_finediving.manifest if d.split == "train"]
    first = statistics.median(t[0] for t in train)
    last = statistics.median(t[-1] for t in train)
    hits = {0.5: 0, 0.75: 0}
    test = [d.transitions for d in real_finediving.manifest if d.split == "test"]
    for t in test:
        inside = max(0, min(last, t[-1]) - max(first, t[0]))
        around = max(last, t[-1]) - min(first, t[0])
        for threshold in hits:
            hits[threshold] += inside / around >= threshold
    found = bound(real, "median_transitions", "all")
    assert found.aiou50 == pytest.approx(100 * hits[0.5] / len(test))
    assert found.aiou75 == pytest.approx(100 * hits[0.75] / len(test))


def test_the_judge_ceilings_are_those_of_a_plain_loop(real_finediving, real):
    rows = [d for d in real_finediving.manifest if len(d.marks) == 7]
    one = []
    for judge in range(7):
        alone = [d.marks[judge] * d.difficulty for d in rows]
        others = [(sum(d.marks) - d.marks[judge]) / 6 * d.difficulty for d in rows]
        one.append(scipy.stats.spearmanr(np.round(alone, 9), np.round(others, 9)).statistic)
    found = bound(real, "one_judge", "seven-mark")
    assert found.srcc == pytest.approx(statistics.fmean(one), abs=1e-3)
    assert found.srcc_range == pytest.approx((min(one), max(one)), abs=1e-3)
    halves = set()
    for a in itertools.combinations(range(7), 3):
        for b in itertools.combinations(set(range(7)) - set(a), 3):
            halves.add(frozenset((a, tuple(sorted(b)))))
    assert len(halves) == 70
    assert "70 ways" in bound(real, "half_panel", "seven-mark").rule


def test_a_number_that_was_never_trained_on_gets_the_training_mean():
    manifest = Manifest(
        (
            makers.dive(1, score=10.0),
            makers.dive(2, score=20.0, dive_number="107B"),
            makers.dive(3, score=30.0, dive_number="407C", split="test"),
            makers.dive(4, score=10.0, split="test"),
        )
    )
    found = bound(floors_and_ceilings(manifest), "dive_number_mean", "all")
    assert "1 dives without one" in found.rule
    assert found.rl2x100 == pytest.approx(100 * ((15 / 20) ** 2 + 0) / 2)


def test_the_validation_part_is_measured_against_the_rest():
    manifest = Manifest(
        (makers.dive(1), makers.dive(2), makers.dive(3, validation=True), makers.dive(4, validation=True))
    )
    found = bound(floors_and_ceilings(manifest, "val"), "dive_number_mean", "all")
    assert (found.num_train, found.num_test) == (2, 2)


def test_an_empty_part_is_refused():
    with pytest.raises(DataError, match="1 dives to learn from and 0"):
        floors_and_ceilings(Manifest((makers.dive(1),)))
    with pytest.raises(DataError, match="0 dives to learn from and 1"):
        floors_and_ceilings(Manifest((makers.dive(1, split="test"),)))


def test_undefined_figures_are_null_and_the_table_has_every_bound():
    manifest = Manifest((makers.dive(1), makers.dive(2, split="test")))
    found = floors_and_ceilings(manifest)
    assert bound(found, "dive_number_mean", "all").srcc is None
    json.dumps(found.as_json(), allow_nan=False)
    assert len(found.table()) == len(found.bounds)
