from collections import Counter
from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.losses.grouping import grouped_mean
from stagescore.training.groups import BatchGroups, Group, batches, epoch_groups
from stagescore.types import Dive


def dive(number: int, code: str | None = "101B", difficulty: float | None = 2.0) -> Dive:
    return Dive(
        dataset="own",
        event="e",
        number=number,
        recording=f"own/{number}",
        split="train",
        score=50.0,
        dive_number=code,
        difficulty=difficulty,
    )


codes = st.sampled_from(["101B", "5253B", "107C", "626C", None])
difficulties = st.one_of(st.none(), st.sampled_from([1.5, 2.0, 3.2]))
# Dives are made in the tests: the check of their types draws random numbers, which strategies must not.
manifests = st.lists(st.tuples(codes, difficulties), min_size=2, max_size=40)
protocols = st.sampled_from(["w/ DN", "w/o DN", "w/ DD"])
pairings = st.sampled_from(["all", "one-partner"])


def dives_of(rows: list[tuple[str | None, float | None]]) -> list[Dive]:
    return [dive(number, *row) for number, row in enumerate(rows, start=1)]


def shared(d: Dive, protocol: str) -> object:
    return {"w/ DN": d.dive_number, "w/o DN": "anything", "w/ DD": d.difficulty}[protocol]


@settings(max_examples=100, deadline=None)
@given(manifests, protocols, pairings, st.integers(2, 5), st.integers(0, 3))
def test_every_dive_has_its_turn_once_among_dives_it_may_be_compared_with(
    rows, protocol, pairing, size, epoch
) -> None:
    dives = dives_of(rows)
    by_id = {d.dive_id: d for d in dives}
    groups = epoch_groups(dives, seed=1, epoch=epoch, size=size, pairing=pairing, protocol=protocol)
    assert Counter(dive_id for group in groups for dive_id in group.own) == Counter(list(by_id))
    common = Counter(shared(d, protocol) for d in dives)
    lone = {d.dive_id for d in dives if shared(d, protocol) is None or common[shared(d, protocol)] == 1}
    for group in groups:
        assert 2 <= len(group.dive_ids) <= (size if pairing == "all" else 2)
        assert len(set(group.dive_ids)) == len(group.dive_ids)
        if lone.isdisjoint(group.own):
            assert len({shared(by_id[dive_id], protocol) for dive_id in group.dive_ids}) == 1
        else:
            assert lone.issuperset(group.own)
    for batch in batches(groups):
        assert all(query != exemplar for query, exemplar in batch.pairs)


@settings(max_examples=50, deadline=None)
@given(manifests, pairings, st.randoms())
def test_groups_depend_on_seed_and_epoch_and_not_on_the_order_of_the_list(rows, pairing, random) -> None:
    dives = dives_of(rows)
    groups = epoch_groups(dives, seed=1, epoch=2, pairing=pairing)
    mixed = list(dives)
    random.shuffle(mixed)
    assert epoch_groups(mixed, seed=1, epoch=2, pairing=pairing) == groups


def test_epochs_and_seeds_bring_other_dives_together() -> None:
    dives = [dive(k) for k in range(40)]

    def met(**kind: int) -> set[frozenset[str]]:
        return {frozenset(group.dive_ids) for group in epoch_groups(dives, **kind)}

    first = met(seed=0, epoch=0)
    assert len(first & met(seed=0, epoch=1)) <= 1
    assert len(first & met(seed=1, epoch=0)) <= 1
    # In time nearly every dive meets nearly every other one.
    pairs = Counter(
        frozenset(pair)
        for epoch in range(60)
        for group in epoch_groups(dives, seed=0, epoch=epoch)
        for pair in combinations(sorted(group.dive_ids), 2)
    )
    assert len(pairs) > 0.9 * 40 * 39 / 2


def test_short_groups_are_filled_up_and_small_numbers_stay_small() -> None:
    dives = [dive(k, "101B") for k in range(9)] + [dive(k, "107C") for k in range(20, 23)]
    groups = epoch_groups(dives, seed=0, epoch=0)
    assert sorted((len(g.dive_ids), g.num_own) for g in groups) == [(3, 3), (4, 1), (4, 4), (4, 4)]


