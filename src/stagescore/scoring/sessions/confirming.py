"""A second look at a fall: does the network that knows take-off and water contact see both?

The network knows films in which a diver fills half the picture. Where the diver is smaller, it is shown a part of the picture that
follows the fall as a camera would. Source: none; the network is `models.event_network`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor, stack

from stagescore.media.scaling import scaled, windowed
from stagescore.models.event_network import PICTURE_PX, EventNetwork, pictured_frames, place_flight
from stagescore.scoring.sessions.falls import Fall

_BODIES_HIGH = 3.0
"""Usual sizes of the body that the shown part is high. In films of the competition that the network learned from a body in the
air is a third to a half of the picture's height. Set by hand."""
_ALL_OF_IT = 0.75
"""Share of the picture's height from which on all of it is shown. Set by hand."""
_SMOOTHED_S = 0.2
"""Seconds over which the way of the shown part is smoothed, as by a camera's inertia. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvents:
    """Where the network sees take-off and water contact.

    Attributes:
        takeoff_s: Time of the take-off, in seconds; where the fall has it if the network is not sure.
        contact_s: Time of the water contact, in seconds; where the fall has it if the network is not sure.
        confidence: Confidence of the less sure one, 0 to 1.
    """

    takeoff_s: float
    contact_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class EventConfirmer:
    """Asks an event network about falls.

    Attributes:
        network: The event network, in eval mode.
    """

    network: EventNetwork

    def look(
        self,
        fall: Fall,
        times_s: Float[np.ndarray, " frames"],
        pictures: Sequence[UInt8[np.ndarray, "height width 3"]],
    ) -> SeenEvents | None:
        """What the network sees around a fall; None where there are too few pictures.

        Args:
            fall: The fall.
            times_s: Time of each picture, increasing.
            pictures: Pictures of the same size as those that the fall was found in.
        """
        rough = int(np.searchsorted(times_s, fall.takeoff_s)), int(np.searchsorted(times_s, fall.contact_s))
        if not rough[0] < rough[1] < len(times_s):
            return None
        known: dict[int, Tensor] = {}

        def described(frames: Int[np.ndarray, " pictures"]) -> Tensor:
            new = sorted(set(frames.tolist()) - known.keys())
            if new:
                shown = [self._shown(fall, float(times_s[frame]), pictures[frame]) for frame in new]
                known.update(zip(new, self.network.describe(np.stack(shown)), strict=True))
            return stack([known[frame] for frame in frames.tolist()])

        flight = place_flight(
            rough, len(times_s), lambda frames: self.network.place(described(frames), frames)
        )
        frames = pictured_frames(flight, len(times_s))
        placed = self.network.place(described(frames), frames)
        return SeenEvents(
            takeoff_s=float(times_s[flight[0]]),
            contact_s=float(times_s[min(flight[1], len(times_s) - 1)]),
            confidence=min(placed.confidence),
        )

    @staticmethod
    def _shown(
        fall: Fall, time_s: float, picture: UInt8[np.ndarray, "height width 3"]
    ) -> UInt8[np.ndarray, "h w 3"]:
        """All of a picture, or the part around the fall."""
        height, width = picture.shape[:2]
        high = _BODIES_HIGH * fall.size_px
        if high >= _ALL_OF_IT * height:
            return scaled(picture, PICTURE_PX)
        near = np.abs(fall.times_s - time_s) <= _SMOOTHED_S
        if near.any():
            x, y = fall.centres_px[near].mean(0).tolist()
        else:
            x, y = fall.centres_px[0 if time_s < fall.times_s[0] else -1].tolist()
        wide = min(high * PICTURE_PX[0] / PICTURE_PX[1], width)
        return windowed(picture, np.array([x, y, wide]), PICTURE_PX)
