"""Training of the event network (`models.event_network`) on films whose events are labelled.

Every frame of a film is described once by the frozen image network, and the descriptions are kept beside the film's
joints. The temporal network then learns in a minute or two.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from stagescore.atomic import write_bytes
from stagescore.data.decoded_clip import check_whole
from stagescore.data.manifest import Manifest
from stagescore.data.unlv_stages import marked_flight
from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone
from stagescore.errors import DataError
from stagescore.hashing import hash_u64, hash_unit
from stagescore.json_files import read_object
from stagescore.media.source import Media, open_media
from stagescore.models.event_network import (
    PICTURE_PX,
    EventNetwork,
    TemporalHead,
    pictured_frames,
    place_flight,
)
from stagescore.simulate.write import record_path
from stagescore.types import Dive
from stagescore.weights.imagenet import load_imagenet

EPOCHS = 40
"""Number of times that each training film is seen. Set by hand, as batch, learning rate and weight decay: with them the
network has IoU 0.964 out of fold (docs/log.md, 29 November)."""
DESCRIBED = "described"
"""Folder of the descriptions, beside the manifest."""
_BATCH = 8
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 0.05
_SPREAD_PICTURES = 1.5
"""Standard deviation of the labels, in pictures: two people who mark one event differ by one to two frames."""
_STRETCH, _MOVE = 0.25, 0.15
"""How much training views differ: the distance between pictures is multiplied by up to 1.25 or divided by as much, and
the rough flight moved by up to 0.15 of its length. The flight finder errs by 0.1 of the flight (docs/log.md)."""
_CUT_SHARE = 0.5
"""Share of the views of phases that are cut at either end. Set by hand, as the two numbers below."""
_BESIDE = 10
"""Frames before the take-off and after the contact from which on a view may be cut there."""
_SHORTEST = 8
"""Frames that a cut view has at least."""
_DESCRIPTIONS = "frames"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventExample:
    """A film whose frames are described.

    Attributes:
        dive: Dive that the film shows.
        described: Description of every frame of the film, as `EventNetwork.describe` gives it.
        rough: First airborne frame and first frame of water contact as the flight finder puts them, or the labelled
            ones where it has not looked; empty where neither is known.
        events: Labelled frames of the two events; empty where they are not labelled.
    """

    dive: Dive
    described: Float[Tensor, "frames described"]
    rough: tuple[int, ...]
    events: tuple[int, ...]

    @property
    def num_frames(self) -> int:
        """Number of frames of the film."""
        return len(self.described)

    @property
    def can_teach(self) -> bool:
        """Whether both events are labelled, within the film."""
        return bool(self.events) and 0 <= self.events[0] < self.events[1] < self.num_frames


def labelled_events(dive: Dive, folder: Path) -> tuple[int, ...]:
    """First airborne frame and first frame of water contact of a dive; empty where they are not labelled.

    Args:
        dive: Dive with hand marks, or a simulated one.
        folder: Folder of the manifest, where the truth about simulated dives is.
    """
    if dive.hand_marks:
        return marked_flight(dive.hand_marks) or ()
    truth = record_path(folder, dive.event, dive.number)
    if not truth.is_file():
        return ()
    names = ("first_airborne_frame", "first_water_contact_frame")
    record = read_object(truth, names, what="truth of a dive", todo="simulate the dives again")
    try:
        return int(record[names[0]]), int(record[names[1]])
    except (TypeError, ValueError):
        raise DataError("its events are no numbers", where=truth, todo="simulate the dives again") from None


def new_event_network(imagenet: Path, seed: int = 0) -> EventNetwork:
    """An untrained network on the frozen stages of MobileNetV2.

    Args:
        imagenet: ImageNet weights of MobileNetV2.
        seed: Seed of the temporal network's weights.

    Raises:
        CheckpointError: The file is missing or does not fit.
    """
    backbone = ImageBackbone(name=MOBILENET_V2, merged=True)
    load_imagenet(backbone, imagenet)
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    network = EventNetwork()
    torch.set_rng_state(state)
    network.take_trunk(backbone)
    return network


def describe_film(network: EventNetwork, media: Media) -> Float[Tensor, "frames described"]:
    """Descriptions of all frames of a film.

    Raises:
        DataError: The film cannot be read any more.
    """
    pictures = media.sample(media.num_frames, first=0, last=media.num_frames - 1, size_px=PICTURE_PX).frames
    return network.describe(pictures)


def read_examples(
    manifest: Manifest,
    folder: Path,
    network: EventNetwork,
    progress: Progress = lambda what, done, total: None,
    skipped: dict[str, str] | None = None,
) -> list[EventExample]:
    """The films of a manifest, described; what was described before is read.

    Args:
        manifest: Dives; those without films are left out.
        folder: Folder of the manifest.
        network: Network that describes the frames.
        progress: Called as (what, done, total) after every film.
        skipped: Takes up why films cannot be used, by id of the dive; None for an error instead.

    Raises:
        DataError: A film cannot be read, where `skipped` is None.
    """
    dives = [dive for dive in manifest if dive.frames_path is not None]
    found = []
    for number, dive in enumerate(dives):
        events = labelled_events(dive, folder)
        path = folder / DESCRIBED / dive.event / f"{dive.number}.safetensors"
        if not path.is_file():
            try:
                new = _describe(dive, network)
            except DataError as error:
                if skipped is None:
                    raise
                skipped[dive.dive_id] = f"{error.where}: {error.what}"
                continue
            write_bytes(path, save({_DESCRIPTIONS: new.half().contiguous()}))
        described = _read_description(path)
        found.append(EventExample(dive=dive, described=described, rough=dive.flight or events, events=events))
        progress("films described", number + 1, len(dives))
    return found


def _read_description(path: Path) -> Float[Tensor, "frames described"]:
    try:
        return load_file(path)[_DESCRIPTIONS].float()
    except (OSError, SafetensorError, KeyError):
        raise DataError("descriptions are torn", where=path, todo="remove the file and try again") from None


def _describe(dive: Dive, network: EventNetwork) -> Float[Tensor, "frames described"]:
    media = open_media(str(dive.frames_path))
    check_whole(dive, media)
    return describe_film(network, media)


def train_event_network(
    network: EventNetwork,
    examples: Sequence[EventExample],
    *,
    seed: int = 0,
    epochs: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> None:
    """Train both temporal networks in place, one after the other; the network is in eval mode afterwards.

    Args:
        network: Network to train, as `new_event_network` gives it.
        examples: Training films; those whose events are not labelled are left out.
        seed: Seed of order, views and dropout.
        epochs: Number of times that each film is seen; None for `EPOCHS`.
        progress: Called as (what, done, total) after every epoch.

    Raises:
        DataError: Fewer labelled films than a batch holds.
    """
    epochs = EPOCHS if epochs is None else epochs
    taught = [example for example in examples if example.can_teach]
    if len(taught) < _BATCH:
        raise DataError(
            f"{len(taught)} films with labelled events",
            todo=f"give at least {_BATCH}, with hand marks or simulated",
        )
    network.train()
    state = torch.get_rng_state()
    for head, loss, what in (
        (network.event_head, _event_loss, "event"),
        (network.phase_head, _phase_loss, "phase"),
    ):
        optimiser = torch.optim.AdamW(head.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        steps = epochs * (len(taught) // _BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _LEARNING_RATE, total_steps=steps)
        for epoch in range(epochs):
            torch.manual_seed(hash_u64(seed, f"{what} dropout", epoch) >> 1)
            ranks = {
                one.dive.dive_id: hash_u64(seed, f"{what} order", epoch, one.dive.dive_id) for one in taught
            }
            order = sorted(taught, key=lambda one: ranks[one.dive.dive_id])
            for first in range(0, len(order) - _BATCH + 1, _BATCH):
                losses = [loss(head, one, seed, epoch) for one in order[first : first + _BATCH]]
                optimiser.zero_grad(set_to_none=True)
                torch.stack(losses).mean().backward()
                optimiser.step()
                schedule.step()
            progress(f"epochs ({what}s)", epoch + 1, epochs)
    torch.set_rng_state(state)
    network.eval()


def found_flight(network: EventNetwork, example: EventExample) -> tuple[int, ...]:
    """The flight of a film with the help of the network; empty where no rough flight is known.

    Args:
        network: Trained network, in eval mode.
        example: Film with a rough flight; its labelled events are not looked at.
    """
    if not example.rough:
        return ()
    first, stop = example.rough
    return place_flight(
        (first, stop),
        example.num_frames,
        lambda frames: network.place(example.described[torch.from_numpy(frames)], frames),
    )


def _event_loss(head: TemporalHead, example: EventExample, seed: int, epoch: int) -> Tensor:
    """Cross entropy with each event's place, spread a little, in a view of the film that is drawn by hash."""

    def unit(name: str) -> float:
        return 2 * hash_unit(seed, "event view", epoch, example.dive.dive_id, name) - 1

    first, stop = example.rough
    move = unit("move") * _MOVE * (stop - first)
    frames = pictured_frames(
        (first + move, stop + move), example.num_frames, stretch=(1 + _STRETCH) ** unit("stretch")
    )
    logits = head(example.described[torch.from_numpy(frames)][None])[0]
    step = max(float(np.diff(frames).mean()), 1e-3) if len(frames) > 1 else 1.0
    away = (torch.from_numpy(frames)[None] - torch.tensor(example.events)[:, None]) / step
    target = (-0.5 * (away / _SPREAD_PICTURES).square()).softmax(-1)
    return functional.cross_entropy(logits, target)


