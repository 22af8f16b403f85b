"""Ranks within a number, intervals, and errors against the truth."""

import numpy as np
import pytest

from stagescore.benchmarks.measure_marks import agreement
from stagescore.benchmarks.measure_truth import TruthPair, truth_rows
from stagescore.evaluation.metrics import srcc

RANDOM = np.random.default_rng(5)
FEW = 200


def test_over_one_group_it_is_spearmans_correlation() -> None:
    values = RANDOM.integers(0, 12, 60).astype(float)
    marks = values + RANDOM.normal(0, 4, 60)
    found = agreement(values, marks, [""] * 60, resamples=FEW)
    assert found is not None and found.value == pytest.approx(srcc(marks, values), abs=1e-3)
    assert found.low < found.value < found.high and found.num_dives == 60


def test_within_a_number_neither_numbers_nor_their_difficulty_are_seen() -> None:
    numbers = [f"10{k % 4 + 1}B" for k in range(120)]
    level = np.array([40.0 * (k % 4) for k in range(120)])
    noise, marks = RANDOM.normal(0, 1, 120), RANDOM.normal(0, 1, 120)
    over_all = agreement(noise + level, marks + level, [""] * 120, resamples=FEW)
    within = agreement(noise + level, marks + level, numbers, resamples=FEW)
    assert over_all is not None and over_all.low > 0.7
    assert within is not None and within.sign == 0
    same = agreement(noise, marks, numbers, resamples=FEW)
    assert same is not None and same.value == within.value


def test_of_too_few_dives_nothing_is_said() -> None:
    assert agreement(np.arange(10.0), np.arange(10.0), [""] * 10, resamples=FEW) is None
    assert agreement(np.arange(40.0), np.arange(40.0), [str(k) for k in range(40)]) is None


def test_errors_are_medians_of_what_is_told_in_each_venue() -> None:
    pairs = [
        TruthPair(dive_id=str(k), venue=venue, name="jump_height", true=true, found=found)
        for k, (venue, true, found) in enumerate(
            [("3 m", 0.5, 0.6), ("3 m", 0.5, 0.2), ("10 m", 0.4, None), ("10 m", None, 0.3)]
        )
    ]
    rows = {row.venue: row for row in truth_rows(pairs) if row.name == "jump_height"}
    assert (rows["all"].possible, rows["all"].told) == (3, 2)
    assert rows["3 m"].bias == pytest.approx(-0.1) and rows["3 m"].error == pytest.approx(0.2)
    assert (rows["10 m"].told, rows["10 m"].error, rows["10 m"].srcc) == (0, None, None)
