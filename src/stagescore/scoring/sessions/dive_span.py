"""Where in a film a dive is."""

from dataclasses import dataclass
from typing import Literal

from stagescore.errors import DataError

Teller = Literal["motion", "events", "sound"]
"""What tells of a dive: a body that falls freely, the network that knows take-off and water contact, or the sound of board and
water."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveSpan:
    """One dive of a film.

    Attributes:
        begin: First frame that belongs to the dive.
        end: Frame after the last that belongs to it.
        takeoff: First airborne frame, roughly.
        contact: First frame that touches the water, roughly.
        begin_s: Time of the first frame, in seconds of the film.
        end_s: Time of the end, in seconds of the film.
        takeoff_s: Time of the take-off, in seconds of the film.
        contact_s: Time of the water contact, in seconds of the film.
        confidence: How sure it is that this is a dive, 0 to 1.
        told: What told it.
    """

    begin: int
    end: int
    takeoff: int
    contact: int
    begin_s: float
    end_s: float
    takeoff_s: float
    contact_s: float
    confidence: float
    told: tuple[Teller, ...]

    def __post_init__(self) -> None:
        if not self.begin <= self.takeoff < self.contact <= self.end:
            raise DataError(
                f"a dive from frame {self.begin} to {self.end} leaves the board in {self.takeoff} and touches the water in {self.contact}",
                todo="give frames in the order of time",
            )
