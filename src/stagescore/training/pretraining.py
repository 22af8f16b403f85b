"""Encoders learn to see on simulated dives, whose truth is known: in place of Kinetics and ImageNet.

Every branch answers, frame by frame and with linear heads, what can be seen there: stage, physical phase and how far
take-off and water are away, how much splash, how the body is bent and turned (joints in the picture, angles in space), and what is deducted for each fault in
the frames that show it. The heads are thrown away afterwards. Few frames and clips a dive are enough for the visual
branches. Joints are asked for relative to the pelvis: features that were pooled over the picture do not know places.
Truth is used here and nowhere else in training; nothing in `inference` sees it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from stagescore.data.dive_sources import DiveSource, LiveSource
from stagescore.encoders.joints import torso_length
from stagescore.hashing import hash_u64, hash_unit
from stagescore.models.encoders import Encoders
from stagescore.skeleton import MPII_16
from stagescore.tensors import DiveInputs
from stagescore.training.groups import BatchGroups, Group
from stagescore.training.simulation_targets import (
    DEDUCTIONS,
    MEASURES,
    PHASES,
    SimulationGroundTruth,
    SimulationTargets,
)
from stagescore.types import STAGE_NAMES, Dive

_PELVIS = MPII_16.index("pelvis")
TERMS = ("stage", "phase", "clock", "splash", "pose", "angles", "deductions")
_SPLASH_SCALE = 0.02
"""Share of the picture at which a splash counts as large. Set by hand."""
_CLOCK_FRAMES = 10.0
"""Number of frames up to which the time since take-off and contact is counted, before and after. Set by hand."""
_AT_CONTACT = frozenset({"over_rotation_deg", "short_twist_deg", "entry_lean_deg"})
"""Faults that show around the first touch of the water; the splash shows after it, all others in the air."""
_BEFORE_CONTACT, _AFTER_CONTACT = 10, 3
"""Numbers of frames before and after the contact in which faults of the entry show. Set by hand."""
_ENTRY_FRAMES = 24
"""Number of frames around the entry that stills are taken from, the first ones before the contact. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingBatch:
    """What the encoders see of some dives, and the truth about it.

    Attributes:
        seen: All frames and joints of the dives.
        targets: Truth about all frames.
        stills: Numbers of the frames of each dive that the static encoder looks at.
        first: First frame of each dive's window for the dynamic encoder.
    """

    seen: DiveInputs
    targets: SimulationTargets
    stills: Int[Tensor, "dives stills"]
    first: Int[Tensor, " dives"]

    def to(self, device: torch.device | str) -> "PretrainingBatch":
        """The same batch on a device."""
        moved = {name: getattr(self.targets, name).to(device) for name in SimulationTargets.__slots__}
        return replace(
            self,
            seen=self.seen.to(device),
            targets=SimulationTargets(**moved),
            stills=self.stills.to(device),
            first=self.first.to(device),
        )


class FrameHeads(nn.Module):
    """Linear answers to everything that is asked of a frame."""

    def __init__(self, *, in_width: int) -> None:
        super().__init__()
        self.sizes = (len(STAGE_NAMES), len(PHASES), 2, 1, 32, len(MEASURES), len(DEDUCTIONS))
        self.answer = nn.Linear(in_width, sum(self.sizes))

    def forward(self, features: Float[Tensor, "dives frames width"]) -> dict[str, Tensor]:
        """The answers by the name of their term."""
        parts = self.answer(features).split(self.sizes, dim=-1)
        return dict(zip(TERMS, parts, strict=True))


