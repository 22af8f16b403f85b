"""A whole data set of simulated dives, by several processes, as if by one.

Dive k depends on the seed and on k alone, each process writes whole dives, and the label files are made
last from what the dives' own records say. So the bytes are the same for any number of workers and after
any interruption.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.atomic import write_bytes
from stagescore.data.attachments import Progress
from stagescore.data.manifest import Manifest
from stagescore.errors import DataError, StagescoreError
from stagescore.hashing import hash_u64
from stagescore.json_files import read_json
from stagescore.locking import Held, alone_in
from stagescore.simulate.appearance import Appearance, draw_appearance
from stagescore.simulate.judge import draw_panel, judge, splash_size
from stagescore.simulate.labels import TEST_SHARE, finish
from stagescore.simulate.render import Picture, render
from stagescore.simulate.sampling import draw_event, draw_plan
from stagescore.simulate.types import BodyMotion, DivePlan, Judgement, Splash
from stagescore.simulate.write import (
    TRUTH,
    TRUTH_VERSION,
    SimulatedDive,
    read_record,
    write_dive,
)
from stagescore.skeleton import MPII_16
from stagescore.workers import worker_pool

# Set by hand: shortest and longest edge of the frames.
SMALLEST_PX, LARGEST_PX = 32, 4096
_ANKLES = [MPII_16.index("right_ankle"), MPII_16.index("left_ankle")]


@dataclass(frozen=True, slots=True)
class SimulatedFilm:
    """What the camera brings back.

    Attributes:
        pictures: Pictures, one per frame, drawn when they are asked for.
        jpeg_quality: JPEG quality at which the broadcast is compressed.
    """

    pictures: Iterable[Picture]
    jpeg_quality: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Who dives and who films: functions of a module, so that other processes can find them.

    Attributes:
        dive: Function that makes the motion of a plan.
        film: Function that makes a film of motion, splash, plan and (width, height) in pixels.
    """

    dive: Callable[[DivePlan], BodyMotion]
    film: Callable[[BodyMotion, Splash, DivePlan, tuple[int, int]], SimulatedFilm]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which dives are wanted.

    Attributes:
        num_dives: Number of dives, 2 or more.
        seed: Seed of everything that is drawn.
        size_px: Width and height of the frames, in pixels.
        test_share: Share of the dives for the test split, 0 to 1; little where another data set is tested on.
        fault_augmented: Whether dives have faults of all sizes, for training only (`sampling.draw_plan`).
    """

    num_dives: int
    seed: int = 0
    size_px: tuple[int, int] = (256, 144)
    test_share: float = TEST_SHARE
    fault_augmented: bool = False

    def __post_init__(self) -> None:
        if self.num_dives < 2:
            raise DataError(f"{self.num_dives} dives", todo="ask for two or more")
        if not all(SMALLEST_PX <= edge <= LARGEST_PX for edge in self.size_px):
            raise DataError(
                f"frames of {self.size_px[0]} x {self.size_px[1]} px",
                todo=f"ask for edges of {SMALLEST_PX} to {LARGEST_PX} px",
            )
        if not 0 <= self.test_share <= 1:
            raise DataError(f"a test split of {self.test_share}", todo="give a share from 0 to 1")


def simulate_dataset(
    out: Path,
    order: Order,
    *,
    workers: int = 1,
    resume: bool = False,
    progress: Progress = lambda what, done, total: None,
    stage: Stage | None = None,
) -> Manifest:
    """Simulate, film, judge and write dives in FineDiving's layout.

    Args:
        out: Folder to write to; new or empty unless resuming.
        order: Dives that are wanted.
        workers: Number of processes.
        resume: Whether to go on in a folder where some dives of the same seed and size are complete; more dives than
            before and another test split may be asked for.
        progress: Function that is called after every dive, and about every second while another process simulates here.
        stage: Functions that dive and film; by default those of `motion` and `render`.

    Returns:
        The manifest that was written, with paths relative to `out`.

    Raises:
        DataError: The folder is in use, was made with another order, or cannot be written to; or a
            process was killed.
    """
    if workers < 1:
        raise DataError(f"{workers} workers", todo="ask for one or more")
    _claim(out, order, resume=resume)
    total = order.num_dives
    with alone_in(
        out / TRUTH, waiting=lambda: progress("waiting for another process to simulate dives", 0, total)
    ) as lock:
        todo = [index for index in range(total) if not resume or _complete(out, order, index) is None]
        done = total - len(todo)
        progress("dives", done, total)
        for _ in _made(out, order, todo, lock, workers=workers, stage=stage):
            done += 1
            progress("dives", done, total)
    records = [_complete(out, order, index) for index in range(order.num_dives)]
    whole = [record for record in records if record is not None]
    if len(whole) < order.num_dives:
        raise DataError(
            f"{order.num_dives - len(whole)} dives are not whole", where=out, todo="use --resume to mend them"
        )
    return finish(out, whole, order.seed, progress, test_share=order.test_share)


def make_dive(order: Order, index: int, stage: Stage | None = None) -> SimulatedDive:
    """Dive `index` of an order, with its pictures still to be drawn.

    Args:
        order: Order that says seed and size; the number of dives does not matter.
        index: Index of the dive, 0 or more.
        stage: Functions that dive and film; by default those of `motion` and `render`.

    Raises:
        DataError: A negative index.
    """
    stage = stage or default_stage()
    event = draw_event(order.seed, index, fault_augmented=order.fault_augmented)
    plan = draw_plan(order.seed, index, fault_augmented=order.fault_augmented)
    motion = stage.dive(plan)
    splash = make_splash(plan, motion)
    film = stage.film(motion, splash, plan, order.size_px)
    return SimulatedDive(
        index=index,
        event=event.name,
        number=index - event.first_dive + 1,
        plan=plan,
        motion=motion,
        splash=splash,
        judgement=judge(plan, splash.size, draw_panel(order.seed, event.index)),
        pictures=film.pictures,
        jpeg_quality=film.jpeg_quality,
    )


@dataclass(frozen=True, slots=True)
class JudgedDive:
    """A dive without pictures: what labels can say of it.

    Attributes:
        plan: Plan of the dive.
        judgement: Marks and score that the judges gave.
        transitions: Label transitions, as frames of the clip.
    """

    plan: DivePlan
    judgement: Judgement
    transitions: tuple[int, ...]


def judged_dives(
    seed: int,
    num_dives: int,
    *,
    workers: int = 1,
    progress: Progress = lambda what, done, total: None,
) -> list[JudgedDive]:
    """Dives in motion, judged but not filmed, in their order.

    Args:
        seed: Seed of the data set.
        num_dives: Number of dives.
        workers: Number of processes.
        progress: Function that is called after every dive.
    """
    judged: list[JudgedDive] = []
    with worker_pool(workers) as pool:
        for dive in pool.map(partial(_judged_dive, seed), range(num_dives), chunksize=8):
            judged.append(dive)
            progress("dives", len(judged), num_dives)
    return judged


def _judged_dive(seed: int, index: int) -> JudgedDive:
    plan = draw_plan(seed, index)
    motion = default_stage().dive(plan)
    splash = make_splash(plan, motion)
    judgement = judge(plan, splash.size, draw_panel(seed, draw_event(seed, index).index))
    return JudgedDive(plan, judgement, motion.label_transitions)


def make_splash(plan: DivePlan, motion: BodyMotion) -> Splash:
    """The splash of a dive: where the hands go in, thrown to the side to which the body falls."""
    contact = min(motion.first_water_contact_frame, motion.num_frames - 1)
    hands = motion.fingers_m[contact].mean(0)
    feet = motion.joints_m[contact, _ANKLES].mean(0)
    return Splash(
        size=splash_size(plan.faults, motion.entry_speed_m_s),
        first_frame=motion.first_water_contact_frame,
        x_m=float(hands[0]),
        y_m=float(hands[1]),
        lean=float(np.clip(feet[0] - hands[0], -1.0, 1.0)),
    )


def default_stage() -> Stage:
    """`motion.simulate` dives and `render.render` films, each dive in a look of its own.

    The look is drawn for the dive and not for its event: were all dives of an event filmed alike, the
    venue would tell how good the event's divers are.
    """
    return Stage(dive=_dive, film=_film)


def _dive(plan: DivePlan) -> BodyMotion:
    from stagescore.simulate.motion import simulate  # noqa: PLC0415 - only those who make dives need it

    return simulate(plan)


def appearance_of(plan: DivePlan) -> Appearance:
    """Venue, camera, picture and diver's looks of a dive: by its seed and height alone."""
    return draw_appearance(hash_u64(plan.seed, "look"), plan.height_m)


