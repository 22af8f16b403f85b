"""What the skeletal encoder is told of a joint."""

import pytest
import torch

from stagescore.encoders.joints import BodyJoints, PlainJoints, torso_length
from stagescore.errors import ConfigError
from stagescore.skeleton import MPII_16

PELVIS, THORAX, WRIST = (MPII_16.index(name) for name in ("pelvis", "thorax", "left_wrist"))


def clip(num_frames=12):
    torch.manual_seed(0)
    return torch.rand(2, num_frames, 16, 3) * 0.5 + 0.1


def test_plain_joints_are_the_coordinates():
    joints = clip()
    assert torch.equal(PlainJoints()(joints), joints[..., :2])
    assert torch.equal(PlainJoints(coords=3)(joints), joints)
    with pytest.raises(ConfigError, match=r"2 .x, y. or 3"):
        PlainJoints(coords=4)


def test_body_joints_by_loops():
    joints = clip()
    joints[0, 3, WRIST] = 0
    answer = BodyJoints()(joints)
    for n in range(2):
        lengths = sorted(float((f[PELVIS, :2] - f[THORAX, :2]).norm()) for f in joints[n])
        torso = lengths[(len(lengths) - 1) // 2]
        for t in range(12):
            for j in range(16):
                here = joints[n, t, j]
                expected = [*here[:2], *((here[:2] - joints[n, t, PELVIS, :2]) / torso), 0.0, 0.0, here[2]]
                before = joints[n, t - 1, j] if t else torch.zeros(3)
                if before[2] > 0:
                    expected[4:6] = (here[:2] - before[:2]) / torso
                if here[2] == 0:
                    expected = [0.0] * 7
                torch.testing.assert_close(answer[n, t, j], torch.tensor(expected))


def test_body_channels_do_not_change_with_place_and_size():
    joints = clip()
    moved = joints * torch.tensor([2.0, 2.0, 1.0]) + torch.tensor([0.3, -0.2, 0.0])
    first, second = BodyJoints()(joints), BodyJoints()(moved)
    torch.testing.assert_close(first[..., 2:], second[..., 2:], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(first[..., :2], second[..., :2])


def test_a_torso_seen_end_on_or_never_does_no_harm():
    joints = clip()
    joints[0, :, PELVIS] = joints[0, :, THORAX]
    joints[1, :, PELVIS] = 0
    lengths = torso_length(joints[..., :2], joints[..., 2] > 0)
    torch.testing.assert_close(lengths, torch.tensor([0.02, 0.1]))
    nothing = BodyJoints()(torch.zeros(1, 5, 16, 3))
    assert not nothing.any()
    assert BodyJoints()(joints).isfinite().all()
    assert not BodyJoints()(joints)[1, ..., 2:4].any()
