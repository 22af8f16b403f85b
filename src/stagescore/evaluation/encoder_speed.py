"""How fast the encoders run, beside how fast this machine multiplies matrices at all.

The machine may do other things at the same time, so each round measures the matrix product, the plain layout and
the fastest one, one after the other, and a share compares the two of one round; medians over the rounds count.
"""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from stagescore.data.attachments import Progress
from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone, SmallImageBackbone
from stagescore.encoders.dynamic import DynamicEncoder
from stagescore.encoders.i3d import I3D
from stagescore.encoders.inference_copy import optimize_for_inference
from stagescore.encoders.joints import BodyJoints
from stagescore.encoders.skeletal import HierarchicalSkeletalEncoder
from stagescore.encoders.small_video import SmallVideoTrunk
from stagescore.encoders.static import StaticEncoder
from stagescore.layers.down_sampling import MeanPool, MultiBranchDownSampling
from stagescore.layers.mixed_time import MixedTemporalConvs
from stagescore.layers.normalise import Normalise
from stagescore.skeleton import MPII_16

_FRAMES = 96  # of a dive, as in the paper, section V-A
# Set by hand: rows of the matrices, seconds of one measurement, and channels of the small branches.
_PRODUCT_SIDE = 2048
_PRODUCT_SECONDS = 1.0
_NANO_WIDTH = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredEncoder:
    """An encoder and what it is given.

    Attributes:
        name: Name of the encoder.
        encoder: Module in its plain layout.
        given: Input of one call: the frames, clips or joints of a dive.
    """

    name: str
    encoder: nn.Module
    given: Tensor

    def gflop(self) -> float:
        """Floating-point operations of one call in thousands of millions; a multiply-add counts as two."""
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            deepcopy(self.encoder).to("meta")(self.given.to("meta"))
        return float(counter.get_total_flops()) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpeed:
    """What was measured of an encoder, as medians over the rounds.

    Attributes:
        name: Name of the encoder.
        size: Shape of the input, such as `1 x 96 x 3 x 112 x 112`.
        gflop: Floating-point operations of one call, in thousands of millions.
        seconds: Time of one call in the fastest layout, in seconds.
        share: Rate in the fastest layout, as a share of the rate of the matrix product.
        plain_seconds: Time of one call in the plain layout, in seconds.
        plain_share: Rate in the plain layout, as a share of the rate of the matrix product.
    """

    name: str
    size: str
    gflop: float
    seconds: float
    share: float
    plain_seconds: float
    plain_share: float

    def as_json(self) -> dict[str, Any]:
        """The same for `--json`."""
        return asdict(self)


def published_encoders() -> list[MeasuredEncoder]:
    """I3D on the nine clips of a dive and ResNet-50 on its 96 frames, both at 112 x 112; MobileNetV2 at 144 x 112."""
    resnet, mobilenet = ImageBackbone(), ImageBackbone(name=MOBILENET_V2)
    return [
        MeasuredEncoder(name="I3D", encoder=I3D(), given=torch.rand(9, 3, 16, 112, 112) * 2 - 1),
        MeasuredEncoder(
            name="ResNet-50",
            encoder=StaticEncoder(
                backbone=resnet, down_sampling=MeanPool(width=resnet.width), normalise=Normalise()
            ),
            given=_frames(112, 112),
        ),
        MeasuredEncoder(
            name="MobileNetV2",
            encoder=StaticEncoder(
                backbone=mobilenet,
                down_sampling=MeanPool(width=mobilenet.width),
                normalise=mobilenet.normalise(),
            ),
            given=_frames(112, 144),
        ),
    ]


def small_encoders() -> list[MeasuredEncoder]:
    """The three small ones on a dive of 96 frames at 112 x 64."""
    images, clips = SmallImageBackbone(), SmallVideoTrunk()
    return [
        MeasuredEncoder(
            name="small static",
            encoder=StaticEncoder(
                backbone=images,
                down_sampling=MultiBranchDownSampling(in_width=images.width, width=_NANO_WIDTH),
                normalise=Normalise(),
            ),
            given=_frames(64, 112),
        ),
        MeasuredEncoder(
            name="small dynamic",
            encoder=DynamicEncoder(
                trunk=clips,
                mixing=MixedTemporalConvs(in_width=clips.width, width=_NANO_WIDTH),
                normalise=Normalise.symmetric(),
            ),
            given=_frames(64, 112),
        ),
        MeasuredEncoder(
            name="small skeletal",
            encoder=HierarchicalSkeletalEncoder(joint_input=BodyJoints(), width=_NANO_WIDTH, widths=(32, 32)),
            given=torch.rand(1, _FRAMES, MPII_16.num_joints, 3),
        ),
    ]


def measure_speed(
    measured: list[MeasuredEncoder], rounds: int, progress: Progress | None = None
) -> tuple[list[EncoderSpeed], float]:
    """Speeds of encoders, and the median rate of the matrix product in GFLOP/s.

    Args:
        measured: Encoders with their inputs.
        rounds: Number of times that each encoder is measured.
        progress: Called before every round with how many are done.
    """
    speeds, rates = [], []
    for index, item in enumerate(measured):
        plain, fast = item.encoder.eval(), optimize_for_inference(item.encoder)
        gflop = item.gflop()
        product: list[float] = []
        seconds: dict[bool, list[float]] = {True: [], False: []}
        with torch.inference_mode():
            for layout in (plain, fast):
                layout(item.given)  # the first call prepares what later ones reuse
            for done in range(rounds):
                if progress is not None:
                    progress("rounds", index * rounds + done, len(measured) * rounds)
                product.append(product_rate())
                seconds[True].append(_seconds(lambda: fast(item.given)))  # noqa: B023 - called at once
                seconds[False].append(_seconds(lambda: plain(item.given)))  # noqa: B023
        shares = {
            layout: median(gflop / s / rate for s, rate in zip(taken, product, strict=True))
            for layout, taken in seconds.items()
        }
        speeds.append(
            EncoderSpeed(
                name=item.name,
                size=" x ".join(map(str, item.given.shape)),
                gflop=gflop,
                seconds=median(seconds[True]),
                share=shares[True],
                plain_seconds=median(seconds[False]),
                plain_share=shares[False],
            )
        )
        rates += product
    return speeds, median(rates)


def product_rate(side: int = _PRODUCT_SIDE, seconds: float = _PRODUCT_SECONDS) -> float:
    """GFLOP/s of the product of two square matrices, repeated for some time.

    Args:
        side: Number of rows and of columns of the matrices.
        seconds: Least time that the product is repeated for, in seconds.
    """
    matrix = torch.rand(side, side)
    products, begin = 0, time.perf_counter()
    while (taken := time.perf_counter() - begin) < seconds or not products:
        matrix @ matrix
        products += 1
    return 2e-9 * side**3 * products / taken


def _seconds(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _frames(height: int, width: int) -> Tensor:
    return torch.randint(0, 256, (1, _FRAMES, 3, height, width), dtype=torch.uint8)
