"""Take-off and water contact as a network sees them, once the fall of the body has told roughly where the flight is."""

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from stagescore.errors import CheckpointError
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.models.event_network import (
    PHASES,
    PICTURE_PX,
    STEPS_PER_FLIGHT,
    EventNetwork,
    frames_at_usual_distances,
    pictured_frames,
    place_flight,
)
from stagescore.scoring.events import Flight
from stagescore.weights.event_weights import load_event_network
from stagescore.weights.search import find_weights

SHIPPED = "events.safetensors"
IN_THE_AIR, _LONG_IN_THE_AIR = 0.9, 0.98
"""Probabilities from which on an end of a clip is in the air, and surely more than a few frames after the take-off. Of 39 real clips cut
6 frames after it 34 and 17 are above, cut at it 8 and 3, one frame before it 4 and 0, earlier none; out of fold (docs/log.md, 30
November, evening)."""
_SURE_OF_TAKEOFF = 0.8
"""Confidence of the take-off above which the film is like those that the network knows: 95 % of films that it was not trained on, from
the pool of the training films, are; two clips of other pools that begin in the air are at 0.54 and 0.62."""

_AT_AN_END = 2 * STEPS_PER_FLIGHT
"""Number of pictures at either end of a clip that say whether it is in the air: they hold a flight and what is beside it."""


@runtime_checkable
class FlightRefiner(Protocol):
    """Places the ends of a flight better than the fall of the body does."""

    def refine(self, media: Media, span: tuple[int, int], flight: Flight) -> Flight:
        """The flight with its first and last frame moved, or as it was.

        Args:
            media: The film.
            span: Frames that are used, half-open.
            flight: The flight, counted from the start of the span.

        Raises:
            DataError: The film cannot be read any more.
        """

    def cut_off_flight(self, media: Media, span: tuple[int, int]) -> Flight | None:
        """A flight that begins or ends with the clip, where the fall of the body shows none; None where neither end is in the air.

        Args:
            media: The film.
            span: Frames that are used, half-open.

        Raises:
            DataError: The film cannot be read any more.
        """


@dataclass(frozen=True, slots=True)
class EventNetworkRefiner:
    """Refines with an event network.

    Attributes:
        network: The event network, in eval mode.
    """

    network: EventNetwork

    @classmethod
    def load(cls, weights_dir: Path | None = None) -> "EventNetworkRefiner | None":
        """The network that ships; None where it is not on this machine.

        Args:
            weights_dir: A folder to look in before all others.

        Raises:
            CheckpointError: The file is damaged.
        """
        path = None
        with contextlib.suppress(CheckpointError):
            path = find_weights(SHIPPED, weights_dir)
        return None if path is None else cls(load_event_network(path)[0])

    def refine(self, media: Media, span: tuple[int, int], flight: Flight) -> Flight:
        """See `FlightRefiner`; a clip that begins or ends in the air has no event there."""
        num_frames = span[1] - span[0]
        described = _Described(self.network, media, span[0])
        first, stop = place_flight(
            (flight.first, flight.stop),
            num_frames,
            lambda frames: self.network.place(described.at(frames), frames),
        )
        frames = pictured_frames((first, stop), num_frames)
        shown = described.at(frames)
        in_air = self.network.seen_in_air(shown, frames, num_frames)
        # Both see a clip that ends in the air, and each misses some. One that begins there the fall of the body cannot tell from one
        # that begins on the board, since a jump is a fall upwards; it is asked only where the network does not know the film.
        unsure = self.network.place(shown, frames).confidence[0] < _SURE_OF_TAKEOFF
        starts_in_air = in_air[0] > IN_THE_AIR or (unsure and flight.starts_in_air)
        ends_in_air = in_air[1] > IN_THE_AIR or flight.ends_in_air
        first = 0 if starts_in_air else first
        stop = flight.stop if ends_in_air else stop
        if first >= stop:
            return flight
        return replace(
            flight,
            first=first,
            stop=stop,
            starts_in_air=starts_in_air,
            no_takeoff=in_air[0] > _LONG_IN_THE_AIR or (unsure and flight.no_takeoff),
            ends_in_air=ends_in_air,
        )

    def cut_off_flight(self, media: Media, span: tuple[int, int]) -> Flight | None:
        """See `FlightRefiner`; of a long clip only the pictures at its ends are looked at."""
        num_frames = span[1] - span[0]
        frames = frames_at_usual_distances(
            num_frames, (media.info.frame_rate or DEFAULT_FRAME_RATE) * media.info.slowmo
        )
        described = _Described(self.network, media, span[0])
        begin, end = frames[:_AT_AN_END], frames[-_AT_AN_END:]
        at_begin, at_end = described.at(begin), described.at(end)
        in_air = PHASES.index("in the air")
        starts, ends = (
            float(self.network.phases(some)[in_air, at]) for some, at in ((at_begin, 0), (at_end, -1))
        )
        starts_in_air, ends_in_air = starts > _LONG_IN_THE_AIR, ends > _LONG_IN_THE_AIR
        if not (starts_in_air or ends_in_air):
            return None
        first, stop, seen = 0, num_frames, max(starts, ends)
        # The end that the clip shows is placed, and is as sure as that.
        if starts_in_air and not ends_in_air:
            placed = self.network.place(at_begin, begin)
            stop, seen = min(max(round(placed.frames[1]), 1), num_frames - 1), placed.confidence[1]
        elif ends_in_air and not starts_in_air:
            placed = self.network.place(at_end, end)
            first, seen = min(max(round(placed.frames[0]), 0), num_frames - 1), placed.confidence[0]
        return Flight(
            first=first,
            stop=stop,
            # Where the body's fall cannot be followed its highest point is not known; a clip that begins in the air has not risen.
            apex=float(first - num_frames),
            misfit=0.0,
            fallen=0.0,
            gravity=0.0,
            starts_in_air=starts_in_air,
            no_takeoff=starts_in_air,
            ends_in_air=ends_in_air,
            seen=seen,
        )


class _Described:
    """Descriptions of the frames of a span, each made once.

    Args:
        network: Network that describes pictures.
        media: The film.
        start: First frame of the span.
    """

    def __init__(self, network: EventNetwork, media: Media, start: int) -> None:
        self.network, self.media, self.start = network, media, start
        self.known: dict[int, Tensor] = {}

    def at(self, frames: Int[np.ndarray, " pictures"]) -> Tensor:
        """Descriptions of some frames, counted from the start of the span."""
        new = sorted(set(frames.tolist()) - self.known.keys())
        if new:
            pictures = [
                scaled(one, PICTURE_PX) for _, one in self.media.frames([self.start + frame for frame in new])
            ]
            self.known.update(zip(new, self.network.describe(np.stack(pictures)), strict=True))
        return torch.stack([self.known[frame] for frame in frames.tolist()])
