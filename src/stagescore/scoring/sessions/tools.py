"""What a detector of dives works with, loaded once."""

from collections.abc import Callable
from pathlib import Path

from stagescore.scoring.event_refinement import EventNetworkRefiner
from stagescore.scoring.sessions.confirming import EventConfirmer
from stagescore.scoring.sessions.detector import SessionDetector


def detector_source(weights_dir: Path | None = None) -> Callable[..., SessionDetector]:
    """What makes detectors that share the event network that ships; without one where it is not on this machine.

    Args:
        weights_dir: Folder to look for networks in before all others.

    Raises:
        CheckpointError: The network's file is damaged.
    """
    return source_of(EventNetworkRefiner.load(weights_dir))


def source_of(events: object) -> Callable[..., SessionDetector]:
    """What makes detectors that confirm falls by the network of a refiner, where it has one.

    Args:
        events: What refines flights in scoring; None for nothing.
    """
    confirmer = EventConfirmer(events.network) if isinstance(events, EventNetworkRefiner) else None

    def make(slowmo: float = 1.0) -> SessionDetector:
        return SessionDetector(confirmer=confirmer, slowmo=slowmo)

    return make
