"""What is known of a bank of a user's own dives: the fitted slope and the cross-validated error, beside the bank."""

from pathlib import Path

from pydantic import Field

from stagescore.config import Config
from stagescore.errors import CheckpointError
from stagescore.inference.intervals import IntervalModel
from stagescore.json_files import strict_json
from stagescore.scoring.result_parts import Text, Validation

STEEPEST = 1.5
"""Largest slope. Set by hand: a few dives must not multiply differences without limit."""
_MOST_BYTES = 2**22  # set by hand; a fit has less than 1 kB, and the name of a film for each dive


class BankFit(Config):
    """The content of `<bank>.json`.

    Attributes:
        weights_hash: Hash of the network that encoded the bank (`card_files.weights_hash`).
        slope: Factor by which the network's differences are multiplied, 0 to `STEEPEST`.
        validation: Error on the bank's dives, each predicted from the others.
        score_intervals: Content of an `inference.intervals.IntervalModel`; empty with too few dives.
        films: Name of the film of each dive of the bank, by dive id; empty of banks fitted before this was noted.
    """

    weights_hash: str
    slope: float = Field(ge=0, le=STEEPEST)
    validation: Validation
    score_intervals: dict[str, float] = Field(default_factory=dict)
    films: dict[str, Text] = Field(default_factory=dict)

    @classmethod
    def beside(cls, bank: Path, weights_hash: str) -> "BankFit | None":
        """The fit of a bank; None for banks that were not fitted.

        Raises:
            CheckpointError: It is damaged, or was fitted with other weights.
        """
        path = bank.with_suffix(".json")
        if not path.is_file():
            return None
        try:
            with path.open("rb") as stream:
                content = stream.read(_MOST_BYTES + 1)
            if len(content) > _MOST_BYTES:
                raise ValueError("it is longer than a fit can be")
            strict_json(content)
            fit = cls.model_validate_json(content)
            if fit.score_intervals:
                IntervalModel.from_json(fit.score_intervals)
        except (OSError, ValueError, CheckpointError) as error:
            raise CheckpointError(
                f"the fit of the bank cannot be read ({' '.join(str(error).split())[:100]})",
                where=path,
                todo="run `stagescore fit-bank` again",
            ) from None
        if fit.weights_hash != weights_hash:
            raise CheckpointError(
                f"the bank was fitted with weights {fit.weights_hash[:12]}, the network has {weights_hash[:12]}",
                where=path,
                todo="run `stagescore fit-bank` again with these weights",
            )
        return fit
