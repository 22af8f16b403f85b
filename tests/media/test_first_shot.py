"""Stray frames of another shot at the start of a film are counted."""

import clips
import numpy as np
import pytest

from stagescore.media import open_media
from stagescore.media.first_shot import stray_frames

BLACK = np.zeros((clips.HEIGHT_PX, clips.WIDTH_PX, 3), np.uint8)


def moving(number, level=100):
    """A scene in which a bright square moves."""
    picture = np.full(BLACK.shape, level, np.uint8)
    picture[10:20, number : number + 10] = 240
    return picture


@pytest.mark.parametrize("stray", [0, 1, 3, 8])
def test_frames_before_an_early_cut_are_stray(tmp_path, stray):
    pictures = [*(moving(k, level=200) for k in range(stray)), *map(moving, range(30))]
    assert stray_frames(open_media(clips.write_video(tmp_path / "a.mp4", pictures=pictures))) == stray


def test_black_frames_before_it_do_not_count(tmp_path):
    pictures = [*[BLACK] * 4, *[moving(0, level=200)] * 2, *map(moving, range(30))]
    assert stray_frames(open_media(clips.write_video(tmp_path / "a.mp4", pictures=pictures))) == 2


def test_a_later_cut_and_a_hurried_camera_are_none(tmp_path):
    late = [*(moving(k, level=200) for k in range(12)), *map(moving, range(30))]
    assert stray_frames(open_media(clips.write_video(tmp_path / "a.mp4", pictures=late))) == 0
    hurried = [np.roll(clips.bar_code(5), 4 * k, axis=1) for k in range(30)]
    assert stray_frames(open_media(clips.write_video(tmp_path / "b.mp4", pictures=hurried))) == 0


@pytest.mark.parametrize(("num_frames", "stray"), [(1, 0), (2, 0), (3, 1)])
def test_a_film_of_a_few_frames_needs_a_step_to_compare_with(tmp_path, num_frames, stray):
    pictures = [moving(0, level=200), moving(0), moving(1)][:num_frames]
    assert stray_frames(open_media(clips.write_video(tmp_path / "a.mp4", pictures=pictures))) == stray
