"""From a film to the joints of its diver: detector, tracker, estimator, checks, interpolation.

Source: paper, section IV-B. Departs: see `tracking` (who the diver is) and `estimation` (turned crops).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from stagescore.media.sampling import sample_indices
from stagescore.pose.boxes import Detections, centres, long_edges
from stagescore.pose.checks import LEAST_CONFIDENCE, Checked, check_joints
from stagescore.pose.estimation import Follower
from stagescore.pose.estimator_cascade import EstimatorCascade
from stagescore.pose.motion import FrameMotion, moving_parts
from stagescore.pose.networks import Detector, Estimator, NetworkIdentity, PeakEstimator, PoseNetworks, Role
from stagescore.pose.second_diver import REPEATED, falls_like, joint_peaks, moving_body, repetition
from stagescore.pose.tracking import (
    Choice,
    FrameObservation,
    Pointed,
    Track,
    camera_path,
    choose_diver,
    pointed_diver,
)
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

Frames = Callable[[], Iterable[UInt8[np.ndarray, "h w 3"]]]
"""Gives the frames of a clip from the first on, each time it is called."""

DETECT_EVERY = 2
"""The detector is asked in every second frame; in between, boxes are interpolated. Asked in every third, it split the
diver of a real clip in two (docs/log.md, 2026-11-26)."""
PERSON_CONFIDENCE = 0.2
"""Least confidence of a detection that is counted as somebody seen. Set by hand."""
LEAST_SURETY = 0.15
"""Mean confidence below which nobody is to be seen: a splash, the water. Set by hand."""
SHORT_CLIP = 8
"""Frames; in fewer nothing can be said about motion. Set by hand."""

# Set by hand: where a warning asks somebody to look.
_FEW_MEASURED = 0.5  # share of the joints in frames with the diver
_MANY_FILLED = 0.3  # share of all joints
_LEAST_FALL = 1.0  # box sizes
# Set by hand: which clips start or end in the air (`in_the_air`).
_ENDS = 9  # least number of frames of a path
_FREELY = 0.75  # share of the time from top to bottom in which the body surely falls freely
_OFF_PARABOLA = 0.06  # share of the height of the fall

STARTS_IN_AIR = "The clip seems to start in the air: there is no take-off."
ENDS_IN_AIR = "The clip seems to end in the air: there is no entry into the water."
"""What is said of the path of somebody's box. Who knows the flight knows it better (`scoring.pipeline.review`)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Annotation:
    """The joints of the diver of a clip, and how far they can be trusted.

    Attributes:
        track: Joints of MPII, confidence, which of them were filled and which the estimator derives from others.
        measured: True for joints that were found in their own frame.
        outliers: True for joints that were found and not believed.
        boxes_px: Left, top, right, bottom of the diver's box in each frame, in pixels; NaN where there is none.
        people: Number of people whom the detector sees in each frame; -1 where it was not asked.
        num_divers: Number of people who move and fall, 0 to 2.
        num_exchanged: Number of frames in which left and right were exchanged.
        num_crops: Number of crops that were shown to the estimator.
        picture_px: Width and height of the pictures, in pixels.
        warnings: Warnings, each a whole sentence.
        needs_review: Whether the warnings are such that somebody should look.
        networks: Detector and estimator that were used, by their roles.
    """

    track: PoseTrack
    measured: Bool[np.ndarray, "frames joints"]
    outliers: Bool[np.ndarray, "frames joints"]
    boxes_px: Float[np.ndarray, "frames 4"]
    people: Int[np.ndarray, " frames"]
    num_divers: int
    num_exchanged: int
    num_crops: int
    picture_px: tuple[int, int]
    warnings: tuple[str, ...]
    needs_review: bool
    networks: dict[Role, NetworkIdentity]

    @property
    def filled(self) -> Bool[np.ndarray, "frames joints"]:
        """Joints that were interpolated."""
        return np.zeros_like(self.measured) if self.track.filled is None else self.track.filled

    @property
    def doubtful(self) -> Bool[np.ndarray, "frames joints"]:
        """Joints that are given though little speaks for them: filled far from a measured one, or outliers."""
        return np.asarray((self.track.known & (self.track.confidence < LEAST_CONFIDENCE)) | self.outliers)

    def quality(self) -> dict[str, Any]:
        """The figures of `quality.json`."""
        frames = self.boxes_px.shape[0]
        asked = self.people[self.people >= 0]
        return {
            "frames": frames,
            "frames_with_diver": int((~np.isnan(self.boxes_px[:, 0])).sum()),
            "share_measured": _share(self.measured),
            "share_filled": _share(self.filled),
            "share_unknown": _share(~self.track.known),
            "share_doubtful": _share(self.doubtful),
            "mean_confidence": round(float(self.track.confidence.mean()), 6) if frames else 0.0,
            "outliers": int(self.outliers.sum()),
            "frames_with_sides_exchanged": self.num_exchanged,
            "people_seen": {
                "most_in_a_frame": int(asked.max(initial=0)),
                "mean_in_a_frame": round(float(asked.mean()), 6) if len(asked) else 0.0,
            },
            "divers": self.num_divers,
            "crops_a_frame": round(self.num_crops / max(frames, 1), 6),
            "needs_review": self.needs_review,
            "warnings": list(self.warnings),
            "networks": {role: identity.as_json() for role, identity in self.networks.items()},
        }

    def resampled(self, num_frames: int) -> "Annotation":
        """Evenly spread frames of the same annotation, as FineDiving-Pose has 96 of each clip."""
        rows = list(sample_indices(0, self.track.num_frames - 1, num_frames))
        return replace(
            self,
            track=self.track.at(rows),
            measured=self.measured[rows],
            outliers=self.outliers[rows],
            boxes_px=self.boxes_px[rows],
            people=self.people[rows],
        )


