"""Cuts, replays and stills are found in pictures that are made for it, and in nothing else."""

import cv2
import numpy as np
import pytest

from stagescore.scoring import checks
from stagescore.scoring.events import Flight


def scene(seed: int, num: int, speed: float = 1.0, start: int = 0) -> np.ndarray:
    """A textured background that pans, with a bright block that moves before it."""
    random = np.random.default_rng(seed)
    tint = random.integers(40, 216, 3)
    wide = np.clip(tint + 40 * random.standard_normal((54 + 2 * (start + num), 96, 3)), 0, 255)
    frames = []
    for frame in range(start, start + num):
        picture = wide[int(speed * frame) :][:54].copy()
        left = 10 + (3 * frame) % 70
        picture[20:32, left : left + 8] = 250
        frames.append(picture)
    return np.array(frames).astype(np.uint8)


def test_a_cut_is_found_where_it_is_and_a_pan_is_none() -> None:
    assert checks.cuts(scene(0, 40)) == []
    assert checks.cuts(np.concatenate((scene(0, 30), scene(1, 30)))) == [30]


def same_hall(first: int, num: int, speed: float) -> np.ndarray:
    """Frames of one camera that pans down a hall of which each part has colours of its own."""
    random = np.random.default_rng(5)
    tints = np.repeat(random.integers(98, 158, (60, 3)), 12, axis=0)[:, None]
    hall = np.clip(tints + 40 * random.standard_normal((720, 96, 3)), 0, 255)
    return np.array([hall[int(speed * t) :][:54] for t in range(first, first + num)]).astype(np.uint8)


def test_a_cut_between_two_shots_of_one_camera_is_found_and_a_fast_pan_is_none() -> None:
    for speed in (1, 3, 5):
        assert checks.cuts(same_hall(0, 60, speed)) == []
    spliced = np.concatenate((same_hall(0, 30, 4), same_hall(37, 30, 4)))
    assert checks.cuts(spliced) == [30]


@pytest.mark.parametrize("speed", [4, 6, 9])
@pytest.mark.parametrize("every", [4, 6, 25])
def test_a_frame_that_was_left_out_of_a_pan_is_no_cut(speed: int, every: int) -> None:
    """A film at 25 frames per second that is converted to 24, 21 or 19 loses one in 25, 6 or 4."""
    pan = same_hall(0, 60, speed)
    kept = [frame for frame in range(len(pan)) if frame % every != every // 2]
    assert checks.cuts(pan[kept]) == []
    spliced = np.concatenate((same_hall(0, 30, 4), same_hall(37, 30, 4)))
    again = np.concatenate((spliced[:20], spliced[21:]))
    assert checks.cuts(again) == [29]


def test_stray_frames_at_the_ends_are_left_out() -> None:
    clip = np.concatenate((scene(1, 3), scene(0, 60), scene(2, 4)))
    shot = checks.main_shot(len(clip), checks.cuts(clip))
    assert (shot.start, shot.end, shot.cuts) == (3, 63, ())
    assert checks.cut_reason(shot, 0) is None


def test_a_cut_inside_is_told_in_frames_of_the_input() -> None:
    reason = checks.cut_reason(checks.main_shot(96, [40]), offset=100)
    assert reason is not None
    assert (reason.code, reason.start_frame) == ("cut", 140)


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_or_a_spoilt_picture_is_no_cut(length: int) -> None:
    clip = scene(0, 60)
    clip[30 : 30 + length, ..., 0] //= 4  # as a palette of another frame makes it
    clip[30 : 30 + length, ..., 2] = 255 - clip[30 : 30 + length, ..., 2]
    assert checks.cuts(clip) == []
    other = np.concatenate((scene(0, 30), scene(1, length), scene(2, 30)))
    assert checks.cuts(other)  # a new scene comes after it


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_in_a_fast_pan_is_no_cut_and_a_cut_in_it_is(length: int) -> None:
    """The hall goes by so fast that after the flash much of it is another."""
    rng = np.random.default_rng(0)
    hall = cv2.resize(
        rng.integers(0, 256, (9, 40, 3)).astype(np.uint8), (960, 64), interpolation=cv2.INTER_CUBIC
    )
    pan = np.stack([hall[:, 8 * t : 8 * t + 96] for t in range(60)])
    flash = pan.copy()
    flash[30 : 30 + length] = (0.2 * pan[30 : 30 + length] + 0.8 * 255).astype(np.uint8)
    assert checks.cuts(flash) == []
    elsewhere = np.stack([hall[::-1, 300 + 8 * t : 396 + 8 * t] for t in range(30)])
    assert checks.cuts(np.concatenate((pan[:30], elsewhere))) == [30]


def test_short_clips_keep_their_shots() -> None:
    assert checks.main_shot(12, [3]).cuts == (3,)


def test_a_replay_is_found_also_slowed_down() -> None:
    clip = scene(0, 50)
    assert checks.replay_reason(clip, 0) is None
    for again in (clip[15:40], np.repeat(clip[15:40], 2, axis=0)):
        reason = checks.replay_reason(np.concatenate((clip, again)), offset=10)
        assert reason is not None
        assert reason.code == "replay"
        assert reason.start_frame is not None
        assert abs(reason.start_frame - 60) <= 2


def test_a_still_image_is_one_also_with_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, (40, 54, 96, 3))
    still = np.clip(scene(0, 1)[0] + noise, 0, 255).astype(np.uint8)
    assert checks.still_reason(still) is not None
    assert checks.still_reason(scene(0, 40, speed=0)) is None