def _phase_loss(head: TemporalHead, example: EventExample, seed: int, epoch: int) -> Tensor:
    """Cross entropy with the phase of each picture, in a view that may begin or end anywhere in the flight, drawn by hash."""

    def unit(name: str) -> float:
        return hash_unit(seed, "phase view", epoch, example.dive.dive_id, name)

    begin, end = _span(example, unit)
    first, stop = float(max(example.events[0], begin)), float(min(example.events[1], end))
    move = [(2 * unit(f"move {name}") - 1) * _MOVE * (stop - first) for name in ("first", "stop")]
    first, stop = max(first + move[0], begin), min(stop + move[1], end)
    frames = begin + pictured_frames(
        (first - begin, stop - begin), end - begin, stretch=(1 + _STRETCH) ** (2 * unit("stretch") - 1)
    )
    logits = head(example.described[torch.from_numpy(frames)][None])[0]
    phases = np.searchsorted(example.events, frames, side="right")
    return functional.cross_entropy(logits.T, torch.from_numpy(phases))


def _span(example: EventExample, unit: Callable[[str], float]) -> tuple[int, int]:
    """Frames of a view, half-open: each end where the film's is, or, in half of the views, anywhere near or in the flight."""
    takeoff, contact = example.events
    begin, end = 0, example.num_frames
    if unit("begins late") < _CUT_SHARE:
        low, high = max(takeoff - _BESIDE, 0), max(contact - _SHORTEST, 1)
        begin = low + int(unit("begin") * max(high - low, 1))
    if unit("ends early") < _CUT_SHARE:
        low, high = max(takeoff, begin) + _SHORTEST, min(contact + _BESIDE, example.num_frames)
        end = min(low + int(unit("end") * max(high - low + 1, 1)), example.num_frames)
    return (begin, end) if end - begin >= _SHORTEST else (0, example.num_frames)