def annotate(
    frames: Frames,
    networks: PoseNetworks,
    motions: Sequence[FrameMotion] | None = None,
    *,
    pointed: Pointed | None = None,
) -> Annotation:
    """The joints of the diver of a clip. Whatever is wrong with the clip is a warning.

    Args:
        frames: Gives the frames of the clip; it is called twice.
        networks: Networks that find people and joints.
        motions: What moves in each frame, where that is known already (`motion.moving_parts`).
        pointed: Place at which the user points; the one who falls is the diver by default.

    Raises:
        NobodyThereError: Nobody is seen where the user points.
    """
    views, choice, picture_px = find_divers(frames, networks, motions)
    if pointed is not None:
        chosen = pointed_diver(views, pointed)
        choice = replace(chosen, is_pair=chosen.is_pair or choice.is_pair)
    diver = choice.diver
    found, num_crops = read_diver(frames(), diver, len(views), networks.estimator)
    sizes = np.full(len(views), np.nan)
    boxes = np.full((len(views), 4), np.nan)
    if diver is not None:
        boxes[diver.first : diver.first + len(diver.boxes_px)] = diver.boxes_px
        sizes = long_edges(boxes)
        unseen = np.nan_to_num(found[..., 2]).mean(-1) < LEAST_SURETY
        found[unseen] = np.nan
        seen = np.flatnonzero(~unseen)
        boxes[: seen[0] if len(seen) else len(boxes)] = np.nan
        boxes[seen[-1] + 1 if len(seen) else 0 :] = np.nan
    checked = check_joints(found, sizes, picture_px)
    people = [
        int((view.people.confidence >= PERSON_CONFIDENCE).sum())
        if frame % DETECT_EVERY == 0 or frame == len(views) - 1
        else -1
        for frame, view in enumerate(views)
    ]
    warnings, needs_review = _judge(views, choice, checked)
    return Annotation(
        track=PoseTrack(
            joints_px=checked.joints_px,
            confidence=checked.confidence,
            filled=checked.filled,
            derived=MPII_16.named(networks.estimator.derived),
        ),
        measured=checked.measured,
        outliers=checked.outliers,
        boxes_px=boxes,
        people=np.array(people, dtype=np.int64),
        num_divers=0 if diver is None else 1 + (choice.is_pair and not choice.is_apart),
        num_exchanged=int(checked.exchanged.sum()),
        num_crops=num_crops,
        picture_px=picture_px,
        warnings=tuple(warnings),
        needs_review=needs_review,
        networks=networks.identities,
    )


