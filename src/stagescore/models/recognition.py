"""Which dive number a film shows: five attributes, read from the frames in their order, and what they say of whole numbers.

A head for each attribute shares examples between numbers: the pike of 107B and of 5253B is one class. The numbers that
come into question are scored by the sum of their attributes' log-probabilities, so that a number without a training
film can be recognised too.
Departs: not part of the paper. The authors' release has a dive-number head on the skeleton, whose loss it never adds.
"""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stagescore.diving import NUM_NUMBER_CLASSES, NumberClasses, usual_difficulties
from stagescore.errors import DataError
from stagescore.layers.dilated import DilatedConvolutions
from stagescore.tensors import Representation, number_logits_of

_KERNEL = 5
_DILATIONS = (1, 2, 4)
"""Set by hand: together a picture hears of fourteen on either side of it, about half of what the networks are shown of
a dive."""
_PARTS = 4
"""Number of parts of the time that is shown, as tried in docs/log.md (29 November); which attribute shows in which part
is left to the last layer."""


@runtime_checkable
class NumberedFilm(Protocol):
    """A film whose dive number a network was trained on: a `Dive`, or what a card says of one."""

    @property
    def dive_number(self) -> str | None:
        """Dive number such as `107B`; None if not labelled."""

    @property
    def height_m(self) -> float | None:
        """Height of the board in metres; None if unknown."""


class NumberRecognition(nn.Module):
    """Descriptions of the frames, in the order of time, to logits of the five attributes of a dive number.

    A temporal convolution: without the order of frames a forward and a reverse dive look alike (docs/log.md).
    """

    def __init__(self, *, in_width: int, width: int = 96, dropout: float = 0.3) -> None:
        """Build the module.

        Args:
            in_width: Number of values that describe a frame.
            width: Channels of the temporal convolutions.
            dropout: Probability with which an input of a layer is dropped in training.
        """
        super().__init__()
        # Without the norm, small heads on features of large image networks learn nothing (docs/log.md).
        self.norm = nn.LayerNorm(in_width)
        self.entry = nn.Linear(in_width, width)
        self.when = nn.Linear(4, width)
        self.drop = nn.Dropout(dropout)
        self.convolutions = DilatedConvolutions(
            width=width, kernel=_KERNEL, dilations=_DILATIONS, dropout=dropout
        )
        self.exit_norm = nn.LayerNorm(width)
        self.classify = nn.Linear(2 * width * _PARTS, sum(NUM_NUMBER_CLASSES))

    def forward(self, described: Float[Tensor, "dives frames described"]) -> Float[Tensor, "dives classes"]:
        """Logits of the classes of all attributes side by side, in the order of `NumberClasses`.

        Args:
            described: What the backbone says of each frame; frames of the same part of each dive, at least four.
        """
        hidden = self.entry(self.drop(self.norm(described))) + self.when(_clock(described))
        hidden = self.convolutions(hidden.transpose(1, 2)).transpose(1, 2)
        parts = self.exit_norm(hidden).tensor_split(_PARTS, dim=1)
        seen = torch.cat([summary for part in parts for summary in (part.mean(1), part.amax(1))], dim=1)
        logits: Tensor = self.classify(self.drop(seen))
        return logits


def _clock(described: Tensor) -> Float[Tensor, "frames 4"]:
    """Where in the time that is shown a frame stands, as four smooth curves."""
    turn = torch.linspace(0, 2 * math.pi, described.shape[1], device=described.device, dtype=described.dtype)
    return torch.stack([turn.sin(), turn.cos(), (turn / 2).cos(), (2 * turn).cos()], dim=1)


def mean_number_logits(views: Sequence[Representation]) -> Float[Tensor, "dives classes"] | None:
    """The logits of the same dives, averaged over views of them; None for a model that recognises no numbers.

    Args:
        views: Stage features of the dives, one for each view.
    """
    known = [number_logits_of(view) for view in views]
    logits = [one for one in known if one is not None]
    return torch.stack(logits).mean(0) if logits else None


def candidate_numbers(height_m: float | None, dives: Sequence[NumberedFilm] = ()) -> tuple[str, ...]:
    """The dive numbers that a film may show: those with a usual difficulty, and those of some dives.

    Args:
        height_m: Height of the board in metres; only numbers of this height are taken. None takes those of all heights.
        dives: Dives whose numbers are taken too, as a rule the training dives or the exemplars. A dive of unknown
            height counts for every height.

    Returns:
        Dive numbers in alphabetical order. Where the height has none, those of all heights.
    """

    def fits(other_m: float | None) -> bool:
        return height_m is None or other_m is None or other_m == height_m

    numbers = {code for code, usual_m in usual_difficulties() if fits(usual_m)}
    numbers |= {d.dive_number for d in dives if d.dive_number is not None and fits(d.height_m)}
    numbers = {code for code in numbers if min(NumberClasses.of(code)) >= 0}
    return tuple(sorted(numbers)) or candidate_numbers(None, dives)


def number_scores(
    logits: Float[Tensor, "dives classes"], candidates: Sequence[str]
) -> Float[Tensor, "dives candidates"]:
    """The sum of the log-probabilities of each candidate's attributes.

    Args:
        logits: Logits of `NumberRecognition`.
        candidates: Dive numbers that come into question.

    Raises:
        DataError: No candidate, or one that is no dive number.
    """
    classes = [NumberClasses.of(code) for code in candidates]
    if not classes:
        raise DataError("there is no dive number to choose from", todo="give candidates")
    for code, of_number in zip(candidates, classes, strict=True):
        if min(of_number) < 0:
            raise DataError(f"{code[:20]!a} is no dive number", todo="give candidates such as 107B")
    parts = logits.split(tuple(NUM_NUMBER_CLASSES), dim=1)
    chosen = torch.tensor(classes, device=logits.device)
    return torch.stack([part.log_softmax(1)[:, chosen[:, k]] for k, part in enumerate(parts)]).sum(0)


def number_log_probabilities(
    logits: Float[Tensor, "dives classes"], candidates: Sequence[str], temperature: float = 1.0
) -> Float[Tensor, "dives candidates"]:
    """Log-probability of each candidate, given that the film shows one of them.

    The order of the candidates does not depend on the temperature. Candidates that share all attributes, as 103B and the
    flying dive 113B do, are equally probable.

    Args:
        logits: Logits of `NumberRecognition`.
        candidates: Dive numbers, each once.
        temperature: Divisor of the sums of log-probabilities; above 1 for a network that is too sure.

    Raises:
        DataError: As `number_scores`.
    """
    return (number_scores(logits, candidates) / temperature).log_softmax(1)
