"""What a vote of ten exemplars costs: with a warm bank, and the published way.

Published (method, section 7): query and exemplar are encoded anew for every vote. Here the query is encoded once and
the exemplars come encoded. All ways are timed in one run, and give the same score.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from stagescore.config import load_config
from stagescore.encoders.inference_copy import optimize_for_inference
from stagescore.encoders.static import StaticEncoder
from stagescore.errors import ConfigError
from stagescore.models import build
from stagescore.models.base import ContrastiveModel
from stagescore.skeleton import MPII_16
from stagescore.tensors import DiveInputs, Representation, joined
from stagescore.training.settings import TrainSettings

_SCORE = 70.0
"""Score of every exemplar in points; the time does not depend on it."""
_SEED = 0  # of the random weights; the time does not depend on it
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSpeed:
    """Seconds of one query, way by way, and what follows from them.

    Attributes:
        preset: Preset of the network, which has random weights.
        exemplars: Number of exemplars that vote.
        encoding_s: Time of one dive through the encoders in the fastest layout, in seconds.
        bank_s: Time of the query with a warm bank, in seconds.
        published_s: Time of the published way with the same encoders, in seconds.
        eager_s: Time of the published way in PyTorch's plain layout, in seconds; None where it was left out.
        largest_difference: Largest difference between the scores of all ways, in points.
        peak_mb: Peak memory of scoring in MB, by number of exemplars.
    """

    preset: str
    exemplars: int
    encoding_s: float
    bank_s: float
    published_s: float
    eager_s: float | None
    largest_difference: float
    peak_mb: dict[int, float]

    @property
    def encodings(self) -> float:
        """What the query costs, in encodings."""
        return self.bank_s / self.encoding_s

    @property
    def times_published(self) -> float:
        """How many times slower the published way is."""
        return self.published_s / self.bank_s

    @property
    def times_eager(self) -> float | None:
        """How many times slower the published way is in the plain layout; None where it was left out."""
        return None if self.eager_s is None else self.eager_s / self.bank_s


def measure_score_speed(
    preset: str = "paper",
    *,
    exemplars: int = 10,
    eager: bool = True,
    memory: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> ScoreSpeed:
    """Time one query against some exemplars, all ways in turn.

    Args:
        preset: Preset whose network is built with random weights.
        exemplars: Number of exemplars that vote.
        eager: Whether to time the plain layout too, the slowest way.
        memory: Whether to measure peak memory too, in processes of their own.
        tell: Called with what is being measured, in words.
    """
    plain, fast = _models(preset)
    dives = [_dive(preset, k) for k in range(exemplars + 1)]
    query, others = dives[0], dives[1:]
    with torch.no_grad():
        tell("encoding the bank")
        bank = [_stages(fast, dive) for dive in others]
        _stages(fast, query)  # warm
        encoding, bank_times = [], []
        voted = torch.zeros(())
        for _ in range(3):
            encoding.append(_timed(lambda: fast.encode(query))[0])
            seconds, voted = _timed(lambda: _vote_with_bank(fast, query, bank))
            bank_times.append(seconds)
        tell("the published way, the same encoders")
        published_s, published = _timed(lambda: _vote_anew(fast, query, others))
        eager_s = None
        differences = [float((voted - published).abs())]
        if eager:
            tell("the published way, plain layout")
            laid = [_plainly_laid(dive) for dive in dives]
            eager_s, slow = _timed(lambda: _vote_anew(plain, laid[0], laid[1:]))
            differences.append(float((voted - slow).abs()))
    return ScoreSpeed(
        preset=preset,
        exemplars=exemplars,
        encoding_s=min(encoding),
        bank_s=min(bank_times),
        published_s=published_s,
        eager_s=eager_s,
        largest_difference=max(differences),
        peak_mb={n: _peak_mb(preset, n) for n in (exemplars, 20 * exemplars)} if memory else {},
    )


def _models(preset: str) -> tuple[ContrastiveModel, ContrastiveModel]:
    torch.manual_seed(_SEED)
    plain = build(load_config(TrainSettings, preset).model).eval()
    if not isinstance(plain, ContrastiveModel):
        raise ConfigError("only models that compare are timed", where=preset, todo="name another preset")
    fast = optimize_for_inference(plain)
    if isinstance(plain.encoders.static, StaticEncoder):
        plain.encoders.static.frames_at_once = None  # the published code has no batches within a dive
    return plain, fast


def _plainly_laid(dive: DiveInputs) -> DiveInputs:
    """Channel after channel in memory, as frames come from a data loader of the published kind."""
    return replace(dive, frames=None if dive.frames is None else dive.frames.contiguous())


def _dive(preset: str, number: int) -> DiveInputs:
    p = load_config(TrainSettings, preset).data.preprocessing
    random = torch.Generator().manual_seed(number)
    frames = torch.randint(
        0, 256, (1, p.num_frames, p.crop_height, p.crop_width, 3), generator=random, dtype=torch.uint8
    )
    return DiveInputs(
        frames=frames.permute(0, 1, 4, 2, 3),
        joints=torch.rand(1, p.num_frames, MPII_16.num_joints, 3, generator=random) - 0.5,
        has_video=torch.ones(1, dtype=torch.bool),
        has_skeleton=torch.ones(1, dtype=torch.bool),
    )


def _stages(model: ContrastiveModel, dive: DiveInputs) -> Representation:
    features = model.encode(dive)
    return model.represent(features, model.segment(features).edges)


def _vote_with_bank(model: ContrastiveModel, query: DiveInputs, bank: list[Representation]) -> Tensor:
    mine = _stages(model, query)
    asking = mine.select(torch.zeros(len(bank), dtype=torch.long))
    return model.compare(asking, joined(bank), torch.full((len(bank),), _SCORE)).delta.mean()


def _vote_anew(model: ContrastiveModel, query: DiveInputs, others: list[DiveInputs]) -> Tensor:
    known = torch.tensor([_SCORE])
    deltas = [model.compare(_stages(model, query), _stages(model, other), known).delta for other in others]
    return torch.cat(deltas).mean()


def _timed(work: Callable[[], ResultT]) -> tuple[float, ResultT]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _peak_mb(preset: str, exemplars: int) -> float:
    """Peak memory of a process that scores one query, in MB."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_score_once, (preset, exemplars))


def _score_once(preset: str, exemplars: int) -> float:
    _, fast = _models(preset)
    with torch.no_grad():
        query = _dive(preset, 0)
        mine = _stages(fast, query)
        bank = [mine] * exemplars
        _vote_with_bank(fast, query, bank)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 1024 if sys.platform != "darwin" else kilobytes / 1024**2
