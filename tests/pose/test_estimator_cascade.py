import numpy as np
import pytest

from stagescore.pose.estimator_cascade import FACTOR, UNSURE, EstimatorCascade
from stagescore.pose.networks import Estimator, NetworkIdentity

NAMES = {"small": "1" * 64, "large": "2" * 64}


class Says:
    """Puts all joints in one place of the crop, given as a share of it."""

    gains_by_mirroring = True

    def __init__(self, name, place, sure, size_px, derived=()):
        self.identity = NetworkIdentity(name=name, kind=f"{name} network", sha256=NAMES[name])
        self.crop_size_px = size_px
        self.derived = np.isin(np.arange(16), derived)
        self.place, self.sure, self.shown = place, sure, []

    def estimate(self, crops):
        self.shown += [crop.shape[:2] for crop in crops]
        joints = np.zeros((len(crops), 16, 3))
        joints[..., :2] = np.array(self.place) * self.crop_size_px
        for crop, found in zip(crops, joints, strict=True):
            found[:, 2] = self.sure(int(crop[0, 0, 0])) if callable(self.sure) else self.sure
        return joints


def crops(*greys):
    return [np.full((64, 64, 3), grey, np.uint8) for grey in greys]


def pair(first_sure, second_sure, place=(0.5, 0.5), **more):
    first = Says("small", (0.5, 0.5), first_sure, (32, 32))
    return (
        first,
        (second := Says("large", place, second_sure, (64, 64), **more)),
        EstimatorCascade(first, second),
    )


def test_nobody_is_asked_where_the_first_is_sure():
    first, second, both = pair(UNSURE + 0.01, 0.9)
    assert isinstance(both, Estimator) and both.crop_size_px == (64, 64)
    found = both.estimate(crops(0, 100))
    assert first.shown == [(32, 32)] * 2 and second.shown == []
    np.testing.assert_allclose(found[..., :2], 32)
    assert both.estimate([]).shape == (0, 16, 3)


def test_only_the_crops_that_are_unsure_are_shown_to_the_second():
    _, second, both = pair(lambda grey: 0.2 if grey == 100 else 0.9, 0.4, place=(0.51, 0.5))
    found = both.estimate(crops(0, 100, 0))
    assert second.shown == [(64, 64)]
    np.testing.assert_allclose(found[[0, 2], :, 0], 32)
    weights = np.array((0.2, FACTOR * 0.4))
    np.testing.assert_allclose(found[1, :, 0], weights @ (32, 0.51 * 64) / weights.sum(), rtol=1e-5)
    np.testing.assert_allclose(found[1, :, 2], FACTOR * 0.4)


@pytest.mark.parametrize("second_sure", [0.1, 0.5])
def test_where_they_disagree_the_surer_is_believed(second_sure):
    _, _, both = pair(0.3, second_sure, place=(0.9, 0.5))
    right = 0.9 * 64 if FACTOR * second_sure > 0.3 else 32
    np.testing.assert_allclose(both.estimate(crops(0))[0, :, 0], right, rtol=1e-5)


def test_what_the_second_only_derives_is_left_to_the_first():
    _, _, both = pair(0.3, 0.9, place=(0.9, 0.5), derived=(6, 7))
    found = both.estimate(crops(0))[0]
    np.testing.assert_allclose(found[6:8, 0], 32, rtol=1e-4)
    np.testing.assert_allclose(found[8, 0], 0.9 * 64, rtol=1e-5)
    assert not both.derived.any()


def test_a_second_whose_crops_have_another_shape_sees_the_same_picture_unstretched():
    first, second = Says("small", (0.5, 0.5), 0.3, (32, 32)), Says("large", (0.9, 0.3), 0.9, (48, 64))
    both = EstimatorCascade(first, second)
    assert both.crop_size_px == (64, 64)
    found = both.estimate(crops(0))[0]
    assert second.shown == [(64, 48)]
    # 64 pixels lie in 48, at the upper left: what is at (43.2, 19.2) there is four thirds as far here.
    np.testing.assert_allclose(found[:, :2], np.tile((0.9 * 64, 0.3 * 64 * 4 / 3), (16, 1)), rtol=1e-5)


def test_the_result_says_both_and_another_pair_is_another_network():
    _, _, both = pair(0.3, 0.9)
    assert both.identity.name == "small and large"
    assert "small network" in both.identity.kind and "large network" in both.identity.kind
    assert both.identity.sha256 not in NAMES.values() and len(both.identity.sha256) == 64
