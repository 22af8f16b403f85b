import numpy as np
import pytest
from scipy.stats import spearmanr

from stagescore.errors import DataError
from stagescore.simulate.camera import follow
from stagescore.simulate.dataset import Order, appearance_of, make_dive
from stagescore.simulate.estimator import Sight, estimate_joints

STANDING = np.array(
    [
        [-8, 130], [-9, 98], [-8, 66], [8, 66], [9, 98], [8, 130], [0, 64], [0, 26], [0, 20], [0, 0],
        [-16, -22], [-15, 0], [-13, 24], [13, 24], [15, 0], [16, -22],
    ],
    dtype=float,
)  # fmt: skip
LIMBS = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]


def turning(num_frames: int = 60, *, turns: float = 2.5, tuck: float = 0.45) -> np.ndarray:
    """A body of 130 px that turns upright to upside down and rolls up in between."""
    angle = np.linspace(0, 2 * np.pi * turns, num_frames)
    inner = (np.arange(num_frames) > num_frames * 0.2) & (np.arange(num_frames) < num_frames * 0.75)
    body = (STANDING - [0, 65])[None] * (1 - tuck * inner)[:, None, None]
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    turned: np.ndarray = np.einsum("fij,fkj->fki", rotation, body)
    return turned + np.array([220.0, 128.0])


def clear(num_frames: int) -> Sight:
    return Sight(
        visible=np.ones((num_frames, 16), bool),
        underwater=np.zeros((num_frames, 16), bool),
        spray=np.zeros(num_frames),
    )


def estimates(joints: np.ndarray, sight: Sight, num: int = 40) -> np.ndarray:
    return np.array([estimate_joints(joints, sight, seed) for seed in range(num)])


@pytest.fixture(scope="module")
def flights():
    joints = turning()
    predicted = estimates(joints, clear(60))
    return joints, predicted, np.linalg.norm(predicted[..., :2] - joints, axis=-1)


def test_errors_are_as_large_as_those_of_networks_on_divers(flights) -> None:
    _, _, error = flights
    limbs = error[..., LIMBS]
    assert 5 < np.median(limbs) < 7
    assert 0.62 < np.mean(limbs < 10) < 0.73  # half the length of a head at this size
    assert np.percentile(limbs, 95) > 4 * np.median(limbs)


@pytest.mark.slow
def test_divers_are_as_large_as_real_ones_and_found_as_badly() -> None:
    size = (455, 256)
    order = Order(num_dives=16, seed=0, size_px=size)
    heads, errors = [], []
    for index in range(order.num_dives):
        dive = make_dive(order, index)
        motion, path = dive.motion, follow(dive.motion, appearance_of(dive.plan), size)
        flight = range(motion.first_airborne_frame, motion.first_water_contact_frame)
        joints = np.stack([path.project(motion.joints_m[k].astype(float), k) for k in flight])
        found = estimate_joints(joints, clear(len(joints)), index)
        heads.append(np.linalg.norm(joints[:, 9] - joints[:, 8], axis=-1))
        errors.append(np.linalg.norm(found[..., :2] - joints, axis=-1))
    head, error = np.concatenate(heads), np.concatenate(errors)
    assert 17 < np.median(head) < 24
    assert 5.3 < np.median(error) < 6.7
    assert 0.62 < np.mean(error[:, LIMBS] < 0.5 * head[:, None]) < 0.72


def test_wrists_and_ankles_are_worst(flights) -> None:
    _, _, error = flights
    median = np.median(error, axis=(0, 1))
    assert median[[0, 5, 10, 15]].min() > 1.2 * median[[2, 3, 7, 12, 13]].max()


def test_errors_last_over_frames(flights) -> None:
    joints, predicted, _ = flights
    offset = (predicted[..., :2] - joints)[..., 0]
    a, b = offset[:, :-1, 7].ravel(), offset[:, 1:, 7].ravel()
    assert spearmanr(a, b).statistic > 0.5


