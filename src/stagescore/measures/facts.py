"""What a dive is measured on: joints, events, times and the camera's path, and the body's own size in the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from stagescore.diving import DiveNumber
from stagescore.measures.joint_angles import angle_at, of_both, steady
from stagescore.measures.splash_trace import SplashTrace
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

_BONES = (
    (("right_ankle", "right_knee"), ("left_ankle", "left_knee")),
    (("right_knee", "right_hip"), ("left_knee", "left_hip")),
    (("pelvis", "thorax"),),
    (("thorax", "upper_neck"),),
    (("upper_neck", "head_top"),),
)
"""The body from the ankles to the top of the head; the longer one of both sides counts, since the other points at the camera."""
_LEGS_AND_TRUNK = 3
_SIZE_ROWS = 12
"""Rows on either side in which the body's size is looked for: the camera zooms, and comes nearer. Set by hand."""
_SIZE_PERCENT = 80
"""Percentile of a bone's length over these rows that is taken for its true one: most are shortened by the view, some are wrong."""
_LEAST_ROWS = 4
_LEAST_MASS = 0.6
_LONGEST_UNSEEN = 2
"""Rows between the last that is folded and the first that is open, beyond which nobody knows when the body opened. Set by hand."""
FOLDED = 0.7
"""Distance from neck to ankles, as a share of trunk and legs stretched, below which a body is folded: a right angle at the hips of
straight legs gives 0.72, tucks of simulated dives 0.55 to 0.6. Set by hand."""
LEAST_FOLDED = 4
"""Rows that must be folded for a fold to be told."""
_LOOSE = 0.85
"""Distance from neck to ankles below which a loose tuck or pike counts as folded: 115 degrees at the hips of straight legs. Set by hand."""
_HELD = 0.25
"""Share of the flight over which a loose fold must be held, in rows that follow each other: a body that only passes through it is not
folded. Set by hand: of eight simulated dives with a loose fold each holds it for 0.68 of the flight or more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DiveFacts:
    """What is known of a dive before anything is measured; a row for each frame that is used.

    Attributes:
        track: The diver's joints of MPII's skeleton, in pixels of any one size of the picture.
        believed: Joints that were seen and are not doubtful.
        times_s: Real time of each row in seconds, increasing.
        start_frame: Frame of the input that row 0 is of.
        takeoff: First airborne row; None where it is not known.
        contact: First row that touches the water; None where it is not known.
        to_common: Map of each row's pixels to those of one common picture, which takes the camera's motion away; None where the
            camera was not watched.
        number: Dive number; None where it is not known.
        splash: What the water does after the contact; None where no pictures were looked at.
        no_splash: Why there is no trace of the water, as a sentence.
    """

    track: PoseTrack
    believed: Bool[np.ndarray, "frames joints"]
    times_s: Float[np.ndarray, " frames"]
    start_frame: int = 0
    takeoff: int | None = None
    contact: int | None = None
    to_common: Float[np.ndarray, "frames 3 3"] | None = None
    number: DiveNumber | None = None
    splash: SplashTrace | None = None
    no_splash: str = "The water was not looked at."

    @property
    def num_rows(self) -> int:
        """Number of frames that are used."""
        return self.track.num_frames

    @cached_property
    def joints(self) -> Float[np.ndarray, "frames joints 2"]:
        """Believed joints in pixels of their own frame; NaN elsewhere."""
        return np.where(self.believed[..., None], self.track.joints_px, np.nan)

    def middle(self, *names: str) -> Float[np.ndarray, "frames 2"]:
        """The middle of some joints, as far as they are believed; NaN where none is."""
        return of_both([self.joints[:, MPII_16.index(name)] for name in names])

    @cached_property
    def ankles(self) -> Float[np.ndarray, "frames 2"]:
        """Middle of the ankles, or the one that is known."""
        return self.middle("right_ankle", "left_ankle")

    def steadied(self, points_px: Float[np.ndarray, "frames 2"]) -> Float[np.ndarray, "frames 2"]:
        """Points of each row's picture in the common picture, without the camera's motion where that is known."""
        if self.to_common is None:
            return points_px
        ones = np.concatenate((points_px, np.ones((len(points_px), 1))), axis=1)
        return np.asarray(np.einsum("fij,fj->fi", self.to_common, ones)[:, :2])

    @cached_property
    def zoom(self) -> Float[np.ndarray, " frames"]:
        """Pixels of the common picture for each pixel of a row's own."""
        if self.to_common is None:
            return np.ones(self.num_rows)
        return np.asarray(np.sqrt(np.abs(np.linalg.det(self.to_common[:, :2, :2]))))

    @cached_property
    def _lengths(self) -> Float[np.ndarray, "frames bones"]:
        """Length of each bone of the body, in pixels of the common picture; NaN where it is not known."""
        columns = []
        for sides in _BONES:
            lengths = np.stack(
                [
                    np.linalg.norm(
                        self.joints[:, MPII_16.index(one)] - self.joints[:, MPII_16.index(other)], axis=1
                    )
                    for one, other in sides
                ]
            )
            known = np.isfinite(lengths).any(0)
            columns.append(np.where(known, np.where(np.isfinite(lengths), lengths, 0.0).max(0), np.nan))
        return np.asarray(np.stack(columns, axis=1) * self.zoom[:, None])

    def _bones_px(self, row: int) -> Float[np.ndarray, " bones"] | None:
        near = self._lengths[max(row - _SIZE_ROWS, 0) : row + _SIZE_ROWS + 1]
        if (np.isfinite(near).sum(0) < _LEAST_ROWS).any():
            return None
        return np.asarray(np.nanpercentile(near, _SIZE_PERCENT, axis=0))

    def body_px(self, row: int) -> float | None:
        """Length of the stretched body, from the ankles to the top of the head, in pixels of the common picture.

        None where too few joints are known around the row.
        """
        bones = self._bones_px(row)
        return None if bones is None else float(bones.sum())

    @cached_property
    def reach(self) -> Float[np.ndarray, " frames"]:
        """Distance from neck to ankles as a share of trunk and legs stretched, the median of five rows; NaN where it is not known."""
        thorax = self.joints[:, MPII_16.index("thorax")]
        away = np.linalg.norm(thorax - self.ankles, axis=1) * self.zoom
        found = np.full(self.num_rows, np.nan)
        for row in np.flatnonzero(np.isfinite(away)).tolist():
            bones = self._bones_px(row)
            if bones is not None:
                found[row] = away[row] / max(float(bones[:_LEGS_AND_TRUNK].sum()), 1e-6)
        return steady(found)

    @cached_property
    def mass_px(self) -> Float[np.ndarray, "frames 2"]:
        """Centre of mass in the common picture; NaN in rows in which too little of the body is known."""
        mass = self.believed * np.array(MPII_16.mass_shares)
        total = mass.sum(1)
        middle = (mass[..., None] * np.nan_to_num(self.joints)).sum(1) / np.maximum(total, 1e-9)[:, None]
        return self.steadied(np.where(total[:, None] >= _LEAST_MASS, middle, np.nan))

    @cached_property
    def knees_deg(self) -> Float[np.ndarray, "frames 2"]:
        """Angle at the right and the left knee in degrees, 180 is stretched; NaN where a joint is not believed."""
        sides = []
        for side in ("right", "left"):
            knee, hip, ankle = (
                self.joints[:, MPII_16.index(f"{side}_{name}")] for name in ("knee", "hip", "ankle")
            )
            sides.append(angle_at(knee, hip, ankle))
        return np.stack(sides, axis=1)

    @cached_property
    def fold_limit(self) -> float:
        """Distance from neck to ankles, as in `reach`, below which this body is folded: `FOLDED`, but more for a fold that is loose.

        Only the number tells a loose fold from a body that bends a little, and a twist hides how far it bends.
        """
        number, flight = self.number, self.airborne()
        if number is None or flight is None or number.half_twists or number.position not in ("tuck", "pike"):
            return FOLDED
        reach = self.reach[flight[0] : flight[1]]
        if (reach < FOLDED).sum() >= LEAST_FOLDED:
            return FOLDED
        return _LOOSE if _longest_run(reach < _LOOSE) >= max(_HELD * len(reach), LEAST_FOLDED) else FOLDED

    @cached_property
    def opening(self) -> float | None:
        """Row, between two rows, at which the body opens for the entry; None where it is not folded before, or not known."""
        if self.takeoff is None or self.contact is None:
            return None
        flight = self.reach[self.takeoff : self.contact + 1]
        folded = np.flatnonzero(flight < self.fold_limit)
        if not len(folded):
            return None
        last = int(folded[-1])
        after = np.flatnonzero(np.isfinite(flight[last + 1 :]))
        if not len(after):
            return None
        following = last + 1 + int(after[0])
        if following - last > _LONGEST_UNSEEN:
            return None
        share = (self.fold_limit - flight[last]) / max(flight[following] - flight[last], 1e-6)
        return float(self.takeoff + last + share * (following - last))

    def airborne(self) -> tuple[int, int] | None:
        """First airborne row and first row in the water; None unless both are known."""
        if self.takeoff is None or self.contact is None or self.contact - self.takeoff < _LEAST_ROWS:
            return None
        return self.takeoff, min(self.contact, self.num_rows - 1)


def _longest_run(rows: Bool[np.ndarray, " frames"]) -> int:
    """Largest number of rows one after the other that are true."""
    longest = run = 0
    for row in rows.tolist():
        run = run + 1 if row else 0
        longest = max(longest, run)
    return longest


def upright(points: Float[np.ndarray, "frames 2"]) -> Float[np.ndarray, " frames"]:
    """Degrees between ways in the picture and straight up, 0 to 180; NaN where a way is not known or has no length."""
    angles = np.degrees(np.arctan2(np.abs(points[:, 0]), -points[:, 1]))
    return np.where(np.abs(points).sum(1) > 0, angles, np.nan)


def share_known(values: Sequence[float] | Float[np.ndarray, " frames"]) -> float:
    """Share of values that are known, 0 to 1; 0 of none."""
    return float(np.isfinite(np.asarray(values, dtype=float)).mean()) if len(values) else 0.0
