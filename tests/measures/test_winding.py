"""Turns are counted through wrong and missing directions."""

import numpy as np
import pytest

from stagescore.measures.winding import BINS, wind


def costs_of(degrees: np.ndarray) -> np.ndarray:
    at = np.arange(BINS) * 360.0 / BINS
    off = np.abs((degrees[:, None] - at + 180) % 360 - 180)
    return np.nan_to_num(np.clip(off / 60, 0, 1), nan=0.0)


@pytest.mark.parametrize("total", [900.0, -900.0, 1260.0])
def test_a_turn_is_followed_though_directions_flip_and_lack(total: float) -> None:
    true = np.linspace(20.0, 20.0 + total, 40)
    seen = true.copy()
    seen[[9, 22, 31]] += 180.0
    seen[[14, 15, 26]] = np.nan
    plain = np.unwrap(np.where(np.isnan(seen), 0.0, seen), period=360.0)
    wound = wind(costs_of(seen), 11)
    assert wound.degrees[-1] - wound.degrees[0] == pytest.approx(total, abs=10.0)
    assert abs(plain[-1] - plain[0] - total) > 90  # what counting from frame to frame makes of it


def test_what_stands_still_has_not_turned() -> None:
    wound = wind(costs_of(np.full(30, 75.0)), 11)
    assert wound.degrees[-1] == wound.degrees[0] and wound.cost == pytest.approx(0.0, abs=1e-9)
