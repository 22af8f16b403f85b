"""Public image networks: their size, their shifts, their statistics, and what their pixels go through."""

import pytest
import timm
import torch
from torch import nn

from stagescore.encoders.backbones import EFFICIENTNET_LITE, MOBILENET_V2, ImageBackbone, ImageTrunk
from stagescore.errors import ConfigError
from stagescore.layers.gate_shift import GateShift
from stagescore.models.build_encoders import build_dynamic, build_static
from stagescore.models.encoder_settings import DynamicSettings, StaticSettings


@pytest.mark.parametrize(
    ("name", "num_weights", "num_shifts"),
    [
        (MOBILENET_V2, 2_223_872, 16),
        (EFFICIENTNET_LITE[0], 3_371_008, 15),
        (EFFICIENTNET_LITE[1], 4_135_680, 20),
        (EFFICIENTNET_LITE[2], 4_811_072, 20),
    ],
)
def test_mobile_networks_have_their_published_size_and_a_shift_in_each_block_that_expands(
    name, num_weights, num_shifts
):
    plain, shifted = ImageBackbone(name=name), ImageBackbone(name=name, gate_shift=True)
    shifts = [module for module in shifted.modules() if isinstance(module, GateShift)]
    assert sum(p.numel() for p in plain.parameters()) == num_weights
    assert len(shifts) == num_shifts
    extra = sum(p.numel() for shift in shifts for p in shift.parameters())
    assert sum(p.numel() for p in shifted.parameters()) == num_weights + extra
    assert set(shifted.public_names().values()) == set(plain.net.state_dict())
    assert plain(torch.randn(2, 3, 112, 144), 2).shape == (2, 1280, 4, 5)


def test_mobilenet_is_timms_bit_for_bit():
    torch.manual_seed(3)
    timms = timm.create_model("mobilenetv2_100", num_classes=0, global_pool="")
    drawn = torch.get_rng_state()
    torch.manual_seed(3)
    own = ImageBackbone(name=MOBILENET_V2).net
    assert torch.equal(torch.get_rng_state(), drawn)
    theirs = timms.state_dict()
    assert list(own.state_dict()) == list(theirs)
    assert all(torch.equal(value, theirs[name]) for name, value in own.state_dict().items())
    for net in (own, timms):
        for seed, norm in enumerate(m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            generator = torch.Generator().manual_seed(seed)
            norm.running_mean.normal_(generator=generator)
            norm.running_var.uniform_(0.5, 2.0, generator=generator)
    images = torch.randn(3, 3, 57, 80)
    seen = [net.eval()(images) for net in (own, timms)]
    assert torch.equal(*seen)
    for maps in seen:
        maps.square().sum().backward()
    assert torch.equal(own.conv_stem.weight.grad, timms.conv_stem.weight.grad)


@pytest.mark.parametrize("name", [MOBILENET_V2, EFFICIENTNET_LITE[0]])
def test_statistics_stay_while_scales_and_shifts_are_trained(name):
    backbone = ImageBackbone(name=name, gate_shift=True).train()
    before = {key: value.clone() for key, value in backbone.named_buffers()}
    backbone(torch.randn(4, 3, 32, 32), 2).sum().backward()
    assert all(torch.equal(value, before[key]) for key, value in backbone.named_buffers())
    norms = [m for m in backbone.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert not any(norm.training for norm in norms)
    assert all(p.requires_grad for norm in norms for p in norm.parameters())


def test_a_network_without_a_place_for_shifts_says_so():
    with pytest.raises(ConfigError, match="resnet50 has no place for a Gate-Shift"):
        ImageBackbone(gate_shift=True)
    with pytest.raises(ValueError, match="gate_shift is for mobilenetv2"):
        StaticSettings(gate_shift=True)


def test_pixels_are_brought_to_what_each_network_was_trained_on():
    black = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    of_lite = build_static(StaticSettings(backbone="efficientnet-lite0")).normalise
    torch.testing.assert_close(of_lite(black).flatten(), torch.full((3,), -127 / 128))
    torch.testing.assert_close(of_lite(black + 255).flatten(), torch.ones(3))
    of_mobilenet = build_dynamic(DynamicSettings(trunk="mobilenetv2")).normalise
    expected = -torch.tensor([0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225])
    torch.testing.assert_close(of_mobilenet(black).flatten(), expected)


@torch.inference_mode()
def test_a_trunk_looks_at_the_frames_of_a_clip_and_at_no_others():
    torch.manual_seed(0)
    trunk = ImageTrunk(ImageBackbone(name=MOBILENET_V2, gate_shift=True)).eval()
    for module in trunk.modules():
        if isinstance(module, GateShift):
            nn.init.normal_(module.gate.weight)
    clips = torch.randn(2, 3, 5, 64, 96)
    changed = clips.clone()
    changed[0, :, 2] += 1
    maps, others = trunk(clips), trunk(changed)
    assert maps.shape == (2, trunk.width, 5, 2, 3)
    assert trunk.time_stride == 1
    assert torch.equal(maps[1], others[1])
    assert not torch.equal(maps[0, :, 1], others[0, :, 1])
    assert not torch.equal(maps[0, :, 3], others[0, :, 3])


@torch.inference_mode()
def test_maps_with_a_row_for_each_frame_are_not_stretched():
    encoder = build_dynamic(DynamicSettings(trunk="efficientnet-lite0", width=16)).eval()
    rows = encoder.mixing(encoder.trunk(torch.randn(1, 3, 16, 32, 32)))
    assert rows.shape == (1, 16, 16)