def test_confidence_goes_with_the_error_without_giving_it_away(flights) -> None:
    _, predicted, error = flights
    relation = spearmanr(error.ravel(), predicted[..., 2].ravel()).statistic
    assert -0.85 < relation < -0.45
    assert predicted[..., 2].min() >= 0
    assert predicted[..., 2].max() <= 1


def test_tucks_and_attitude_make_it_harder() -> None:
    stretched = turning(turns=0.0, tuck=0.0)
    upside_down = turning(turns=0.0, tuck=0.0)
    upside_down = upside_down * [1, -1] + [0, 256]
    tucked = turning(turns=0.0)
    middle = slice(20, 40)

    def typical(joints: np.ndarray) -> float:
        error = np.linalg.norm(estimates(joints, clear(60), 60)[..., :2] - joints, axis=-1)
        return float(error[:, middle][..., LIMBS].mean())

    assert typical(upside_down) > 1.2 * typical(stretched)
    assert typical(tucked) > 1.1 * typical(stretched)


def test_limbs_swap_sides_for_runs_of_frames() -> None:
    joints = turning(turns=0.0, tuck=0.0)
    joints[:, [0, 1, 2]] -= [40, 0]
    joints[:, [3, 4, 5]] += [40, 0]
    joints = joints * [1, -1] + [0, 256]
    predicted = estimates(joints, clear(60))
    crossed = predicted[:, :, 1, 0] > predicted[:, :, 4, 0]
    assert 0.05 < crossed.mean() < 0.4
    begins = (~crossed[:, :-1] & crossed[:, 1:]).sum()
    assert crossed.sum() / begins > 2


def test_under_water_there_is_only_a_guess() -> None:
    joints = turning()
    joints[45:] += [0, 60]
    sight = clear(60)
    sight.underwater[45:] = True
    sight.spray[43:] = 0.8
    predicted = estimates(joints, sight)
    assert predicted[:, 45:, :, 2].max() <= 0.2
    seen = predicted[:, 44, :, :2]
    assert np.median(np.linalg.norm(predicted[:, 50, :, :2] - seen, axis=-1)) < 40
    assert np.isfinite(predicted).all()


def test_spray_and_the_edge_of_the_picture_cost_confidence() -> None:
    joints = turning(tuck=0.0)
    clean = estimates(joints, clear(60))
    sprayed, hidden = clear(60), clear(60)
    sprayed.spray[30:] = 0.9
    hidden.visible[30:, 10] = False
    assert estimates(joints, sprayed)[:, 30:, :, 2].mean() < clean[:, 30:, :, 2].mean() - 0.05
    assert estimates(joints, hidden)[:, 30:, 10, 2].mean() < 0.8 * clean[:, 30:, 10, 2].mean()


def test_errors_grow_with_the_picture() -> None:
    joints = turning()
    small = np.linalg.norm(estimate_joints(joints, clear(60), 1)[..., :2] - joints, axis=-1)
    large = np.linalg.norm(estimate_joints(3 * joints, clear(60), 1)[..., :2] - 3 * joints, axis=-1)
    np.testing.assert_allclose(large, 3 * small, rtol=1e-6)


def test_the_same_seed_errs_in_the_same_way(flights) -> None:
    joints, predicted, _ = flights
    np.testing.assert_array_equal(estimate_joints(joints, clear(60), 0), predicted[0])
    assert not np.array_equal(predicted[0], predicted[1])


def test_everything_hidden_is_still_finite() -> None:
    sight = clear(10)
    sight.visible[:] = False
    assert np.isfinite(estimate_joints(turning(10), sight, 0)).all()
    sight.underwater[:] = True
    assert np.isfinite(estimate_joints(np.zeros((10, 16, 2)), sight, 0)).all()


def test_joints_that_are_not_finite_are_refused() -> None:
    joints = turning(10)
    joints[3, 2] = np.nan
    with pytest.raises(DataError, match="not finite"):
        estimate_joints(joints, clear(10), 0)
    with pytest.raises(DataError, match="spray"):
        Sight(visible=np.ones((1, 16), bool), underwater=np.ones((1, 16), bool), spray=np.array([2.0]))
