"""Folds are the same for the same dives, never test on what they train on, and predict every dive once."""

import random

import makers
import pytest

from stagescore.data.manifest import Manifest
from stagescore.data.protocols import PROTOCOLS, make_folds, sealed_ids, split_by_fold, without_sealed
from stagescore.errors import DataError
from stagescore.types import Dive


@pytest.fixture
def dives():
    """120 dives of 20 athletes in three contests; some athletes dive in all of them."""
    found = []
    for contest, athletes in (("heats", 20), ("semi-final", 12), ("final", 8)):
        for number in range(3 * athletes):
            dive = makers.dive(number, event=contest, athlete=str(number % athletes))
            found.append(dive)
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_folds_are_disjoint_and_cover_every_dive(dives, protocol):
    everyone = {dive.dive_id for dive in dives}
    folds = make_folds(dives, protocol)
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
        assert set(fold.train) | set(fold.test) == everyone
    tested = [dive_id for fold in folds for dive_id in fold.test]
    assert len(tested) == len(set(tested))
    assert protocol == "sealed" or set(tested) == everyone


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_order_of_the_dives_does_not_matter(dives, protocol):
    def parts(some):
        return {fold.name: (set(fold.train), set(fold.test)) for fold in make_folds(some, protocol)}

    shuffled = list(dives)
    random.Random(3).shuffle(shuffled)
    assert parts(shuffled) == parts(dives)


@pytest.mark.parametrize("protocol", ["athlete-disjoint", "sealed"])
def test_nobody_is_tested_who_was_trained_on(dives, protocol):
    athlete = {dive.dive_id: dive.athlete for dive in dives}
    for fold in make_folds(dives, protocol):
        assert not {athlete[i] for i in fold.train} & {athlete[i] for i in fold.test}


def test_contests_are_left_out_whole(dives):
    folds = {fold.name: fold for fold in make_folds(dives, "leave-one-contest-out")}
    assert {name: len(fold.test) for name, fold in folds.items()} == {
        "heats": 60,
        "semi-final": 36,
        "final": 24,
    }
    assert all(dive_id.startswith("final/") for dive_id in folds["final"].test)


def test_folds_are_about_equal(dives):
    for protocol in ("five-fold", "athlete-disjoint"):
        sizes = [len(fold.test) for fold in make_folds(dives, protocol)]
        assert len(sizes) == 5
        assert max(sizes) - min(sizes) <= 6


def test_without_any_athlete_nothing_is_sealed_and_plain_folds_work(dives):
    nobody = Manifest(tuple(dive.with_changes(athlete=None) for dive in dives))
    assert without_sealed(nobody) == list(nobody)
    tested = [
        dive.dive_id
        for k in range(5)
        for dive in split_by_fold(nobody, f"five-fold/{k}")
        if dive.split == "test"
    ]
    assert sorted(tested) == sorted(dive.dive_id for dive in nobody)
    with pytest.raises(DataError, match="athlete"):
        split_by_fold(nobody, "athlete-disjoint/0")
    some = [dive.with_changes(athlete=None) if k == 3 else dive for k, dive in enumerate(dives)]
    with pytest.raises(DataError, match="athlete"):
        without_sealed(some)


def test_whole_athletes_are_sealed_and_always_the_same(dives):
    sealed = sealed_ids(dives)
    assert 0.1 * len(dives) < len(sealed) <= 0.2 * len(dives)
    athletes = {dive.athlete for dive in dives if dive.dive_id in sealed}
    assert {dive.dive_id for dive in dives if dive.athlete in athletes} == sealed
    assert sealed_ids(reversed(dives)) == sealed
    # A hash of the names decides, not what was scored: other scores seal nobody else.
    assert sealed_ids([dive.with_changes(score=1.0) for dive in dives]) == sealed
    # Golden: whoever changes the rule unseals dives that decisions have looked at.
    assert sorted(athletes, key=int) == ["2", "8", "13", "15", "18"]


def test_an_unknown_athlete_is_named(dives):
    dives[4] = dives[4].with_changes(athlete=None)
    with pytest.raises(DataError, match=r"heats/4: the athlete is unknown"):
        make_folds(dives, "athlete-disjoint")
    assert len(make_folds(dives, "five-fold")) == 5


def test_a_fold_without_training_is_refused():
    with pytest.raises(DataError, match="0 dives to train on"):
        make_folds([makers.dive(n) for n in range(4)], "leave-one-contest-out")


def test_the_fold_all_trains_on_everything_that_is_not_a_published_test_dive() -> None:
    kept = Dive(
        dataset="made", event="e", number=1, recording="1", split="train", score=50.0, validation=True
    )
    tested = Dive(dataset="made", event="e", number=2, recording="2", split="test", score=50.0)
    manifest = split_by_fold(Manifest((kept, tested)), "all")
    assert [dive.number for dive in manifest.select("fit")] == [1]
    assert [dive.number for dive in manifest.select("test")] == [2]
