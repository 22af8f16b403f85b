import numpy as np
import pytest

from stagescore.report.overlay import LEFT, RIGHT, draw_pose
from stagescore.skeleton import MPII_16


def joints():
    places = np.full((16, 2), np.nan)
    places[MPII_16.index("right_knee")], places[MPII_16.index("right_ankle")] = (20, 20), (20, 80)
    places[MPII_16.index("left_knee")], places[MPII_16.index("left_ankle")] = (60, 20), (60, 80)
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
