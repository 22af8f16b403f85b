"""Which dives meet in a training batch, and which of them are compared.

Source: section V-A of the paper (8 pairs a batch, each query with one exemplar of the same dive number).
Departs: encoding costs nearly all the time, so a batch is made of groups of dives that may all be compared
with each other. Four groups of four are 16 encodings for 24 pairs; the published pairing needs 48 for as
many. It stays as an option, as groups of two.

Order and choice are hashes of seed, epoch and dive: the same on every machine, after every resume, and
however the dives were listed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from stagescore.data.exemplars import Protocol
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.types import Dive

Pairing = Literal["all", "one-partner", "none"]
"""All dives of a group with each other, each query with one exemplar of its own, as published, or every dive by itself."""


@dataclass(frozen=True, slots=True)
class Group:
    """Dives that are compared with each other.

    Attributes:
        dive_ids: Ids of the dives, no two the same.
        num_own: Number of dives, counted from the first, that are seen for this epoch; the rest fill the group up and
            have a group of their own elsewhere.
    """

    dive_ids: tuple[str, ...]
    num_own: int

    @property
    def own(self) -> tuple[str, ...]:
        """Dives whose turn this is."""
        return self.dive_ids[: self.num_own]


@dataclass(frozen=True, slots=True)
class BatchGroups:
    """Ids of the dives of a batch, by group, before any of them is read; each dive is encoded once.

    Attributes:
        groups: Groups of the batch, one or more.
    """

    groups: tuple[Group, ...]

    @property
    def dive_ids(self) -> tuple[str, ...]:
        """Dives to encode, each once, in the order in which they first stand in a group."""
        return tuple(dict.fromkeys(dive_id for group in self.groups for dive_id in group.dive_ids))

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(query, exemplar) as places in `dive_ids`: every pair of every group, in one direction.

        >>> BatchGroups((Group(("a", "b", "c"), 3), Group(("d", "a"), 1))).pairs
        ((0, 1), (0, 2), (1, 2), (3, 0))
        """
        place = {dive_id: k for k, dive_id in enumerate(self.dive_ids)}
        return tuple(
            (place[query], place[exemplar])
            for group in self.groups
            for query, exemplar in combinations(group.dive_ids, 2)
        )

    @property
    def pair_groups(self) -> tuple[int, ...]:
        """The group of each of `pairs`, as its place in `groups`."""
        return tuple(
            number for number, group in enumerate(self.groups) for _ in combinations(group.dive_ids, 2)
        )

    @property
    def members(self) -> tuple[tuple[int, int], ...]:
        """(dive, group) as places in `dive_ids` and `groups`: a dive that fills up a second group stands twice.

        >>> BatchGroups((Group(("a", "b"), 2), Group(("c", "a"), 1))).members
        ((0, 0), (1, 0), (2, 1), (0, 1))
        """
        place = {dive_id: k for k, dive_id in enumerate(self.dive_ids)}
        return tuple(
            (place[dive_id], number) for number, group in enumerate(self.groups) for dive_id in group.dive_ids
        )


