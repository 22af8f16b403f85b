"""Weights of ours: a safetensors file whose header carries its card.

The card says what the network is, how its input is prepared, what it was trained on and how sure it may be. Whoever
loads the weights takes all of that from there, never from a default.
"""

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from stagescore.card_files import build_filled, read_card_file, weights_hash, write_card_file
from stagescore.config import Config
from stagescore.data.preprocessing import Preprocessing
from stagescore.errors import CheckpointError
from stagescore.inference.dive_numbers import NumberCalibration
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.familiarity import Familiarity
from stagescore.inference.intervals import IntervalModel, TransitionCalibration
from stagescore.models import build
from stagescore.models.base import ActionModel
from stagescore.models.recognition import NumberedFilm
from stagescore.models.settings import ModelSettings
from stagescore.weights.named import named_weights

_HEADER = "stagescore_card"
# Set by hand: films of one number in a training, and different numbers; `films` has an entry for each film.
_MOST_FILMS, _MOST_GROUPS = 10_000, 1000


class TrainingFilms(Config):
    """Films of one dive number that a network was trained on.

    Attributes:
        dive_number: Dive number such as `107B`; None if not labelled.
        height_m: Height of the board in metres; None if unknown.
        num_films: Number of the films.
    """

    dive_number: str | None
    height_m: float | None
    num_films: int = Field(ge=1, le=_MOST_FILMS)

    @classmethod
    def counted(cls, films: Sequence[NumberedFilm]) -> "tuple[TrainingFilms, ...]":
        """Films by dive number and height."""
        counts = Counter((film.dive_number, film.height_m) for film in films)
        ordered = sorted(counts.items(), key=lambda item: (item[0][0] or "", item[0][1] or 0.0))
        return tuple(
            cls(dive_number=number, height_m=height_m, num_films=count)
            for (number, height_m), count in ordered
        )


class Card(Config):
    """What must be known to use the weights.

    Attributes:
        name: Name of the weights, such as `nano`.
        version: Version of the form of this card.
        model: Settings of the network.
        preprocessing: Frames, sizes and crop of the network's input.
        target: What the network predicts: `score`, or `execution`, which is multiplied by the difficulty at the end.
        protocol: How exemplars were chosen in training, such as `w/ DN`.
        trained_on: The training films, in words.
        commands: Commands that make the weights again.
        validated: Whether the weights were validated on real dives.
        shown_on: Kind of film that the weights have been shown to work on, in words; empty where they were not measured
            on real films.
        limits: What the weights are no good for.
        score_intervals: Numbers of `inference.intervals.IntervalModel`, fitted on validation dives.
        transition_confidence: Numbers of `inference.intervals.TransitionCalibration`, fitted on validation dives.
        number_recognition: Calibration of the recognised dive number (`inference.dive_numbers.NumberCalibration`);
            empty for a network that does not recognise it.
        familiarity: Numbers of `inference.familiarity.Familiarity`, whose arrays are in the file; empty where it has
            none.
        blends_with_prior: Whether the score of an unfamiliar film moves towards what its labels alone say, or is not
            given.
        film_scale: Distance beyond 1 at which the film's share of the score has fallen to one half.
        mirrored: Whether the network is shown each film plain and mirrored, and the differences are averaged.
        training_films: Films of the training by dive number, for weights without a bank, whose exemplars would tell
            them.
        figures: Headline figures with intervals, and the films that they were measured on.
        weights_hash: Hash of the network, as `card_files.weights_hash` gives it.
    """

    name: str
    version: Literal[1] = 1
    model: ModelSettings
    preprocessing: Preprocessing
    target: Literal["score", "execution"] = "score"
    protocol: str = "w/ DN"
    trained_on: str
    commands: tuple[str, ...] = ()
    validated: bool = False
    shown_on: str = ""
    limits: tuple[str, ...] = ()
    score_intervals: dict[str, float] = Field(default_factory=dict)
    transition_confidence: dict[str, float] = Field(default_factory=dict)
    number_recognition: dict[str, float] = Field(default_factory=dict)
    familiarity: dict[str, float] = Field(default_factory=dict)
    blends_with_prior: bool = False
    film_scale: float = Field(default=1.0, gt=0)
    mirrored: bool = False
    training_films: tuple[TrainingFilms, ...] = Field(default=(), max_length=_MOST_GROUPS)
    figures: dict[str, Any] = Field(default_factory=dict)
    weights_hash: str

    @property
    def films(self) -> tuple[NumberedFilm, ...]:
        """`training_films`, one by one."""
        return tuple(films for films in self.training_films for _ in range(films.num_films))

    @model_validator(mode="after")
    def _fits(self) -> "Card":
        if self.blends_with_prior and self.target != "execution":
            raise ValueError("blends_with_prior is for weights that predict execution")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointWeights:
    """A network with its card.

    Attributes:
        card: What must be known to use the network.
        model: Network in eval mode.
        path: Path of the file that it was read from.
        familiarity: Measure of how unlike its training dives a dive is; None where the file holds none.
    """

    card: Card
    model: ActionModel
    path: Path
    familiarity: Familiarity | None = None

    def bank(self) -> ExemplarBank:
        """The exemplar bank beside the weights, `<name>-bank.safetensors`.

        Raises:
            CheckpointError: There is none, or it was made with other weights.
        """
        bank = ExemplarBank.load(self.path.with_name(f"{self.path.stem}-bank.safetensors"))
        bank.check(self.card.weights_hash)
        return bank


