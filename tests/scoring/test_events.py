"""Free fall is found in paths whose events are known."""

import numpy as np
import pytest

from stagescore.scoring.events import Flight, FreeFall
from stagescore.scoring.motion_scan import HeightCurve


def path(airborne: int, contact: int, num_frames: int, rise: float = 0.25) -> HeightCurve:
    """Stands, jumps, falls on a parabola, and stays at the water."""
    frames = np.arange(num_frames, dtype=float)
    length = contact - airborne
    apex = airborne + rise * length
    gravity = 2 * 7.0 / ((1 - rise) * length) ** 2
    heights = gravity / 2 * ((frames - apex) ** 2 - (airborne - apex) ** 2)
    heights[:airborne] = 0
    # In the water the body all but stops.
    heights[contact:] = heights[contact] + 0.02 * (frames[contact:] - contact)
    return HeightCurve(0, heights + 0.03 * np.sin(frames * 1.7))


@pytest.mark.parametrize(("airborne", "contact", "num_frames"), [(30, 75, 96), (46, 91, 117), (6, 17, 24)])
def test_both_events_are_found(airborne: int, contact: int, num_frames: int) -> None:
    flight = FreeFall().find(path(airborne, contact, num_frames), num_frames)
    assert flight is not None
    events = flight.events()
    assert events.first_airborne_frame is not None
    assert events.first_water_contact_frame is not None
    # The push and the first touch of the water hardly differ from free fall.
    slack = 0.16 * (contact - airborne)
    assert abs(events.first_airborne_frame.frame - airborne) <= slack
    assert abs(events.first_water_contact_frame.frame - contact) <= slack
    assert not (flight.no_takeoff or flight.ends_in_air)
    assert events.first_airborne_frame.confidence > 0.5


@pytest.mark.parametrize("frame", [34, 50, 66])
def test_a_path_that_strays_for_a_few_frames_is_the_same_flight(frame: int) -> None:
    whole = path(30, 75, 96)
    strayed = whole.heights.copy()
    strayed[frame : frame + 2] += 0.9
    flights = [FreeFall().find(HeightCurve(0, heights), 96) for heights in (whole.heights, strayed)]
    assert flights[0] is not None
    assert flights[1] is not None
    assert abs(flights[1].first - flights[0].first) <= 2
    assert abs(flights[1].stop - flights[0].stop) <= 2


def test_slow_motion_changes_the_frames_and_nothing_else() -> None:
    usual, slow = path(30, 75, 96), path(120, 300, 384)
    flights = [FreeFall().find(one, len(one.heights)) for one in (usual, slow)]
    assert flights[0] is not None
    assert flights[1] is not None
    assert abs(flights[1].first - 4 * flights[0].first) <= 12
    assert abs(flights[1].stop - 4 * flights[0].stop) <= 12


def test_a_clip_that_ends_or_starts_in_the_air_has_no_such_event() -> None:
    whole = path(30, 75, 96).heights
    ends = FreeFall().find(HeightCurve(0, whole[:65]), 65)
    assert ends is not None
    assert ends.ends_in_air
    assert ends.events().first_water_contact_frame is None
    starts = FreeFall().find(HeightCurve(0, whole[50:]), 46)
    assert starts is not None
    assert starts.no_takeoff
    assert starts.events().first_airborne_frame is None


def test_a_clip_that_begins_shortly_before_the_take_off_shows_it_unless_it_is_cut_off_in_the_air() -> None:
    whole = path(30, 75, 96).heights[28:]
    whole[:2] = whole[2] + np.array((0.8, 0.4))  # the push
    shown = FreeFall().find(HeightCurve(0, whole), len(whole))
    assert shown is not None
    assert shown.events().first_airborne_frame is not None
    cut = FreeFall().find(HeightCurve(0, whole[:43]), 43)
    assert cut is not None
    assert cut.ends_in_air
    assert cut.events().first_airborne_frame is None


@pytest.mark.parametrize(
    "heights",
    [
        np.zeros(96),
        np.linspace(0, 8, 96),
        0.3 * np.sin(np.arange(96) / 7),
        -0.004 * (np.arange(96) - 20.0) ** 2,
        np.zeros(3),
    ],
    ids=["standing", "steady", "swaying", "rising", "short"],
)
def test_who_does_not_fall_has_no_flight(heights: np.ndarray) -> None:
    assert FreeFall().find(HeightCurve(0, heights), len(heights)) is None


def test_neither_the_place_nor_the_first_frame_nor_a_film_slowed_down_changes_the_flight() -> None:
    heights = path(30, 75, 96).heights
    usual = FreeFall().find(HeightCurve(0, heights), 96)
    assert usual is not None
    later = FreeFall().find(HeightCurve(11, heights + 40.0), 107)
    assert later is not None
    assert (later.first, later.stop) == (usual.first + 11, usual.stop + 11)
    assert later.apex == pytest.approx(usual.apex + 11, abs=1e-6)
    for slower in (3, 15):  # of the second every sixth frame is looked at
        stretched = np.interp(np.arange(96 * slower) / slower, np.arange(96), heights)
        found = FreeFall().find(HeightCurve(0, stretched), 96 * slower)
        assert found is not None
        assert (found.first / slower, found.stop / slower) == pytest.approx(
            (usual.first, usual.stop), abs=1.0
        )
        assert found.fallen == pytest.approx(usual.fallen, rel=0.03)


@pytest.mark.parametrize(("after", "in_air"), [(-5, True), (0, True), (3, True), (4, False), (12, False)])
def test_the_contact_is_seen_if_a_few_frames_come_after_it(after: int, in_air: bool) -> None:
    whole = path(30, 75, 96).heights
    contact = 76  # where it is found with the whole path
    cut = FreeFall().find(HeightCurve(0, whole[: contact + after]), contact + after)
    assert cut is not None
    assert cut.ends_in_air == in_air and (cut.events().first_water_contact_frame is None) == in_air
    assert cut.stop <= contact + after
    assert cut.first == 30


@pytest.mark.parametrize(
    ("begin", "in_air", "no_takeoff"), [(29, False, False), (30, True, False), (40, True, True)]
)
def test_a_clip_whose_first_frame_is_airborne_has_no_take_off(
    begin: int, in_air: bool, no_takeoff: bool
) -> None:
    whole = path(30, 75, 96).heights[begin:]
    found = FreeFall().find(HeightCurve(0, whole), len(whole))
    assert found is not None
    assert (found.starts_in_air, found.no_takeoff) == (in_air, no_takeoff)
    assert (found.events().first_airborne_frame is None) == in_air
    assert found.first == max(30 - begin, 0) and found.stop == 76 - begin


def test_a_flight_is_surer_the_better_it_fits_and_the_farther_it_falls() -> None:
    def sure(misfit: float, fallen: float) -> float:
        flight = Flight(
            first=30,
            stop=75,
            apex=40.0,
            misfit=misfit,
            fallen=fallen,
            gravity=0.01,
            starts_in_air=False,
            no_takeoff=False,
            ends_in_air=False,
        )
        airborne = flight.events().first_airborne_frame
        assert airborne is not None
        return airborne.confidence

    assert sure(0.0, 4.0) == sure(0.0, 9.0) == 1.0
    assert sure(0.15, 9.0) == sure(0.0, 2.0) == 0.5
    assert sure(0.3, 9.0) == sure(0.9, 9.0) == 0.0
