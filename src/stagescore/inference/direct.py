"""Scores of encoded dives by a model that predicts each without exemplars."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from stagescore.inference.intervals import LEVEL
from stagescore.inference.prediction import PredictedDive, PredictionTask, Predictor, points_per_unit
from stagescore.models.base import DirectModel
from stagescore.tensors import Representation, ScoreDistribution
from stagescore.types import Dive, Prediction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DirectPrediction(Predictor):
    """The model says how probable each score is; of several views of a dive the distributions are averaged.

    Attributes:
        model: Model that predicts without exemplars.
        task: What is predicted; what the task says about exemplars is not read.
    """

    model: DirectModel
    task: PredictionTask

    def _predicted(self, queries: Sequence[Dive], views: Sequence[Representation]) -> Iterator[PredictedDive]:
        with torch.no_grad():
            found = ScoreDistribution.mean_of([self.model.predict(view) for view in views])
        rows = zip(found.chosen.tolist(), found.sd.tolist(), found.interval(LEVEL).tolist(), strict=True)
        for query, (score, sd, (low, high)) in zip(queries, rows, strict=True):
            factor = points_per_unit(query, self.task)
            prediction = Prediction(
                score=factor * score,
                votes=(),
                exemplar_ids=(),
                protocol="",
                sd=factor * sd,
                stated_interval=(factor * low, factor * high),
            )
            yield PredictedDive(dive=query, prediction=prediction, stage_deltas=torch.zeros(0, 0, 0))
