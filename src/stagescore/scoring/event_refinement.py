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
from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.models.event_network import PICTURE_PX, EventNetwork, PlacedEvents, place_flight
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
        """See `FlightRefiner`; ends that the clip does not show stay as they are."""
        start, end = span
        described: dict[int, Tensor] = {}

        def place(frames: Int[np.ndarray, " pictures"]) -> PlacedEvents:
            new = sorted(set(frames.tolist()) - described.keys())
            if new:
                pictures = [
                    scaled(one, PICTURE_PX) for _, one in media.frames([start + frame for frame in new])
                ]
                described.update(zip(new, self.network.describe(np.stack(pictures)), strict=True))
            return self.network.place(torch.stack([described[frame] for frame in frames.tolist()]), frames)

        first, stop = place_flight((flight.first, flight.stop), end - start, place)
        first = flight.first if flight.starts_in_air else first
        stop = flight.stop if flight.ends_in_air else stop
        return replace(flight, first=first, stop=stop) if first < stop else flight
