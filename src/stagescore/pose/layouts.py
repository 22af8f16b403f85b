"""Which skeleton the joints of a file are of: told by names, by their count, or by the user."""

import re
from collections.abc import Sequence
from pathlib import Path

from stagescore.errors import DataError
from stagescore.skeleton import SKELETONS, Skeleton

CHOICES = ", ".join(f"{skeleton.name} ({skeleton.num_joints} joints)" for skeleton in SKELETONS.values())
"""The skeletons that are known, as errors name them."""


def skeleton_of_count(count: int, where: str | Path, asked: Skeleton | None = None) -> Skeleton:
    """The skeleton that has so many joints.

    Args:
        count: Number of joints in the file.
        where: File, and place in it, as errors name it.
        asked: Skeleton that the user says the file has.

    Raises:
        DataError: None has so many, or not the one that was asked for.
    """
    found = asked or next((one for one in SKELETONS.values() if one.num_joints == count), None)
    if found is None or found.num_joints != count:
        known = "" if asked is None else f", and {asked.name} has {asked.num_joints}"
        raise DataError(f"it has {count} joints{known}", where=where, todo=f"give poses of {CHOICES}")
    return found


def skeleton_of_names(
    names: Sequence[object], where: str | Path, asked: Skeleton | None = None
) -> tuple[Skeleton, list[int]]:
    """The skeleton whose joints have these names, in whatever order.

    Args:
        names: Names of the file's joints, or their numbers 0, 1, 2, ... as strings.
        where: File, and place in it, as errors name it.
        asked: Skeleton that the user says the file has.

    Returns:
        The skeleton, and where each of the file's joints is among the skeleton's.

    Raises:
        DataError: The names are not those of a skeleton, or not of the one that was asked for.
    """
    plain = [plain_name(name) for name in names]
    if plain and plain == [str(joint) for joint in range(len(plain))]:
        return skeleton_of_count(len(plain), where, asked), list(range(len(plain)))
    skeletons = [asked] if asked else list(SKELETONS.values())
    nearest = max(skeletons, key=lambda one: _likeness(one, plain))
    known = [joint_called(name, nearest) for name in plain]
    missing = [joint for joint in nearest.joints if joint not in known]
    foreign = [name for name, joint in zip(plain, known, strict=True) if joint is None]
    if missing or foreign or len(plain) != nearest.num_joints:
        raise DataError(
            f"its joints are not those of {nearest.name}; missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(foreign) or 'none'}",
            where=where,
            todo=f"name the joints of one of {CHOICES}",
        )
    return nearest, [nearest.index(joint) for joint in known if joint is not None]


def joint_called(name: str, skeleton: Skeleton) -> str | None:
    """The joint that a plain name means in a skeleton, or None if it has none of this name."""
    return name if name in skeleton.joints else dict(skeleton.other_names).get(name)


def plain_name(name: object) -> str:
    """A name as the skeletons write them.

    >>> plain_name(" Left-Knee"), plain_name("left knee")
    ('left_knee', 'left_knee')
    """
    return re.sub(r"[\s-]+", "_", str(name).strip().lower())


def _likeness(skeleton: Skeleton, names: Sequence[str]) -> tuple[int, int]:
    """How many of the names it has, and how near it is in size."""
    known = {joint_called(name, skeleton) for name in names} - {None}
    return len(known), -abs(skeleton.num_joints - len(names))
