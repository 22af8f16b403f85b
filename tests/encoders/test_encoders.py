"""What holds for every encoder: shapes, gradients, batches, repetition, and the fastest layout."""

from functools import cache

import pytest
import torch
from torch import nn

from stagescore.encoders.backbones import (
    EFFICIENTNET_LITE,
    MOBILENET_V2,
    REGNET_Y_200MF,
    ImageBackbone,
    ImageTrunk,
    SmallImageBackbone,
)
from stagescore.encoders.dynamic import DynamicEncoder
from stagescore.encoders.hierarchy import RELEASE_LEVELS
from stagescore.encoders.i3d import I3D
from stagescore.encoders.inference_copy import optimize_for_inference
from stagescore.encoders.joints import BodyJoints, PlainJoints
from stagescore.encoders.skeletal import HierarchicalSkeletalEncoder
from stagescore.encoders.small_video import SmallVideoTrunk
from stagescore.encoders.static import StaticEncoder
from stagescore.layers.down_sampling import MeanPool, MultiBranchDownSampling, ProjectedMean
from stagescore.layers.gate_shift import GateShift
from stagescore.layers.mixed_time import MeanOfClip, MixedTemporalConvs
from stagescore.layers.normalise import Normalise


def static(backbone, width=None):
    pool = (
        MeanPool(width=backbone.width)
        if width is None
        else MultiBranchDownSampling(in_width=backbone.width, width=width)
    )
    return StaticEncoder(backbone=backbone, down_sampling=pool, normalise=Normalise())


def dynamic(trunk, width=None):
    if width is None:
        mixing = MeanOfClip(width=trunk.width)
        return DynamicEncoder(trunk=trunk, mixing=mixing, normalise=Normalise(), how="strides")
    mixing = MixedTemporalConvs(in_width=trunk.width, width=width, time_stride=trunk.time_stride)
    return DynamicEncoder(trunk=trunk, mixing=mixing, normalise=Normalise.symmetric())


ENCODERS = {
    "static, paper": (lambda: static(ImageBackbone(), 40), (4, 48, 48), 40),
    "static, release": (
        lambda: static(ImageBackbone(name=REGNET_Y_200MF, gate_shift=True)),
        (4, 48, 48),
        368,
    ),
    "static, mobilenetv2": (lambda: static(ImageBackbone(name=MOBILENET_V2), 40), (4, 48, 48), 40),
    "static, lite with shifts": (
        lambda: static(ImageBackbone(name=EFFICIENTNET_LITE[0], gate_shift=True)),
        (4, 48, 48),
        1280,
    ),
    "static, small": (lambda: static(SmallImageBackbone(), 24), (6, 64, 112), 24),
    "dynamic, paper": (lambda: dynamic(I3D(), 40), (18, 32, 32), 40),
    "dynamic, release": (lambda: dynamic(I3D()), (18, 32, 32), 1024),
    "dynamic, mobilenetv2": (
        lambda: dynamic(ImageTrunk(ImageBackbone(name=MOBILENET_V2, gate_shift=True)), 24),
        (18, 48, 32),
        24,
    ),
    "dynamic, small": (lambda: dynamic(SmallVideoTrunk(), 24), (26, 40, 56), 24),
    "skeletal, paper": (
        lambda: HierarchicalSkeletalEncoder(joint_input=PlainJoints(), width=24, widths=(16, 24)),
        (12,),
        24,
    ),
    "skeletal, release": (
        lambda: HierarchicalSkeletalEncoder(
            joint_input=PlainJoints(coords=3),
            width=24,
            widths=(16, 24),
            levels=(1, 2, 3, 4),
            hierarchy=RELEASE_LEVELS,
        ),
        (12,),
        24,
    ),
    "skeletal, small": (
        lambda: HierarchicalSkeletalEncoder(joint_input=BodyJoints(), width=20, widths=(16,)),
        (12,),
        20,
    ),
}


@cache
def built(name):
    """The encoder with nothing left at zero and no signal lost on the way, and two dives for it."""
    torch.manual_seed(0)
    build, shape, width = ENCODERS[name]
    encoder = build()
    for module in encoder.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight)
    for module in encoder.modules():
        if isinstance(module, GateShift):  # a gate that is open or shut would make much of rounding errors
            nn.init.normal_(module.gate.weight, std=0.02)
        elif hasattr(module, "conv_pwl"):  # no ReLU behind it takes half of the signal away
            nn.init.kaiming_normal_(module.conv_pwl.weight, nonlinearity="linear")
    for parameter in encoder.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    if len(shape) == 1:
        given = torch.rand(2, *shape, 16, 3) - torch.tensor([0.5, 0.5, 0.0])
    else:
        given = torch.randint(0, 256, (2, shape[0], 3, *shape[1:]), dtype=torch.uint8)
        given[1] //= 4
    return encoder, given, width