@pytest.mark.parametrize(("num", "code"), [(11, "too-short"), (12, None), (1500, None), (1501, "too-large")])
def test_lengths(num: int, code: str | None) -> None:
    reason = checks.length_reason(num)
    assert (reason and reason.code) == code


def test_a_huge_file_is_refused_unread() -> None:
    assert checks.size_reason(5 * 2**30, "film.mp4") is not None
    assert checks.size_reason(5 * 2**20, "film.mp4") is None


def flight(**changes: object) -> Flight:
    values: dict[str, object] = {
        "first": 30,
        "stop": 75,
        "apex": 40.0,
        "misfit": 0.05,
        "fallen": 6.0,
        "gravity": 0.01,
        "starts_in_air": False,
        "no_takeoff": False,
        "ends_in_air": False,
    }
    return Flight(**(values | changes))  # type: ignore[arg-type]


def test_two_divers_are_two() -> None:
    assert [checks.divers_reason(num) is None for num in (None, 0, 1, 2)] == [True, True, True, False]


def test_partial_clips_say_what_is_missing() -> None:
    assert checks.partial_reason(flight(), 0) is None
    reason = checks.partial_reason(flight(starts_in_air=True, no_takeoff=True, ends_in_air=True), 7)
    assert reason is not None
    assert "neither take-off nor entry" in reason.text
    assert reason.start_frame == 37
    begun = checks.partial_reason(flight(starts_in_air=True), 0)
    assert begun is not None and "there is no take-off" in begun.text
    # Just after a cut only what surely begins long after the take-off is a part.
    assert checks.partial_reason(flight(starts_in_air=True), 0, begins_at_cut=True) is None


@pytest.mark.parametrize(
    ("apex", "begins_at_cut", "is_whole"), [(0.4, True, True), (0.4, False, False), (-9.0, True, False)]
)
def test_a_shot_that_begins_while_the_diver_still_rises_is_whole_after_a_cut(
    apex: float, begins_at_cut: bool, is_whole: bool
) -> None:
    risen = flight(first=0, stop=41, apex=apex, starts_in_air=True, no_takeoff=True)
    assert (checks.partial_reason(risen, 1, begins_at_cut) is None) == is_whole
    assert checks.partial_reason(flight(no_takeoff=True, apex=40.0, ends_in_air=True), 1, begins_at_cut)


def test_somebody_must_fall() -> None:
    assert checks.fall_reason(None) is not None


