"""Scores of encoded dives by the votes of encoded exemplars (paper, eq. 24).

Validation, evaluation and scoring all predict here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from stagescore.data.exemplars import ExemplarChoice, Protocol, choose_exemplars
from stagescore.errors import DataError
from stagescore.inference.encoding import Encoded
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.models.base import ActionModel
from stagescore.regression.vote import vote
from stagescore.tensors import Representation
from stagescore.types import Dive, Prediction

_DIVES_AT_ONCE = 8
_QUERIES_AT_ONCE = 32
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VotedDive:
    """A query's prediction and what it is made of.

    Attributes:
        dive: the query.
        prediction: score and votes, in points.
        stage_deltas: differences by exemplar (in the order of the votes), stage and branch, in points.
        fallback: how exemplars were found where none fitted, in words.
    """

    dive: Dive
    prediction: Prediction
    stage_deltas: Float[Tensor, "exemplars stages branches"]
    fallback: str


def bank_of(encoded: Encoded, dives: dict[str, Dive], weights: str) -> ExemplarBank:
    """A bank of encoded dives."""
    return ExemplarBank(
        dives=tuple(dives[dive_id] for dive_id in encoded.dive_ids),
        stages=encoded.stages,
        edges=encoded.edges,
        weights_hash=weights,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Voting:
    """How exemplars are chosen and what is predicted.

    Attributes:
        protocol: what exemplars share with the query.
        num: how many vote.
        seed: of the choice.
        execution: the model predicts score / difficulty, which is multiplied back.
    """

    protocol: Protocol = "w/ DN"
    num: int = 10
    seed: int = 0
    execution: bool = False

    def predict(
        self,
        model: ActionModel,
        query: Dive,
        stages: Representation,
        bank: ExemplarBank,
        *,
        also: Sequence[Representation] = (),
    ) -> VotedDive:
        """The score of one encoded query.

        Args:
            model: in eval mode.
            query: the dive.
            stages: what the model made of it.
            bank: its exemplars.
            also: what it made of other views of the same dive, such as the mirrored one; the differences of all views
                to an exemplar are averaged, stage by stage.

        Raises:
            DataError: the bank holds nobody but the query, or a difficulty is needed and unknown.
        """
        return next(self._voted(model, [query], [stages, *also], bank))

    def predict_all(
        self,
        model: ActionModel,
        encoded: Encoded,
        dives: dict[str, Dive],
        bank: ExemplarBank,
        *,
        also: Sequence[Encoded] = (),
    ) -> list[VotedDive]:
        """The scores of encoded dives.

        Args:
            model: its mode is left as it was; dropout is off meanwhile.
            encoded: the dives.
            dives: by id.
            bank: the exemplars.
            also: other views of the same dives in the same order; see `predict`.

        Raises:
            DataError: another view is of other dives.
        """
        if any(other.dive_ids != encoded.dive_ids for other in also):
            raise DataError(
                "the views are of different dives", todo="encode the same dives in the same order"
            )
        training = model.training
        model.eval()
        voted: list[VotedDive] = []
        for first in range(0, len(encoded.dive_ids), _QUERIES_AT_ONCE):
            queries = [dives[dive_id] for dive_id in encoded.dive_ids[first : first + _QUERIES_AT_ONCE]]
            rows = torch.arange(first, first + len(queries))
            views = [one.stages.select(rows) for one in (encoded, *also)]
            voted += self._voted(model, queries, views, bank)
        model.train(training)
        return voted

    def _voted(
        self, model: ActionModel, queries: Sequence[Dive], views: Sequence[Representation], bank: ExemplarBank
    ) -> Iterator[VotedDive]:
        """All pairs of some queries, a row of each view's stages each, in one comparison a view."""
        choices = [self._choose(query, bank) for query in queries]
        counts = [len(choice.exemplars) for choice in choices]
        # The votes are in this order.
        exemplars = [sorted(choice.exemplars, key=lambda dive: dive.dive_id) for choice in choices]
        rows = bank.rows([exemplar for some in exemplars for exemplar in some])
        asking = torch.arange(len(queries)).repeat_interleave(torch.tensor(counts))
        predicted = [_predicted(dive, self.execution) for one in exemplars for dive in one]
        with torch.no_grad():
            exemplar_stages = bank.stages.select(rows)
            scores_of_exemplars = torch.tensor(predicted, device=model.device)
            found = [
                model.compare(view.select(asking), exemplar_stages, scores_of_exemplars) for view in views
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
            factor = _factor(query) if self.execution else 1.0
            scores = [factor * _predicted(dive, self.execution) for dive in some]
            prediction = vote(
                [factor * difference for difference in delta.tolist()],
                scores,
                [dive.dive_id for dive in some],
                protocol=self.protocol + (f" ({choice.fallback})" if choice.fallback else ""),
            )
            yield VotedDive(
                dive=query, prediction=prediction, stage_deltas=factor * parts, fallback=choice.fallback
            )

    def _choose(self, query: Dive, bank: ExemplarBank) -> ExemplarChoice:
        choice = choose_exemplars(query, bank.dives, protocol=self.protocol, num=self.num, seed=self.seed)
        if not choice.exemplars:
            raise DataError("there is no exemplar", where=query.dive_id, todo="add dives to the bank")
        return choice


def _predicted(dive: Dive, execution: bool) -> float:
    """What a dive got, in the unit that is predicted."""
    return dive.score / _factor(dive) if execution else dive.score


def _factor(dive: Dive) -> float:
    if dive.difficulty is None:
        raise DataError("the dive has no difficulty", where=dive.dive_id, todo="label it, or predict scores")
    return dive.difficulty
