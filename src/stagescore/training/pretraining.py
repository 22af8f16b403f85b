"""Encoders learn to see on simulated dives, whose truth is known: in place of Kinetics and ImageNet.

Every branch answers, frame by frame and with linear heads, what can be seen there: stage and physical phase, how
much splash, where the joints are, and what is deducted for each fault in the stages that show it. The heads are thrown
away afterwards. Few frames and clips a dive are enough for the visual branches.
Truth is used here and nowhere else in training; `training.prediction` never sees it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from stagescore.hashing import hash_u64
from stagescore.models.hp_mcore import Encoders
from stagescore.tensors import DiveBatch
from stagescore.training.groups import Group, GroupBatch
from stagescore.training.sources import DiveSource, LiveSource
from stagescore.training.truth import DEDUCTIONS, PHASES, Truth, TruthTargets
from stagescore.types import STAGE_NAMES, Dive

TERMS = ("stage", "phase", "splash", "joints", "deductions")
_SPLASH_SCALE = 0.02
"""A share of the picture at which a splash counts as large."""
_SHOWN_AT_ENTRY = frozenset({"over_rotation_deg", "short_twist_deg", "entry_lean_deg", "loud_entry"})
"""Faults that the entry alone shows; the others show from the flight on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingBatch:
    """What the encoders see of some dives, and the truth about it.

    Attributes:
        seen: all frames and joints.
        targets: the truth about all frames.
        stills: frames that the static encoder looks at.
        first: where each dive's window for the dynamic encoder begins.
        num_groups: dives, for the loop's means over processes.
    """

    seen: DiveBatch
    targets: TruthTargets
    stills: Int[Tensor, "stills"]
    first: Int[Tensor, "dives"]
    num_groups: int

    def to(self, device: torch.device | str) -> "PretrainingBatch":
        """The same batch on a device."""
        moved = {name: getattr(self.targets, name).to(device) for name in TruthTargets.__slots__}
        return replace(
            self,
            seen=self.seen.to(device),
            targets=TruthTargets(**moved),
            stills=self.stills.to(device),
            first=self.first.to(device),
        )


class FrameHeads(nn.Module):
    """Linear answers to everything that is asked of a frame."""

    def __init__(self, *, in_width: int) -> None:
        super().__init__()
        self.sizes = (len(STAGE_NAMES), len(PHASES), 1, 32, len(DEDUCTIONS))
        self.answer = nn.Linear(in_width, sum(self.sizes))

    def forward(self, features: Float[Tensor, "dives frames width"]) -> dict[str, Tensor]:
        """The answers by the name of their term."""
        parts = self.answer(features).split(self.sizes, dim=-1)
        return dict(zip(TERMS, parts, strict=True))


