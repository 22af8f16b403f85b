"""Intervals of means and shares of a few dives hold what they promise."""

import numpy as np
import pytest

from stagescore.inference.figure_intervals import mean_interval, share_interval


@pytest.mark.parametrize("num", [5, 20])
def test_nineteen_of_twenty_intervals_hold_the_true_mean(num: int) -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, size=(2000, num))
    held = [low <= 3.0 <= high for low, high in (mean_interval(one, range(num)) for one in draws)]
    assert 0.935 <= np.mean(held) <= 0.965


def test_copies_of_a_dive_make_nothing_surer() -> None:
    values = np.array([1.0, 4.0, 2.5, 3.0, 0.5])
    alone = mean_interval(values, range(5))
    copied = mean_interval(np.repeat(values, 3), np.repeat(range(5), 3).tolist())
    assert copied == pytest.approx(alone)
    assert np.diff(mean_interval(np.repeat(values, 3), range(15))) < np.diff(alone)


def test_one_dive_says_nothing_of_others() -> None:
    assert mean_interval(np.array([1.0, 2.0]), [0, 0]) == (-np.inf, np.inf)


def test_a_share_of_all_is_not_certain() -> None:
    assert share_interval(12, 12) == (pytest.approx(0.757, abs=0.001), 1.0)
    low, high = share_interval(0, 12)
    assert low == pytest.approx(0.0, abs=1e-9) and high == pytest.approx(0.243, abs=0.001)
