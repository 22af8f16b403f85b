"""Films of two divers, made because real ones are scarce: simulated pairs, and real divers put in twice.

A simulated partner dives the same dive on the same board, a step to the side; the camera stands beside the board or behind it. In a
real film the diver is cut out by what moves (GrabCut) and laid in again, a little turned, larger or lighter, and some frames
later, where the hall has moved to by then. So the pictures of both divers are real, but the one casts no splash of its own.
Source: GrabCut by C. Rother et al., 2004, as OpenCV has it; the rest is ours. Numbers were set by hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.hashing import hash_unit
from stagescore.pose.boxes import centres, long_edges
from stagescore.pose.tracking import FrameObservation, Track, camera_path
from stagescore.simulate.dataset import appearance_of, make_splash
from stagescore.simulate.motion import simulate
from stagescore.simulate.render import Partner, render
from stagescore.simulate.sampling import draw_plan
from stagescore.simulate.types import BodyMotion

View = Literal["side", "behind", "after"]
VIEWS: tuple[View, ...] = ("side", "behind", "after")
Pictures = list[UInt8[np.ndarray, "h w 3"]]

_LATER_S = (0.2, 1.0)
"""Seconds by which a diver who goes one after the other leaves later."""
_ASIDE_M = {3.0: (2.4, 3.0), 10.0: (0.9, 1.5)}
"""Metres between the two, by the height of the board: two springboards, or one platform."""
_AZIMUTH_DEG = {"side": (5.0, 16.0), "behind": (-75.0, -40.0), "after": (5.0, 16.0)}
"""Where the camera stands: a camera exactly beside the board shows one body, since the other is behind it to the last finger."""
_ROOM = 0.6
"""Metres by which the picture is higher for every metre between the two: a camera behind them shows both."""
_ASIDE = {"side": (0.15, 0.45), "behind": (0.8, 1.8), "after": (0.0, 1.2)}
"""Lengths of the box between the two in a real film: bodies that cover each other, or stand apart."""
_MARGIN = 0.25
_SURE_SHARE = 5.0
_FEATHER_PX = 0.8


def simulated_pair(seed: int, index: int, view: View, size_px: tuple[int, int]) -> Pictures:
    """A simulated dive with a partner.

    Args:
        seed: Seed of the dives.
        index: Index of the dive.
        view: `side` and `behind` are where the camera stands; `after` is from the side, one diver after the other.
        size_px: Width and height of the pictures, in pixels.
    """

    def between(what: str, low: float, high: float) -> float:
        return low + (high - low) * hash_unit("pair", seed, index, view, what)

    plan = draw_plan(seed, index)
    motion, look = simulate(plan), appearance_of(plan)
    other = simulate(replace(plan, body_scale=plan.body_scale * between("scale", 0.96, 1.04)))
    later = (
        round(between("later", *_LATER_S) * motion.frame_rate)
        if view == "after"
        else round(between("slip", -1.4, 1.4))
    )
    aside_m = between("aside", *_ASIDE_M[10.0 if plan.height_m > 5 else 3.0])
    height_m = look.camera.view_height_m + (_ROOM * aside_m if view == "behind" else 0.0)
    camera = replace(look.camera, azimuth_deg=between("azimuth", *_AZIMUTH_DEG[view]), view_height_m=height_m)
    partner = _moved(other, aside_m if hash_unit("pair", seed, index, "hand") < 0.5 else -aside_m, later)
    pictures = render(
        motion,
        make_splash(plan, motion),
        replace(look, camera=camera),
        size_px,
        Partner(motion=partner, splash=make_splash(plan, partner)),
    )
    return [picture.image for picture in pictures]


def _moved(motion: BodyMotion, aside_m: float, later: int) -> BodyMotion:
    """The same motion beside, and some frames later; who waits stands still."""
    when = np.clip(np.arange(motion.num_frames) - later, 0, motion.num_frames - 1)
    step = np.array((0.0, aside_m, 0.0))
    return replace(
        motion,
        joints_m=(motion.joints_m + step.astype(motion.joints_m.dtype))[when],
        toes_m=(motion.toes_m + step.astype(motion.toes_m.dtype))[when],
        fingers_m=(motion.fingers_m + step.astype(motion.fingers_m.dtype))[when],
        centre_of_mass_m=(motion.centre_of_mass_m + step.astype(motion.centre_of_mass_m.dtype))[when],
        angular_momentum=motion.angular_momentum[when],
        first_airborne_frame=motion.first_airborne_frame + later,
        first_water_contact_frame=motion.first_water_contact_frame + later,
    )


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """The diver of one frame, cut out of it.

    Attributes:
        picture: Part of the frame around the diver.
        cover: How much of each pixel the diver covers, 0 to 1.
        corner_px: Left and top of the part in the frame, in pixels.
    """

    picture: UInt8[np.ndarray, "h w 3"]
    cover: Float[np.ndarray, "h w"]
    corner_px: tuple[int, int]


def pasted_pair(
    frames: Pictures, views: Sequence[FrameObservation], diver: Track, name: str, view: View
) -> Pictures:
    """A film of one diver with the same diver laid in again.

    Args:
        frames: Frames of the film.
        views: Who is seen, and what moves, in each frame.
        diver: The diver.
        name: Name of the film: the same name is always changed in the same way.
        view: `side` for bodies that cover each other, `behind` for bodies apart, `after` for one after the other.
    """

    def between(what: str, low: float, high: float) -> float:
        return low + (high - low) * hash_unit("pasted", name, view, what)

    later = round(between("later", 6, 25)) if view == "after" else (1 if between("slip", 0, 1) < 0.5 else 2)
    usual = float(np.median(long_edges(diver.boxes_px)))
    way = np.deg2rad(between("way", -25, 25)) + (np.pi if between("hand", 0, 1) < 0.5 else 0.0)
    aside = between("aside", *_ASIDE[view]) * usual * np.array((np.cos(way), np.sin(way)))
    turn, size, light = between("turn", -8, 8), between("size", 0.94, 1.06), between("light", 0.92, 1.08)
    path = camera_path(views)
    cuts = {t: _cut_out(frames[t], diver.boxes_px[t - diver.first], views[t]) for t in diver.frames}
    behind = between("depth", 0, 1) < 0.5
    made = [frame.copy() for frame in frames]
    for t in range(len(frames)):
        source = t - later
        cut = cuts.get(source)
        if cut is None:
            continue
        middle = centres(diver.boxes_px[source - diver.first])
        there = np.linalg.inv(path[t]) @ path[source] @ np.array((*middle, 1.0))
        put = cv2.getRotationMatrix2D(tuple(middle - cut.corner_px), turn, size)
        put[:, 2] += there[:2] / there[2] + aside - (middle - cut.corner_px)
        frame_size = frames[t].shape[1::-1]
        cover = cv2.warpAffine(cut.cover, put, frame_size)[..., None]
        picture = cv2.warpAffine(cut.picture, put, frame_size, borderMode=cv2.BORDER_REPLICATE)
        lit = np.clip(picture * light, 0, 255)
        own = cuts.get(t)
        if behind and own is not None:
            x, y = own.corner_px
            rows, columns = own.cover.shape
            cover[y : y + rows, x : x + columns, 0] *= 1 - own.cover
        made[t] = np.rint(frames[t] * (1 - cover) + lit * cover).astype(np.uint8)
    return made


def _cut_out(frame: UInt8[np.ndarray, "h w 3"], box_px: np.ndarray, view: FrameObservation) -> CutOut | None:
    """The diver of a frame by GrabCut, begun from what moves; None where nothing is left of the box."""
    height, width = frame.shape[:2]
    grown = _MARGIN * float(long_edges(box_px))
    left, top = np.maximum(np.floor(box_px[:2] - grown), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(box_px[2:] + grown), (width, height)).astype(int).tolist()
    if right - left < 8 or bottom - top < 8:
        return None
    share = cv2.resize(view.motion.share, (width, height))[top:bottom, left:right]
    moving: Bool[np.ndarray, "h w"] = share > _SURE_SHARE
    marks = np.where(moving, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    near = cv2.dilate(moving.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    marks[near & ~moving] = cv2.GC_PR_BGD
    if moving.sum() < 30 or not (marks == cv2.GC_BGD).any():
        return None
    part = np.ascontiguousarray(frame[top:bottom, left:right])
    cv2.setRNGSeed(0)  # its clusters begin by chance
    colours = np.zeros((2, 1, 65))
    cv2.grabCut(part, marks, (0, 0, 1, 1), colours[0], colours[1], 3, cv2.GC_INIT_WITH_MASK)
    body = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.float32)
    return CutOut(part, cv2.GaussianBlur(body, (0, 0), _FEATHER_PX).astype(np.float64), (left, top))
