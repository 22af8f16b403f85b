"""Times of frames from stamps that are missing, rounded or wrong."""

from fractions import Fraction

import numpy as np
import pytest

from stagescore.media.timeline import Declared, timeline_of

FILM = Declared(base=Fraction(1, 1000), rate=Fraction(25))


def times(pts, dts=None, declared=FILM, *, prefer_dts=False, accounts_for_gaps=False):
    dts = [None] * len(pts) if dts is None else dts
    return timeline_of(pts, dts, declared, prefer_dts=prefer_dts, accounts_for_gaps=accounts_for_gaps)


def test_missing_stamps_are_filled_in_between_and_at_both_ends():
    timeline = times([None, None, 80, 120, None, 200, 240, None])
    assert np.allclose(timeline.times_s, np.arange(8) * 0.04)
    assert timeline.problems == ()


def test_without_presentation_stamps_the_decoding_stamps_are_used():
    assert np.allclose(times([None] * 3, [40, 80, 120]).times_s, [0.04, 0.08, 0.12])


def test_without_any_stamps_the_declared_rate_is_assumed_and_said():
    timeline = times([None] * 5, declared=Declared(rate=Fraction(50)))
    assert np.allclose(timeline.times_s, np.arange(5) / 50)
    assert "50 frames per second are assumed" in timeline.notes[0]


def test_times_that_go_backwards_are_damage_but_never_decrease():
    timeline = times([0, 40, 120, 80, 160])
    assert np.all(np.diff(timeline.times_s) >= 0)
    assert "backwards" in timeline.problems[0]


@pytest.mark.parametrize("accounts_for_gaps", [False, True])
def test_gap_of_an_even_film_is_damage_unless_the_container_accounts_for_it(accounts_for_gaps):
    stamps = [40 * k + (120 if k > 20 else 0) for k in range(40)]
    timeline = times(stamps, accounts_for_gaps=accounts_for_gaps)
    assert timeline.num_missing == 3
    assert bool(timeline.problems) != accounts_for_gaps


def test_frames_before_the_declared_end_are_missing():
    declared = Declared(base=Fraction(1, 1000), rate=Fraction(25), start=0, duration=1000)
    assert times([40 * k for k in range(20)], declared=declared).num_missing == 5


def test_rounded_stamps_are_no_variable_rate_and_keep_the_exact_declared_rate():
    rate = Fraction(30000, 1001)
    timeline = times(
        [round(1000 * k / rate) for k in range(300)], declared=Declared(base=Fraction(1, 1000), rate=rate)
    )
    assert not timeline.variable_rate
    assert timeline.frame_rate == float(rate)


def test_wrong_declared_rate_is_replaced_by_the_measured_one():
    assert times([20 * k for k in range(50)]).frame_rate == pytest.approx(50)


def test_single_frame_without_a_declared_rate_has_none():
    timeline = times([0], declared=Declared(base=Fraction(1, 1000)))
    assert (timeline.frame_rate, timeline.duration_s) == (None, pytest.approx(0.04))
