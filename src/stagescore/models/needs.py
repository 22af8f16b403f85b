"""What data must have for a model: one value that each model's settings declare."""

from dataclasses import dataclass
from typing import Literal

from stagescore.errors import ConfigError

Input = Literal["video", "skeleton", "boxes", "masks", "marks", "transitions", "difficulty", "number"]
"""What a model may read of a dive or learn from: what is seen of it, and its labels."""
LABELS: frozenset[Input] = frozenset({"marks", "transitions"})
"""What nobody knows of a dive that is to be scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What data must have for a model.

    Attributes:
        training: What every training dive must have.
        some_training: What one training dive or more must have; those that lack it are left out of the term that asks
            for it.
        test: What a dive that is predicted must have.
    """

    training: frozenset[Input] = frozenset()
    some_training: frozenset[Input] = frozenset()
    test: frozenset[Input] = frozenset()

    def __post_init__(self) -> None:
        if known_too_late := sorted(self.test & LABELS):
            raise ConfigError(
                f"a model cannot need {', '.join(known_too_late)} at test: nobody knows them of a dive to be scored",
                todo="declare them for training",
            )

    def with_training(self, *inputs: Input) -> "Needs":
        """The same, and of every training dive some inputs more."""
        return Needs(
            training=self.training | frozenset(inputs), some_training=self.some_training, test=self.test
        )