def test_a_flight_that_no_fall_can_be_is_said() -> None:
    told = checks.short_fall_warning(26 / 30, 10.0)
    assert told is not None and "0.87 s" in told and "1.43 s" in told
    # What hands that touch the water early, or no known height, leave open.
    assert checks.short_fall_warning(32 / 30, 10.0) is None
    assert checks.short_fall_warning(26 / 30, None) is None
    assert checks.short_fall_warning(26 / 30, 3.0) is None


def test_still_images_before_and_after_the_dive_are_no_cut() -> None:
    random = np.random.default_rng(0)
    moving = random.integers(0, 255, (20, 36, 64, 3)).astype(np.uint8)
    title = np.repeat(random.integers(0, 255, (1, 36, 64, 3)), 15, axis=0).astype(np.uint8)
    noisy = np.clip(title + random.integers(-2, 3, title.shape), 0, 255).astype(np.uint8)
    clip, cuts = np.concatenate((noisy, moving, title)), [15, 35]
    assert checks.still_shots(clip, cuts) == [True, False, True]
    shot = checks.main_shot(len(clip), cuts, checks.still_shots(clip, cuts))
    assert (shot.start, shot.end, shot.cuts, shot.whole) == (15, 35, (), False)
    # A still image between two shots that move leaves the cuts where they are, and a film of stills stays whole.
    assert checks.main_shot(50, [20, 30], [False, True, False]).cuts == (20, 30)
    assert checks.main_shot(50, [20], [True, True]) == checks.main_shot(50, [20])
    # What is left is never nothing: a few moving frames at an end are stray, whatever the rest shows.
    assert checks.main_shot(96, [93], [True, False]) == checks.Shot(0, 93, ())
    assert checks.main_shot(96, [3], [False, True]) == checks.Shot(3, 96, ())


@pytest.mark.parametrize(
    ("num_frames", "cuts", "shot"),
    [
        (96, [8], (8, 96, ())),
        (96, [9], (0, 96, (9,))),
        (96, [88], (0, 88, ())),
        (96, [87], (0, 96, (87,))),
        (96, [2, 5, 50, 90, 93], (5, 90, (50,))),
        # Of a short clip at most 15 % are stray.
        (20, [3], (3, 20, ())),
        (20, [4], (0, 20, (4,))),
        (20, [16], (0, 20, (16,))),
        (20, [17], (0, 17, ())),
    ],
)
def test_up_to_eight_frames_at_an_end_are_stray(
    num_frames: int, cuts: list[int], shot: tuple[int, int, tuple[int, ...]]
) -> None:
    found = checks.main_shot(num_frames, cuts)
    assert (found.start, found.end, found.cuts) == shot


def test_of_many_cuts_the_first_five_are_named() -> None:
    reason = checks.cut_reason(checks.main_shot(200, [20, 40, 60, 80, 100, 120]), offset=1000)
    assert reason is not None and "1020, 1040, 1060, 1080, 1100;" in reason.text
    assert (reason.start_frame, reason.end_frame) == (1020, 1200)


@pytest.mark.parametrize("size", [(96, 54), (96, 8), (8, 96)])
def test_cuts_and_replays_are_found_in_portrait_films_and_strips(size: tuple[int, int]) -> None:
    def shot(seed: int, num: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        tint = random.integers(40, 216, 3)
        wide = np.clip(tint + 40 * random.standard_normal((size[0] + num, *size[1:], 3)), 0, 255)
        return np.array([wide[frame:][: size[0]] for frame in range(num)]).astype(np.uint8)

    clip = shot(0, 40)
    assert checks.cuts(clip) == [] and checks.replay_reason(clip, 0) is None
    assert checks.cuts(np.concatenate((clip, shot(1, 40)))) == [40]
    reason = checks.replay_reason(np.concatenate((clip, clip[10:30])), 0)
    assert reason is not None and (reason.start_frame, reason.end_frame) == (40, 60)


def test_a_fall_is_too_short_from_two_thirds_of_its_time_on() -> None:
    least = 0.68 * (2 * 10.0 / 9.81) ** 0.5
    assert checks.short_fall_warning(least, 10.0) is None
    assert checks.short_fall_warning(least - 1e-6, 10.0) is not None
