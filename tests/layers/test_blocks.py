"""The smaller blocks: what each does to sizes, time and space."""

import torch
from torch import nn

from stagescore.layers.down_sampling import MultiBranchDownSampling
from stagescore.layers.folding import as_images, as_time_and_place
from stagescore.layers.mixed_time import MeanOfClip, MixedTemporalConv, MixedTemporalConvs
from stagescore.layers.multi_scale_time import MultiScaleTime
from stagescore.layers.norms import FrozenStatistics


def test_frozen_statistics_survive_training_while_scales_are_trained():
    class Net(FrozenStatistics):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(3)
            self.drop = nn.Dropout()

    outer = nn.Sequential(Net()).train()
    images = torch.randn(4, 3, 5, 5) * 7 + 3
    answer = outer[0].norm(images)
    torch.testing.assert_close(answer, images / (1 + 1e-5) ** 0.5)
    assert outer[0].norm.running_mean.tolist() == [0, 0, 0]
    assert outer[0].drop.training
    answer.sum().backward()
    assert outer[0].norm.weight.grad is not None


def test_down_sampling_sees_detail_that_the_mean_does_not():
    torch.manual_seed(0)
    layer = MultiBranchDownSampling(in_width=4, width=8)
    spread = torch.ones(1, 4, 4, 4)
    peak = torch.zeros(1, 4, 4, 4)
    peak[:, :, 1, 2] = 16
    assert torch.equal(spread.mean(dim=(2, 3)), peak.mean(dim=(2, 3)))
    assert not torch.allclose(layer(spread), layer(peak), atol=1e-3)


def test_each_mixed_convolution_doubles_the_rows():
    layer = MixedTemporalConv(in_width=6, width=10)
    assert layer(torch.randn(2, 6, 3, 4)).shape == (2, 10, 6, 4)
    assert sorted(branch.out_channels for branch in layer.branches) == [2, 2, 3, 3]
    assert MixedTemporalConvs(in_width=6, width=10)(torch.randn(2, 6, 2, 3, 4)).shape == (2, 16, 10)


def test_mixed_convolutions_widen_the_receptive_field():
    torch.manual_seed(0)
    layer = MixedTemporalConvs(in_width=4, width=8).eval()
    for module in layer.modules():
        if isinstance(module, nn.GroupNorm):  # its statistics would reach over the whole clip
            module.forward = lambda x: x
    maps = torch.rand(1, 4, 8, 1, 1, requires_grad=True)
    layer(maps)[0, 32].sum().backward()
    reached = maps.grad.abs().sum(dim=(0, 1, 3, 4)).nonzero().flatten().tolist()
    # Row 32 of 64 sees 29 to 35; of 32 rows these are 14 to 17, which see 11 to 20; of 16 rows 5 to 10, which see
    # 2 to 13; and these are rows 1 to 6 of the 8.
    assert reached == [1, 2, 3, 4, 5, 6]


def test_space_is_pooled_by_its_maximum():
    layer = MixedTemporalConvs(in_width=3, width=3, num_layers=0)
    maps = torch.randn(2, 3, 5, 4, 4)
    assert torch.equal(layer(maps), maps.amax(dim=(3, 4)).transpose(1, 2))
    torch.testing.assert_close(MeanOfClip(width=3)(maps)[:, 0], maps.mean(dim=(2, 3, 4)))


def test_folding_there_and_back_is_the_identity_and_puts_time_first():
    images = torch.randn(2 * 5, 3, 4, 6).contiguous(memory_format=torch.channels_last)
    folded = as_time_and_place(images, 5)
    assert folded.shape == (2, 3, 5, 24)
    assert torch.equal(folded[1, :, 2].reshape(3, 4, 6), images[1 * 5 + 2])
    assert folded.data_ptr() == images.data_ptr()  # no copy with channels last
    assert torch.equal(as_images(folded, (4, 6)), images)


def test_multi_scale_time_keeps_nodes_and_dives_apart():
    torch.manual_seed(0)
    layer = MultiScaleTime(width=8)
    nodes = torch.randn(2, 20, 3, 8)
    changed = nodes.clone()
    changed[0, 10, 1] += 1
    moved = (layer(nodes) - layer(changed)).abs().sum(dim=3) > 1e-6
    assert not moved[1].any()
    assert moved[0].any(dim=0).tolist() == [False, True, False]
    # Five frames, dilated by two: four frames to each side.
    assert moved[0, :, 1].nonzero().flatten().tolist() == [6, 8, 9, 10, 11, 12, 14]
