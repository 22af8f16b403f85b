"""Gate-Shift against plain loops over frames and channels."""

import pytest
import torch

from stagescore.layers.gate_shift import GateShift


def randomised(channels):
    torch.manual_seed(0)
    shift = GateShift(channels=channels).eval()
    for parameter in shift.parameters():
        torch.nn.init.normal_(parameter)
    return shift


@torch.no_grad()
def by_loops(shift, images, num_frames):
    out = images.clone()
    half = shift.shifted // 2
    for first in range(0, len(images), num_frames):
        clip = images[first : first + num_frames, : shift.shifted]
        gates = torch.tanh(shift.gate(torch.relu(shift.norm(clip.transpose(0, 1)[None]))))[0]
        for t in range(num_frames):
            for c in range(shift.shifted):
                group, inside = divmod(c, half)
                other = t + 1 if group == 0 else t - 1  # the first group moves to earlier frames
                value = clip[t, c] * (1 - gates[group, t])
                if 0 <= other < num_frames:
                    value = value + clip[other, c] * gates[group, other]
                # Within a group the two halves of its channels are interleaved.
                which, place = divmod(inside, half // 2)
                out[first + t, group * half + 2 * place + which] = value
    return out


@pytest.mark.parametrize("channels", [16, 24, 56])
def test_it_is_the_loop_twin(channels):
    shift = randomised(channels)
    assert shift.shifted % 4 == 0
    images = torch.randn(2 * 5, channels, 3, 4)
    shift.num_frames = 5
    torch.testing.assert_close(shift(images), by_loops(shift, images, 5))


def test_at_first_nothing_moves_between_frames():
    shift = GateShift(channels=16)
    shift.num_frames = 4
    images = torch.randn(4, 16, 2, 2)
    torch.testing.assert_close(shift(images).sum(dim=1), images.sum(dim=1))


def test_clips_do_not_mix():
    shift = randomised(16)
    shift.num_frames = 3
    images = torch.randn(6, 16, 2, 2)
    changed = torch.cat((images[:3], torch.randn(3, 16, 2, 2)))
    torch.testing.assert_close(shift(images)[:3], shift(changed)[:3])
    assert not torch.allclose(shift(images)[3:], shift(changed)[3:])
