"""Are the dives of a pool session found, and nothing else? Sessions are put together, shown to the detector, and counted.

    tripod      simulated dives from one board before one camera, with people who walk, climb and swim (`simulate.session`)
    cuts        real films of dives one after another, each a shot of its own, stills between some
    dissolves   the same without a hard cut: pictures melt into one another, first pictures are held, water goes on afterwards

Sessions and films of the part `choosing` were looked at while thresholds were chosen, those of `reporting` never. A session that is
done is kept in a file, so that a measurement of hours goes on after a kill. Source: none.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8

from stagescore.atomic import write_text
from stagescore.data.protocols import without_sealed
from stagescore.errors import DataError
from stagescore.hashing import hash_u64, hash_unit
from stagescore.json_files import read_json
from stagescore.media.source import open_media
from stagescore.media.streaming import stream_film
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.sessions.film import dives_in_film
from stagescore.simulate.session import RATE, SessionDive, SessionOrder, TripodSession
from stagescore.types import Dive

Kind = Literal["tripod", "cuts", "dissolves"]
Part = Literal["choosing", "reporting"]
KINDS: tuple[Kind, ...] = ("tripod", "cuts", "dissolves")
Picture = UInt8[np.ndarray, "height width 3"]
Progress = Callable[[str, int, int], None]
_CHOOSING_FILMS = 60
"""Films of the part that thresholds were chosen on; the first in the order of a hash."""
_NEAR_S = 1.0
"""Seconds between the flight that is found and the true one, up to which they are one: they must overlap, or nearly."""
_STILL_S, _WATER_S, _FADE_FRAMES = 4.0, 3.0, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOutcome:
    """What was found in a session.

    Attributes:
        name: Name of the session.
        kind: Kind of the session.
        num_frames: Number of its frames.
        seconds: Length of the session, in seconds.
        dives: Take-off and water contact of each true dive, in seconds.
        found: Take-off, water contact and confidence of each dive that was found, in seconds.
        told: What told each of these.
        cpu_s: Seconds of processor time that the detector took, without making the pictures.
    """

    name: str
    kind: Kind
    num_frames: int
    seconds: float
    dives: tuple[tuple[float, float], ...]
    found: tuple[tuple[float, float, float], ...]
    told: tuple[str, ...]
    cpu_s: float

    @property
    def hits(self) -> tuple[int, ...]:
        """Of each true dive, which found one it is; -1 for none."""
        free = set(range(len(self.found)))
        hits = []
        for takeoff, contact in self.dives:
            near = [
                k
                for k in sorted(free)
                if self.found[k][0] < contact + _NEAR_S and takeoff - _NEAR_S < self.found[k][1]
            ]
            best = min(near, key=lambda k: abs(self.found[k][0] - takeoff), default=-1)
            free.discard(best)
            hits.append(best)
        return tuple(hits)

    @property
    def num_hits(self) -> int:
        """True dives that were found."""
        return sum(hit >= 0 for hit in self.hits)

    @property
    def num_false(self) -> int:
        """Dives that were found where none is, or twice."""
        return len(self.found) - self.num_hits


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """Which sessions are made.

    Attributes:
        kind: Kind of the sessions.
        number: Number of the session.
        part: Part that its films or its seed belong to.
        num_dives: Number of dives in it.
        pause_s: Shortest and longest time between two dives of a simulated session, in seconds.
    """

    kind: Kind
    number: int
    part: Part
    num_dives: int
    pause_s: tuple[float, float] = (4.0, 40.0)

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.kind}-{self.part}-{self.num_dives}-{self.pause_s[1]:g}-{self.number:03d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOutcome:
    """All sessions of a kind together.

    Attributes:
        kind: Kind of the sessions.
        sessions: Number of sessions.
        hours: Length of all sessions together, in hours.
        dives: Number of true dives.
        hits: Number of true dives that were found.
        false_alarms: Number of dives that were found where none is.
        times_faster: Seconds of film for each second of processor time of the detector, without decoding.
    """

    kind: str
    sessions: int
    hours: float
    dives: int
    hits: int
    false_alarms: int
    times_faster: float


def measure_sessions(
    plans: Sequence[SessionPlan],
    films: Sequence[Dive],
    detector: Callable[[], SessionDetector],
    out: Path,
    progress: Progress = lambda what, done, total: None,
) -> list[SessionOutcome]:
    """Show every session to a detector; those whose files are in the folder are not shown again.

    Args:
        plans: Sessions that are made.
        films: Dives with films, for sessions of real ones; those of sealed athletes are left out.
        detector: Makes a detector for a session.
        out: Folder of the outcomes.
        progress: Called before every session with how many are done.

    Raises:
        DataError: There are too few films, a film cannot be read, or a kept outcome is torn.
    """
    outcomes = []
    for done, plan in enumerate(plans):
        progress("sessions", done, len(plans))
        path = out / f"{plan.name}.json"
        if not path.is_file():
            outcome = watch_session(plan, films, detector())
            write_text(path, json.dumps(asdict(outcome), indent=1) + "\n")
        outcomes.append(_read(path))
    return outcomes


def watch_session(plan: SessionPlan, films: Sequence[Dive], detector: SessionDetector) -> SessionOutcome:
    """Show one session to a detector.

    Args:
        plan: Session that is made.
        films: Dives with films, for sessions of real ones.
        detector: A new detector.

    Raises:
        DataError: There are too few films, or one cannot be read.
    """
    truth: list[tuple[float, float]] = []
    pictures, rate = session_pictures(plan, films, truth)
    found = []
    cpu_s, frame = 0.0, -1
    for frame, picture in enumerate(pictures):
        begin = time.process_time()
        found += detector.feed(picture, frame / rate, frame)
        cpu_s += time.process_time() - begin
    found += detector.finish()
    return SessionOutcome(
        name=plan.name,
        kind=plan.kind,
        num_frames=frame + 1,
        seconds=round((frame + 1) / rate, 3),
        dives=tuple(truth),
        found=tuple((one.takeoff_s, one.contact_s, one.confidence) for one in found),
        told=tuple(" ".join(one.told) for one in found),
        cpu_s=round(cpu_s, 3),
    )


def session_pictures(
    plan: SessionPlan, films: Sequence[Dive], truth: list[tuple[float, float]]
) -> tuple[Iterator[Picture], float]:
    """The pictures of a session and how many there are a second.

    Args:
        plan: Session that is made.
        films: Dives with films, for sessions of real ones.
        truth: Gets take-off and water contact of each dive, in seconds, while pictures are made.

    Raises:
        DataError: There are too few films.
    """
    if plan.kind == "tripod":
        seed = hash_u64("tripod", plan.part, plan.number) >> 1
        order = SessionOrder(seed=seed, num_dives=plan.num_dives, pause_s=plan.pause_s)
        return _simulated(TripodSession(order), truth), RATE
    chosen = _films_of(plan, films)
    return _spliced(plan, chosen, truth), _RATE_OF_FILMS


_RATE_OF_FILMS = 29.97
"""Frames per second at which spliced sessions play, whatever their films say: they are of one broadcast."""


def _simulated(session: TripodSession, truth: list[tuple[float, float]]) -> Iterator[Picture]:
    dives: list[SessionDive] = []
    for picture in session.pictures():
        dives = session.dives
        yield picture
    truth += [(dive.takeoff / RATE, dive.contact / RATE) for dive in dives]


def _films_of(plan: SessionPlan, films: Sequence[Dive]) -> list[Dive]:
    usable = [
        dive for dive in without_sealed(films) if dive.frames_path is not None and len(dive.flight) == 2
    ]
    ordered = sorted(usable, key=lambda dive: hash_u64(0, "sessions", dive.dive_id))
    part = ordered[:_CHOOSING_FILMS] if plan.part == "choosing" else ordered[_CHOOSING_FILMS:]
    if len(part) < plan.num_dives:
        raise DataError(
            f"{len(part)} films for a session of {plan.num_dives} dives",
            todo="prepare more films (`stagescore data prepare`), or ask for fewer dives",
        )
    # Sessions of a kind share no film until all have been shown once.
    first = plan.number * plan.num_dives
    return [part[(first + k) % len(part)] for k in range(plan.num_dives)]


def _spliced(plan: SessionPlan, dives: Sequence[Dive], truth: list[tuple[float, float]]) -> Iterator[Picture]:
    """Films one after another, brought to the size of the first."""
    done, last = 0, None
    size_px: tuple[int, int] | None = None
    for number, dive in enumerate(dives):
        media = open_media(str(dive.frames_path))
        size_px = size_px or (media.info.width_px, media.info.height_px)
        pictures = [picture for _, picture in media.frames(media.content, size_px=size_px)]
        before: list[Picture] = []
        after: list[Picture] = []
        if plan.kind == "dissolves":
            share = hash_unit(plan.part, plan.number, number)
            before = [pictures[0]] * round(_RATE_OF_FILMS * _STILL_S * share)
            tail = pictures[-min(round(0.4 * _RATE_OF_FILMS), len(pictures)) :]
            while len(after) < _RATE_OF_FILMS * _WATER_S * share:
                after += tail[::-1] + tail
            if last is not None:
                fade = [
                    cv2.addWeighted(
                        pictures[0], (k + 1) / (_FADE_FRAMES + 1), last, 1 - (k + 1) / (_FADE_FRAMES + 1), 0
                    )
                    for k in range(_FADE_FRAMES)
                ]
                before = fade + before
        elif number % 3 == 2:
            before = [np.full_like(pictures[0], 40 * (number % 5) + 20)] * round(_RATE_OF_FILMS)
        yield from before
        done += len(before)
        begin = done - media.content.start
        takeoff, contact = ((begin + frame) / _RATE_OF_FILMS for frame in dive.flight)
        truth.append((takeoff, contact))
        yield from pictures
        yield from after
        done += len(pictures) + len(after)
        last = (after or pictures)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedOutcome:
    """How long it takes to look a film through.

    Attributes:
        seconds: Length of the film, in seconds.
        cpu_s: Seconds of processor time, of all threads together: decoding and looking.
        decoding_cpu_s: Seconds of processor time of decoding alone, and of making the pictures small.
        wall_s: Seconds that passed.
        num_dives: Number of dives that were found.
    """

    seconds: float
    cpu_s: float
    decoding_cpu_s: float
    wall_s: float
    num_dives: int


def measure_speed(film: Path, detector: Callable[[], SessionDetector]) -> SpeedOutcome:
    """Look a film through, once for its dives and once for nothing.

    Args:
        film: Path of a film.
        detector: Makes a detector.

    Raises:
        DataError: It is no film.
    """
    begin = time.process_time()
    seconds = max(small.time_s for small in stream_film(film))
    decoding = time.process_time() - begin
    begin, wall = time.process_time(), time.perf_counter()
    dives = list(dives_in_film(film, detector()))
    return SpeedOutcome(
        seconds=seconds,
        cpu_s=time.process_time() - begin,
        decoding_cpu_s=decoding,
        wall_s=time.perf_counter() - wall,
        num_dives=len(dives),
    )


def rates(outcomes: Sequence[SessionOutcome]) -> list[RateOutcome]:
    """Counts of all sessions of each kind, and of all together.

    Args:
        outcomes: What was found in each session.
    """
    groups: list[tuple[str, list[SessionOutcome]]] = [
        (kind, [one for one in outcomes if one.kind == kind]) for kind in KINDS
    ]
    groups.append(("all", list(outcomes)))
    return [
        RateOutcome(
            kind=kind,
            sessions=len(some),
            hours=sum(one.seconds for one in some) / 3600,
            dives=sum(len(one.dives) for one in some),
            hits=sum(one.num_hits for one in some),
            false_alarms=sum(one.num_false for one in some),
            times_faster=sum(one.seconds for one in some) / max(sum(one.cpu_s for one in some), 1e-9),
        )
        for kind, some in groups
        if some
    ]


def most_per_hour(false_alarms: int, hours: float, *, level: float = 0.95) -> float:
    """Upper end of a one-sided interval for false alarms an hour (Garwood's, of a Poisson count).

    Args:
        false_alarms: Number that was counted.
        hours: Length of the films that they were counted in.
        level: Probability that the interval holds the true rate.

    >>> round(most_per_hour(0, 3.0), 2)
    1.0
    """
    from scipy.stats import chi2  # noqa: PLC0415 - SciPy takes half a second, and only this table needs it

    return float(chi2.ppf(level, 2 * false_alarms + 2)) / 2 / hours


def _read(path: Path) -> SessionOutcome:
    try:
        content = read_json(path, finite=False)
        for name in ("dives", "found"):
            content[name] = tuple(tuple(one) for one in content[name])
        return SessionOutcome(**{**content, "told": tuple(content["told"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"a kept session is torn ({error})", where=path, todo="remove it and run again"
        ) from None
