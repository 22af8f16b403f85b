"""One dive through the network: what it sees, where it cuts, where it looks (paper, sections III-B to III-D)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from stagescore.data.preprocessing import (
    Preprocessing,
    View,
    framed_joints,
    taken_pictures,
    viewed_frames,
    viewed_joints,
)
from stagescore.errors import DataError
from stagescore.inference.intervals import TransitionCalibration
from stagescore.inference.outcomes import label_transitions
from stagescore.media.source import Media
from stagescore.models.base import ActionModel
from stagescore.tensors import DiveInputs, Representation
from stagescore.types import Modality, PoseTrack


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryEncoding:
    """What the network made of one dive.

    Attributes:
        stages: Stage features, cut at the predicted edges.
        edges: Stage edges on the sampled frames, as the network predicts them.
        frames: Frame of the input that each sampled frame is.
        log_probabilities: Log-probabilities of every transition over the sampled frames; None for a model of one stage.
        attention: Weight of each sampled frame in the fusion, adding up to 1 in each stage; None for a model without fusion.
        modalities: What was seen: a video, a skeleton, or both.
        mirrored: Stage features of the dive seen mirrored, cut at the edges that are predicted for that view; None where the
            dive was not shown mirrored.
        given: First frame of every stage but the first in frames of the input, as the user gives them; None where the network
            cuts.
    """

    stages: Representation
    edges: Int[Tensor, "1 edges"]
    frames: tuple[int, ...]
    log_probabilities: Float[Tensor, "1 transitions frames"] | None
    attention: tuple[float, ...] | None
    modalities: tuple[Modality, ...]
    mirrored: Representation | None = None
    given: tuple[int, ...] | None = None

    @property
    def views(self) -> tuple[Representation, ...]:
        """The stage features of every view of the dive."""
        return (self.stages,) if self.mirrored is None else (self.stages, self.mirrored)

    def stage_edges(self, start: int, end: int) -> tuple[int, ...]:
        """Edges of the stages in frames of the input, half-open, none of them empty.

        Args:
            start: First frame that was used.
            end: Frame after the last that was used.
        """
        if self.given is not None:
            return (start, *self.given, end)
        inner = (np.floor(self._transitions()) + 1).astype(int).tolist()
        edges = [start, *inner, end]
        for k in range(1, len(edges) - 1):
            edges[k] = max(edges[k], edges[k - 1] + 1)
        for k in range(len(edges) - 2, 0, -1):
            edges[k] = min(edges[k], edges[k + 1] - 1)
        return tuple(edges)

    def confidences(self, calibration: TransitionCalibration) -> tuple[float, ...]:
        """For each stage, that its boundaries inside the clip are right; 1 of those that are given."""
        if self.given is not None:
            return (1.0,) * (len(self.given) + 1)
        if self.log_probabilities is None:
            return (1.0,)
        sure = calibration.confidence(
            self.log_probabilities.cpu().numpy(), np.array([self.frames]), self._transitions()[None]
        )[0]
        around = np.concatenate(([1.0], sure, [1.0]))
        return tuple((around[:-1] * around[1:]).tolist())

    def _transitions(self) -> Float[np.ndarray, " transitions"]:
        positions = (self.edges[:, 1:-1] - 1).cpu().numpy()
        return np.asarray(label_transitions(positions, np.array([self.frames]))[0])


@torch.no_grad()
def encode_query(
    model: ActionModel,
    media: Media,
    track: PoseTrack,
    span: tuple[int, int],
    preprocessing: Preprocessing,
    flight: tuple[int, ...] = (),
    *,
    mirrored: bool = False,
    given: tuple[int, ...] | None = None,
) -> QueryEncoding:
    """Show a dive to the network as evaluation does: its frames, the middle of the picture.

    Of joints without a film it sees the joints alone.

    Args:
        model: Model in eval mode.
        media: The film.
        track: The diver's joints in the frames of the span; all unknown where there are none.
        span: Frames that are used, half-open.
        preprocessing: Preprocessing from the weights' card.
        flight: First airborne frame and first frame in the water, counted from the start of the span; empty where they
            are unknown. Weights with a window read the frames around it.
        mirrored: Whether to show the dive mirrored as well.
        given: First frame of every stage but the first in frames of the film, as the user gives them; None to let the network
            cut.

    Raises:
        DataError: The film cannot be read any more, the network has another number of stages than are given, or the model cannot do without a film, or a skeleton.
    """
    start, end = span
    p = preprocessing
    rows = list(p.indices(flight, (0, end - start - 1)))
    indices = tuple(start + row for row in rows)
    sampled = track.at(rows)
    seen = _modalities(model, media, sampled)
    frames = None
    if "video" in seen:
        frames = taken_pictures(media, p, indices, _windows(p, media, track, span, flight))
    joints = framed_joints(sampled, (media.info.width_px, media.info.height_px), p)

    def shown(view: View) -> DiveInputs:
        pictures = None
        if frames is not None:
            pictures = torch.from_numpy(viewed_frames(frames, view, p)[None].copy()).permute(0, 1, 4, 2, 3)
        return DiveInputs(
            frames=pictures,
            joints=torch.from_numpy(viewed_joints(joints, view, p).astype(np.float32)[None]),
            has_video=torch.tensor(["video" in seen]),
            has_skeleton=torch.tensor(["skeleton" in seen]),
        ).to(model.device)

    flipped = None
    if mirrored:
        other = model.encode(shown(View(flip=True)))
        flipped = model.represent(other, _edges(model.segment(other).edges, indices, given))
    features = model.encode(shown(View.plain()))
    segmented = model.segment(features)
    edges = _edges(segmented.edges, indices, given)
    attention = model.explain(features, edges)
    return QueryEncoding(
        stages=model.represent(features, edges),
        edges=edges,
        frames=indices,
        log_probabilities=segmented.log_probabilities,
        attention=None if attention is None else tuple(attention[0].tolist()),
        modalities=seen,
        mirrored=flipped,
        given=given,
    )


def _edges(
    own: Int[Tensor, "1 edges"], frames: tuple[int, ...], given: tuple[int, ...] | None
) -> Int[Tensor, "1 edges"]:
    """The network's edges on the sampled frames, or the given ones; every stage keeps a frame."""
    if given is None:
        return own
    if own.shape[1] != len(given) + 2:
        raise DataError(
            f"the network has {own.shape[1] - 1} stages, and edges of {len(given) + 1} are given",
            todo="leave --edges out",
        )
    places = np.searchsorted(frames, given).tolist()
    for k in range(len(places)):
        places[k] = max(places[k], k + 1 if k == 0 else places[k - 1] + 1)
    for k in reversed(range(len(places))):
        places[k] = min(places[k], len(frames) - len(places) + k)
    return torch.tensor([[0, *places, len(frames)]], device=own.device, dtype=own.dtype)


def _windows(
    p: Preprocessing, media: Media, track: PoseTrack, span: tuple[int, int], flight: tuple[int, ...]
) -> Float[np.ndarray, "frames 3"] | None:
    """The part of every frame of the film that is looked at; frames outside the span are not."""
    windows = p.windows(track, flight, (media.info.width_px, media.info.height_px))
    if windows is None:
        return None
    start, end = span
    return np.pad(windows, ((start, media.num_frames - end), (0, 0)), mode="edge")


def _modalities(model: ActionModel, media: Media, track: PoseTrack) -> tuple[Modality, ...]:
    """What is there of a dive and read by the model."""
    there = {"video": media.info.kind != "joints", "skeleton": bool(track.known.any())}
    return tuple(modality for modality in model.modalities if there[modality])