@pytest.mark.parametrize("name", ENCODERS)
def test_one_vector_a_frame_and_a_gradient_for_every_parameter(name):
    encoder, given, width = built(name)
    features = encoder.train()(given)
    assert features.shape == (2, given.shape[1], width)
    assert encoder.width == width
    encoder.zero_grad()
    (features * torch.randn_like(features)).sum().backward()
    without = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("name", ENCODERS)
@torch.inference_mode()
def test_a_dive_has_the_same_features_alone_and_again(name):
    encoder, given, _ = built(name)
    for mode in (True, False):
        encoder.train(mode)
        both = encoder(given)
        alone = torch.cat([encoder(given[:1]), encoder(given[1:])])
        torch.testing.assert_close(both, alone, atol=2e-5, rtol=2e-4)
        assert torch.equal(both, encoder(given))
        assert not torch.allclose(both[0], both[1], atol=1e-4)


@pytest.mark.parametrize(("name", "threads"), [*((name, 1) for name in ENCODERS), ("dynamic, paper", 2)])
@torch.inference_mode()
def test_the_fastest_layout_gives_the_same(name, threads):
    torch.set_num_threads(threads)
    encoder, given, _ = built(name)
    state = {key: value.clone() for key, value in encoder.state_dict().items()}
    plain, fast = encoder.eval()(given), optimize_for_inference(encoder)(given)
    torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)
    assert all(torch.equal(value, state[key]) for key, value in encoder.state_dict().items())


def test_the_fastest_layout_has_no_batch_norm_left_behind_a_convolution():
    for name in ("static, paper", "static, mobilenetv2", "dynamic, paper"):
        left = [
            m
            for m in optimize_for_inference(built(name)[0]).modules()
            if isinstance(m, nn.modules.batchnorm._BatchNorm)
        ]
        assert not left


@pytest.mark.parametrize(
    "name", ["static, paper", "static, release", "dynamic, mobilenetv2", "dynamic, small"]
)
@torch.inference_mode()
def test_smaller_batches_give_the_same(name):
    encoder, given, _ = built(name)
    whole = encoder.eval()(given)
    name_of_limit = "frames_at_once" if name.startswith("static") else "clips_at_once"
    setattr(encoder, name_of_limit, 3 if name.startswith("static") else 1)
    torch.testing.assert_close(encoder(given), whole, atol=2e-5, rtol=2e-4)
    setattr(encoder, name_of_limit, None)


@torch.inference_mode()
def test_only_gate_shift_looks_at_other_frames():
    for name, mixes in (
        ("static, paper", False),
        ("static, mobilenetv2", False),
        ("static, small", False),
        ("static, release", True),
        ("static, lite with shifts", True),
    ):
        encoder, given, _ = built(name)
        changed = given.clone()
        changed[:, 2] = 255 - changed[:, 2]
        moved = (encoder.eval()(given) - encoder(changed)).abs().amax(dim=2)[0] > 1e-5
        assert moved[2]
        assert bool(moved[1]) == mixes
        assert bool(moved[3]) == mixes


def test_saved_and_loaded_encoders_agree():
    encoder, given, _ = built("static, small")
    torch.manual_seed(7)
    other = ENCODERS["static, small"][0]()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder.eval()(given), other.eval()(given))


@torch.no_grad()
@pytest.mark.parametrize("backbone", [ImageBackbone(name=MOBILENET_V2, merged=True), SmallImageBackbone()])
def test_descriptions_are_means_and_maxima_of_the_maps_on_the_way(
    backbone: ImageBackbone | SmallImageBackbone,
) -> None:
    """And the vectors are the same as without them."""
    maps: list[torch.Tensor] = []
    mobile = isinstance(backbone, ImageBackbone)
    watched = [backbone.net.blocks[2], backbone.net.blocks[4], backbone.net] if mobile else [backbone.blocks]
    encoder = StaticEncoder(
        backbone=backbone.eval(),
        down_sampling=ProjectedMean(in_width=backbone.width, width=12, looks=2),
        normalise=Normalise(),
        looks=2,
        frames_at_once=3,
    )
    frames = torch.randint(0, 256, (1, 4, 6, 40, 48), dtype=torch.uint8)
    vectors, described = encoder.with_descriptions(frames)
    hooks = [module.register_forward_hook(lambda _m, _i, out: maps.append(out)) for module in watched]
    assert torch.equal(vectors, encoder(frames))
    for hook in hooks:
        hook.remove()
    assert described.shape == (1, 4, encoder.described)
    for frame in range(4):
        numbers: list[float] = []
        for look in range(2):
            first = (2 * (frame // 3) + look) * len(watched)
            for of_stage in maps[first : first + len(watched)]:
                channels = of_stage[frame % 3]
                numbers += [float(channel.mean()) for channel in channels]
                numbers += [float(channel.max()) for channel in channels]
        torch.testing.assert_close(described[0, frame], torch.tensor(numbers), rtol=1e-4, atol=1e-5)