def test_a_lone_dive_meets_those_of_the_nearest_difficulty() -> None:
    dives = [dive(k, "101B", 1.5) for k in range(4)] + [dive(k, "107C", 3.0) for k in range(10, 14)]
    lone = dive(20, "109C", 3.4)
    (group,) = (g for g in epoch_groups([*dives, lone], seed=0, epoch=0) if lone.dive_id in g.own)
    assert group.own == (lone.dive_id,)
    assert len(group.dive_ids) == 4
    assert {dive_id.split("/")[1] for dive_id in group.dive_ids[1:]} <= {"10", "11", "12", "13"}
    (pair,) = (
        g
        for g in epoch_groups([*dives, lone], seed=0, epoch=0, pairing="one-partner")
        if lone.dive_id in g.own
    )
    assert pair.dive_ids[1].split("/")[1] in {"10", "11", "12", "13"}


def test_four_groups_of_four_are_sixteen_encodings_and_twenty_four_pairs_each_way() -> None:
    dives = [dive(k, code) for n, code in enumerate(("101B", "107C")) for k in range(100 * n, 100 * n + 32)]
    for batch in batches(epoch_groups(dives, seed=0, epoch=0)):
        assert len(batch.dive_ids) == 16
        assert len(batch.pairs) == len(set(batch.pairs)) == 24
        assert Counter(batch.pair_groups) == dict.fromkeys(range(4), 6)


def test_one_partner_pairs_each_query_with_one_exemplar() -> None:
    dives = [dive(k) for k in range(24)]
    groups = epoch_groups(dives, seed=0, epoch=0, pairing="one-partner")
    assert len(groups) == 24
    for batch in batches(groups, per_batch=8):
        assert len(batch.pairs) == 8
    assert len({group.dive_ids[1] for group in groups}) == 24  # everybody is somebody's exemplar


def test_the_loss_is_the_mean_over_groups_of_means_over_pairs_and_a_dive_is_encoded_once() -> None:
    batch = BatchGroups((Group(("a", "b", "c"), 3), Group(("d", "a"), 1)))
    assert batch.dive_ids == ("a", "b", "c", "d")
    losses = {(0, 1): 3.0, (0, 2): 6.0, (1, 2): 9.0, (3, 0): 10.0}
    mean = grouped_mean(
        torch.tensor([losses[pair] for pair in batch.pairs]), torch.tensor(batch.pair_groups), num_groups=2
    )
    assert mean.item() == pytest.approx(((3 + 6 + 9) / 3 + 10) / 2)


def test_what_cannot_be_grouped_is_refused() -> None:
    with pytest.raises(DataError, match="two or more"):
        epoch_groups([dive(1)], seed=0, epoch=0)
    with pytest.raises(DataError, match="each listed once"):
        epoch_groups([dive(1), dive(2), dive(1)], seed=0, epoch=0)
    with pytest.raises(DataError, match="two or more"):
        epoch_groups([dive(1), dive(2)], seed=0, epoch=0, size=1)


@settings(max_examples=50, deadline=None)
@given(manifests, st.integers(1, 5), st.integers(0, 3))
def test_without_pairing_every_dive_is_by_itself_once_and_in_another_order_each_epoch(
    rows, per_batch, epoch
) -> None:
    dives = dives_of(rows)
    found = batches(epoch_groups(dives, seed=1, epoch=epoch, pairing="none"), per_batch)
    assert [len(batch.dive_ids) for batch in found[:-1]] == [per_batch] * (len(found) - 1)
    seen = [dive_id for batch in found for dive_id in batch.dive_ids]
    assert sorted(seen) == sorted(d.dive_id for d in dives) and not any(batch.pairs for batch in found)
    orders = {
        tuple(group.dive_ids for group in epoch_groups(dives, seed=1, epoch=e, pairing="none"))
        for e in range(6)
    }
    assert len(orders) > 1 or len(dives) < 4
