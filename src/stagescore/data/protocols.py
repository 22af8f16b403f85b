"""Evaluation protocols: which dives are trained on and which are tested on, fixed by hash.

`five-fold` mixes athletes and contests; `leave-one-contest-out` tests on a contest that training has not seen (but on
the same people); `athlete-disjoint` never tests on a person who was trained on; `sealed` keeps some athletes away
from every decision, to be looked at once. Nothing but ids, events and athletes decides, so the same dives always
fall into the same folds.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from stagescore.data.manifest import Manifest
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.types import Dive

FoldProtocol = Literal["five-fold", "leave-one-contest-out", "athlete-disjoint", "sealed"]
PROTOCOLS: tuple[FoldProtocol, ...] = get_args(FoldProtocol)

EVERYTHING = "all"
"""The fold that tests on nothing."""

# Chosen before the first training on these films: the folds decide what every later figure means.
_SEED = 0
_FOLDS = 5
_SEALED_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One split of the dives.

    Attributes:
        protocol: Protocol that the fold belongs to.
        name: Name of the fold within its protocol, such as `2` or `heats`.
        train: Ids of the dives that everything is fitted to.
        test: Ids of the dives that are predicted; none of them is in `train`.
    """

    protocol: FoldProtocol
    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]


def sealed_ids(dives: Iterable[Dive]) -> frozenset[str]:
    """Dives of the athletes that no decision may look at: whole athletes by hash, a fifth of the dives at most.

    Args:
        dives: All dives of the data set, with athletes.

    Raises:
        DataError: A dive's athlete is unknown.
    """
    by_athlete = _by_athlete(dives)
    total = sum(map(len, by_athlete.values()))
    chosen: list[str] = []
    for athlete in sorted(by_athlete, key=lambda a: hash_u64(_SEED, "sealed", a)):
        if len(chosen) + len(by_athlete[athlete]) <= _SEALED_SHARE * total:
            chosen += by_athlete[athlete]
    return frozenset(chosen)


def without_sealed(dives: Iterable[Dive], protocol: str = "", *, sealed: bool = False) -> list[Dive]:
    """The dives that take part in a protocol: all but those of the sealed athletes.

    A data set in which no athlete is known has none that are sealed.

    Args:
        dives: All dives of the data set.
        protocol: Name of the protocol; in `sealed` the sealed athletes take part.
        sealed: Whether the sealed athletes take part in any case.

    Raises:
        DataError: The athletes of some dives are known and those of others are not.
    """
    dives = list(dives)
    if sealed or protocol == "sealed" or all(dive.athlete is None for dive in dives):
        return dives
    out = sealed_ids(dives)
    return [dive for dive in dives if dive.dive_id not in out]


def make_folds(dives: Sequence[Dive], protocol: FoldProtocol) -> tuple[Fold, ...]:
    """The folds of a protocol.

    Args:
        dives: Dives to divide into folds. To choose among models, leave out those of `sealed_ids`.
        protocol: Name of the protocol, one of `PROTOCOLS`.

    Raises:
        DataError: The protocol needs athletes, and a dive has none; or a fold would be empty.
    """
    everyone = tuple(dive.dive_id for dive in dives)
    if protocol == "five-fold":
        ordered = sorted(everyone, key=lambda i: hash_u64(_SEED, "five-fold", i))
        tests = {str(k): ordered[k::_FOLDS] for k in range(_FOLDS)}
    elif protocol == "leave-one-contest-out":
        tests = defaultdict(list)
        for dive in dives:
            tests[dive.event].append(dive.dive_id)
    elif protocol == "athlete-disjoint":
        tests = _athlete_folds(dives)
    else:
        tests = {"sealed": sorted(sealed_ids(dives))}
    folds = []
    for name, test in tests.items():
        held = set(test)
        train = tuple(dive_id for dive_id in everyone if dive_id not in held)
        if not train or not test:
            raise DataError(
                f"fold {name} of {protocol} has {len(train)} dives to train on and {len(test)} to test on",
                todo="give more dives, of several contests and athletes",
            )
        folds.append(
            Fold(protocol=protocol, name=name, train=train, test=tuple(i for i in everyone if i in held))
        )
    return tuple(folds)


def split_by_fold(manifest: Manifest, fold: str, *, sealed: bool = False) -> Manifest:
    """The dives of one fold, those that are tested on as split `test` and all others as `train`; nothing validates.

    Args:
        manifest: All dives of the data set.
        fold: Fold as `PROTOCOL/NAME`, such as `five-fold/0` or `leave-one-contest-out/heats`; `all` trains on every
            dive that the manifest's own split does not test on, sealed ones included, for weights that ship.
        sealed: Whether the sealed athletes take part; in the protocol `sealed` they do in any case.

    Raises:
        DataError: There is no such fold.
    """
    if fold == EVERYTHING:
        return Manifest(tuple(dive.with_changes(validation=False) for dive in manifest))
    protocol, _, name = fold.partition("/")
    if protocol not in PROTOCOLS:
        raise DataError(f"there is no protocol {protocol!r}", todo=f"choose among {', '.join(PROTOCOLS)}")
    dives = without_sealed(manifest, protocol, sealed=sealed)
    folds = {one.name: one for one in make_folds(dives, protocol)}
    if name not in folds:
        raise DataError(f"{protocol} has no fold {name!r}", todo=f"choose among {', '.join(sorted(folds))}")
    test = frozenset(folds[name].test)
    return Manifest(
        tuple(
            dive.with_changes(split="test" if dive.dive_id in test else "train", validation=False)
            for dive in dives
        )
    )


def _athlete_folds(dives: Sequence[Dive]) -> dict[str, list[str]]:
    """Whole athletes to the fold that is smallest so far, those with most dives first."""
    by_athlete = _by_athlete(dives)
    tests: dict[str, list[str]] = {str(k): [] for k in range(_FOLDS)}
    for athlete in sorted(
        by_athlete, key=lambda a: (-len(by_athlete[a]), hash_u64(_SEED, "athlete-disjoint", a))
    ):
        min(tests.values(), key=len).extend(by_athlete[athlete])
    return tests


def _by_athlete(dives: Iterable[Dive]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for dive in dives:
        if dive.athlete is None:
            raise DataError(
                "the athlete is unknown", where=dive.dive_id, todo="choose a protocol that needs no athletes"
            )
        groups[dive.athlete].append(dive.dive_id)
    return groups
