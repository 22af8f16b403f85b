"""I3D: its named stages, its sizes and its padding."""

import pytest
import torch
from torch.nn import functional

from stagescore.encoders.i3d import I3D, STAGES, MaxPool, Unit, same_padding
from stagescore.errors import ConfigError


def test_published_size_and_widths():
    trunk = I3D()
    # Published: 12.3 million without the classifier of 400 classes.
    assert sum(p.numel() for p in trunk.parameters()) == 12_287_264
    assert trunk.width == 1024
    assert I3D(last="mixed_4f").width == 832
    assert I3D(last="mixed_3c").width == 480


@torch.inference_mode()
def test_it_can_be_left_and_entered_at_every_stage():
    torch.manual_seed(0)
    trunk = I3D().eval()
    clip = torch.rand(1, 3, 8, 32, 32) * 2 - 1
    whole = trunk(clip)
    for stage in STAGES:
        assert torch.equal(trunk(trunk(clip, until=stage), after=stage), whole)
    shorter = I3D(last="mixed_4c").eval()
    shorter.load_state_dict({k: v for k, v in trunk.state_dict().items() if k in shorter.state_dict()})
    assert torch.equal(shorter(clip), trunk(clip, until="mixed_4c"))


def test_a_stage_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="mixed_5c"):
        I3D(last="Mixed_6a")


@torch.inference_mode()
def test_sizes_are_those_of_tensorflow_at_112_and_at_odd_sizes():
    trunk = I3D().eval().to("meta")
    sizes = {112: (56, 28, 14, 7, 4), 75: (38, 19, 10, 5, 3)}
    for side, expected in sizes.items():
        maps, seen = torch.rand(1, 3, 16, side, side, device="meta"), []
        previous = None
        for stage in STAGES:
            maps = trunk(maps, after=previous, until=stage)
            previous = stage
            if maps.shape[-1] != (seen[-1] if seen else 0):
                seen.append(maps.shape[-1])
        assert tuple(seen) == expected


@pytest.mark.parametrize("size", [(5, 7, 7), (6, 8, 8), (8, 7, 9)])
@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))],
)
def test_pooling_is_that_of_zero_padded_maps(size, kernel, stride):
    maps = torch.rand(2, 3, *size)
    padding = [
        amount
        for n, k, s in reversed(list(zip(size, kernel, stride, strict=True)))
        for amount in same_padding(n, k, s)
    ]
    expected = functional.max_pool3d(functional.pad(maps, padding), kernel, stride)
    assert torch.equal(MaxPool(kernel, stride)(maps), expected)


def test_the_first_convolution_is_padded_behind():
    unit = Unit(3, 1, kernel=7, stride=2, epsilon=0.0).eval()
    torch.nn.init.ones_(unit.conv.weight)
    clip = torch.zeros(1, 3, 16, 16, 16)
    clip[0, 0, 15, 15, 15] = 1
    # Rows of output i see rows 2 i - 2 to 2 i + 4, so the last row is seen by outputs 6 and 7 only.
    assert unit(clip)[0, 0].nonzero().amin(dim=0).tolist() == [6, 6, 6]
    clip = torch.zeros(1, 3, 16, 16, 16)
    clip[0, 0, 4, 4, 4] = 1
    assert unit(clip)[0, 0].nonzero().unique().tolist() == [0, 1, 2, 3]