def epoch_groups(
    dives: Sequence[Dive],
    *,
    seed: int,
    epoch: int,
    size: int = 4,
    pairing: Pairing = "all",
    protocol: Protocol = "w/ DN",
) -> list[Group]:
    """The groups of an epoch: each dive stands once among the `own` ones.

    Dives that may be compared (see `protocol`) are shuffled and cut into groups of `size`; the last group of
    them is filled up from the others, as far as there are any. Dives with nobody to be compared with form
    groups along their difficulty, filled up by the dives of the nearest difficulty.

    Args:
        dives: Dives to train on, in any order; two or more.
        seed: Seed of the training.
        epoch: Number of the epoch, counted from 0.
        size: Number of dives in a group; of no effect with one partner, or with none.
        pairing: Pairs that are compared: `one-partner` gives groups of two, a query with its exemplar; `none` groups of
            one.
        protocol: What dives of a group share: the dive number, nothing, or the difficulty.

    Returns:
        Groups of 2 to `size` dives, or of 1 without pairing, in the order of their hashes.

    Raises:
        DataError: Fewer than two dives, one of them twice, or groups of fewer than two.
    """
    ids = {dive.dive_id for dive in dives}
    if len(ids) < max(2, len(dives)):
        raise DataError(
            f"{len(dives)} dives with {len(ids)} ids cannot be compared with each other",
            where="training dives",
            todo="train on two or more, each listed once",
        )
    if size < 2:
        raise DataError(f"groups of {size} are asked for", todo="ask for two or more")
    shuffled = sorted(dives, key=lambda d: (hash_u64(seed, "order", epoch, d.dive_id), d.dive_id))
    if pairing == "none":
        return [Group((dive.dive_id,), 1) for dive in shuffled]
    alike: dict[str | float, list[Dive]] = defaultdict(list)
    lone: list[Dive] = []
    for dive in shuffled:
        key = _key(dive, protocol)
        (lone if key is None else alike[key]).append(dive)
    lone += [members[0] for members in alike.values() if len(members) == 1]
    comparable = [members for members in alike.values() if len(members) > 1]
    if pairing == "one-partner":
        groups = [
            Group((dive.dive_id, members[(k + 1) % len(members)].dive_id), 1)
            for members in comparable
            for k, dive in enumerate(members)
        ]
        groups += [_filled([dive], shuffled, 2) for dive in lone]
    else:
        groups = [group for members in comparable for group in _cut(members, size)]
        # Sorting is stable: dives of one difficulty stay shuffled.
        lone.sort(key=lambda d: (d.difficulty is None, d.difficulty or 0.0))
        groups += [_filled(lone[k : k + size], shuffled, size) for k in range(0, len(lone), size)]
    return sorted(groups, key=lambda g: (hash_u64(seed, "group", epoch, *g.dive_ids), g.dive_ids))


def batches(groups: Sequence[Group], per_batch: int = 4) -> list[BatchGroups]:
    """The groups of an epoch in batches, in their order; the last one may be smaller.

    Args:
        groups: Groups of an epoch, as `epoch_groups` returns them.
        per_batch: Number of groups in a batch: 4 of four dives, or 8 with one partner.
    """
    return [BatchGroups(tuple(groups[k : k + per_batch])) for k in range(0, len(groups), per_batch)]


def comparable(dives: Sequence[Dive], protocol: Protocol) -> list[list[Dive]]:
    """Dives that may be compared with each other, two or more of each kind; those with nobody are left out.

    Args:
        dives: Dives to train on.
        protocol: What comparable dives share: the dive number, nothing, or the difficulty.
    """
    alike: dict[str | float, list[Dive]] = defaultdict(list)
    for dive in dives:
        key = _key(dive, protocol)
        if key is not None:
            alike[key].append(dive)
    return [members for members in alike.values() if len(members) > 1]


def _key(dive: Dive, protocol: Protocol) -> str | float | None:
    """What a dive has in common with those it may be compared with; None where nobody can say."""
    if protocol == "w/ DN":
        return dive.dive_number
    return dive.difficulty if protocol == "w/ DD" else ""


def _cut(members: Sequence[Dive], size: int) -> list[Group]:
    """Groups of shuffled dives that may all be compared; the first ones fill up the last group."""
    ids = [dive.dive_id for dive in members]
    groups = [Group(tuple(ids[k : k + size]), len(ids[k : k + size])) for k in range(0, len(ids), size)]
    if len(groups) > 1:
        last = groups[-1]
        groups[-1] = Group((*last.dive_ids, *ids[: size - last.num_own]), last.num_own)
    return groups


def _filled(own: Sequence[Dive], others: Sequence[Dive], size: int) -> Group:
    """A group filled up by the dives of the nearest difficulty; of equally near ones the first."""
    known = [dive.difficulty for dive in own if dive.difficulty is not None]

    def distance(dive: Dive) -> float:
        if not known or dive.difficulty is None:
            return float("inf")
        return min(abs(dive.difficulty - difficulty) for difficulty in known)

    ids = [dive.dive_id for dive in own]
    nearest = sorted((dive for dive in others if dive.dive_id not in ids), key=distance)
    return Group((*ids, *(dive.dive_id for dive in nearest[: size - len(ids)])), len(ids))