def _film(motion: BodyMotion, splash: Splash, plan: DivePlan, size_px: tuple[int, int]) -> SimulatedFilm:
    appearance = appearance_of(plan)
    return SimulatedFilm(render(motion, splash, appearance, size_px), appearance.picture.jpeg_quality)


def _claim(out: Path, order: Order, *, resume: bool) -> None:
    """Note the order in the folder, or refuse the folder."""
    path = out / TRUTH / "order.json"
    asked = {"version": TRUTH_VERSION, **asdict(order), "size_px": list(order.size_px)}
    try:
        used = out.is_dir() and any(out.iterdir())
        content = read_json(path) if used and resume and path.is_file() else None
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the folder ({error})", where=out, todo="choose a new or empty folder"
        ) from None
    if used and not resume:
        raise DataError(
            "the folder is not empty", where=out, todo="choose a new one, or use --resume to go on in it"
        )
    if used and content is None:
        raise DataError("no simulation was begun in this folder", where=out, todo="choose a new folder")
    if content is not None:
        _compare_orders(content, asked, path)
    write_bytes(path, (json.dumps(asked, indent=1) + "\n").encode())


def _compare_orders(before: Any, asked: dict[str, Any], path: Path) -> None:
    before = dict(before) if isinstance(before, dict) else {}
    # Folders of earlier versions say `drills`, and the first ones say nothing.
    before.setdefault("fault_augmented", before.pop("drills", False))
    if before.keys() != asked.keys():
        raise DataError("it holds no order", where=path, todo="choose a new folder")
    for name in ("version", "seed", "size_px", "fault_augmented"):
        if before[name] != asked[name]:
            raise DataError(
                f"the {name} was {before[name]} and is now {asked[name]}",
                where=path,
                todo="resume with the same order, or choose a new folder",
            )
    if not isinstance(before["num_dives"], int) or before["num_dives"] > asked["num_dives"]:
        raise DataError(
            f"{before['num_dives']} dives were begun and {asked['num_dives']} are now asked for",
            where=path,
            todo="resume with at least as many dives",
        )


