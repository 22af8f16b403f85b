"""Height of the board and usual difficulty, learned from labels.

FineDiving labels no height. Some events carry it in their name; for the others it shows in the
difficulties, since most dives have another degree of difficulty at 3 m than at 10 m.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from stagescore.diving import SYNCHRONISED_COMPULSORY_DIFFICULTY, usual_difficulties
from stagescore.types import Dive, HeightSource

DifficultyTable = Mapping[tuple[str, float], float]

HEIGHTS_M: tuple[float, ...] = (3.0, 10.0)
# Set by hand. 14 of FineDiving's 15 numbered events pass; event 26, which mixes both heights, does not (docs/log.md).
MIN_VOTES = 3
MIN_AGREEMENT = 0.9
# Rounding of floats alone; difficulties are given in tenths.
_TOLERANCE = 1e-6
_NAMED = re.compile(r"(?<![\d.])(10|3)m(?![a-z])")


def height_from_name(event: str) -> float | None:
    """Height in metres from an event's name, or None.

    >>> height_from_name("FINADivingWorldCup2021_Women3m_semifinal_r3"), height_from_name("17")
    (3.0, None)
    """
    found = {float(match) for match in _NAMED.findall(event)}
    return found.pop() if len(found) == 1 else None


def with_heights(dives: Sequence[Dive], table: DifficultyTable | None = None) -> list[Dive]:
    """The same dives with their heights: named, inferred or unknown.

    An event without a height in its name gets the one that at least 90 % of its telling dives (three
    or more) agree with; a dive tells when its difficulty is usual at one height and not at the other.
    An event that mixes heights, as MTL-AQA's event 26 does, stays unknown.

    Args:
        dives: Dives whose heights are wanted.
        table: Usual difficulty by dive number and height; the package's own table by default.
    """
    table = usual_difficulties() if table is None else table
    votes: dict[str, Counter[float]] = defaultdict(Counter)
    for dive in dives:
        fitting = [height for height in HEIGHTS_M if _is_usual(dive, height, table)]
        if len(fitting) == 1 and not dive.synchronised:
            votes[dive.event][fitting[0]] += 1
    return [_with_height(dive, votes[dive.event]) for dive in dives]


def _with_height(dive: Dive, votes: Counter[float]) -> Dive:
    height = height_from_name(dive.event)
    source: HeightSource = "named"
    if height is None:
        best, count = max(votes.items(), key=lambda vote: (vote[1], -vote[0]), default=(None, 0))
        sure = count >= MIN_VOTES and count >= MIN_AGREEMENT * votes.total()
        height, source = (best, "inferred") if sure else (None, "unknown")
    return dive.with_changes(height_m=height, height_source=source)


def _is_usual(dive: Dive, height_m: float, table: DifficultyTable) -> bool:
    usual = table.get((dive.dive_number or "", height_m))
    return usual is not None and dive.difficulty is not None and abs(usual - dive.difficulty) < _TOLERANCE


def learn_difficulties(dives: Iterable[Dive]) -> dict[tuple[str, float], float]:
    """The most common difficulty of each dive number at each height, from individual dives.

    Of equally common ones the lower is taken. Dives of unknown height do not count.
    """
    counts: dict[tuple[str, float], Counter[float]] = defaultdict(Counter)
    for dive in dives:
        if not dive.synchronised and dive.dive_number and dive.height_m and dive.difficulty is not None:
            counts[dive.dive_number, dive.height_m][dive.difficulty] += 1
    return {
        key: max(counter.items(), key=lambda item: (item[1], -item[0]))[0]
        for key, counter in sorted(counts.items())
    }


def derive_difficulties(dives: Sequence[Dive]) -> dict[tuple[str, float], float]:
    """The table of the package, from nothing but labels: named events first, then the inferred ones."""
    table: dict[tuple[str, float], float] = {}
    for _ in range(3):  # named events, events inferred from those, events inferred from both
        table = learn_difficulties(with_heights(dives, table))
    return table


def difficulty_problem(dive: Dive, table: DifficultyTable) -> str | None:
    """Why a dive's difficulty is not the usual one of its number and height, or None.

    A synchronised dive with difficulty 2.0 is a case of its own and never a problem. Where the height
    is unknown, the usual difficulty of any height will do; where the table says nothing, nothing is
    claimed.
    """
    if dive.difficulty is None or dive.dive_number is None or is_synchronised_compulsory(dive):
        return None
    heights = HEIGHTS_M if dive.height_m is None else (dive.height_m,)
    usual = {
        height: table[dive.dive_number, height] for height in heights if (dive.dive_number, height) in table
    }
    if not usual or any(abs(value - dive.difficulty) < _TOLERANCE for value in usual.values()):
        return None
    expected = ", ".join(f"{value:g} at {height:g} m" for height, value in usual.items())
    return f"{dive.dive_number} has difficulty {dive.difficulty:g}, usual is {expected} (height {dive.height_source})"


def is_synchronised_compulsory(dive: Dive) -> bool:
    """Whether this is a synchronised dive with the fixed difficulty of the first rounds."""
    return dive.synchronised and dive.difficulty == SYNCHRONISED_COMPULSORY_DIFFICULTY
