"""Scores of encoded dives by the votes of encoded exemplars (paper, eq. 24)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from stagescore.data.exemplars import ExemplarChoice, choose_exemplars
from stagescore.errors import DataError
from stagescore.inference.encoding import Encoded
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.prediction import (
    PredictedDive,
    PredictionTask,
    Predictor,
    in_predicted_unit,
    points_per_unit,
)
from stagescore.models.base import ContrastiveModel
from stagescore.regression.vote import vote
from stagescore.tensors import Representation
from stagescore.types import Dive


def bank_of(encoded: Encoded, dives: dict[str, Dive], weights: str) -> ExemplarBank:
    """A bank of encoded dives."""
    return ExemplarBank(
        dives=tuple(dives[dive_id] for dive_id in encoded.dive_ids),
        stages=encoded.stages,
        edges=encoded.edges,
        weights_hash=weights,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Voting(Predictor):
    """Exemplars vote: each says its own score and the predicted difference to the query.

    The differences of several views of a query to an exemplar are averaged, stage by stage.

    Attributes:
        model: Model that compares.
        bank: Bank of the exemplars that vote.
        task: What is predicted, and how exemplars are chosen.
    """

    model: ContrastiveModel
    bank: ExemplarBank
    task: PredictionTask

    def _predicted(self, queries: Sequence[Dive], views: Sequence[Representation]) -> Iterator[PredictedDive]:
        """All pairs of some queries in one comparison per view."""
        task = self.task
        choices = [self._choose(query) for query in queries]
        counts = [len(choice.exemplars) for choice in choices]
        # The votes are in this order.
        exemplars = [sorted(choice.exemplars, key=lambda dive: dive.dive_id) for choice in choices]
        rows = self.bank.rows([exemplar for some in exemplars for exemplar in some])
        asking = torch.arange(len(queries)).repeat_interleave(torch.tensor(counts))
        got = [in_predicted_unit(dive, task) for one in exemplars for dive in one]
        with torch.no_grad():
            exemplar_stages = self.bank.stages.select(rows)
            scores_of_exemplars = torch.tensor(got, device=self.model.device)
            found = [
                self.model.compare(view.select(asking), exemplar_stages, scores_of_exemplars)
                for view in views
            ]
        deltas = torch.stack([comparison.delta for comparison in found]).mean(dim=0)
        stage_deltas = torch.stack([comparison.stage_deltas for comparison in found]).mean(dim=0)
        for query, choice, some, delta, parts in zip(
            queries,
            choices,
            exemplars,
            deltas.split(counts),
            stage_deltas.split(counts),
            strict=True,
        ):
            factor = points_per_unit(query, task)
            prediction = vote(
                [factor * difference for difference in delta.tolist()],
                [factor * in_predicted_unit(dive, task) for dive in some],
                [dive.dive_id for dive in some],
                protocol=task.protocol + (f" ({choice.fallback})" if choice.fallback else ""),
            )
            yield PredictedDive(
                dive=query, prediction=prediction, stage_deltas=factor * parts, fallback=choice.fallback
            )

    def _choose(self, query: Dive) -> ExemplarChoice:
        choice = choose_exemplars(
            query, self.bank.dives, protocol=self.task.protocol, num=self.task.num, seed=self.task.seed
        )
        if not choice.exemplars:
            raise DataError("there is no exemplar", where=query.dive_id, todo="add dives to the bank")
        return choice
