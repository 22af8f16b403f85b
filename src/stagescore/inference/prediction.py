"""What predicts the scores of encoded dives, whether exemplars vote or the model says the score itself.

Validation, evaluation, calibration and scoring speak to a `Predictor` (`predictors.predictor_of` makes the right one).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from stagescore.data.exemplars import Protocol
from stagescore.errors import DataError
from stagescore.inference.encoding import Encoded
from stagescore.models.base import ActionModel
from stagescore.tensors import Representation
from stagescore.types import Dive, Prediction

_QUERIES_AT_ONCE = 32
"""Number of queries predicted together. Set by hand: it bounds the memory that predicting takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionTask:
    """What is predicted, and by which exemplars where exemplars vote.

    Attributes:
        protocol: What exemplars share with the query.
        num: Number of exemplars that vote.
        seed: Seed of the choice of exemplars.
        execution: Whether the model predicts score / difficulty, which is multiplied back.
    """

    protocol: Protocol = "w/ DN"
    num: int = 10
    seed: int = 0
    execution: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedDive:
    """A query's prediction and what it is made of.

    Attributes:
        dive: Query that was predicted.
        prediction: Score in points, with the votes or the spread that it rests on.
        stage_deltas: Differences by exemplar (in the order of the votes), stage and branch, in points; no exemplar
            where nothing votes.
        fallback: How exemplars were found where none fitted, in words.
    """

    dive: Dive
    prediction: Prediction
    stage_deltas: Float[Tensor, "exemplars stages branches"]
    fallback: str = ""


class Predictor(ABC):
    """Gives scores to encoded dives.

    Attributes:
        model: Model whose encodings are read.
    """

    __slots__ = ()
    model: ActionModel

    @abstractmethod
    def _predicted(self, queries: Sequence[Dive], views: Sequence[Representation]) -> Iterator[PredictedDive]:
        """The scores of some queries, a row of each view's representations each; the model is in eval mode."""

    def predict(self, query: Dive, views: Sequence[Representation]) -> PredictedDive:
        """The score of one encoded query; the model is in eval mode.

        Args:
            query: Dive that is predicted.
            views: What the model made of the dive, in one view or in several such as the plain and the mirrored one, of
                which the mean is taken.

        Raises:
            DataError: There is no exemplar but the query, or a difficulty is needed and unknown.
        """
        return next(self._predicted([query], views))

    def predict_all(self, views: Sequence[Encoded], dives: Mapping[str, Dive]) -> list[PredictedDive]:
        """The scores of encoded dives.

        Args:
            views: The dives in one view or in several, in the same order.
            dives: Dives by id.

        Raises:
            DataError: The views are of different dives, or as of `predict`.
        """
        encoded, model = views[0], self.model
        if any(other.dive_ids != encoded.dive_ids for other in views):
            raise DataError(
                "the views are of different dives", todo="encode the same dives in the same order"
            )
        training = model.training
        model.eval()
        found: list[PredictedDive] = []
        for first in range(0, len(encoded.dive_ids), _QUERIES_AT_ONCE):
            queries = [dives[dive_id] for dive_id in encoded.dive_ids[first : first + _QUERIES_AT_ONCE]]
            rows = torch.arange(first, first + len(queries))
            found += self._predicted(queries, [one.stages.select(rows) for one in views])
        model.train(training)
        return found


def in_predicted_unit(dive: Dive, task: PredictionTask) -> float:
    """What a dive got, in the unit that is predicted.

    Raises:
        DataError: Execution is predicted, and the dive has no difficulty.
    """
    return dive.score / points_per_unit(dive, task)


def points_per_unit(dive: Dive, task: PredictionTask) -> float:
    """What a prediction is multiplied by to be in points.

    Raises:
        DataError: Execution is predicted, and the dive has no difficulty.
    """
    if not task.execution:
        return 1.0
    if dive.difficulty is None:
        raise DataError("the dive has no difficulty", where=dive.dive_id, todo="label it, or predict scores")
    return dive.difficulty
