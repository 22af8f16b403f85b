"""Which dives to label by hand, and which of their frames.

Source: paper, section IV-B: individual dives only, up to 10 a dive number, airborne part only.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from stagescore.hashing import hash_u64
from stagescore.types import Dive

PER_NUMBER = 10
"""Most dives of a dive number, as in the paper, section IV-B."""


@dataclass(frozen=True, slots=True)
class ToLabel:
    """Frames of one dive.

    Attributes:
        dive: Dive whose frames are labelled.
        first: First airborne frame of the dive.
        stop: Frame after the last one to label.
    """

    dive: Dive
    first: int
    stop: int


def choose_to_label(dives: Sequence[Dive], per_number: int = PER_NUMBER, seed: int = 0) -> list[ToLabel]:
    """Up to so many individual dives of each dive number, chosen by hash, and their flight.

    The flight is that of the labelled stages, from the first to the last transition: its end is the opening
    of the body, a few frames before the water is touched, so all of it is in the air.

    Args:
        dives: Labelled dives; those that are synchronised, without a dive number or without usable transitions are left
            out.
        per_number: Most dives of a dive number.
        seed: Seed of the choice; another one gives other dives.

    Returns:
        Flights of the chosen dives, in the order of dive numbers.
    """
    by_number: dict[str, list[ToLabel]] = defaultdict(list)
    for dive in dives:
        stages = dive.stages()
        if dive.synchronised or dive.dive_number is None or stages is None:
            continue
        first, stop = stages.spans[1]
        by_number[dive.dive_number].append(ToLabel(dive, first, stop))
    chosen = []
    for number in sorted(by_number):
        ranked = sorted(by_number[number], key=lambda one: hash_u64(seed, one.dive.dive_id))
        chosen += ranked[:per_number]
    return chosen
