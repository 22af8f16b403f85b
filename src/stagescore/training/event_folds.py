"""Event networks for the folds of a protocol: each dive's flight as a network sees it that was not trained on the dive.

    OUT/<protocol>-<fold>/events.safetensors    the network of a fold
    OUT/<protocol>-<fold>/flights.json          the flight of every dive of the manifest, by id, as it sees it

A run on films names the second with `data.flights`: its test dives are then placed by a network that has not seen them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stagescore.atomic import write_text
from stagescore.data.manifest import Manifest
from stagescore.data.protocols import EVERYTHING, make_folds, split_by_fold, without_sealed
from stagescore.errors import DataError
from stagescore.json_files import read_json
from stagescore.models.event_network import EventNetwork
from stagescore.training.event_training import (
    EventExample,
    Progress,
    found_flight,
    new_event_network,
    train_event_network,
)
from stagescore.weights.event_weights import EventCard, save_event_network

NETWORK, FLIGHTS = "events.safetensors", "flights.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventErrors:
    """How far flights are from labelled ones.

    Attributes:
        num_dives: Dives with labelled events and a flight.
        median: Median of flight minus label of each event, in frames; positive is late.
        sd: Standard deviation of flight minus label of each event, in frames.
        share_off: Share of the dives whose event is more than four frames off, 0 to 1.
        iou: Mean intersection over union of the flights, 0 to 1.
    """

    num_dives: int
    median: tuple[float, float]
    sd: tuple[float, float]
    share_off: tuple[float, float]
    iou: float

    @classmethod
    def of(cls, flights: Sequence[tuple[int, ...]], labelled: Sequence[tuple[int, ...]]) -> "EventErrors":
        """Compare flights with labels of the same dives, in the same order; empty ones are left out.

        Raises:
            DataError: Nothing is left to compare.
        """
        pairs = [(flight, label) for flight, label in zip(flights, labelled, strict=True) if flight and label]
        if not pairs:
            raise DataError(
                "no dive has both a flight and labelled events", todo="give films with hand marks"
            )
        off = np.array([(f[0] - e[0], f[1] - e[1]) for f, e in pairs], dtype=float)
        ious = [
            max(min(f[1], e[1]) - max(f[0], e[0]), 0) / (max(f[1], e[1]) - min(f[0], e[0])) for f, e in pairs
        ]
        # Set by hand: more than the one to two frames by which two people who mark one event differ.
        medians, sds, shares = np.median(off, 0), off.std(0), (np.abs(off) > 4).mean(0)
        return cls(
            num_dives=len(pairs),
            median=(float(medians[0]), float(medians[1])),
            sd=(float(sds[0]), float(sds[1])),
            share_off=(float(shares[0]), float(shares[1])),
            iou=float(np.mean(ious)),
        )


def read_flights(path: Path) -> dict[str, tuple[int, ...]]:
    """Flights by dive, as `EventFolds.train` writes them.

    Raises:
        DataError: The file cannot be read or holds something else.
    """
    try:
        content = read_json(path)
        return {str(name): tuple(int(frame) for frame in flight) for name, flight in content.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"no flights can be read ({' '.join(str(error).split())[:100]})",
            where=path,
            todo="name a flights.json that `stagescore train-events` has written",
        ) from None


def fold_names(manifest: Manifest, protocol: str, *, sealed: bool = False) -> list[str]:
    """The folds of a protocol as `data.fold` names them; `all` is one of its own."""
    if protocol == EVERYTHING:
        return [EVERYTHING]
    dives = without_sealed(manifest, protocol, sealed=sealed)
    return [f"{protocol}/{fold.name}" for fold in make_folds(dives, protocol)]  # type: ignore[arg-type]


def fold_folder(out: Path, name: str, *, sealed: bool = False) -> Path:
    """Folder of a fold's network and flights.

    Args:
        out: Folder of all folds.
        name: Fold as `data.fold` names it.
        sealed: Whether the sealed athletes take part.
    """
    return out / (name.replace("/", "-") + ("-with-sealed" if sealed else ""))


def network_path(out: Path, name: str, *, sealed: bool = False) -> Path:
    """File of a fold's network; see `fold_folder`."""
    return fold_folder(out, name, sealed=sealed) / NETWORK


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFold:
    """What is trained for one fold.

    Attributes:
        name: Fold as `data.fold` names it.
        tested: Ids of the dives that the fold keeps out; empty for `all`.
        folder: Folder of the fold's network and flights.
        flights: Flight of every dive of the fold, by id: first airborne frame and first frame of water contact; empty
            where unknown.
    """

    name: str
    tested: tuple[str, ...]
    folder: Path
    flights: dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventFolds:
    """Trains the network of each fold.

    Attributes:
        manifest: Dives of the data set.
        examples: Films of the dives, with every frame described.
        simulated: Films that every fold is trained on beside its own ones, described as well.
        imagenet: ImageNet weights of MobileNetV2.
        out: Folder of all folds.
        sealed: Whether the sealed athletes take part.
        seed: Seed of the trainings.
        trained_on: The training films in words, for the card.
    """

    manifest: Manifest
    examples: Sequence[EventExample]
    simulated: Sequence[EventExample]
    imagenet: Path
    out: Path
    sealed: bool = False
    seed: int = 0
    trained_on: str = ""

    def train(self, name: str, progress: Progress = lambda what, done, total: None) -> EventFold:
        """Train the network of a fold and note the flights that it sees; what is there already is read.

        Args:
            name: Fold as `data.fold` names it.
            progress: Called as (what, done, total) after every epoch.
        """
        split = split_by_fold(self.manifest, name, sealed=self.sealed)
        folder = fold_folder(self.out, name, sealed=self.sealed)
        tested = tuple(dive.dive_id for dive in split.select("test")) if name != EVERYTHING else ()
        everyone = {dive.dive_id for dive in split}
        if not (folder / FLIGHTS).is_file():
            seen = [one for one in self.examples if one.dive.dive_id in everyone]
            network = new_event_network(self.imagenet, self.seed)
            taught = [one for one in seen if one.dive.dive_id not in set(tested)]
            train_event_network(network, [*taught, *self.simulated], seed=self.seed, progress=progress)
            save_event_network(folder / NETWORK, network, self._card(name, network))
            flights = {one.dive.dive_id: list(found_flight(network, one)) for one in seen}
            write_text(folder / FLIGHTS, json.dumps(flights, indent=0) + "\n")
        return EventFold(name=name, tested=tested, folder=folder, flights=read_flights(folder / FLIGHTS))

    def _card(self, name: str, network: EventNetwork) -> EventCard:
        return EventCard(
            name="events" if name == EVERYTHING else f"events {name}",
            width=network.event_head.entry.out_features,
            trained_on=self.trained_on or name,
            commands=("examples/train_tower.sh UNLV_DIVE MOBILENETV2 FOLDER",),
            limits=(
                "films of other pools than that of the training films are judged by simulated dives alone",
                "needs to know roughly where the flight is",
            ),
        )
