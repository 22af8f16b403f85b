"""A validation split: a fixed, stratified part of the training split.

Published practice picks the best epoch on the test split. Ours picks it on dives that are neither
trained on nor tested on, always the same ones.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stagescore.data.manifest import Manifest
from stagescore.errors import DataError
from stagescore.hashing import hash_u64, hash_unit
from stagescore.json_files import read_json
from stagescore.types import Dive


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRule:
    """How the validation dives are drawn.

    Attributes:
        share: Share of the training split that is held out, between 0 and 0.5.
        seed: Seed of the draw.
    """

    # Set by hand: the paper has no validation split (docs/fidelity.md).
    share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 0.5:
            raise DataError(f"a validation share of {self.share}", todo="choose it between 0 and 0.5")


def choose_validation(dives: Iterable[Dive], rule: ValidationRule | None = None) -> list[str]:
    """The ids of the training dives to hold out.

    Every `1 / share`-th dive is taken along a list that is ordered by dive number, kind (individual or
    synchronised) and score, so that each of these is represented as in the whole; the start is drawn by
    hash. A dive number's only training dive is never taken away.

    Args:
        dives: Dives of any split; only those of the training split are drawn from.
        rule: Share and seed of the draw; those of `ValidationRule()` by default.
    """
    rule = rule or ValidationRule()
    strata: dict[tuple[str, bool], list[Dive]] = defaultdict(list)
    for dive in dives:
        if dive.split == "train":
            strata[dive.dive_number or "", dive.synchronised].append(dive)
    of_number: dict[str, int] = defaultdict(int)
    for (number, _), members in strata.items():
        of_number[number] += len(members)
    chosen: list[str] = []
    position = hash_unit(rule.seed, "validation split")
    for stratum in sorted(strata):
        if of_number[stratum[0]] < 2:
            continue
        for dive in sorted(strata[stratum], key=lambda d: (d.score, hash_u64(rule.seed, d.dive_id))):
            position += rule.share
            if position >= 1:
                position -= 1
                chosen.append(dive.dive_id)
    return chosen


def with_validation(manifest: Manifest, dive_ids: Iterable[str]) -> Manifest:
    """The same manifest with these training dives marked, and no others.

    Raises:
        DataError: An id that is not a training dive of the manifest.
    """
    wanted = set(dive_ids)
    trained = {dive.dive_id for dive in manifest.select("train")}
    if strangers := sorted(wanted - trained):
        raise DataError(
            f"{strangers[0]} and {len(strangers) - 1} more are no training dives"
            if len(strangers) > 1
            else f"{strangers[0]} is no training dive",
            where="validation split",
            todo="use the split file that belongs to this manifest",
        )
    return Manifest(tuple(dive.with_changes(validation=dive.dive_id in wanted) for dive in manifest))


def validation_file(dive_ids: Iterable[str], rule: ValidationRule) -> bytes:
    """The validation split as a file of its own."""
    content = {"share": rule.share, "seed": rule.seed, "dives": list(dive_ids)}
    return (json.dumps(content, indent=1) + "\n").encode()


def read_validation(path: Path) -> list[str]:
    """The ids in a validation split file.

    Raises:
        DataError: Unreadable or of another form.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the split ({str(error)[:80]})", where=path, todo="import the labels again"
        ) from None
    ids = content.get("dives") if isinstance(content, dict) else None
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        raise DataError("it holds no list of dives", where=path, todo="import the labels again")
    return ids