def find_divers(
    frames: Frames,
    networks: PoseNetworks,
    motions: Sequence[FrameMotion] | None = None,
    *,
    second_look: bool = False,
) -> tuple[list[FrameObservation], Choice, tuple[int, int]]:
    """Whom the first detector sees, the diver among them and whether there are two, and the width and height of the pictures.

    Args:
        frames: Gives the frames of the clip; it is called up to three times.
        networks: Networks that find people and joints.
        motions: What moves in each frame, where that is known already (`motion.moving_parts`).
        second_look: Whether to look for a second diver by the fall of anybody else and by joints that repeat, too. `annotate`
            does not: of 64 real single dives two were called a pair so.
    """
    (views, *others), picture_px = watch(frames(), networks.detectors, motions)
    choice = choose_diver(views)
    is_pair = (
        choice.is_pair
        or any(choose_diver(other).is_pair for other in others)
        or (second_look and has_second_diver(frames, views, choice.diver, networks.estimator))
    )
    return views, replace(choice, is_pair=is_pair), picture_px


def has_second_diver(
    frames: Frames, views: Sequence[FrameObservation], diver: Track | None, estimator: Estimator
) -> bool:
    """Whether somebody falls beside the diver, after the diver, or covered by the diver (`second_diver`).

    Joints are read of whom the detector follows and of what moves: of two who cover each other the detector may lose both. The fall is
    that of whom the detector follows: graphics and spray fall like what moves in some films of single dives (2 of 64).

    Args:
        frames: Gives the frames of the clip; it is called twice at most.
        views: Whom the detector sees and what moves in each frame.
        diver: Track of the diver; None for nobody.
        estimator: Estimator that finds the joints; one that tells nothing but joints leaves covered divers unseen.
    """
    path = camera_path(views)
    if diver is not None and falls_like(views, diver, path):
        return True
    bodies = [body for body in (diver, moving_body(views)) if body is not None]
    estimator = estimator.first if isinstance(estimator, EstimatorCascade) else estimator
    return isinstance(estimator, PeakEstimator) and any(
        repetition(joint_peaks(frames(), body, path, estimator), body, path) > REPEATED for body in bodies
    )


def watch(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
    detectors: Sequence[Detector],
    motions: Sequence[FrameMotion] | None = None,
) -> tuple[list[list[FrameObservation]], tuple[int, int]]:
    """Whom each detector sees and what moves in each frame, and the width and height of the pictures."""
    found: deque[list[Detections]] = deque()
    size_px = (0, 0)

    def detected() -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        nonlocal size_px
        for frame, (image, is_last) in enumerate(_with_end(frames)):
            size_px = (image.shape[1], image.shape[0])
            nobody = Detections(np.zeros((0, 4)), np.zeros(0))
            asked = is_last or frame % DETECT_EVERY == 0
            found.append([detector.detect(image) if asked else nobody for detector in detectors])
            yield image

    seen = detected()
    moving = moving_parts(seen) if motions is None else (m for _, m in zip(seen, motions, strict=True))
    views = [[FrameObservation.of(people, motion) for people in found.popleft()] for motion in moving]
    return [list(one) for one in zip(*views, strict=True)] or [[] for _ in detectors], size_px


def _with_end(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], bool]]:
    """Each frame, and whether it is the last."""
    waiting = None
    for image in frames:
        if waiting is not None:
            yield waiting, False
        waiting = image
    if waiting is not None:
        yield waiting, True


