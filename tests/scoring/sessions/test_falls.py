"""What falls like a diver is found, and nothing else that goes down."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import made_pool as made

from stagescore.scoring.sessions.falls import Fall, FallStream, PlausibleFall


def falls_of(bodies: list[made.Body], seconds: float) -> list[Fall]:
    stream = FallStream()
    found = []
    for time_s, picture in made.pictures(bodies, seconds):
        found += stream.feed(picture, time_s)
    return found + stream.finish()


def test_a_dive_is_found_once_and_in_its_place() -> None:
    (fall,) = falls_of([made.diver(1.0)], 4.0)
    assert fall.takeoff_s == pytest.approx(1.0, abs=0.2)
    assert fall.contact_s == pytest.approx(1.0 + made.fall_s(), abs=0.2)
    # Bodies of 1.75 m: 5.6 of them per squared second. What moves is a little larger than the body.
    assert 3.0 < fall.gravity < 8.0
    assert PlausibleFall().holds(fall)


def test_a_walker_beside_the_diver_takes_nothing_away() -> None:
    found = [fall for fall in falls_of([made.diver(1.0), made.walker()], 4.0) if PlausibleFall().holds(fall)]
    assert len(found) == 1


@pytest.mark.parametrize("body", [made.walker(), made.downstairs(), made.diver(0.6, slowmo=4.0)])
def test_who_walks_goes_downstairs_or_falls_in_slow_motion_does_not_dive(body: made.Body) -> None:
    found = falls_of([body], 4.5)
    assert not [fall for fall in found if PlausibleFall().holds(fall)]


def test_a_camera_that_follows_a_body_falls_itself() -> None:
    stream, found = FallStream(), list[Fall]()
    for time_s, picture in made.following(6.0, made.falling_camera(2.0)):
        found += stream.feed(picture, time_s)
    (fall,) = [one for one in found + stream.finish() if one.of_camera]
    assert fall.takeoff_s == pytest.approx(2.0, abs=0.3)
    assert fall.contact_s == pytest.approx(2.0 + made.CAMERA_FALLS_S, abs=0.3)
    assert fall.gravity == pytest.approx(5.0, rel=0.3)


def test_a_camera_that_tilts_evenly_does_not_fall() -> None:
    stream, found = FallStream(), list[Fall]()
    for time_s, picture in made.following(6.0, lambda time_s: 20.0 + 70.0 * min(max(time_s - 2.0, 0.0), 2.5)):
        found += stream.feed(picture, time_s)
    assert not [one for one in found + stream.finish() if PlausibleFall().holds(one)]


def test_memory_does_not_grow_with_the_film() -> None:
    stream = FallStream()
    for time_s, picture in made.pictures([made.walker()], 6.0):
        stream.feed(picture, time_s)
    assert len(stream._seen) <= 5.0 * 12.5 + 1
    part = stream._seen[-1].parts[0]
    steps = 0
    while part.before is not None:
        part, steps = part.before, steps + 1
    assert steps <= 5.0 * 12.5 + 3


def test_a_fall_is_told_later_by_as_much_as_it_is_delayed() -> None:
    fall = Fall(
        takeoff_s=1.0,
        contact_s=2.0,
        fallen=3.0,
        gravity=6.0,
        fit=0.9,
        times_s=np.array([1.0, 2.0]),
        centres_px=np.zeros((2, 2)),
        size_px=10.0,
        complete=True,
    )
    assert fall.delayed(2.0).takeoff_s == 3.0
    assert fall.delayed(2.0).duration_s == fall.duration_s


def test_a_dive_is_found_after_shots_in_which_the_camera_comes_closer() -> None:
    # Each shot comes nearer by half: if the zooms were multiplied over all shots, a step down would be nothing.
    stream, now_s = FallStream(), 0.0
    for shot in range(12):
        pool = made.pool(shot + 1)
        for step in range(16):
            picture = made.closer(pool, 1.04**step)
            stream.feed(picture, now_s)
            now_s += 0.08
    found = []
    for time_s, picture in made.pictures([made.diver(6.0)], 9.0):
        found += stream.feed(picture, now_s + time_s)
    found += stream.finish()
    (fall,) = [one for one in found if PlausibleFall().holds(one) and not one.of_camera]
    assert fall.takeoff_s == pytest.approx(now_s + 6.0, abs=0.2)
