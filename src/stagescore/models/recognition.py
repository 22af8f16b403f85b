"""Which dive number a film shows: five attributes, read from the stage features, and what they say of whole numbers.

A head for each attribute shares examples between numbers: the pike of 107B and of 5253B is one class. The numbers that
come into question are scored by the sum of their attributes' log-probabilities, so that a number without a training
film can be recognised too.
Departs: not part of the paper. The authors' release has a dive-number head on the skeleton, whose loss it never adds.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stagescore.diving import NUM_NUMBER_CLASSES, NumberClasses, usual_difficulties
from stagescore.errors import DataError
from stagescore.tensors import StageFeatures
from stagescore.types import Dive


class NumberRecognition(nn.Module):
    """Mean and maximum of each stage's steps to logits of the five attributes of a dive number."""

    def __init__(self, *, in_width: int, num_stages: int, width: int = 0, dropout: float = 0.0) -> None:
        """Build the module.

        Args:
            in_width: Width of the stage features that are read: the static ones where the model has them, else the
                fused ones.
            num_stages: Number of stages.
            width: Width of the hidden layer; 0 for a single linear layer.
            dropout: Probability with which an input of a linear layer is dropped in training.
        """
        super().__init__()
        read, num_classes = 2 * in_width * num_stages, sum(NUM_NUMBER_CLASSES)
        # Without the norm, small heads on features of large image networks learn nothing (docs/log.md).
        self.norm = nn.LayerNorm(2 * in_width)
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if width:
            layers += [nn.Linear(read, width), nn.GELU(), nn.Dropout(dropout)]
        self.classify = nn.Sequential(*layers, nn.Linear(width or read, num_classes))

    def forward(self, stages: StageFeatures) -> Float[Tensor, "dives classes"]:
        """Logits of the classes of all attributes side by side, in the order of `NumberClasses`.

        Raises:
            DataError: The stage features have neither a static nor a fused part.
        """
        steps = stages.fused if stages.static is None else stages.static
        if steps is None:
            raise DataError("there are no stage features to recognise a dive number from", todo="give some")
        seen = torch.cat([steps.mean(dim=2), steps.amax(dim=2)], dim=-1)
        return self.classify(self.norm(seen).flatten(1))


def candidate_numbers(height_m: float | None, dives: Sequence[Dive] = ()) -> tuple[str, ...]:
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
        candidates: Dive numbers.

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
        temperature: What the sums of log-probabilities are divided by; above 1 for a network that is too sure.

    Raises:
        DataError: As `number_scores`.
    """
    return (number_scores(logits, candidates) / temperature).log_softmax(1)
