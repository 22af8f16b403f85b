import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.pose.crops import TurnedCrop

ANGLES = [2 * np.pi * turn / 8 for turn in range(8)]


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("size", [(256, 256), (192, 256)])
def test_a_point_through_crop_and_rotation_comes_back(angle, size):
    box = np.array((40.0, 10.0, 90.0, 130.0))
    points = np.random.default_rng(1).uniform(-50, 300, (20, 2))
    crop = TurnedCrop.around(box, angle, size)
    np.testing.assert_allclose(crop.to_picture(crop.to_crop(points)), points, atol=1e-9)
    np.testing.assert_allclose(crop.to_crop(np.array([[65.0, 70.0]])), [[size[0] / 2, 128]], atol=1e-9)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_cut_pixels_lie_where_the_geometry_says(angle):
    image = np.zeros((150, 200, 3), np.uint8)
    image[40:43, 95:98] = 255  # its middle is 96.5, 41.5 from the picture's corner
    crop = TurnedCrop.around(np.array((70.0, 20.0, 110.0, 90.0)), angle)
    cut = crop.cut(image)[..., 0].astype(float)
    rows, columns = np.indices(cut.shape) + 0.5
    middle = np.array([(columns * cut).sum(), (rows * cut).sum()]) / cut.sum()
    np.testing.assert_allclose(middle, crop.to_crop(np.array([[96.5, 41.5]]))[0], atol=0.15)


def test_the_crop_holds_the_box_with_room_to_spare():
    crop = TurnedCrop.around(np.array((0.0, 0.0, 40.0, 100.0)), 0.0)
    corners = crop.to_crop(np.array([[20.0, 0.0], [20.0, 100.0]]))
    np.testing.assert_allclose(corners, [[128, 25.6], [128, 230.4]])


@pytest.mark.parametrize("box", [(1.0, 1.0, 1.0, 1.0), (np.nan, 0.0, 5.0, 5.0)])
def test_a_box_that_holds_nothing_is_refused(box):
    with pytest.raises(DataError, match="box"):
        TurnedCrop.around(np.array(box), 0.0)