class Pretraining(nn.Module):
    """Encoders with their heads and losses; `model` is what a checkpoint keeps."""

    deduction_scale: Tensor

    def __init__(
        self, *, encoders: Encoders, weights: Mapping[str, float], window: int, deduction_scale: Tensor
    ) -> None:
        """Put encoders and heads together.

        Args:
            encoders: Encoders to be trained; branches that are None are off.
            weights: Weight of each term (`TERMS`).
            window: Number of frames that the dynamic encoder looks at.
            deduction_scale: Standard deviation of each deduction over the training dives, in points.
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

    def forward(self, batch: PretrainingBatch) -> dict[str, Tensor]:
        """Unweighted terms, `<branch>_<term>`, and their weighted `total`."""
        encoders: Encoders = self.model["encoders"]  # type: ignore[assignment]
        window = batch.first[:, None] + torch.arange(self.window, device=batch.first.device)
        terms: dict[str, Tensor] = {}
        seen, asked = batch.seen, asked_of(batch.targets)
        dive = torch.arange(len(window), device=window.device)[:, None]
        if encoders.static is not None and seen.frames is not None:
            features = encoders.static(seen.frames[dive, batch.stills])
            terms |= self._terms("static", features, asked.at((dive, batch.stills)))
        if encoders.dynamic is not None and seen.frames is not None:
            features = encoders.dynamic(seen.frames[dive, window])
            terms |= self._terms("dynamic", features, asked.at((dive, window)))
        if encoders.skeleton is not None and seen.joints is not None:
            terms |= self._terms("skeleton", encoders.skeleton(seen.joints), asked)
        total = sum(
            (self.weights[name.split("_")[1]] * term for name, term in terms.items()), torch.zeros(())
        )
        return terms | {"total": total}

    def _terms(self, branch: str, features: Tensor, asked: "Asked") -> dict[str, Tensor]:
        answers = self.model["heads"][branch](features)  # type: ignore[index]
        wanted = asked.deductions / self.deduction_scale
        # `beta` is the error, in the unit of each answer, from which on it counts linearly. All are set by hand.
        errors = {
            "stage": functional.cross_entropy(answers["stage"].flatten(0, 1), asked.stage.flatten()),
            "phase": functional.cross_entropy(answers["phase"].flatten(0, 1), asked.phase.flatten()),
            "clock": functional.smooth_l1_loss(answers["clock"], asked.clock, beta=0.2),
            "splash": functional.smooth_l1_loss(answers["splash"][..., 0], asked.splash),
            "pose": _masked(
                functional.smooth_l1_loss(
                    answers["pose"].unflatten(-1, (MPII_16.num_joints, 2)),
                    asked.pose,
                    reduction="none",
                    beta=0.2,
                ).mean(-1),
                asked.pose_known,
            ),
            "angles": _masked(
                functional.smooth_l1_loss(answers["angles"], asked.angles, reduction="none", beta=0.1).mean(
                    -1
                ),
                asked.angles_known,
            ),
            "deductions": _masked(
                functional.smooth_l1_loss(answers["deductions"], wanted, reduction="none"), asked.shows
            ),
        }
        return {f"{branch}_{name}": error for name, error in errors.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of each frame.

    Attributes:
        stage: Labelled stage of each frame, as index in `STAGE_NAMES`.
        phase: Physical phase of each frame, as index in `PHASES`.
        clock: Frames since take-off and since water contact, in tens, between -1 and 1.
        splash: Square root of the splash's area, 1 for a large one.
        pose: Places of the joints from the pelvis, in torso lengths.
        pose_known: Whether each joint is visible, and the pelvis with it.
        angles: Angles of the body in space, in radians (`simulation_targets.MEASURES`).
        angles_known: Whether a frame lies before the body is under water.
        deductions: Points deducted for each fault, the same in all frames of a dive.
        shows: Whether a frame shows the fault.
    """

    stage: Int[Tensor, "dives frames"]
    phase: Int[Tensor, "dives frames"]
    clock: Float[Tensor, "dives frames 2"]
    splash: Float[Tensor, "dives frames"]
    pose: Float[Tensor, "dives frames joints 2"]
    pose_known: Bool[Tensor, "dives frames joints"]
    angles: Float[Tensor, "dives frames measures"]
    angles_known: Bool[Tensor, "dives frames"]
    deductions: Float[Tensor, "dives frames faults"]
    shows: Bool[Tensor, "dives frames faults"]

    def at(self, where: tuple[object, object]) -> "Asked":
        """The same of some frames."""
        return Asked(**{name: getattr(self, name)[where] for name in Asked.__slots__})


