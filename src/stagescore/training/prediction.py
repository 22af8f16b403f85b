"""Predictions for many dives: each is encoded once, then compared with encoded exemplars (paper, eq. 24).

Validation, evaluation and scoring all predict here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from stagescore.data.exemplars import ExemplarChoice, Protocol, choose_exemplars
from stagescore.errors import DataError
from stagescore.models.exemplar_bank import ExemplarBank
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.models.recognition import mean_number_logits, number_log_probabilities
from stagescore.regression.vote import vote
from stagescore.tensors import DiveBatch, StageFeatures
from stagescore.training.sources import DiveSource, keep_modalities
from stagescore.types import Dive, Prediction

_DIVES_AT_ONCE = 8
_QUERIES_AT_ONCE = 32
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Dives that went through the encoders, the segmentation and the fusion.

    Attributes:
        dive_ids: which, in the order of the rows.
        stages: their stage features, cut at the predicted edges.
        edges: where they were cut.
        log_probabilities: of every transition over frames; None for a model of one stage.
    """

    dive_ids: tuple[str, ...]
    stages: StageFeatures
    edges: Int[Tensor, "dives edges"]
    log_probabilities: Float[Tensor, "dives transitions frames"] | None


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


@torch.no_grad()
def encode_dives(
    model: HPMCoRe,
    source: DiveSource,
    dive_ids: Sequence[str],
    *,
    missing: str = "",
    progress: Progress = lambda done, total: None,
) -> Encoded:
    """Encode dives as evaluation sees them and cut them where the model itself would.

    Args:
        model: its mode is left as it was; dropout is off meanwhile.
        source: of the dives.
        dive_ids: which.
        missing: `video` or `skeleton`, to be left out; nothing by default.
        progress: told after every few dives.
    """
    training, device = model.training, next(model.parameters()).device
    model.eval()
    parts: list[tuple[StageFeatures, Tensor, Tensor | None]] = []
    for first in range(0, len(dive_ids), _DIVES_AT_ONCE):
        ids = dive_ids[first : first + _DIVES_AT_ONCE]
        seen = source.plain(ids).seen
        if missing:
            everything = torch.ones(len(ids), dtype=torch.bool)
            keeps_video = everything if missing == "skeleton" else ~everything
            seen = keep_modalities(seen, video=keeps_video, skeleton=~keeps_video if missing else everything)
        seen = seen.to(device)
        features = model.encode(seen) if isinstance(seen, DiveBatch) else model.complete(seen)
        logits = model.transition_logits(features)
        edges = model.predicted_edges(features)
        log_p = None if logits is None else logits[-1].log_softmax(-1)
        parts.append((model.stage_features(features, edges), edges, log_p))
        progress(first + len(ids), len(dive_ids))
    model.train(training)
    return Encoded(
        dive_ids=tuple(dive_ids),
        stages=StageFeatures.join([stages for stages, _, _ in parts]),
        edges=torch.cat([edges for _, edges, _ in parts]),
        log_probabilities=_joined([log_p for _, _, log_p in parts]),
    )


@torch.no_grad()
def recognise_number(
    views: Sequence[StageFeatures], candidates: Sequence[str], temperature: float = 1.0
) -> tuple[tuple[str, float], ...]:
    """The probability of each dive number that a film may show, the likeliest first.

    Args:
        views: Stage features of one dive, as it is and mirrored or in one view, of a model that recognises dive numbers.
        candidates: Dive numbers that come into question (`models.recognition.candidate_numbers`).
        temperature: Calibration of the probabilities, as the card of the weights has it.

    Returns:
        (dive number, probability) of every candidate; the probabilities add up to 1. Equally probable numbers stand in
        alphabetical order.

    Raises:
        DataError: The model does not recognise dive numbers, or a view holds more or fewer than one dive.
    """
    logits = mean_number_logits(views)
    if logits is None:
        raise DataError(
            "this model does not recognise dive numbers",
            todo="give the dive number, or train the model with model.recognition.on=true",
        )
    if len(logits) != 1:
        raise DataError(f"a number of {len(logits)} dives is asked for", todo="give one dive at a time")
    probabilities = number_log_probabilities(logits.double(), candidates, temperature)[0].exp().tolist()
    return tuple(sorted(zip(candidates, probabilities, strict=True), key=lambda pair: (-pair[1], pair[0])))


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
        model: HPMCoRe,
        query: Dive,
        stages: StageFeatures,
        bank: ExemplarBank,
        *,
        also: Sequence[StageFeatures] = (),
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
        model: HPMCoRe,
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
        self, model: HPMCoRe, queries: Sequence[Dive], views: Sequence[StageFeatures], bank: ExemplarBank
    ) -> Iterator[VotedDive]:
        """All pairs of some queries, a row of each view's stages each, in one comparison a view."""
        choices = [self._choose(query, bank) for query in queries]
        counts = [len(choice.exemplars) for choice in choices]
        # The votes are in this order.
        exemplars = [sorted(choice.exemplars, key=lambda dive: dive.dive_id) for choice in choices]
        rows = bank.rows([exemplar for some in exemplars for exemplar in some])
        asking = torch.arange(len(queries)).repeat_interleave(torch.tensor(counts))
        with torch.no_grad():
            exemplar_stages = bank.stages.select(rows)
            found = [model.compare(view.select(asking), exemplar_stages) for view in views]
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
            scores = [
                factor * (dive.score / _factor(dive) if self.execution else dive.score) for dive in some
            ]
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


def _factor(dive: Dive) -> float:
    if dive.difficulty is None:
        raise DataError("the dive has no difficulty", where=dive.dive_id, todo="label it, or predict scores")
    return dive.difficulty


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None
