"""The nouns that travel between the stages of the flow, as far as they need NumPy only.

The tensor nouns of the model (`Features`, `StageFeatures`, `Comparison`) are in `tensors.py`, so that
commands which need no network do not wait for PyTorch to load.

Units and axes: frames are counted from 0 within a clip; coordinates are xy pixels with the origin at
the top left corner of the picture, so that the centre of the first pixel lies at (0.5, 0.5).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from stagescore.errors import DataError
from stagescore.extras import from_extra
from stagescore.skeleton import MPII_16, Skeleton
from stagescore.skeleton_mapping import SkeletonMapping

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

HeightSource = Literal["named", "inferred", "unknown"]
Split = Literal["train", "test"]

Modality = Literal["video", "skeleton"]
"""What a model may read of a dive."""
STAGE_NAMES: tuple[str, ...] = ("take-off", "flight", "entry")
"""The K = 3 stages of a dive (paper, section III-C)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dive:
    """One labelled dive: a row of a manifest.

    Attributes:
        dataset: Name of the data set: `finediving`, `mtl-aqa`, `unlv-dive`, or one of the user's own.
        event: Name of the competition (a folder of FineDiving).
        number: Number of the dive within the event.
        recording: Name of the recording, the same in whichever data set it stands.
        split: Split as published, `train` or `test`.
        validation: Whether it is a training dive that is held out to choose among models.
        score: Final score as announced, in points.
        difficulty: Degree of difficulty; None if not labelled.
        dive_number: Dive number in upper case, such as `5253B`; None if not labelled.
        height_m: Height of the board or platform in metres; None if unknown.
        height_source: Whether the height stands in the event's name, was inferred from the event's
            difficulties, or is unknown.
        synchronised: Whether two divers dive at once.
        marks: The judges' marks as labelled, in the order of the judges; empty if not labelled.
        num_frames: Number of frames of the clip as labelled; None if not labelled.
        transitions: Label transitions, exactly as labelled: the last frame of the earlier sub-action.
        label_changes: Frames after which the label of each frame changes; None without frame labels.
        sub_actions: Names of the labelled sub-actions in their order.
        frames_path: Folder of images or video file; None if there is none.
        poses_path: Pose file; None if there is none.
        caption: What the commentator says, as words; empty if not labelled.
        athlete: Name or number of the athlete, the same in all events of a data set; None if unknown.
        flight: First airborne frame and first frame in which the diver touches the water, as the flight finder sees
            them in the film; empty where it has not looked. Not a label: `stagescore data prepare` writes it.
        hand_marks: UNLV-Dive's four marks as labelled, as frames of the clip: jump, drop, entry and ending begin.
    """

    dataset: str
    event: str
    number: int
    recording: str
    split: Split
    score: float
    validation: bool = False
    difficulty: float | None = None
    dive_number: str | None = None
    height_m: float | None = None
    height_source: HeightSource = "unknown"
    synchronised: bool = False
    marks: tuple[float, ...] = ()
    num_frames: int | None = None
    transitions: tuple[int, ...] = ()
    label_changes: tuple[int, ...] | None = None
    sub_actions: tuple[str, ...] = ()
    frames_path: str | None = None
    poses_path: str | None = None
    caption: str = ""
    athlete: str | None = None
    flight: tuple[int, ...] = ()
    hand_marks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.score) or self.score < 0:
            raise DataError(
                f"the score is {self.score}", where=self.dive_id, todo="give a finite score of 0 or more"
            )
        if self.difficulty is not None and not (math.isfinite(self.difficulty) and self.difficulty > 0):
            raise DataError(
                f"the difficulty is {self.difficulty}",
                where=self.dive_id,
                todo="give a positive degree of difficulty, or none",
            )
        if self.height_m is not None and not (math.isfinite(self.height_m) and self.height_m > 0):
            raise DataError(
                f"the height is {self.height_m}", where=self.dive_id, todo="give it in metres, or none"
            )
        if self.num_frames is not None and self.num_frames < 1:
            raise DataError(
                f"the clip has {self.num_frames} frames",
                where=self.dive_id,
                todo="count its frames, or give none",
            )
        if self.flight and not (len(self.flight) == 2 and 0 <= self.flight[0] < self.flight[1]):
            raise DataError(
                f"the flight is {list(self.flight)}",
                where=self.dive_id,
                todo="give its first frame and the first one in the water, or none",
            )
        if not all(map(_is_unicode, self._texts())):
            raise DataError(
                "a name or text holds characters that are no valid Unicode",
                where=self.dive_id,
                todo="rename it, or correct the labels",
            )
        if not all(map(math.isfinite, self.marks)):
            raise DataError(
                f"a judge's mark is not a number: {list(self.marks)}",
                where=self.dive_id,
                todo="correct the marks or leave them out",
            )

    @property
    def dive_id(self) -> str:
        """`<event>/<number>`, unique within a data set."""
        return f"{self.event}/{self.number}"

    @property
    def execution(self) -> float | None:
        """Score divided by difficulty, in points; None without a difficulty."""
        return None if self.difficulty is None else self.score / self.difficulty

    @property
    def transitions_problem(self) -> str | None:
        """Why the labelled transitions cannot be used, or None if they can (or are not labelled)."""
        if not self.transitions:
            return None
        if min(self.transitions) < 0:
            return f"a transition is negative: {list(self.transitions)}"
        if any(a >= b for a, b in pairwise(self.transitions)):
            return f"the transitions do not increase: {list(self.transitions)}"
        if self.num_frames is not None and self.transitions[-1] >= self.num_frames - 1:
            return f"a transition lies outside the clip of {self.num_frames} frames: {list(self.transitions)}"
        return None

    def stages(self) -> "StageSpans | None":
        """The labelled stages in frames of the clip, or None where they are unusable or unknown.

        FineDiving labels two to four transitions; the first and the last are the two between
        take-off, flight and entry (method, section 3). Nothing is guessed: a dive without usable
        transitions is masked in training and evaluation.
        """
        if len(self.transitions) < 2 or self.num_frames is None or self.transitions_problem:
            return None
        return StageSpans.from_transitions((self.transitions[0], self.transitions[-1]), self.num_frames)

    def with_changes(self, **changes: object) -> "Dive":
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def _texts(self) -> tuple[str, ...]:
        paths = (self.frames_path or "", self.poses_path or "", self.athlete or "")
        return (self.dataset, self.event, self.recording, self.caption, *self.sub_actions, *paths)