def asked_of(targets: SimulationTargets) -> Asked:
    """What is asked, from the truth about all frames of some dives."""
    phase = targets.phase
    frame = torch.arange(phase.shape[1], device=phase.device)
    airborne = (phase < 1).sum(1, keepdim=True)
    contact = (phase < 2).sum(1, keepdim=True)
    clock = torch.stack([frame - airborne, frame - contact], dim=-1) / _CLOCK_FRAMES
    to_contact = frame - contact
    around = (to_contact >= -_BEFORE_CONTACT) & (to_contact <= _AFTER_CONTACT)
    shown = {"contact": around, "splash": phase == 2, "air": phase == 1}
    kinds = ["contact" if n in _AT_CONTACT else "splash" if n == "splash" else "air" for n in DEDUCTIONS]
    joints, visible = targets.joints, targets.visible
    torso = torso_length(joints, visible)[:, None, None, None]
    return Asked(
        stage=targets.stage,
        phase=phase,
        clock=clock.clamp(-1, 1),
        splash=(targets.splash_area / _SPLASH_SCALE).sqrt(),
        pose=(joints - joints[:, :, _PELVIS : _PELVIS + 1]) / torso,
        pose_known=visible & visible[:, :, _PELVIS : _PELVIS + 1],
        angles=targets.measures,
        angles_known=to_contact <= _AFTER_CONTACT,
        deductions=targets.deductions[:, None].expand(*phase.shape, -1),
        shows=torch.stack([shown[kind] for kind in kinds], dim=-1),
    )


def _masked(values: Tensor, counts: Bool[Tensor, "..."]) -> Tensor:
    return (values * counts).sum() / counts.sum().clamp(min=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainingSampler:
    """Which dives and frames a step looks at, a function of seed, epoch and dive.

    Attributes:
        dives: Dives to train on.
        truth: Truth about the dives.
        seed: Seed of all hashes.
        dives_at_once: Number of dives in a batch.
        num_stills: Number of frames of a dive that the static encoder looks at.
        window: Number of frames of a dive that the dynamic encoder looks at.
        with_video: Whether an encoder looks at pictures.
    """

    dives: tuple[Dive, ...]
    truth: SimulationGroundTruth
    seed: int
    dives_at_once: int = 16
    num_stills: int = 16
    window: int = 36
    with_video: bool = True

    def epoch(self, epoch: int) -> list[BatchGroups]:
        """The batches of an epoch; dives are not compared, so each is a group of its own."""
        ids = sorted(
            (dive.dive_id for dive in self.dives),
            key=lambda i: (hash_u64(self.seed, "pretrain", epoch, i), i),
        )
        groups = [Group((dive_id,), 1) for dive_id in ids]
        step = self.dives_at_once
        return [BatchGroups(tuple(groups[k : k + step])) for k in range(0, len(groups), step)]

    def load(self, source: DiveSource, groups: BatchGroups, epoch: int) -> PretrainingBatch:
        """Frames, joints and truth of some dives in the views of the epoch."""
        if not isinstance(source, LiveSource):
            raise TypeError("encoders learn from pictures, not from cached features")
        ids = groups.dive_ids
        views = [source.views.view(source.views.number(epoch, i), i) for i in ids]
        targets = self.truth.batch(ids, views)
        num_frames = targets.phase.shape[1]
        contact = (targets.phase < 2).sum(1)
        return PretrainingBatch(
            seen=source.samples.inputs(ids, views, with_video=self.with_video),
            targets=targets,
            stills=self._stills(ids, contact, epoch, num_frames),
            first=self._windows(ids, contact, epoch, num_frames),
        )

    def _stills(self, ids: Sequence[str], contact: Tensor, epoch: int, num_frames: int) -> Tensor:
        """Half of them spread over the dive, half around the entry, where most points are lost."""
        spread = self.num_stills // 2
        near = self.num_stills - spread
        stride, reach = num_frames / spread, _ENTRY_FRAMES / near
        rows = []
        for dive_id, frame in zip(ids, contact.tolist(), strict=True):
            shift = hash_unit(self.seed, "stills", epoch, dive_id)
            begin = frame - _BEFORE_CONTACT
            rows.append(
                [int((k + shift) * stride) for k in range(spread)]
                + [int(begin + (k + shift) * reach) for k in range(near)]
            )
        return torch.tensor(rows).clamp(0, num_frames - 1)

    def _windows(self, ids: Sequence[str], contact: Tensor, epoch: int, num_frames: int) -> Tensor:
        """Every other window lies around the entry, the others anywhere."""
        room = num_frames - self.window
        firsts = []
        for dive_id, frame in zip(ids, contact.tolist(), strict=True):
            shift = hash_unit(self.seed, "window", epoch, dive_id)
            if hash_u64(self.seed, "which window", epoch, dive_id) % 2:
                firsts.append(int(frame - shift * self.window))
            else:
                # Beyond both ends, and pushed back: so the ends are seen as often as the middle.
                margin = self.window // 3
                firsts.append(int(shift * (room + 2 * margin + 1)) - margin)
        return torch.tensor(firsts).clamp(0, room)
