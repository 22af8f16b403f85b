"""Whether anything that is not the dive tells how well it is dived: settings, surroundings, bytes, seeds.

Each kind of trace is reduced to at most 30 components; a ridge regression tries to predict from them, for
dives that it has not seen, what number, height and difficulty leave unexplained of the execution mark. It
finds nothing where it does no better than on shuffled marks.

The diver is left out wherever he or she is seen, and so is all water that the entry can have stirred.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.data.attachments import Progress
from stagescore.errors import DataError
from stagescore.evaluation.calibration import fault_sizes
from stagescore.simulate.appearance import Appearance
from stagescore.simulate.camera import CameraView, follow
from stagescore.simulate.dataset import Order, appearance_of, make_dive
from stagescore.simulate.render import Picture
from stagescore.simulate.types import Splash
from stagescore.simulate.write import SimulatedDive
from stagescore.workers import worker_pool

COMPONENTS = 30
"""Most components of a kind of trace. Set by hand."""
_ENDS = 3
"""Frames at each end of a clip that are looked at. Set by hand."""

_PRESS_S = 0.8
"""Seconds before leaving the board from which on the approach may show what goes wrong later. Set by hand."""

# Set by hand, but for the bits of a seed.
_BYTES_UNTIL = 5  # frames before leaving the board
_THUMBNAIL = 8  # pixels along each edge
_ROOM = 0.25  # around the diver's box, of its longer edge
_SEED_BITS = 64
_FOLDS = 10
_RIDGE = 0.3  # penalty for features of deviation 1
_CHANCE = 0.05  # usual level of significance
_SPRAY_UP_M, _SPRAY_DOWN_M = 3.0, 2.5  # beyond them no droplet or bubble comes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traces:
    """What a dive leaves beside itself.

    Attributes:
        group: Direction or kind of the dive, and the height in metres.
        difficulty: Degree of difficulty.
        execution: Mark by rule, 0 to 10.
        faults: True sizes of the faults without their signs, and the height in metres.
        parts: Numbers by kind of trace; NaN where nothing is to be seen.
    """

    group: str
    difficulty: float
    execution: float
    faults: Float[np.ndarray, " faults"]
    parts: dict[str, Float[np.ndarray, "..."]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRow:
    """How well one kind of trace tells the mark.

    Attributes:
        part: Kind of trace; `all` for all of them together.
        r2: Share of the variance that is explained on held-out dives; below 0 where the mean would be the better guess.
        chance_r2: Value that shuffled marks stay below, but for one time in 20 over all kinds.
    """

    part: str
    r2: float
    chance_r2: float

    @property
    def leaks(self) -> bool:
        """Whether it tells more than chance does."""
        return self.r2 > self.chance_r2


def gather_traces(
    order: Order,
    indices: Sequence[int],
    *,
    workers: int = 1,
    progress: Progress = lambda what, done, total: None,
) -> list[Traces]:
    """Traces of dives; those whose clip begins when the diver moves already are left out.

    Args:
        order: Seed of the dives and size of the frames.
        indices: Indices of the dives.
        workers: Number of processes.
        progress: Called after every dive with how many are done.
    """
    traces: list[Traces] = []
    with worker_pool(workers) as pool:
        for done, found in enumerate(pool.map(partial(_traces_of, order), indices, chunksize=4), 1):
            if found is not None:
                traces.append(found)
            progress("dives", done, len(indices))
    return traces


def _traces_of(order: Order, index: int) -> Traces | None:
    dive = make_dive(order, index)
    plan, motion = dive.plan, dive.motion
    if motion.first_airborne_frame - math.ceil(_PRESS_S * motion.frame_rate) < _ENDS:
        return None
    appearance = appearance_of(plan)
    before, after, sizes = _seen(dive, appearance, order.size_px)
    parts = {
        "look": np.array(_numbers(appearance)),
        "seed": np.array([*_bits(plan.seed), *_bits(appearance.seed)]),
        "clip": np.array([motion.num_frames, motion.first_airborne_frame], dtype=np.float64),
        "bytes": np.array([sum(sizes), np.mean(sizes), sizes[0]], dtype=np.float64),
        "before": np.concatenate(before),
        "after": np.concatenate(after),
    }
    return Traces(
        group=f"{plan.number.group} {plan.height_m:g}",
        difficulty=plan.difficulty,
        execution=dive.judgement.execution,
        faults=np.array(fault_sizes(plan)),
        parts=parts,
    )


def _seen(
    dive: SimulatedDive, appearance: Appearance, size_px: tuple[int, int]
) -> tuple[list[np.ndarray], list[np.ndarray], list[int]]:
    """Colours of the first and of the last frames, and bytes of the frames before take-off."""
    motion, path = dive.motion, follow(dive.motion, appearance, size_px)
    before, after, sizes = [], [], []
    for frame, picture in enumerate(dive.pictures):
        if frame < max(motion.first_airborne_frame - _BYTES_UNTIL, 1):
            sizes.append(_jpeg_bytes(picture.image, dive.jpeg_quality))
        if frame < _ENDS:
            before.append(_colours(picture.image, _without_diver(picture)))
        elif frame >= motion.num_frames - _ENDS:
            since_s = (frame - dive.splash.first_frame) / motion.frame_rate
            dry = _without_splash(picture, dive.splash, path.view(frame), since_s)
            after.append(_colours(picture.image, dry & _without_diver(picture)))
    return before, after, sizes


def _jpeg_bytes(image: UInt8[np.ndarray, "h w 3"], quality: int) -> int:
    done, coded = cv2.imencode(
        ".jpg", np.ascontiguousarray(image[..., ::-1]), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    if not done:
        raise DataError("a frame cannot be encoded", todo="report this as a defect")
    return len(coded)


def _numbers(value: Any) -> list[float]:
    """All numbers in a tree of dataclasses and tuples, but for seeds; words count for nothing."""
    if is_dataclass(value):
        return [n for f in fields(value) if f.name != "seed" for n in _numbers(getattr(value, f.name))]
    if isinstance(value, tuple):
        return [n for part in value for n in _numbers(part)]
    if isinstance(value, str):
        return []
    return [float(value)]


def _bits(seed: int) -> list[float]:
    return [float(seed >> k & 1) for k in range(_SEED_BITS)]


def _without_diver(picture: Picture) -> Bool[np.ndarray, "h w"]:
    keep = np.ones(picture.image.shape[:2], dtype=bool)
    box = picture.diver_box
    if np.isfinite(box).all():
        room = _ROOM * max(box[2] - box[0], box[3] - box[1])
        _clear(keep, box + np.array((-room, -room, room, room)))
    return keep


def _without_splash(
    picture: Picture, splash: Splash, view: CameraView, since_s: float
) -> Bool[np.ndarray, "h w"]:
    """Pixels that no ring, bubble or droplet can have reached, however large the splash."""
    keep = np.ones(picture.image.shape[:2], dtype=bool)
    reach = 1.0 + 1.4 * max(since_s, 0.0)
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack((splash.x_m + reach * np.cos(turns), splash.y_m + reach * np.sin(turns)), axis=-1)
    heights = (-_SPRAY_DOWN_M, 0.0, _SPRAY_UP_M if since_s < 2.0 else 0.5)
    points = np.concatenate([np.insert(ring, 2, height, axis=1) for height in heights])
    places = view.project(points)
    _clear(keep, np.concatenate((places.min(0), places.max(0))))
    return keep


def _clear(keep: Bool[np.ndarray, "h w"], box_px: Float[np.ndarray, "4"]) -> None:
    left, top = np.maximum(np.floor(box_px[:2]), 0).astype(int)
    right, bottom = np.maximum(np.ceil(box_px[2:]), 0).astype(int)
    keep[top:bottom, left:right] = False


def _colours(image: UInt8[np.ndarray, "h w 3"], keep: Bool[np.ndarray, "h w"]) -> np.ndarray:
    """Mean and deviation of the kept pixels' colours, and a thumbnail of them; NaN where none is kept."""
    weights = keep.astype(np.float32)
    size = (_THUMBNAIL, _THUMBNAIL)
    kept = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)[..., None]
    summed = cv2.resize(image * weights[..., None], size, interpolation=cv2.INTER_AREA)
    with np.errstate(invalid="ignore", divide="ignore"):
        cells = np.where(kept > 0.05, summed / kept, np.nan)
    pixels = image[keep].astype(np.float64)
    whole = [pixels.mean(0), pixels.std(0)] if len(pixels) else [np.full(3, np.nan)] * 2
    return np.concatenate([*whole, cells.ravel()]).astype(np.float64)


