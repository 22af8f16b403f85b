import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.media import open_media
from stagescore.report.overlay import LEFT, RIGHT, draw_pose, write_film
from stagescore.skeleton import JOINTS


def joints():
    places = np.full((16, 2), np.nan)
    places[JOINTS.index("right_knee")], places[JOINTS.index("right_ankle")] = (20, 20), (20, 80)
    places[JOINTS.index("left_knee")], places[JOINTS.index("left_ankle")] = (60, 20), (60, 80)
    return places


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_bones_lie_where_the_joints_are_in_the_colours_of_their_sides(scale):
    picture = np.zeros((100, 100, 3), np.uint8)
    drawn = draw_pose(picture, joints(), scale=scale)
    assert drawn.shape == (round(100 * scale), round(100 * scale), 3)
    assert np.abs(drawn[round(50 * scale), round(19.5 * scale)].astype(int) - RIGHT).max() < 30
    assert np.abs(drawn[round(50 * scale), round(59.5 * scale)].astype(int) - LEFT).max() < 30
    assert not drawn[round(50 * scale), round(40 * scale)].any()
    assert not picture.any()


def test_a_film_of_odd_size_is_written_and_the_same_each_time(tmp_path):
    frames = [np.full((61, 83, 3), 10 * k, np.uint8) for k in range(12)]
    write_film(tmp_path / "a.mp4", frames, 29.97)
    write_film(tmp_path / "b.mp4", frames, 29.97)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    media = open_media(tmp_path / "a.mp4")
    assert media.info.verdict == "ok"
    assert media.num_frames == 12
    assert media.info.frame_rate == pytest.approx(29.97, abs=0.01)
    for k, picture in media.frames():
        assert abs(int(picture.mean()) - 10 * k) < 6


def test_nothing_to_write_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="no picture"):
        write_film(tmp_path / "a.mp4", [], 25)
    assert not list(tmp_path.iterdir())
