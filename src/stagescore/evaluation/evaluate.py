"""Evaluate a model on labelled dives: every protocol, kind of joints and missing modality, once encoded.

Dives go through the encoders once for each kind of joints; all tables follow from those features.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from stagescore.batch import Batch
from stagescore.data.clip_store import ClipStore
from stagescore.data.decoded_clip import Joints
from stagescore.data.exemplars import Protocol
from stagescore.data.preprocessing import View
from stagescore.data.samples import Samples
from stagescore.evaluation.recognition import with_numbers
from stagescore.inference.dive_numbers import NumberCalibration, NumberEvidence, number_evidence
from stagescore.inference.encoding import Encoded, encode_dives
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.intervals import IntervalModel, TransitionCalibration
from stagescore.inference.outcomes import Missing, Outcome, Outcomes, label_transitions
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import predictor_of
from stagescore.models.base import ActionModel
from stagescore.models.recognition import NumberedFilm, mean_number_logits
from stagescore.tensors import DiveInputs, Features
from stagescore.types import Dive

PROTOCOLS: tuple[Protocol, ...] = ("w/ DN", "w/o DN", "w/ DD")
_DIVES_AT_ONCE = 8  # set by hand: dives that are encoded together
_EDGES = 4
"""Number of edges of three stages."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked of a model.

    Attributes:
        protocol: How exemplars are chosen, such as `w/ DN`.
        joints: Kind of the joints: `estimated` by pose networks, or `exact`.
        missing: Modality that is withheld; empty for none.
    """

    protocol: Protocol = "w/ DN"
    joints: Joints = "estimated"
    missing: Missing = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How sure a model may be, fitted on validation dives.

    Attributes:
        scores: Calibration of the score's interval.
        transitions: Calibration of the transitions' confidence; None for a model without three stages.
        numbers: Calibration of the dive number's probabilities; None for a model that does not recognise it, or too few
            dives to fit it.
    """

    scores: IntervalModel
    transitions: TransitionCalibration | None
    numbers: NumberCalibration | None = None