def unexplained_execution(traces: Sequence[Traces]) -> Float[np.ndarray, " dives"]:
    """The execution mark less what group, height and difficulty explain of it."""
    groups = sorted({trace.group for trace in traces})
    design = np.array([[trace.group == group for group in groups] for trace in traces], dtype=np.float64)
    difficulty = np.array([[trace.difficulty] for trace in traces])
    design = np.concatenate((design, difficulty), axis=1)
    marks = np.array([trace.execution for trace in traces])
    return np.asarray(marks - design @ np.linalg.lstsq(design, marks, rcond=None)[0])


def leak_table(traces: Sequence[Traces], shuffles: int = 2000, *, with_faults: bool = False) -> list[LeakRow]:
    """How well each kind of trace, and all together, tell the mark of a dive that was held out.

    Args:
        traces: Traces of 100 dives or more.
        shuffles: Number of times that the marks are shuffled, to see what chance gives.
        with_faults: Whether to give the regression the true fault sizes too, to see that it can find the mark.

    Returns:
        A row for each kind, whose limit is made stricter by their number, and one named "all".

    Raises:
        DataError: Too few dives to hold some out.
    """
    if len(traces) < 2 * _FOLDS:
        raise DataError(f"traces of {len(traces)} dives", todo=f"give {2 * _FOLDS} or more")
    marks = unexplained_execution(traces)
    reduced = {name: components(np.stack([t.parts[name] for t in traces])) for name in traces[0].parts}
    kinds = {**reduced, "all": components(np.concatenate([_foremost(p) for p in reduced.values()], axis=1))}
    faults = components(np.stack([trace.faults for trace in traces]))
    rng = np.random.default_rng(0)
    shuffled = np.stack([rng.permutation(marks) for _ in range(shuffles)], axis=1)
    rows = []
    for name, features in kinds.items():
        given = np.concatenate((features, faults), axis=1) if with_faults else features
        guess = held_out_guess(given)
        chance = _CHANCE if name == "all" else _CHANCE / len(reduced)
        limit = np.quantile(_r2(guess @ shuffled, shuffled), 1 - chance)
        rows.append(
            LeakRow(
                part=name, r2=float(_r2(guess @ marks[:, None], marks[:, None])[0]), chance_r2=float(limit)
            )
        )
    return rows