def _is_unicode(text: str) -> bool:
    """Half of a surrogate pair can stand in a pickle, in JSON and in a path, but in no UTF-8 file."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class StageSpans:
    """The stages of one dive: half-open spans that tile its frames, strictly increasing, never empty.

    Attributes:
        edges: Edges of the stages, `num_stages + 1` frames; stage k covers `edges[k] <= frame < edges[k + 1]`.

    >>> StageSpans((0, 30, 66, 96)).spans
    ((0, 30), (30, 66), (66, 96))
    """

    edges: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or self.edges[0] != 0:
            raise DataError(
                f"stage edges are {list(self.edges)}",
                todo="start at frame 0 and give an edge after each stage",
            )
        if any(a >= b for a, b in pairwise(self.edges)):
            raise DataError(
                f"stage edges do not strictly increase: {list(self.edges)}", todo="leave no stage empty"
            )

    @classmethod
    def from_transitions(cls, transitions: Sequence[int], num_frames: int) -> "StageSpans":
        """From label transitions: a transition t is the last frame of the earlier stage.

        Raises:
            DataError: A stage would be empty or reach beyond the clip.

        >>> StageSpans.from_transitions((29, 65), 96).edges
        (0, 30, 66, 96)
        """
        return cls((0, *(int(t) + 1 for t in transitions), num_frames))

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return self.edges[-1]

    @property
    def num_stages(self) -> int:
        """K."""
        return len(self.edges) - 1

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """(first frame, frame after the last) of each stage."""
        return tuple(pairwise(self.edges))

    def resampled(self, indices: Sequence[int]) -> "StageSpans":
        """The same stages on a subset of the frames.

        Args:
            indices: Frames of this clip that were sampled, increasing, repeats allowed.

        Returns:
            Spans over `len(indices)` sampled frames. A stage that no sampled frame falls into keeps
            one frame, taken from its neighbours, since no stage may be empty.

        Raises:
            DataError: Fewer sampled frames than stages.

        >>> StageSpans((0, 30, 66, 96)).resampled(range(0, 96, 3)).edges
        (0, 10, 22, 32)
        """
        if len(indices) < self.num_stages:
            raise DataError(
                f"{len(indices)} sampled frames cannot hold {self.num_stages} stages",
                todo="sample more frames",
            )
        inner = np.searchsorted(np.asarray(indices), self.edges[1:-1], side="left")
        edges = [0, *(int(edge) for edge in inner), len(indices)]
        for k in range(1, self.num_stages):
            edges[k] = max(edges[k], edges[k - 1] + 1)
        for k in range(self.num_stages - 1, 0, -1):
            edges[k] = min(edges[k], edges[k + 1] - 1)
        return StageSpans(tuple(edges))


@dataclass(frozen=True, slots=True, eq=False)
class PoseTrack:
    """The joints of one diver, frame by frame, in the order of a skeleton.

    Attributes:
        joints_px: Places as xy pixels; NaN where a joint is unknown.
        confidence: How sure each joint is, 0 to 1; 0 where it is unknown.
        filled: True where a joint was interpolated rather than measured; None if nobody says so.
        skeleton: What the axis of the joints means.
        derived: Names of the joints that nobody has looked for, but that follow from others.
    """

    joints_px: Float[np.ndarray, "frames joints 2"]
    confidence: Float[np.ndarray, "frames joints"]
    filled: Bool[np.ndarray, "frames joints"] | None = field(default=None)
    skeleton: Skeleton = MPII_16
    derived: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frames, num_joints = self.joints_px.shape[0], self.skeleton.num_joints
        expected = (frames, num_joints)
        if self.joints_px.shape != (*expected, 2) or self.confidence.shape != expected:
            raise DataError(
                f"poses have shapes {self.joints_px.shape} and {self.confidence.shape}",
                todo=f"give joints as frames x {num_joints} x 2 and confidence as frames x {num_joints} "
                f"({self.skeleton.name})",
            )
        if self.filled is not None and self.filled.shape != expected:
            raise DataError(f"`filled` has shape {self.filled.shape}", todo=f"give {expected}")
        if foreign := sorted(set(self.derived) - set(self.skeleton.joints)):
            raise DataError(
                f"`derived` names {foreign[0]}, which {self.skeleton.name} does not have",
                todo=f"choose among {', '.join(self.skeleton.joints)}",
            )
        unknown = np.isnan(self.joints_px).any(-1)
        with np.errstate(invalid="ignore"):
            bad = ~((self.confidence >= 0) & (self.confidence <= 1)) | (unknown & (self.confidence > 0))
        if bad.any():
            frame, joint = (int(i) for i in np.argwhere(bad)[0])
            raise DataError(
                f"confidence {self.confidence[frame, joint]} at frame {frame}, joint {joint}",
                todo="keep confidence within 0 and 1, and at 0 where a joint is unknown",
            )

    @classmethod
    def unknown(cls, num_frames: int) -> "PoseTrack":
        """A track of MPII's joints in which none is known."""
        return cls(
            np.full((num_frames, MPII_16.num_joints, 2), np.nan), np.zeros((num_frames, MPII_16.num_joints))
        )

    @property
    def num_frames(self) -> int:
        """Frames of the track."""
        return int(self.joints_px.shape[0])

    @property
    def known(self) -> Bool[np.ndarray, "frames joints"]:
        """Where a joint has coordinates."""
        return np.asarray(~np.isnan(self.joints_px).any(-1))

    def at(self, frames: Sequence[int] | Int[np.ndarray, " chosen"]) -> "PoseTrack":
        """The same joints in some frames, in the order in which these are named, repeats allowed."""
        rows = np.asarray(frames, dtype=np.int64)
        filled = None if self.filled is None else self.filled[rows]
        return replace(self, joints_px=self.joints_px[rows], confidence=self.confidence[rows], filled=filled)

    def to_frame(self) -> "pd.DataFrame":
        """A row a joint and frame: `frame`, `joint`, `x_px`, `y_px`, `confidence`, `filled`; NaN where it is unknown."""
        from_extra("pandas", "a table of joints")
        import pandas as pd  # noqa: PLC0415 - it takes a second to load

        num_frames, num_joints = self.confidence.shape
        filled = np.zeros_like(self.known) if self.filled is None else self.filled
        return pd.DataFrame(
            {
                "frame": np.repeat(np.arange(num_frames), num_joints),
                "joint": np.tile(np.array(self.skeleton.joints, dtype=object), num_frames),
                "x_px": self.joints_px[..., 0].ravel(),
                "y_px": self.joints_px[..., 1].ravel(),
                "confidence": self.confidence.ravel(),
                "filled": filled.ravel(),
            }
        )

    def plot(self, num: int = 6) -> "Figure":
        """Skeletons of evenly spaced frames side by side, as a figure of matplotlib.

        Args:
            num: Number of frames that are shown; fewer where the track is shorter.
        """
        from_extra("matplotlib", "a figure of joints")
        from matplotlib.figure import Figure  # noqa: PLC0415 - it takes a second to load

        frames = np.unique(np.linspace(0, self.num_frames - 1, max(min(num, self.num_frames), 1)).astype(int))
        figure = Figure(figsize=(2 * len(frames), 2.6), layout="constrained")
        for axes, frame in zip(
            figure.subplots(1, len(frames), squeeze=False)[0], frames.tolist(), strict=True
        ):
            places = self.joints_px[frame] if self.num_frames else self.joints_px
            for start, end in self.skeleton.bone_indices if self.num_frames else ():
                axes.plot(*places[[start, end]].T, color="#4477aa")
            axes.set_title(f"frame {frame}")
            axes.set_aspect("equal")
            axes.invert_yaxis()
            axes.set_axis_off()
        return figure

    def _repr_html_(self) -> str:
        """How many frames and joints there are and how many are known, as notebooks show it."""
        known = self.known
        filled = 0.0 if self.filled is None else float((self.filled & known).mean()) if known.size else 0.0
        share = float(known.mean()) if known.size else 0.0
        return (
            f"<p><b>PoseTrack</b>: {self.num_frames} frames, {self.skeleton.num_joints} joints ({self.skeleton.name}); "
            f"{share:.0%} known, {filled:.0%} filled.</p>"
        )

    def mapped(self, target: Skeleton) -> "PoseTrack":
        """The same poses with the joints of another skeleton; what cannot be had is unknown.

        >>> from stagescore.skeleton import COCO_17
        >>> PoseTrack.unknown(2).mapped(COCO_17).joints_px.shape
        (2, 17, 2)
        """
        if target == self.skeleton:
            return self
        way = SkeletonMapping(self.skeleton, target)
        found = way.joints(np.concatenate((self.joints_px, self.confidence[..., None]), axis=-1))
        return PoseTrack(
            joints_px=found[..., :2],
            confidence=found[..., 2],
            filled=None if self.filled is None else way.marks(self.filled),
            skeleton=target,
            derived=way.derived_after(self.derived),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The score of a query: by the vote of its exemplars (paper, eq. 24), or said by the model itself.

    Attributes:
        score: Score in points; mean of the votes where exemplars vote.
        votes: Exemplar's score plus predicted difference, one for each exemplar; empty where the model says the score
            itself.
        exemplar_ids: Ids of the dives that voted, in the order of `votes`.
        protocol: How the exemplars were chosen, and any fallback, in words; empty without exemplars.
        sd: Standard deviation of the predicted distribution of the score, in points; None where exemplars vote.
        stated_interval: Interval of 90 % of the predicted distribution, in points, not calibrated; None where exemplars
            vote.
    """

    score: float
    votes: tuple[float, ...]
    exemplar_ids: tuple[str, ...]
    protocol: str
    sd: float | None = None
    stated_interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.sd is not None:
            if self.votes or self.exemplar_ids or not (math.isfinite(self.score) and self.sd >= 0):
                raise DataError(
                    f"a score of {self.score} with a standard deviation of {self.sd} and {len(self.votes)} votes",
                    todo="give finite numbers, and votes or a standard deviation",
                )
            return
        if not self.votes or len(self.votes) != len(self.exemplar_ids):
            raise DataError(
                f"{len(self.votes)} votes of {len(self.exemplar_ids)} exemplars",
                todo="give one vote an exemplar",
            )
        if len(set(self.exemplar_ids)) != len(self.exemplar_ids):
            raise DataError("an exemplar votes twice", todo="choose each exemplar once")
        if not math.isclose(self.score, sum(self.votes) / len(self.votes), rel_tol=1e-9, abs_tol=1e-9):
            raise DataError(f"the score {self.score} is not the mean of its votes", todo="average the votes")
