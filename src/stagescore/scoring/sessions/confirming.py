"""A second look at a fall: does the network that knows take-off and water contact see a flight, and water after it?

The network knows films in which a diver fills half the picture. Where the diver is smaller, it is shown a part of the picture that
follows the fall as a camera would. Source: none; the network is `models.event_network`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor, stack

from stagescore.media.scaling import scaled, windowed
from stagescore.models.event_network import (
    PHASES,
    PICTURE_PX,
    EventNetwork,
    PlacedEvents,
    pictured_frames,
    place_flight,
)
from stagescore.scoring.sessions.falls import Fall

_BODIES_HIGH = 3.0
"""Usual sizes of the body that the shown part is high. In films of the competition that the network learned from a body in the
air is a third to a half of the picture's height. Set by hand."""
_ALL_OF_IT = 0.75
"""Share of the picture's height from which on all of it is shown. Set by hand."""
_USUAL_S = 1.5
"""Seconds of a usual flight: from 3 m a little less, from 10 m a little more."""
_SURE = 0.6
"""Confidence from which on no other guess is tried."""
_SMOOTHED_S = 0.2
"""Seconds over which the way of the shown part is smoothed, as by a camera's inertia. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEvents:
    """Where the network sees take-off and water contact.

    Attributes:
        takeoff_s: Time of the take-off, in seconds; where the fall has it if the network is not sure.
        contact_s: Time of the water contact, in seconds; where the fall has it if the network is not sure.
        confidence: Confidence of the less sure one, 0 to 1.
        phases: How surely the pictures between them show somebody in the air and those after them somebody in the water: mean probability,
            the lesser of both, 0 to 1. The events alone tell little, since the network puts them into whatever it is shown.
    """

    takeoff_s: float
    contact_s: float
    confidence: float
    phases: float


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
        length = fall.contact_s - fall.takeoff_s
        # A body that was lost on the way has too short a fall: then the flight may lie before or after.
        guesses = [(fall.takeoff_s, fall.contact_s)]
        if length < _USUAL_S:
            guesses += [
                (fall.takeoff_s, fall.takeoff_s + _USUAL_S),
                (fall.contact_s - _USUAL_S, fall.contact_s),
            ]
        roughs = [
            (int(first), int(stop))
            for first, stop in np.searchsorted(times_s, np.array(guesses)).tolist()
            if 0 <= first < stop < len(times_s)
        ]
        best: SeenEvents | None = None
        for all_of_it in (False, True):
            if not all_of_it and _BODIES_HIGH * fall.size_px >= _ALL_OF_IT * pictures[0].shape[0]:
                continue
            # What moves may be less than the body, and too small a part is shown: then all of the picture is.
            seen = self._seen(fall, times_s, pictures, roughs, all_of_it=all_of_it)
            if seen is not None and best is not None:
                more_sure = max(best, seen, key=lambda one: one.confidence)
                seen = replace(more_sure, phases=max(best.phases, seen.phases))
            best = best if seen is None else seen
            if best is not None and min(best.confidence, best.phases) >= _SURE:
                break
        return best

    def _seen(
        self,
        fall: Fall,
        times_s: Float[np.ndarray, " frames"],
        pictures: Sequence[UInt8[np.ndarray, "height width 3"]],
        roughs: Sequence[tuple[int, int]],
        *,
        all_of_it: bool,
    ) -> SeenEvents | None:
        """What the network sees from one distance, around the best of some guesses where the flight is."""
        known: dict[int, Tensor] = {}

        def described(frames: Int[np.ndarray, " pictures"]) -> Tensor:
            new = sorted(set(frames.tolist()) - known.keys())
            if new:
                shown = [
                    scaled(pictures[frame], PICTURE_PX)
                    if all_of_it
                    else _part(fall, float(times_s[frame]), pictures[frame])
                    for frame in new
                ]
                known.update(zip(new, self.network.describe(np.stack(shown)), strict=True))
            return stack([known[frame] for frame in frames.tolist()])

        def place(frames: Int[np.ndarray, " pictures"]) -> PlacedEvents:
            return self.network.place(described(frames), frames)

        def phases(flight: tuple[int, int]) -> float:
            frames = pictured_frames(flight, len(times_s))
            probable = self.network.phases(described(frames)).numpy()
            air = probable[PHASES.index("in the air"), (frames >= flight[0]) & (frames < flight[1])]
            water = probable[PHASES.index("in the water"), frames >= flight[1]]
            return float(min(air.mean(), water.mean())) if len(air) and len(water) else 0.0

        best: SeenEvents | None = None
        for rough in roughs:
            flight = place_flight(rough, len(times_s), place)
            confidence = min(place(pictured_frames(flight, len(times_s))).confidence)
            if best is None or confidence > best.confidence:
                best = SeenEvents(
                    takeoff_s=float(times_s[flight[0]]),
                    contact_s=float(times_s[min(flight[1], len(times_s) - 1)]),
                    confidence=confidence,
                    phases=phases(flight),
                )
            if best.confidence >= _SURE:
                break
        return best


def _part(
    fall: Fall, time_s: float, picture: UInt8[np.ndarray, "height width 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The part of a picture around the fall, as a camera that follows shows it."""
    near = np.abs(fall.times_s - time_s) <= _SMOOTHED_S
    if near.any():
        x, y = fall.centres_px[near].mean(0).tolist()
    else:
        x, y = fall.centres_px[0 if time_s < fall.times_s[0] else -1].tolist()
    wide = min(_BODIES_HIGH * fall.size_px * PICTURE_PX[0] / PICTURE_PX[1], picture.shape[1])
    return windowed(picture, np.array([x, y, wide]), PICTURE_PX)