def save_weights(path: Path, model: ActionModel, card: Card, familiarity: Familiarity | None = None) -> None:
    """Write one file atomically; its card says of the familiarity what is given, whatever it said before.

    A tensor of the model that half precision holds exactly is written in half precision (`in_half_precision`).
    """
    card = card.model_copy(update={"familiarity": {} if familiarity is None else familiarity.as_json()})
    tensors = {
        name: _smallest(value.detach().cpu().contiguous()) for name, value in model.state_dict().items()
    }
    tensors |= {} if familiarity is None else familiarity.tensors()
    write_card_file(path, tensors, card, _HEADER)


def in_half_precision(model: ActionModel) -> ActionModel:
    """A copy whose weights are rounded to what half precision holds; it computes in single precision as before.

    Raises:
        CheckpointError: A weight is too large for half precision.
    """
    rounded = deepcopy(model)
    for name, value in rounded.state_dict().items():
        if value.is_floating_point():
            half = value.half()
            if not bool(half.isfinite().all()):
                raise CheckpointError(
                    f"{name} is too large for half precision", todo="pack the weights in single precision"
                )
            value.copy_(half)
    return rounded


def _smallest(value: Tensor) -> Tensor:
    """In half precision where nothing is lost by that."""
    if value.dtype != torch.float32 or not torch.equal(value.half().float(), value):
        return value
    return value.half()


def _check_calibrations(card: Card, path: Path) -> None:
    try:
        if card.score_intervals:
            IntervalModel.from_json(card.score_intervals)
        if card.transition_confidence:
            TransitionCalibration.from_json(card.transition_confidence)
        if card.number_recognition:
            NumberCalibration.from_json(card.number_recognition)
    except CheckpointError as error:
        raise CheckpointError(error.what, where=path, todo="get the file again") from None


def load_weights(name_or_path: str | Path, weights_dir: Path | None = None) -> CheckpointWeights:
    """Shipped weights by name (`nano`), or a file of ours.

    Raises:
        CheckpointError: Not found, damaged, not ours, of another kind, or changed since its card was written.
    """
    path = named_weights(name_or_path, "scorer", weights_dir=weights_dir)
    tensors, card = read_card_file(path, Card, _HEADER, what="weights file", maker="stagescore weights pack")
    familiarity = Familiarity.taken_from(tensors, card.familiarity)
    _check_calibrations(card, path)
    model = build_filled(lambda: build(card.model), tensors, path)
    found = weights_hash(model)
    if found != card.weights_hash:
        raise CheckpointError(
            f"the weights have changed: their hash is {found[:12]}, the card says {card.weights_hash[:12]}",
            where=path,
            todo="get the file again",
        )
    return CheckpointWeights(card=card, model=model.eval(), path=path, familiarity=familiarity)
