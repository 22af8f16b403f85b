import sys
from pathlib import Path

import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.simulate.appearance import draw_appearance
from stagescore.simulate.camera import CameraPath, follow, reference_view

sys.path.insert(0, str(Path(__file__).parent))
from made_motion import made_motion

SIZE = (256, 144)


def share_in_picture(path: CameraPath, joints: np.ndarray, frames: range) -> float:
    size = np.array(path.size_px)
    places = [path.project(joints[frame], frame) for frame in frames]
    return float(np.mean([((p >= 0) & (p <= size)).all(-1).mean() for p in places]))


@pytest.mark.parametrize("height_m", [3.0, 10.0])
def test_the_camera_keeps_the_diver_in_the_picture(height_m: float) -> None:
    motion = made_motion(height_m)
    shares = [
        share_in_picture(
            follow(motion, draw_appearance(seed, height_m), SIZE),
            motion.joints_m.astype(float),
            range(motion.first_water_contact_frame),
        )
        for seed in range(40)
    ]
    assert min(shares) > 0.9
    assert np.mean(shares) > 0.985


def test_the_place_of_entry_stays_in_the_picture() -> None:
    motion = made_motion()
    entry = motion.centre_of_mass_m[motion.first_water_contact_frame] * (1, 1, 0)
    for seed in range(20):
        path = follow(motion, draw_appearance(seed, 10.0), SIZE)
        for frame in range(motion.first_water_contact_frame, motion.num_frames):
            x, y = path.project(entry, frame)
            assert 0 <= x <= SIZE[0]
            assert 0 <= y <= SIZE[1]


def test_no_frame_depends_on_a_later_one() -> None:
    motion = made_motion()
    later = motion.centre_of_mass_m.copy()
    later[60:] += (0.5, 0.0, 0.4)
    changed = type(motion)(
        **{name: getattr(motion, name) for name in motion.__dataclass_fields__ if name != "centre_of_mass_m"},
        centre_of_mass_m=later,
    )
    appearance = draw_appearance(3, 10.0)
    first, second = follow(motion, appearance, SIZE), follow(changed, appearance, SIZE)
    # Between two frames the diver's way is known to the later one only: a frame's reaction time is less.
    assert np.array_equal(first.axes[:59], second.axes[:59])
    assert not np.array_equal(first.axes[70], second.axes[70])


def test_projection_is_a_pinhole_that_agrees_with_the_homography() -> None:
    appearance = draw_appearance(5, 10.0)
    path = follow(made_motion(), appearance, SIZE)
    wide, _ = reference_view(appearance, SIZE)
    points = np.random.default_rng(0).uniform((-3, -8, 0), (4, 8, 11), size=(50, 3))
    for frame in (0, 50, 100):
        view = path.view(frame)
        flat = np.concatenate((wide.project(points), np.ones((50, 1))), axis=1)
        there = flat @ view.homography_from(wide).T
        assert np.allclose(there[:, :2] / there[:, 2:], path.project(points, frame), atol=1e-6)
    middle = view.position_m + 7 * view.axes[2]
    assert np.allclose(view.project(middle), (SIZE[0] / 2, SIZE[1] / 2))
    # A metre up at the diver's distance is as many pixels as the scale says.
    lifted = view.project(middle + view.axes[1])
    assert np.allclose(lifted, (SIZE[0] / 2, SIZE[1] / 2 - view.scale_at(7.0)))


def test_the_wide_view_holds_every_picture() -> None:
    for seed in range(12):
        for height_m in (3.0, 10.0):
            appearance = draw_appearance(seed, height_m)
            path = follow(made_motion(height_m), appearance, SIZE)
            wide, size = reference_view(appearance, SIZE)
            for frame in range(0, path.num_frames, 9):
                back = wide.homography_from(path.view(frame))
                for corner in ((0, 0), (SIZE[0], 0), (0, SIZE[1]), SIZE):
                    there = back @ (*corner, 1.0)
                    assert (there[:2] / there[2] >= -1).all()
                    assert (there[:2] / there[2] <= np.array(size) + 1).all()


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(DataError):
        follow(made_motion(), draw_appearance(1, 10.0), (0, 144))
