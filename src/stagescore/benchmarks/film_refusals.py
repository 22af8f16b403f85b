"""Two divers and other shots on real films: how often each is seen where it is, and where it is not.

Films of single dives are looked at as they are, with a second diver put in (`made_pairs`), with a fast pan, with flashes, with
graphics that come and go, and spliced with a piece of another film. Simulated pairs and given films of pairs are looked at beside
them. Only the steps that decide are run: which frames belong together, what moves, who falls.
Source: none.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stagescore.benchmarks.made_pairs import VIEWS, Pictures, pasted_pair, simulated_pair
from stagescore.errors import DataError
from stagescore.hashing import hash_unit
from stagescore.inference.figure_intervals import share_interval
from stagescore.media.film_writing import FILM_PRESET, write_film
from stagescore.media.scaling import scaled
from stagescore.media.source import open_media
from stagescore.pose.annotation import find_divers
from stagescore.pose.networks import PoseNetworks
from stagescore.scoring import checks
from stagescore.scoring.motion_scan import (
    MotionScan,
    distinct_frames,
    scan_distinct_motion,
    small_picture,
)
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.pipeline import SEEING, Tools, run, shot_with_dive
from stagescore.scoring.state import ScoringState

HALVES = ("all", "first", "second")
DISTURBED = ("fast pan", "flash", "graphics")
SPLICED = ("cut before", "cut after", "cut within")
SINGLE, PAIR = "single dive", "pair"
_LOOKING = tuple(step for step in SEEING if step[0] in ("open", "span", "watch"))
# Set by hand: quality at which made films are stored, and what the disturbances are.
_CRF = 18
_RATE = 25.0
_PAN_FRAMES, _PAN_SHARE = 8, 0.8  # frames of a pan, and share of the width that goes by
_FLASH_SHARE = (0.5, 0.95)
_GRAPHICS_FRAMES = (12, 40)
_PIECE_FRAMES = (12, 30)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many clips of a kind were found to be what is asked for.

    Attributes:
        question: What is asked: `pair` or `another shot`.
        kind: What was shown.
        num: Number of clips.
        num_found: Number of clips in which it was found.
        is_there: Whether it is there, so that finding it is right.
        wrong: Names of the clips for which the answer is wrong.
    """

    question: str
    kind: str
    num: int
    num_found: int
    is_there: bool
    wrong: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share that was found."""
        return share_interval(self.num_found, self.num)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "question": self.question,
            "kind": self.kind,
            "clips": self.num,
            "found": self.num_found,
            "share": self.num_found / self.num,
            "interval": list(self.interval),
            "is_there": self.is_there,
            "wrong": list(self.wrong),
        }


@dataclass(slots=True)
class Answers:
    """Answers as they come.

    Attributes:
        given: Names of what was shown, whether it was there and whether it was found, by question and kind, in the order of asking.
    """

    given: dict[tuple[str, str], list[tuple[str, bool, bool]]] = field(default_factory=dict)

    def add(self, question: str, kind: str, name: str, *, is_there: bool, found: bool) -> None:
        """Note one answer."""
        self.given.setdefault((question, kind), []).append((name, is_there, found))

    def tallies(self) -> list[Tally]:
        """All answers, counted by question and kind."""
        return [
            Tally(
                question=question,
                kind=kind,
                num=len(rows),
                num_found=sum(found for _, _, found in rows),
                is_there=rows[0][1],
                wrong=tuple(name for name, is_there, found in rows if found != is_there),
            )
            for (question, kind), rows in self.given.items()
        ]


def half_of(films: Sequence[Path], half: str) -> list[Path]:
    """The films of one half, by a hash of their names; all for `all`.

    Raises:
        DataError: There is no such half, or no film in it.
    """
    if half not in HALVES:
        raise DataError(f"there is no half {half!r}", todo=f"choose among {', '.join(HALVES)}")
    chosen = [
        one for one in films if half == "all" or (hash_unit("pairs", one.name) < 0.5) == (half == "first")
    ]
    if not chosen:
        raise DataError("no film is left", todo="give more films, or choose another half")
    return chosen


def measure_film_refusals(
    tools: Tools,
    films: Sequence[Path],
    *,
    pairs: Sequence[Path] = (),
    num_made: int = 20,
    num_simulated: int = 20,
    seed: int = 0,
    second_look: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> list[Tally]:
    """Look for a second diver and for other shots.

    Args:
        tools: What the steps of scoring work with; pose networks are needed.
        films: Films of single dives.
        pairs: Films of synchronised pairs.
        num_made: Number of films into which a second diver is put, spread over them all; each is also spliced.
        num_simulated: Number of simulated pairs of each view.
        seed: Seed of the simulated dives.
        second_look: Looks for a second diver in ways that `score` does not use as well (`annotation.find_divers`).
        progress: Called with how many clips are done.

    Raises:
        DataError: There are no pose networks, or a film cannot be read.
    """
    if not isinstance(tools.pose_networks, PoseNetworks):
        raise DataError("two divers cannot be told from one without pose networks", todo=tools.pose_networks)
    networks = _Divers(tools.pose_networks, second_look)
    answers = Answers()
    changed = set(films[:: max(len(films) // max(num_made, 1), 1)][:num_made])
    total = len(films) + len(changed) + len(pairs) + num_simulated
    done = 0
    for path in films:
        progress("films", done, total)
        done += 1
        looked = _Looked.at(path, tools)
        answers.add("another shot", SINGLE, path.name, is_there=False, found=looked.is_cut)
        answers.add(PAIR, SINGLE, path.name, is_there=False, found=looked.has_two(networks))
        pictures = _pictures(path)
        for kind in DISTURBED:
            found = is_cut(disturbed(pictures, path.name, kind), tools)
            answers.add("another shot", kind, path.name, is_there=False, found=found)
        if path in changed:
            progress("films", done, total)
            done += 1
            _change(answers, path, pictures, films[films.index(path) - 1], looked, tools, networks)
    for path in pairs:
        progress("films", done, total)
        done += 1
        answers.add(PAIR, "given", path.name, is_there=True, found=_Looked.at(path, tools).has_two(networks))
    for index in range(num_simulated):
        progress("films", done, total)
        done += 1
        for view in VIEWS:
            made = simulated_pair(seed, index, view, (320, 180))
            found = _has_two(made, tools, networks)
            answers.add(PAIR, f"simulated, {view}", str(index), is_there=True, found=found)
    return answers.tallies()


def _change(
    answers: Answers,
    path: Path,
    pictures: Pictures,
    other: Path,
    looked: "_Looked",
    tools: Tools,
    networks: "_Divers",
) -> None:
    """Put a second diver into a film, and splice it with another one."""
    frames = looked.frames()
    views, choice, _ = find_divers(lambda: iter(frames), networks.networks, looked.scan.motions)
    if choice.diver is not None:
        for view in VIEWS:
            made = pasted_pair(frames, views, choice.diver, path.name, view)
            found = _has_two(made, tools, networks)
            answers.add(PAIR, f"put in, {view}", path.name, is_there=True, found=found)
    foreign = _pictures(other)
    for kind in SPLICED:
        found = finds_cuts(*spliced(pictures, foreign, path.name, kind))
        answers.add("another shot", kind, path.name, is_there=True, found=found)


@dataclass(frozen=True, slots=True, eq=False)
class _Divers:
    """How divers are looked for."""

    networks: PoseNetworks
    second_look: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """A film after the steps that choose its frames."""

    state: ScoringState
    scan: MotionScan

    @classmethod
    def at(cls, path: Path, tools: Tools) -> "_Looked":
        state = run(ScoringState(path=path, name=path.stem, options=ScoreOptions()), tools, _LOOKING)
        if state.scan is None:
            raise DataError("it is no dive", where=path, todo="leave it out")
        return cls(state, state.scan)

    @property
    def is_cut(self) -> bool:
        return any(reason.code == "cut" for reason in self.state.reasons)

    def frames(self) -> Pictures:
        """The distinct frames that are used."""
        if self.state.working is None:
            return []
        numbers = [self.state.start + frame for frame in self.scan.distinct]
        return [image for _, image in self.state.working.frames(numbers)]

    def has_two(self, networks: "_Divers") -> bool:
        frames = self.frames()
        found = find_divers(
            lambda: iter(frames), networks.networks, self.scan.motions, second_look=networks.second_look
        )
        return found[1].is_pair


def _has_two(pictures: Pictures, tools: Tools, networks: "_Divers") -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.mp4"
        write_film(path, pictures, _RATE, crf=_CRF, preset=FILM_PRESET)
        return _Looked.at(path, tools).has_two(networks)


def _pictures(path: Path) -> Pictures:
    """The frames of a film without black ends."""
    media = open_media(path)
    return [image for _, image in media.frames(list(media.content))]


def is_cut(pictures: Pictures, tools: Tools) -> bool:
    """Whether a clip is refused because another shot begins in it.

    Args:
        pictures: Frames of the clip.
        tools: What the steps of scoring work with.
    """
    small = np.stack([small_picture(picture) for picture in pictures])
    distinct = distinct_frames(small)
    cuts = [distinct[cut] for cut in checks.cuts(small[distinct])]
    if not checks.main_shot(len(small), cuts, checks.still_shots(small, cuts)).cuts:
        return False  # what moves is only asked where a cut is left
    scan = scan_distinct_motion(lambda frames: [pictures[frame] for frame in frames], len(pictures))
    return bool(shot_with_dive(scan, 0, tools.flights).cuts)


def finds_cuts(pictures: Pictures, true: Sequence[int]) -> bool:
    """Whether every cut is found, to a frame.

    Args:
        pictures: Frames of the clip.
        true: First frames of the second and later shots.
    """
    small = np.stack([small_picture(picture) for picture in pictures])
    distinct = distinct_frames(small)
    found = [distinct[cut] for cut in checks.cuts(small[distinct])]
    return all(any(abs(one - cut) <= 1 for one in found) for cut in true)


def disturbed(pictures: Pictures, name: str, kind: str) -> Pictures:
    """A film with something in it that is no cut; the same name is always disturbed in the same way.

    Args:
        pictures: Frames of the film.
        name: Name of the film.
        kind: One of `DISTURBED`.
    """

    def between(what: str, low: float, high: float) -> float:
        return low + (high - low) * hash_unit("disturbed", name, kind, what)

    made = [picture.copy() for picture in pictures]
    height, width = made[0].shape[:2]
    begin = int(between("begin", 0.15, 0.75) * len(made))
    if kind == "fast pan":
        return _panned(made, begin, left=between("hand", 0, 1) < 0.5)
    if kind == "flash":
        for flash in range(3):
            first = int(between(f"first {flash}", 0.05, 0.9) * len(made))
            share = between(f"share {flash}", *_FLASH_SHARE)
            for frame in range(
                first, min(first + (1 if between(f"long {flash}", 0, 1) < 0.5 else 2), len(made))
            ):
                made[frame] = np.rint(made[frame] * (1 - share) + 255 * share).astype(np.uint8)
        return made
    length = int(between("length", *_GRAPHICS_FRAMES))
    left, top = int(between("left", 0.03, 0.2) * width), int(between("top", 0.05, 0.75) * height)
    right, bottom = (
        int(between("right", 0.5, 0.97) * width),
        top + int(between("height", 0.08, 0.22) * height),
    )
    colour = np.array([between(channel, 0, 255) for channel in "rgb"])
    fades = between("fades", 0, 1) < 0.5
    for frame in range(begin, min(begin + length, len(made))):
        cover = min(1.0, (frame - begin + 1) / 5, (begin + length - frame) / 5) if fades else 1.0
        part = made[frame][top:bottom, left:right]
        part[:] = np.rint(part * (1 - cover) + colour * cover).astype(np.uint8)
        edge = cover * np.array((255.0, 255.0, 255.0))
        cv2.putText(
            made[frame],
            "SCORE 84.60",
            (left + 4, bottom - 5),
            cv2.FONT_HERSHEY_SIMPLEX,
            height / 600,
            edge.tolist(),
            1,
        )
    return made


def _panned(pictures: Pictures, begin: int, *, left: bool) -> Pictures:
    """A part of each picture, which goes from one side to the other within a few frames, blurred as it goes."""
    width = pictures[0].shape[1]
    room = int(_PAN_SHARE * width / 2)
    made = []
    for frame, picture in enumerate(pictures):
        # Mirrored margins: there is no more of the hall than the film shows.
        wide = cv2.copyMakeBorder(picture, 0, 0, room, room, cv2.BORDER_REFLECT_101)
        edges = [
            float(np.clip((frame + share - begin) / _PAN_FRAMES, 0, 1)) * 2 * room for share in (-0.25, 0.25)
        ]
        first, last = (round(2 * room - edge if left else edge) for edge in edges)
        first, last = min(first, last), max(first, last)
        moved = wide[:, first : first + width]
        if last > first:
            moved = cv2.blur(wide, (2 * ((last - first) // 2) + 1, 1))[:, first : first + width]
        made.append(np.ascontiguousarray(moved))
    return made


def spliced(pictures: Pictures, foreign: Pictures, name: str, kind: str) -> tuple[Pictures, tuple[int, ...]]:
    """A film with a piece of another one, and the first frames of its second and later shots.

    Args:
        pictures: Frames of the film.
        foreign: Frames of the other film.
        name: Name of the film: the same name is always spliced in the same way.
        kind: One of `SPLICED`.
    """

    def between(what: str, low: float, high: float) -> float:
        return low + (high - low) * hash_unit("spliced", name, kind, what)

    size = pictures[0].shape[1::-1]
    length = min(int(between("length", *_PIECE_FRAMES)), len(foreign))
    first = int(between("first", 0, 1) * (len(foreign) - length))
    piece = [scaled(picture, size) for picture in foreign[first : first + length]]
    if kind == "cut before":
        return piece + pictures, (length,)
    if kind == "cut after":
        return pictures + piece, (len(pictures),)
    place = int(between("place", 0.3, 0.7) * len(pictures))
    return pictures[:place] + piece + pictures[place:], (place, place + length)