class Pretraining(nn.Module):
    """Encoders with their heads and losses; `model` is what a checkpoint keeps."""

    deduction_scale: Tensor
    shown_from: Tensor

    def __init__(
        self, *, encoders: Encoders, weights: Mapping[str, float], window: int, deduction_scale: Tensor
    ) -> None:
        """Put encoders and heads together.

        Args:
            encoders: to be trained; branches that are None are off.
            weights: of the terms (`TERMS`).
            window: frames that the dynamic encoder looks at.
            deduction_scale: standard deviation of each deduction over the training dives.
        """
        super().__init__()
        heads = {
            name: FrameHeads(in_width=int(encoder.width))  # type: ignore[arg-type]
            for name, encoder in encoders.named_children()
            if encoder is not None
        }
        self.model = nn.ModuleDict({"encoders": encoders, "heads": nn.ModuleDict(heads)})
        self.weights = {name: weights[name] for name in TERMS}
        self.window = window
        self.register_buffer("deduction_scale", deduction_scale, persistent=False)
        shown = torch.tensor([2 if name in _SHOWN_AT_ENTRY else 1 for name in DEDUCTIONS])
        self.register_buffer("shown_from", shown, persistent=False)

    def forward(self, batch: PretrainingBatch) -> dict[str, Tensor]:
        """Unweighted terms, `<branch>_<term>`, and their weighted `total`."""
        encoders: Encoders = self.model["encoders"]  # type: ignore[assignment]
        window = batch.first[:, None] + torch.arange(self.window, device=batch.first.device)
        terms: dict[str, Tensor] = {}
        seen, targets = batch.seen, batch.targets
        dive = torch.arange(len(window), device=window.device)[:, None]
        if encoders.static is not None and seen.frames is not None:
            features = encoders.static(seen.frames[:, batch.stills])
            terms |= self._terms("static", features, targets, (slice(None), batch.stills))
        if encoders.dynamic is not None and seen.frames is not None:
            features = encoders.dynamic(seen.frames[dive, window])
            terms |= self._terms("dynamic", features, targets, (dive, window))
        if encoders.skeleton is not None and seen.joints is not None:
            features = encoders.skeleton(seen.joints)
            terms |= self._terms("skeleton", features, targets, (slice(None), slice(None)))
        total = sum(
            (self.weights[name.split("_")[1]] * term for name, term in terms.items()), torch.zeros(())
        )
        return terms | {"total": total}

    def _terms(
        self, branch: str, features: Tensor, targets: TruthTargets, where: tuple[object, object]
    ) -> dict[str, Tensor]:
        answers = self.model["heads"][branch](features)  # type: ignore[index]
        stage, phase = targets.stage[where], targets.phase[where]  # type: ignore[index]
        splash = (targets.splash_area[where] / _SPLASH_SCALE).sqrt()  # type: ignore[index]
        joints, visible = targets.joints[where], targets.visible[where]  # type: ignore[index]
        wanted = (targets.deductions / self.deduction_scale)[:, None].expand_as(answers["deductions"])
        shows = stage[..., None] >= self.shown_from
        errors = {
            "stage": functional.cross_entropy(answers["stage"].flatten(0, 1), stage.flatten()),
            "phase": functional.cross_entropy(answers["phase"].flatten(0, 1), phase.flatten()),
            "splash": functional.smooth_l1_loss(answers["splash"][..., 0], splash),
            "joints": _masked(
                functional.smooth_l1_loss(
                    answers["joints"].unflatten(-1, (16, 2)), joints, reduction="none", beta=0.02
                ).sum(-1),
                visible,
            ),
            "deductions": _masked(
                functional.smooth_l1_loss(answers["deductions"], wanted, reduction="none"), shows
            ),
        }
        return {f"{branch}_{name}": error for name, error in errors.items()}


def _masked(values: Tensor, counts: Bool[Tensor, "..."]) -> Tensor:
    return (values * counts).sum() / counts.sum().clamp(min=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingPlan:
    """Which dives and frames a step looks at, a function of seed, epoch and dive.

    Attributes:
        dives: to train on.
        truth: about them.
        seed: of all hashes.
        dives_at_once: of a batch.
        num_stills: frames of the static encoder.
        window: frames of the dynamic encoder.
    """

    dives: tuple[Dive, ...]
    truth: Truth
    seed: int
    dives_at_once: int = 16
    num_stills: int = 24
    window: int = 36

    def epoch(self, epoch: int) -> list[GroupBatch]:
        """The batches of an epoch; dives are not compared, so each is a group of its own."""
        ids = sorted(
            (dive.dive_id for dive in self.dives),
            key=lambda i: (hash_u64(self.seed, "pretrain", epoch, i), i),
        )
        groups = [Group((dive_id,), 1) for dive_id in ids]
        step = self.dives_at_once
        return [GroupBatch(tuple(groups[k : k + step])) for k in range(0, len(groups), step)]

    def load(self, source: DiveSource, batch: GroupBatch, epoch: int) -> PretrainingBatch:
        """Frames, joints and truth of a batch in the views of the epoch."""
        if not isinstance(source, LiveSource):
            raise TypeError("encoders learn from pictures, not from cached features")
        ids = batch.dive_ids
        views = [source.views.view(source.views.number(epoch, i), i) for i in ids]
        num_frames = source.samples.store.preprocessing.num_frames
        stride = num_frames // self.num_stills
        offset = hash_u64(self.seed, "stills", epoch, ids[0]) % stride
        room = num_frames - self.window
        # Windows reach beyond both ends and are pushed back, so that the ends are seen as often as the middle.
        reach = room + 2 * (self.window // 3)
        first = [hash_u64(self.seed, "window", epoch, i) % (reach + 1) - self.window // 3 for i in ids]
        return PretrainingBatch(
            seen=source.samples.batch(ids, views).dives,
            targets=self.truth.batch(ids, views),
            stills=torch.arange(offset, num_frames, stride),
            first=torch.tensor(first).clamp(0, room),
            num_groups=len(ids),
        )