def _complete(out: Path, order: Order, index: int) -> dict[str, Any] | None:
    """The record of a dive that is whole and of this seed."""
    event = draw_event(order.seed, index, fault_augmented=order.fault_augmented)
    record = read_record(out, event.name, index - event.first_dive + 1)
    wanted = draw_plan(order.seed, index).seed
    return record if record is not None and record["plan"]["seed"] == wanted else None


def _made(
    out: Path, order: Order, indices: list[int], lock: Held, *, workers: int, stage: Stage | None
) -> Iterator[None]:
    """Yields after every dive that was written."""
    make = partial(_make_and_write, out=out, order=order, stage=stage)
    if workers == 1 or len(indices) < 2:
        for index in indices:
            _raise(make(index))
            yield
        return
    try:
        with worker_pool(min(workers, len(indices)), holding=lock) as pool:
            futures: list[Future[dict[str, str] | None]] = [pool.submit(make, index) for index in indices]
            for future in as_completed(futures):
                _raise(future.result())
                yield
    except BrokenProcessPool:
        raise DataError(
            "a worker was killed, perhaps for want of memory",
            where=out,
            todo="use --resume, with fewer workers or smaller frames",
        ) from None


def _make_and_write(index: int, *, out: Path, order: Order, stage: Stage | None) -> dict[str, str] | None:
    """Make and write a dive; an expected failure comes back as its parts."""
    try:
        write_dive(make_dive(order, index, stage), out)
    except StagescoreError as error:
        return error.as_json()
    return None


def _raise(error: dict[str, str] | None) -> None:
    if error is not None:
        raise DataError(error["what"], where=error["where"], todo=error["todo"])
