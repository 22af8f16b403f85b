"""Who dives in UNLV-Dive follows from the starting orders, and the lists of difficulties confirm it."""

import csv
from collections import Counter, defaultdict

import numpy as np
import pytest
import unlv_makers

from stagescore.data.unlv_athletes import ATHLETES, ROUNDS, contest_of, places, recover_athletes
from stagescore.errors import DataError


def heat_places():
    return {film: number for film, number in unlv_makers.mtl_ids().items() if contest_of(film) == "heats"}


def test_every_athlete_dives_once_a_round():
    athletes = recover_athletes(unlv_makers.scores(), heat_places())
    located = places(heat_places())
    for contest, number in ATHLETES.items():
        rounds = defaultdict(list)
        for film, (where, _, turn) in located.items():
            if where == contest:
                rounds[turn].append(athletes[film])
        assert len(rounds) == ROUNDS
        assert all(len(set(seen)) == len(seen) for seen in rounds.values())
        assert len(set().union(*rounds.values())) == number
    assert set(athletes.values()) == set(range(1, 33))


def test_the_best_of_the_heats_dives_last_in_the_semi_final_and_the_worst_not_at_all():
    scores = unlv_makers.scores()
    first = recover_athletes(scores, heat_places())
    best, worst = 7, 9
    for film, athlete in first.items():
        if contest_of(film) == "heats" and athlete in (best, worst):
            scores[film] = 150.0 if athlete == best else 1.0
    again = recover_athletes(scores, heat_places())
    assert again[90] == best  # the last of the first round of the semi-final, films 73 to 90
    assert Counter(again.values())[worst] == ROUNDS


def test_the_order_of_the_scores_given_does_not_matter():
    scores = unlv_makers.scores()
    backwards = dict(reversed(scores.items()))
    assert recover_athletes(scores, heat_places()) == recover_athletes(backwards, heat_places())


def test_a_missing_score_is_named():
    scores = unlv_makers.scores()
    del scores[17]
    with pytest.raises(DataError, match="no score of film 17"):
        recover_athletes(scores, heat_places())


@pytest.fixture(scope="module")
def real(shared):
    """Athlete and difficulty of all 370 real films."""
    folder = shared / "data" / "unlv_dive"
    if not (folder / "unlv_dive.npz").is_file():
        pytest.skip("no real UNLV-Dive beside the project")
    with (folder / "films.csv").open(newline="") as stream:
        rows = {int(row["id"]): row for row in csv.DictReader(stream)}
    with np.load(folder / "unlv_dive.npz") as content:
        scores, difficulties = content["final_score"].ravel(), content["difficulty"].ravel()
    known = {film: int(row["mtl_id"]) for film, row in rows.items() if row["mtl_event"] == "1"}
    athletes = recover_athletes({n: float(s) for n, s in enumerate(scores, start=1)}, known)
    return athletes, known, dict(enumerate(difficulties.tolist(), start=1))


def test_the_lists_of_difficulties_agree_from_contest_to_contest(real):
    athletes, known, difficulties = real
    lists = defaultdict(dict)
    for film, (contest, _, turn) in places(known).items():
        lists[contest, athletes[film]][turn] = round(difficulties[film], 2)
    for before, after, number in (("heats", "semi-final", 18), ("semi-final", "final", 12)):
        later = {athlete: dives for (contest, athlete), dives in lists.items() if contest == after}
        assert len(later) == number
        for athlete, dives in later.items():
            same = Counter(dives.values()) & Counter(lists[before, athlete].values())
            assert same.total() >= 5, (after, athlete)


def test_there_are_32_athletes(real):
    assert len(set(real[0].values())) == 32
