"""A coach's own scored dives as exemplars, with a small recalibration and its cross-validated error.

The recalibration is one number: the slope by which the network's differences are multiplied. At 0 a dive gets the
mean of its exemplars, at 1 what the network says. One number suits few dives, and all parts still add up.
Source: none; least squares and leave-one-out are textbook.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from stagescore.atomic import write_files
from stagescore.data.exemplars import Protocol
from stagescore.errors import DataError
from stagescore.inference.exemplar_bank import PICTURE_QUALITY, ExemplarBank, pictured_frames
from stagescore.inference.intervals import LEVEL, IntervalModel
from stagescore.inference.outcomes import Outcome, Outcomes
from stagescore.inference.prediction import PredictedDive, PredictionTask
from stagescore.inference.voting import Voting
from stagescore.media.images import jpeg_bytes
from stagescore.media.scaling import scaled
from stagescore.scoring.bank_fit import STEEPEST, BankFit
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.scoring.result_parts import Validation
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import Representation, joined
from stagescore.types import Dive

LEAST_DIVES = 5
"""Fewer exemplars make no bank. Set by hand."""
PICTURE_HEIGHT_PX = 80
"""Height of an exemplar's pictures in the bank. Set by hand."""
_NO_HINDRANCE = ("unfamiliar", "no-difficulty", "unknown-difficulty")
"""Reasons against a score that do not keep a dive from becoming an exemplar."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBank:
    """A bank of own dives and what came out of the cross-validation.

    Attributes:
        bank: The dives that can be used, as exemplars.
        fit: Slope, cross-validated error and intervals of the bank.
        predictions: True score and score predicted from the other dives, in points, by dive id.
        left_out: Why a dive was not used, in words, by dive id.
    """

    bank: ExemplarBank
    fit: BankFit
    predictions: dict[str, tuple[float, float]]
    left_out: dict[str, str]

    def save(self, path: Path) -> None:
        """Write the bank, and the fit beside it.

        Raises:
            DataError: They cannot be written.
        """
        self.bank.save(path)
        write_files({path.with_suffix(".json"): (self.fit.model_dump_json(indent=1) + "\n").encode()})


def fit_bank(
    scorer: Scorer,
    dives: Sequence[Dive],
    *,
    exemplars: int = 10,
    progress: Progress = lambda what, done, total: None,
) -> FittedBank:
    """Encode own dives and cross-validate their scores.

    Args:
        scorer: Scorer whose network encodes the dives.
        dives: Labelled dives; those without a film are left out.
        exemplars: Number of exemplars that vote on each dive; 10 as in the paper.
        progress: Called before every dive with what is done, how many are done, and of how many.

    Raises:
        DataError: Fewer than `LEAST_DIVES` of them can be used, or no network of the scorer compares dives.
    """
    if not any(network.model.compares for network in scorer.scoring_networks):
        scorer.scoring_networks[0].check_compares()
    usable: list[tuple[Dive, Scored]] = []
    left_out: dict[str, str] = {}
    for done, dive in enumerate(dives):
        progress("dives", done, len(dives))
        seen = None
        if dive.frames_path:
            seen = scorer.scored(dive.frames_path, known_of(dive)).without_pictures()
        why = problem_of(seen)
        if seen is None or why:
            left_out[dive.dive_id] = why
        else:
            usable.append((dive, seen))
    network = _network_of(scorer, [seen for _, seen in usable])
    kept: list[Dive] = []
    encodings: list[QueryEncoding] = []
    pictures: dict[str, dict[int, bytes]] = {}
    for dive, seen in usable:
        encoding = seen.encodings.get(network.card.name)
        if encoding is None:
            left_out[dive.dive_id] = f"the network {network.card.name} cannot look at it"
            continue
        if network.executes and dive.difficulty is None:
            left_out[dive.dive_id] = "its difficulty is not known"
            continue
        kept.append(dive.with_changes(recording=f"sha256:{seen.result.input.sha256}"))
        encodings.append(encoding)
        pictures[dive.dive_id] = _pictures(seen, encoding)
    if len(kept) < LEAST_DIVES:
        first = next(iter(left_out.items()), None)
        told = "" if first is None else f"; the first that was left out: {first[0]}: {first[1]}"
        raise DataError(
            f"{len(kept)} of {len(dives)} dives can be used{told}",
            todo=f"give {LEAST_DIVES} or more single, whole dives",
        )
    bank = ExemplarBank(
        dives=tuple(kept),
        stages=joined([one.stages for one in encodings]),
        edges=torch.cat([one.edges for one in encodings]),
        weights_hash=network.card.weights_hash,
        pictures=pictures,
    )
    fit, predictions = cross_validated(network, bank, [one.views for one in encodings], exemplars)
    return FittedBank(bank=bank, fit=fit, predictions=predictions, left_out=left_out)


def _pictures(seen: Scored, encoding: QueryEncoding) -> dict[int, bytes]:
    """Small pictures of a dive, as the bank keeps them."""
    if seen.media is None:
        return {}
    sampled = {encoding.frames[frame]: frame for frame in pictured_frames(encoding.edges[0].tolist())}
    width, height = seen.media.info.width_px, seen.media.info.height_px
    size = max(round(PICTURE_HEIGHT_PX * width / height), 1), PICTURE_HEIGHT_PX
    return {
        sampled[frame]: jpeg_bytes(scaled(image, size), PICTURE_QUALITY)
        for frame, image in seen.media.frames(sorted(sampled))
    }


def known_of(dive: Dive) -> ScoreOptions:
    """What may be known of a labelled dive when it is scored: dive number, difficulty, height, and its joints."""
    poses = None if dive.poses_path is None else Path(dive.poses_path)
    return ScoreOptions(
        dive_number=dive.dive_number, difficulty=dive.difficulty, height_m=dive.height_m, poses=poses
    )


def problem_of(seen: Scored | None) -> str:
    """Why a dive cannot be an exemplar; films that are new to the network are what own exemplars are for."""
    if seen is None:
        return "there is no film of it"
    reasons = [reason.text for reason in seen.result.reasons if reason.code not in _NO_HINDRANCE]
    return " ".join(reasons)


def _network_of(scorer: Scorer, scored: Sequence[Scored]) -> ScoringNetwork:
    """The network that speaks about most of some dives, of those that compare."""
    names = Counter(seen.network.card.name for seen in scored if seen.network is not None)
    comparing = [network for network in scorer.scoring_networks if network.model.compares]
    return max(comparing, key=lambda network: names[network.card.name])


def cross_validated(
    network: ScoringNetwork, bank: ExemplarBank, views: Sequence[Sequence[Representation]], exemplars: int
) -> tuple[BankFit, dict[str, tuple[float, float]]]:
    """Fit a bank: each of its dives is predicted from the others, with a slope that is fitted without it too.

    Args:
        network: Network that encoded the bank.
        bank: The dives, each an exemplar for the others.
        views: Stage features of every view of each dive, the plain one first.
        exemplars: Number of exemplars that vote on each dive.

    Returns:
        The fit, and the true and the predicted score by dive id.
    """
    found = []
    for row, dive in enumerate(bank.dives):
        protocol: Protocol = "w/o DN" if dive.dive_number is None else "w/ DN"
        task = PredictionTask(protocol=protocol, num=exemplars, execution=network.executes)
        found.append(Voting(model=network.contrastive, bank=bank, task=task).predict(dive, views[row]))
    truth = np.array([dive.score for dive in bank.dives])
    delta = np.array([float(one.stage_deltas.sum(dim=(1, 2)).mean()) for one in found])
    base = np.array([one.prediction.score for one in found]) - delta
    others = ~np.eye(len(truth), dtype=bool)
    slopes = np.array([fitted_slope(truth[o] - base[o], delta[o]) for o in others])
    predicted = base + slopes * delta
    slope = fitted_slope(truth - base, delta)
    validation = Validation(
        num_dives=len(truth),
        mean_absolute_error=float(np.abs(truth - predicted).mean()),
        slope=slope,
    )
    outcomes = Outcomes(
        tuple(
            _outcome(one, p, k) for one, p, k in zip(found, predicted.tolist(), slopes.tolist(), strict=True)
        )
    )
    enough = np.ceil((len(truth) + 1) * LEVEL) <= len(truth)
    fit = BankFit(
        weights_hash=bank.weights_hash,
        slope=slope,
        validation=validation,
        score_intervals=IntervalModel.fit(outcomes).as_json() if enough else {},
    )
    pairs = zip(truth.tolist(), predicted.tolist(), strict=True)
    return fit, dict(zip((dive.dive_id for dive in bank.dives), pairs, strict=True))


def fitted_slope(wanted: Float[np.ndarray, " dives"], delta: Float[np.ndarray, " dives"]) -> float:
    """The slope of least squares through the origin, held between 0 and 1.5.

    >>> fitted_slope(np.array([1.0, -2.0]), np.array([2.0, -4.0]))
    0.5
    """
    squares = float((delta * delta).sum())
    return 0.0 if squares == 0 else float(np.clip((wanted * delta).sum() / squares, 0.0, STEEPEST))


def _outcome(own: PredictedDive, predicted: float, slope: float) -> Outcome:
    parts = own.stage_deltas.sum(dim=(1, 2)).tolist()
    votes = [v - d + slope * d for v, d in zip(own.prediction.votes, parts, strict=True)]
    dive = own.dive
    return Outcome(
        dive_id=dive.dive_id,
        dive_number=dive.dive_number,
        difficulty=dive.difficulty,
        true_score=dive.score,
        predicted_score=predicted,
        num_frames=dive.num_frames or 1,
        votes=tuple(votes),
    )
