"""The event network in a file: safetensors whose header carries a card. Numbers are stored in half precision."""

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from stagescore.card_files import build_filled, read_card_file, weights_hash, write_card_file
from stagescore.config import Config
from stagescore.errors import CheckpointError
from stagescore.models.event_network import EventNetwork

_HEADER = "stagescore_event_card"


class EventCard(Config):
    """What must be known to use the event network.

    Attributes:
        name: Name of the weights, such as `events`.
        version: Version of the form of this card.
        width: Channels of the temporal network.
        trained_on: The training films, in words.
        commands: Commands that make the weights again.
        limits: What the weights are no good for.
        figures: Headline figures, and the films that they were measured on.
        weights_hash: Hash of the stored tensors.
    """

    name: str
    version: Literal[1] = 1
    width: int = Field(ge=1)
    trained_on: str
    commands: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    figures: dict[str, Any] = Field(default_factory=dict)
    weights_hash: str = ""


def save_event_network(path: Path, network: EventNetwork, card: EventCard) -> None:
    """Write one file atomically.

    Args:
        path: File to write.
        network: The network; it is rounded to half precision in place, so that it answers as the file will.
        card: Card of the network, without the hash.
    """
    with torch.no_grad():
        for value in network.state_dict().values():
            value.copy_(value.half())
    signed = card.model_copy(update={"weights_hash": weights_hash(network)})
    tensors = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    write_card_file(path, tensors, signed, _HEADER)


def load_event_network(path: Path) -> tuple[EventNetwork, EventCard]:
    """The network in eval mode, and its card.

    Raises:
        CheckpointError: The file cannot be read, is torn, holds something else, or was changed.
    """
    tensors, card = read_card_file(
        path, EventCard, _HEADER, what="event network", maker="stagescore train-events"
    )
    whole = {name: value.float() for name, value in tensors.items()}
    network = build_filled(lambda: EventNetwork(width=card.width), whole, path)
    if weights_hash(network) != card.weights_hash:
        raise CheckpointError(
            "the weights are not those of the card",
            where=path,
            todo="take the file from where it was published",
        )
    return network.eval(), card