class EncodedDives:
    """A source of dives that went through a model's encoders once, held in memory."""

    def __init__(
        self,
        model: ActionModel,
        samples: Samples,
        dive_ids: Sequence[str],
        *,
        mirrored: bool = False,
        view: View | None = None,
        progress: Progress = lambda done, total: None,
    ) -> None:
        """Encode some dives.

        Args:
            model: Model whose encoders see the dives.
            samples: Samples that hold the clips of the dives.
            dive_ids: Ids of the dives to encode.
            mirrored: Whether to encode the dives mirrored as well.
            view: View in which the dives are seen; the plain one by default.
            progress: Called after every few dives with how many are done and how many there are.
        """
        self.samples = samples
        self.mirrored: EncodedDives | None = None
        if mirrored:
            self.mirrored = EncodedDives(model, samples, dive_ids, view=View(flip=True), progress=progress)
        self.kept: dict[str, Features] = {}
        for first in range(0, len(dive_ids), _DIVES_AT_ONCE):
            ids = list(dive_ids[first : first + _DIVES_AT_ONCE])
            features = _encoded(model, samples.inputs(ids, None if view is None else [view] * len(ids)))
            self.kept |= {dive_id: features.select(torch.tensor([k])) for k, dive_id in enumerate(ids)}
            progress(first + len(ids), len(dive_ids))

    @property
    def dives(self) -> dict[str, Dive]:
        """All dives that were encoded."""
        return {dive_id: self.samples.dives[dive_id] for dive_id in self.kept}

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> Batch:
        """Not for training: what is seen does not change with the epoch."""
        return self.plain(dive_ids)

    def plain(self, dive_ids: Sequence[str]) -> Batch:
        """Features and labels of some dives."""
        rows = [self.kept[dive_id] for dive_id in dive_ids]
        return Batch.of_single_dives(Features.join(rows), self.samples.labels(dive_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """A model with everything that evaluation needs.

    Attributes:
        model: Model in eval mode.
        bank: Exemplars of the model; None for a model that predicts without them.
        calibration: Calibration that was fitted on validation dives; None to leave intervals out.
        execution: Whether the model predicts score / difficulty.
        votes: Number of exemplars that vote.
        seed: Seed of the choice of exemplars.
        films: Training films, whose numbers are candidates of the recognition; where empty, the exemplars of the bank.
    """

    model: ActionModel
    bank: ExemplarBank | None
    calibration: Calibration | None = None
    execution: bool = False
    votes: int = 10
    seed: int = 0
    films: tuple[NumberedFilm, ...] = ()

    def outcomes(self, source: EncodedDives, dive_ids: Sequence[str], case: Case) -> Outcomes:
        """What comes out for some dives.

        Args:
            source: Dives encoded with the joints of the case; where it has them mirrored too, both views are averaged.
            dive_ids: Ids of the dives to predict.
            case: Protocol, joints and missing modality that are asked for.
        """
        encoded = encode_dives(self.model, source, dive_ids, missing=case.missing)
        predictor = predictor_of(self.model, self._task(case), self.bank)
        also = (
            []
            if source.mirrored is None
            else [encode_dives(self.model, source.mirrored, dive_ids, missing=case.missing)]
        )
        predicted = predictor.predict_all([encoded, *also], source.dives)
        transitions = predicted_transitions(encoded, source.samples.store)
        found = []
        for row, one in enumerate(predicted):
            dive, said = one.dive, one.prediction
            stages = dive.stages()
            interval = (
                None
                if self.calibration is None
                else self.calibration.scores.interval(said.score, said.votes, said.sd)
            )
            found.append(
                Outcome(
                    dive_id=dive.dive_id,
                    dive_number=dive.dive_number,
                    difficulty=dive.difficulty,
                    true_score=dive.score,
                    predicted_score=said.score,
                    num_frames=source.samples.store[dive.dive_id].num_frames,
                    votes=said.votes,
                    sd=said.sd,
                    stated_interval=said.stated_interval,
                    interval=interval,
                    true_transitions=None
                    if stages is None
                    else (float(dive.transitions[0]), float(dive.transitions[-1])),
                    predicted_transitions=None if transitions is None else _pair(transitions[row]),
                    confidences=self._confidences(encoded, source.samples.store, transitions, row),
                    missing=case.missing,
                )
            )
        evidence = self._evidence([encoded, *also], [one.dive for one in predicted])
        numbers = None if self.calibration is None else self.calibration.numbers
        return with_numbers(Outcomes(tuple(found)), evidence, numbers)

    def _task(self, case: Case) -> PredictionTask:
        """What is predicted in a case, and by which exemplars."""
        return PredictionTask(
            protocol=case.protocol, num=self.votes, seed=self.seed, execution=self.execution
        )

    def evidence(self, source: EncodedDives, dive_ids: Sequence[str]) -> tuple[NumberEvidence, ...]:
        """What the network says of the dive numbers; nothing for a model that does not recognise them."""
        if not self.model.recognises:
            return ()
        views = [source] if source.mirrored is None else [source, source.mirrored]
        encoded = [encode_dives(self.model, view, dive_ids) for view in views]
        return self._evidence(encoded, [source.dives[dive_id] for dive_id in dive_ids])

    def _evidence(self, views: Sequence[Encoded], dives: Sequence[Dive]) -> tuple[NumberEvidence, ...]:
        films = self.films or (() if self.bank is None else self.bank.dives)
        return number_evidence(mean_number_logits([view.stages for view in views]), dives, films)

    def fitted(self, source: EncodedDives, dive_ids: Sequence[str]) -> "Evaluator":
        """The same with a calibration fitted on validation dives.

        Raises:
            DataError: There are too few of them.
        """
        plain = replace(self, calibration=None)
        outcomes = plain.outcomes(source, dive_ids, Case())
        encoded = encode_dives(self.model, source, dive_ids)
        transitions = None
        # The labels have the first and the last transition; a model of two stages finds only one of them.
        if encoded.log_probabilities is not None and encoded.edges.shape[1] == _EDGES:
            transitions = TransitionCalibration.fit(
                _numpy(encoded.log_probabilities),
                _frames(source.samples.store, dive_ids),
                outcomes.true_transitions,
            )
        calibration = Calibration(
            scores=IntervalModel.fit(outcomes),
            transitions=transitions,
            numbers=NumberCalibration.fit(self.evidence(source, dive_ids)),
        )
        return replace(self, calibration=calibration)

    def _confidences(
        self, encoded: Encoded, store: ClipStore, transitions: np.ndarray | None, row: int
    ) -> tuple[float, float] | None:
        log_p = encoded.log_probabilities
        if (
            self.calibration is None
            or self.calibration.transitions is None
            or log_p is None
            or transitions is None
        ):
            return None
        sure = self.calibration.transitions.confidence(
            _numpy(log_p[row : row + 1]),
            _frames(store, encoded.dive_ids[row : row + 1]),
            transitions[row : row + 1],
        )
        return _pair(np.clip(sure[0], 0.0, 1.0))


def predicted_transitions(encoded: Encoded, store: ClipStore) -> np.ndarray | None:
    """First and last predicted transition of each dive, in label frames; None without three stages."""
    if encoded.edges.shape[1] != _EDGES:
        return None
    positions = _numpy(encoded.edges[:, 1:-1] - 1)
    return np.asarray(label_transitions(positions, _frames(store, encoded.dive_ids)))


def can_be_withheld(model: ActionModel, source: EncodedDives, dive_ids: Sequence[str]) -> tuple[Missing, ...]:
    """The modalities that a model can do without and that are there to be withheld from these dives."""
    has_skeleton = [bool(source.kept[dive_id].has_skeleton.all()) for dive_id in dive_ids]
    # A dive without a skeleton cannot lose its video.
    there = {"video": all(has_skeleton), "skeleton": any(has_skeleton)}
    return tuple(modality for modality in model.can_miss if there[modality])


def cases(
    kinds: Sequence[Joints], *, difficulty: bool, withheld: Sequence[Missing] = (), compares: bool = True
) -> Iterator[Case]:
    """The cases of a table: every protocol with both modalities, then those that are withheld.

    Args:
        kinds: Kinds of joints.
        difficulty: Whether all dives have one, so that exemplars may share it.
        withheld: Modalities that the model can do without.
        compares: Whether the model compares with exemplars; protocols say nothing of one that does not.
    """
    for joints in kinds:
        for protocol in PROTOCOLS if compares else PROTOCOLS[:1]:
            if protocol != "w/ DD" or difficulty:
                yield Case(protocol=protocol, joints=joints)
        if joints == "estimated":
            for missing in withheld:
                yield Case(joints=joints, missing=missing)


@torch.no_grad()
def _encoded(model: ActionModel, seen: DiveInputs) -> Features:
    model.eval()
    features: Features = model.encoders(seen.to(model.device))
    return features.to("cpu")


def _frames(store: ClipStore, dive_ids: Sequence[str]) -> np.ndarray:
    return np.stack([np.asarray(store.indices(dive_id)) for dive_id in dive_ids])


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])
