"""The window around the diver."""

import numpy as np
import pytest

from stagescore.data.following import Follow, diver_windows, whole_frame
from stagescore.data.preprocessing import Preprocessing, Window
from stagescore.media.scaling import windowed
from stagescore.types import PoseTrack

FRAMES, FLIGHT, SIZE = 80, (20, 60), (320, 240)


def falling(scale: float = 1.0, lost: float = 0.0) -> PoseTrack:
    """A stretched body of 90 pixels that falls through the picture; some joints are unknown."""
    rng = np.random.default_rng(0)
    frames = np.arange(FRAMES)
    middle = np.stack([160 + 0.5 * frames, 60 + 0.03 * np.clip(frames - 20, 0, 60) ** 2], axis=1)
    body = np.linspace(-50, 50, 16)[:, None] * np.array([[0.1, 0.99]])
    joints = (middle[:, None] + body) * scale
    confidence = np.full((FRAMES, 16), 0.9)
    hidden = rng.random((FRAMES, 16)) < lost
    joints[hidden], confidence[hidden] = np.nan, 0.0
    return PoseTrack(joints, confidence)


def test_the_window_holds_the_body_all_through_the_flight() -> None:
    track = falling(lost=0.2)
    windows = diver_windows(track, FLIGHT, SIZE, Follow())
    assert windows is not None and windows.shape == (FRAMES, 3)
    for frame in range(15, 58):
        x, y, width = windows[frame]
        inside = np.abs(track.joints_px[frame] - [x, y]) <= [width / 2, width * 112 / 144 / 2]
        assert inside[track.known[frame]].mean() > 0.9, frame


def test_a_film_of_another_size_has_the_same_window() -> None:
    one = diver_windows(falling(), FLIGHT, SIZE, Follow())
    large = diver_windows(falling(scale=3.0), FLIGHT, (960, 720), Follow())
    assert one is not None and large is not None
    assert large == pytest.approx(3 * one)


def test_after_the_contact_it_stays_and_grows() -> None:
    windows = diver_windows(falling(), FLIGHT, SIZE, Follow(growth=0.5, growing=0.25))
    assert windows is not None
    assert np.ptp(windows[66:, :2], axis=0) == pytest.approx([0, 0], abs=0.1)
    assert windows[75, 2] == pytest.approx(1.5 * windows[30, 2])


def test_nobody_to_follow_gives_the_frame() -> None:
    assert diver_windows(PoseTrack.unknown(FRAMES), FLIGHT, SIZE, Follow()) is None
    assert diver_windows(falling(), (), SIZE, Follow()) is None
    p = Preprocessing(num_frames=8, width=144, height=112, crop_width=144, crop_height=112, follow=Follow())
    windows = p.windows(PoseTrack.unknown(FRAMES), FLIGHT, SIZE)
    assert windows is not None
    assert windows[0].tolist() == [160, 120, pytest.approx(240 * 144 / 112)]
    assert windows == pytest.approx(whole_frame(FRAMES, SIZE, 144 / 112))
    plain = Preprocessing()
    assert plain.windows(falling(), FLIGHT, SIZE) is None and not plain.places_by_flight
    assert Preprocessing(window=Window()).places_by_flight


def test_a_window_over_the_edge_repeats_the_nearest_pixels() -> None:
    picture = np.arange(100, dtype=np.uint8).reshape(10, 10, 1).repeat(3, axis=2)
    part = windowed(picture, np.array([0.0, 5.0, 6.0]), (6, 4))
    assert part.shape == (4, 6, 3)
    assert (part[:, :3, 0] == part[:, 3:4, 0]).all()
    inside = windowed(picture, np.array([5.0, 5.0, 4.0]), (4, 4))
    assert (inside == picture[3:7, 3:7]).all()
