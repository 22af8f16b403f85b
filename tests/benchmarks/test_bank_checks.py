"""What `bench bank` says of the decisions of `fit-bank`."""

import numpy as np
import pytest

from stagescore.benchmarks import bank_checks


def test_a_network_that_sees_nothing_is_hardly_ever_called_better_and_one_that_sees_all_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bank_checks, "_NUM_BANKS", 200)
    monkeypatch.setattr(bank_checks, "_RESAMPLES", 200)
    draw = np.random.default_rng(0)
    blind = bank_checks._gains(draw, 5, 0.0)
    assert blind.mean_gain < 0 and blind.by_t <= 0.03, "a bank of noise is worse than the mean"
    seeing = bank_checks._gains(draw, 15, 0.999)
    assert seeing.mean_gain > 5 and seeing.by_t > 0.95 and seeing.by_bootstrap > 0.95
