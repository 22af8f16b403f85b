"""Who dives in UNLV-Dive: no file says so, but the starting orders do.

The 370 films are London 2012, men's 10 m, in the order of the contests: final (1 to 72), semi-final (73 to 180),
heats (181 to 370). In each contest the athletes dive in a fixed order, six rounds of it: the order repeats every 12,
18 and 32 dives. In the heats two dives have no film, so the place there is that of MTL-AQA's numbering. Each later
contest starts in the reverse order of the rank in the one before, which links the athletes over the contests.
Source: ours; checked by the lists of difficulties, which agree between the contests (`tests/data/test_unlv_athletes.py`).
Athletes are numbers here, by their place in the heats, and never names.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

from stagescore.errors import DataError

Contest = Literal["final", "semi-final", "heats"]

FIRST_FILM: dict[Contest, int] = {"final": 1, "semi-final": 73, "heats": 181}
ATHLETES: dict[Contest, int] = {"final": 12, "semi-final": 18, "heats": 32}
NUM_FILMS = 370
ROUNDS = 6


def contest_of(film: int) -> Contest:
    """The contest that a film belongs to.

    Args:
        film: Number of the film, 1 to 370.

    Raises:
        DataError: There is no such film.

    >>> contest_of(72), contest_of(73), contest_of(370)
    ('final', 'semi-final', 'heats')
    """
    if not 1 <= film <= NUM_FILMS:
        raise DataError(f"film {film}", todo=f"UNLV-Dive has films 1 to {NUM_FILMS}")
    return max((c for c in FIRST_FILM if FIRST_FILM[c] <= film), key=lambda c: FIRST_FILM[c])


def places(heat_places: Mapping[int, int]) -> dict[int, tuple[Contest, int, int]]:
    """Contest, starting place (from 0) and round (from 0) of every film.

    Args:
        heat_places: Number in the contest, from 1 (`mtl_id`), of each film of the heats; a film that is not named
            follows on from the film before.
    """
    found: dict[int, tuple[Contest, int, int]] = {}
    missing = 0
    for film in range(1, NUM_FILMS + 1):
        contest = contest_of(film)
        index = film - FIRST_FILM[contest]
        if contest == "heats":
            if film in heat_places:
                missing = heat_places[film] - 1 - index
            index += missing
        found[film] = contest, index % ATHLETES[contest], index // ATHLETES[contest]
    return found


def recover_athletes(scores: Mapping[int, float], heat_places: Mapping[int, int]) -> dict[int, int]:
    """The athlete of each film, 1 to 32: the starting place in the heats.

    Args:
        scores: Final score of every film of the data set; they serve the ranks alone.
        heat_places: Number in the contest of each film of the heats, as `places` takes it.

    Raises:
        DataError: A score is missing.
    """
    if missing := sorted(set(range(1, NUM_FILMS + 1)) - set(scores)):
        raise DataError(
            f"no score of film {missing[0]}",
            todo="the ranks need the scores of all 370 films (unlv_dive.npz)",
        )
    located = places(heat_places)
    # A dive without a film counts 0, so a total is the contest's or less.
    totals: dict[Contest, dict[int, float]] = {c: defaultdict(float) for c in ATHLETES}
    for film, (contest, place, _) in located.items():
        totals[contest][place] += scores[film]
    athletes: dict[tuple[Contest, int], int] = {("heats", place): place + 1 for place in totals["heats"]}
    order: tuple[Contest, ...] = ("heats", "semi-final", "final")
    for before, after in pairwise(order):
        ranked = sorted(totals[before], key=lambda place: -totals[before][place])[: ATHLETES[after]]
        for place, origin in enumerate(reversed(ranked)):
            athletes[after, place] = athletes[before, origin]
    return {film: athletes[contest, place] for film, (contest, place, _) in located.items()}
