"""Pictures of the diver: cut around whom they show, and of the entry until the splash falls."""

import numpy as np
import pytest
from made_results import made_pictures, made_result

from stagescore.errors import DataError
from stagescore.report.keyframes import seconds_at
from stagescore.report.pictures import Pictures
from stagescore.report.sections import score
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import Events, InputFile
from stagescore.types import PoseTrack

LONG = {"edges": (0, 24, 60, 200), "lean": (0.1, 0.2, -6.0)}
"""A film that goes on for five seconds after the dive: 25 frames per second, water contact in frame 68."""
CONTACT = 68


def slowed(result: Result, factor: float) -> Result:
    film = InputFile.model_validate({**result.input.model_dump(), "slowmo": factor})
    return result.model_copy(update={"input": film})


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize(("slowmo", "last_frame"), [(1.0, 78), (2.0, 88)])
def test_pictures_of_the_entry_end_with_the_splash(attention: bool, slowmo: float, last_frame: int) -> None:
    changes = {} if attention else {"attention": None, "attention_frames": None}
    result = slowed(made_result(**LONG, **changes), slowmo)
    frames = score.telling_frames(result, 2)
    assert len(frames) == 3
    assert frames[0] >= 60 and CONTACT < frames[-1] <= last_frame
    assert seconds_at(result, last_frame) <= seconds_at(result, CONTACT) + 0.4 * slowmo
    note = score.telling_pictures(result, 2)
    assert note.text.startswith("The entry until 0.4\u00a0s after the first touch of the water: ")
    assert str(list(frames))[1:-1] in note.text


def test_without_a_water_contact_the_whole_entry_is_shown() -> None:
    result = made_result(**LONG, events=Events(), attention=None, attention_frames=None)
    assert score.telling_frames(result, 2) == (83, 130, 176)
    assert score.telling_pictures(result, 2).text.startswith("The entry: middle frame")


def test_joints_of_which_nothing_is_known_to_be_weak_are_followed_into_the_water() -> None:
    pictures = made_pictures(made_result(), range(100))
    plain = Pictures(
        query=pictures.query, track=pictures.track, track_frames=pictures.track_frames, contact_frame=50
    )
    believed = np.zeros(pictures.track.known.shape, dtype=bool)
    told = Pictures(
        query=pictures.query,
        track=pictures.track,
        track_frames=pictures.track_frames,
        contact_frame=50,
        weak=believed,
    )
    shown, same = plain.crops([48, 52, 60]), told.crops([48, 52, 60])
    assert shown.keys() == same.keys()
    assert all(np.array_equal(shown[frame], same[frame]) for frame in shown)


def test_a_contact_that_leaves_too_few_frames_of_a_stage_does_not_shorten_it() -> None:
    early = made_result(**LONG).events.first_water_contact_frame.model_copy(update={"frame": 47})
    result = made_result(**LONG, events=Events(first_water_contact_frame=early))
    assert score.pictured_span(result, 2) == (60, 200)
    assert score.pictured_span(result, 0) == (0, 24)


def filmed_contact(*, jump_px: float = 0.0, weak_from: int = 10) -> Pictures:
    """Eleven frames of 100 x 100 pixels, each of its own grey but for a white column where the splash is, at x = 50.

    The diver touches the water in frame 4; the joints of frame 10 lie `jump_px` aside, and those between are a line.
    """
    aside = np.array([0, 0, 0, 0, 0, *(jump_px * (k - 4) / 6 for k in range(5, 11))])
    joints = np.stack([np.stack([np.full(16, 50 + x), np.linspace(40, 60, 16)], -1) for x in aside])
    images = {}
    for frame in range(11):
        images[frame] = np.full((100, 100, 3), 10 * frame, np.uint8)
        images[frame][:, 48:53] = 255
    weak = np.zeros((11, 16), bool)
    weak[weak_from:10] = True
    track = PoseTrack(joints_px=joints, confidence=np.ones(joints.shape[:2]))
    return Pictures(query=images, track=track, track_frames=range(11), weak=weak, contact_frame=4)


def splash_column(pictures: Pictures, frame: int) -> float:
    """Where the splash is in a crop, as a share of its width; NaN where it was cut away."""
    crop = pictures.crops([frame], height_px=100)[frame]
    columns = np.flatnonzero((crop > 230).all(axis=(0, 2)))
    return float(columns.mean()) / crop.shape[1] if len(columns) else float("nan")


def test_joints_that_are_found_far_from_the_contact_do_not_take_the_picture_along() -> None:
    for frame in (3, 8, 10):
        assert splash_column(filmed_contact(jump_px=-40, weak_from=5), frame) == pytest.approx(0.5, abs=0.05)
    steady = filmed_contact(jump_px=10)
    assert splash_column(steady, 10) == pytest.approx(0.5 - 10 / 45, abs=0.05)


def test_before_the_contact_and_without_one_the_picture_follows_the_joints() -> None:
    known = filmed_contact(jump_px=-30)
    without = Pictures(query=known.query, track=known.track, track_frames=known.track_frames)
    assert np.isnan(splash_column(without, 10))  # 30 pixels aside, in a crop of 45
    assert splash_column(known, 2) == splash_column(without, 2)


def test_joints_that_are_drawn_stay_in_the_middle_of_their_picture() -> None:
    pictures = filmed_contact(jump_px=-30)
    crop = pictures.crops([10], skeleton=True, height_px=100)[10].astype(int)
    drawn = np.abs(crop - 100).max(axis=2) > 30
    assert abs(np.flatnonzero(drawn.any(axis=0)).mean() / 100 - 0.5) < 0.1


def test_a_frame_without_a_picture_or_without_joints_is_left_out() -> None:
    pictures = made_pictures(made_result(), [3, 5])
    assert list(pictures.crops([5, 4, 3, 5])) == [5, 3]
    track = PoseTrack(joints_px=np.full((1, 16, 2), np.nan), confidence=np.zeros((1, 16)))
    unknown = Pictures(query=pictures.query, track=track, track_frames=[3])
    assert unknown.strip([3], skeleton=True) == {}
    assert unknown.crops([3], height_px=72)[3].shape == (72, 128, 3)
    assert pictures.strip([5])[5].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"track_frames": [1]}, "1 frames"),
        ({"track_frames": [1, 2], "weak": np.zeros((3, 16), bool)}, "3 rows"),
    ],
)
def test_rows_that_do_not_belong_together_are_refused(changes: dict, told: str) -> None:
    track = PoseTrack(joints_px=np.zeros((2, 16, 2)), confidence=np.ones((2, 16)))
    with pytest.raises(DataError, match=told):
        Pictures(track=track, **changes)