def components(features: Float[np.ndarray, "dives features"]) -> Float[np.ndarray, "dives components"]:
    """At most 30 principal components of standardised features, each with deviation 1.

    Missing values count as the mean of all dives, and features that never change are left out.
    """
    known = np.isfinite(features)
    seen = known.sum(0)
    mean = np.where(known, features, 0.0).sum(0) / np.maximum(seen, 1)
    centred = np.where(known, features - mean, 0.0)
    deviation = centred.std(0)
    varied = deviation > 1e-9 * (1 + np.abs(mean))
    standard = centred[:, varied] / deviation[varied]
    left, sizes, _ = np.linalg.svd(standard - standard.mean(0), full_matrices=False)
    count = min(COMPONENTS, int((sizes > 1e-6 * max(sizes.max(initial=0.0), 1e-12)).sum()))
    return np.asarray(left[:, :count] * np.sqrt(len(features)))


def _foremost(part: Float[np.ndarray, "dives components"]) -> Float[np.ndarray, "dives foremost"]:
    """The same few components of each kind, so that a kind of one number is not lost among hundreds."""
    return part[:, : COMPONENTS // 6]


def held_out_guess(features: Float[np.ndarray, "dives features"]) -> Float[np.ndarray, "dives dives"]:
    """The matrix that takes marks to what ridge regression guesses of each dive without its own fold.

    Args:
        features: Features of each dive, of deviation about 1.
    """
    dives = len(features)
    fold = np.random.default_rng(1).permutation(dives) % _FOLDS
    guess = np.zeros((dives, dives))
    for k in range(_FOLDS):
        out, known = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        mean = features[known].mean(0)
        centred = features[known] - mean
        gram = centred.T @ centred + _RIDGE * len(known) * np.eye(features.shape[1])
        slopes = np.linalg.solve(gram, centred.T)
        guess[np.ix_(out, known)] = (features[out] - mean) @ slopes + 1 / len(known)
    return guess


def _r2(
    guessed: Float[np.ndarray, "dives draws"], true: Float[np.ndarray, "dives draws"]
) -> Float[np.ndarray, " draws"]:
    return np.asarray(1 - ((true - guessed) ** 2).sum(0) / ((true - true.mean(0)) ** 2).sum(0))
