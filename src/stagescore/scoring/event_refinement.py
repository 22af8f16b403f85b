"""Take-off and water contact as a network sees them, once the fall of the body has told roughly where the flight is."""

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from stagescore.errors import CheckpointError
from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.models.event_network import PICTURE_PX, EventNetwork, pictured_frames, settled
from stagescore.scoring.events import Flight
from stagescore.weights.event_weights import load_event_network
from stagescore.weights.search import find_weights

SHIPPED = "events.safetensors"


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


@dataclass(frozen=True, slots=True)
class EventNetworkRefiner:
    """Refines with an event network.

    Attributes:
        network: In eval mode.
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
        """See `FlightRefiner`; ends that the clip does not show stay as they are."""
        start, end = span
        frames = pictured_frames((flight.first, flight.stop), end - start)
        if not len(frames):
            return flight
        needed, place = np.unique(frames, return_inverse=True)
        pictures = [scaled(picture, PICTURE_PX) for _, picture in media.frames((start + needed).tolist())]
        described = self.network.describe(np.stack(pictures))[place]
        first, stop = settled((flight.first, flight.stop), self.network.place(described, frames))
        first = flight.first if flight.starts_in_air else first
        stop = flight.stop if flight.ends_in_air else stop
        return replace(flight, first=first, stop=stop) if first < stop else flight