def read_diver(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]], diver: Track | None, num_frames: int, estimator: Estimator
) -> tuple[Float[np.ndarray, "frames joints 3"], int]:
    """The joints that the estimator finds along a track, unchecked.

    Args:
        frames: Frames of the clip.
        diver: Track of the diver; None for nobody.
        num_frames: Number of frames of the clip.
        estimator: Estimator that finds the joints.

    Returns:
        Found x and y in pixels and confidence, NaN in frames without the diver; and how many crops were shown.
    """
    found = np.full((num_frames, MPII_16.num_joints, 3), np.nan)
    if diver is None:
        return found, 0
    follower = Follower(estimator)
    for frame, image in enumerate(frames):
        box = diver.box(frame)
        if box is not None:
            found[frame] = follower.read(image, box)
        elif frame >= diver.frames.stop:
            break
    return found, follower.num_crops


def _judge(views: Sequence[FrameObservation], choice: Choice, checked: Checked) -> tuple[list[str], bool]:
    """Warnings, and whether somebody should look."""
    if choice.diver is None:
        seen = sum(len(view.people.confidence) > 0 for view in views)
        if len(views) == 1:
            return [
                "The clip has a single frame: nothing moves, and the diver cannot be told from others."
            ], True
        who = "Nobody is seen." if not seen else "People are seen, and none of them moves like a diver."
        return [f"{who} No joints are given."], True
    serious, mild = [], []
    measured = checked.measured[checked.measured.any(1)].mean() if checked.measured.any() else 0.0
    if not checked.measured.any():
        serious.append("A diver is tracked, but the estimator is not sure of a single joint.")
    elif measured < _FEW_MEASURED:
        serious.append(f"Only {measured:.0%} of the diver's joints were measured where the diver was seen.")
    if len(views) < SHORT_CLIP:
        serious.append(f"The clip has only {len(views)} frames; who the diver is was decided by little.")
    if choice.is_pair and not choice.is_apart:
        serious.append("Two divers fall at the same time; the joints are of one of them.")
    if choice.fall < _LEAST_FALL:
        serious.append("The person followed does not fall against the background; it may not be the diver.")
    if (share := _share(checked.filled)) > _MANY_FILLED:
        serious.append(f"{share:.0%} of the joints are filled, not measured.")
    starts, ends = in_the_air(choice.diver, views)
    if starts:
        mild.append(STARTS_IN_AIR)
    if ends:
        mild.append(ENDS_IN_AIR)
    if choice.is_pair and choice.is_apart:
        mild.append("Two divers fall at the same time; the joints are of the one that you pointed at.")
    return serious + mild, bool(serious)


def in_the_air(diver: Track, views: Sequence[FrameObservation]) -> tuple[bool, bool]:
    """Whether the clip starts, and whether it ends, while the diver is in free fall.

    Against the background a body in the air is accelerated evenly downwards. So the clip starts in the air where
    one parabola goes through all the path from the first frame into the fall: that of a hurdle, which is in the
    air as well, comes down to the board again.
    """
    path = camera_path(views)
    middles = centres(diver.boxes_px)
    heights = np.array([path[t][1] @ (x, y, 1.0) for t, (x, y) in zip(diver.frames, middles, strict=True)])
    top = int(heights.argmin())
    bottom = top + int(heights[top:].argmax())
    if len(heights) < _ENDS or bottom - top < 3:
        return False, False
    falling = heights[: max(_ENDS, top + round(_FREELY * (bottom - top))) + 1]
    curve = np.polyfit(np.arange(len(falling)), falling, 2)
    off = np.abs(np.polyval(curve, np.arange(len(falling))) - falling).max()
    starts = diver.first == 0 and curve[0] > 0 and off < _OFF_PARABOLA * (heights[bottom] - heights[top])
    still_falling = heights[-1] - heights[-3] > 0.5 * np.diff(heights[top : bottom + 1]).max(initial=0.0)
    ends = diver.frames.stop == len(views) and bool(still_falling)
    return bool(starts), ends


def _share(mask: np.ndarray) -> float:
    return round(float(mask.mean()), 6) if mask.size else 0.0
