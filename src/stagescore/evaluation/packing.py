"""From a run to weights that ship: a network with its card, and a bank of exemplars."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from stagescore.card_files import weights_hash
from stagescore.data.clip_store import ClipStore
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError
from stagescore.evaluation.evaluate import EncodedDives, Evaluator
from stagescore.evaluation.evaluated_model import EvaluatedModel, Progress
from stagescore.evaluation.evaluation_report import EvaluationReport
from stagescore.evaluation.fold_report import fold_report
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.evaluation.out_of_fold import KeptOut
from stagescore.hashing import hash_u64
from stagescore.inference.encoding import encode_dives
from stagescore.inference.exemplar_bank import PICTURE_QUALITY, ExemplarBank, pictured_frames
from stagescore.inference.familiarity import LEAST_DIVES, Familiarity, descriptors
from stagescore.inference.predictors import exemplar_bank
from stagescore.media.images import jpeg_bytes
from stagescore.models.base import ActionModel
from stagescore.models.settings import ModelSettings
from stagescore.training.validation import bank_dives
from stagescore.types import Dive
from stagescore.weights.checkpoint import Card, TrainingFilms, load_weights, save_weights

_MOST_TRAINING_DIVES = 1000
"""Most training dives that familiarity is fitted on. Set by hand: more say nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a card says besides figures.

    Attributes:
        name: Name of the weights, such as `nano`.
        trained_on: What the weights were trained on, in words.
        commands: Commands that make the weights again.
        limits: What the weights are no good for, in words.
        shown_on: Kind of film that the weights have been shown to work on; empty where they were not measured on real
            films.
        validated: Whether the error on real dives is known.
        blends_with_prior: Whether the score of an unfamiliar film moves towards what its labels alone say.
        film_scale: How far beyond distance 1 the film's share of the score has fallen to one half.
    """

    name: str
    trained_on: str
    commands: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    shown_on: str = ""
    validated: bool = False
    blends_with_prior: bool = False
    film_scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DivesToPack:
    """What weights are packed with.

    Attributes:
        exemplars: Exemplars of the bank, such as `choose_bank` gives.
        validation: Dives that training never saw; the calibration is fitted on them. No exemplar is among them.
        training: Dives of the training, which tell what films are familiar; the exemplars where there are none.
        pictures: Whether the bank keeps small pictures of the exemplars' films; their skeletons alone otherwise.
    """

    exemplars: Sequence[Dive]
    validation: Sequence[Dive]
    training: Sequence[Dive] = ()
    pictures: bool = True


def pack(
    evaluated: EvaluatedModel,
    settings: ModelSettings,
    words: Words,
    *,
    dives: DivesToPack,
    store: ClipStore,
    folder: Path,
    kept_out: KeptOut | None = None,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Path, ExemplarBank | None]:
    """Write `<name>.safetensors` and `<name>-bank.safetensors`, the headline state of a run.

    A model that predicts without exemplars gets no bank; the numbers of its training films are in its card.

    Args:
        evaluated: Model of the run.
        settings: Settings of the run's model.
        words: What the card says besides figures.
        dives: Dives from which the bank and the card's numbers are made.
        store: Store with the clips of the dives.
        folder: Folder to write into.
        kept_out: What runs of the same settings found on dives that they were not trained on, in place of validation
            dives, which weights that were trained on everything have none of.
        progress: Called with how many dives are done while dives are encoded.

    Raises:
        ConfigError: Too few validation dives to fit the calibration on, or a network that cannot be blended with the prior.
        DataError: Too few training dives to know which films are familiar, where that is needed.
    """
    model = evaluated.model
    exemplars = dives.exemplars
    validation = dives.validation if kept_out is None else ()
    if kept_out is None and len(validation) < 20:
        raise ConfigError(
            f"{len(validation)} validation dives are too few to say how sure the weights may be",
            todo="train on more dives, or name runs that kept dives out (--folds)",
        )
    if words.blends_with_prior and not evaluated.execution:
        raise ConfigError(
            "only a network that predicts execution can be blended with the prior",
            todo="leave the blending out, or train with data.target=execution",
        )
    trained_on = dives.training or exemplars
    films: Sequence[Dive] = () if model.compares else trained_on
    training = sorted(trained_on, key=lambda dive: hash_u64(evaluated.seed, "familiar", dive.dive_id))
    training = training[:_MOST_TRAINING_DIVES]
    voters = exemplars if model.compares else ()
    asked = list({dive.dive_id: dive for dive in (*voters, *validation, *training)}.values())
    source = EncodedDives(
        model,
        Samples(store, asked),
        [dive.dive_id for dive in asked],
        mirrored=evaluated.mirrored,
        progress=lambda done, total: progress("encoding dives", done, total),
    )
    bank = exemplar_bank(model, source, exemplars)
    if bank is not None:
        bank = (
            replace(bank, pictures=bank_pictures(bank, store))
            if dives.pictures
            else replace(bank, skeletons=bank_skeletons(bank, store))
        )
    calibration = None if kept_out is None else kept_out.calibration
    if calibration is None:
        evaluator = Evaluator(
            model=model,
            bank=bank,
            execution=evaluated.execution,
            votes=evaluated.votes,
            seed=evaluated.seed,
            films=tuple(films),
        )
        calibration = evaluator.fitted(source, [dive.dive_id for dive in validation]).calibration
    if calibration is None:
        raise ConfigError("nothing was fitted", todo="train on more dives")
    familiarity = None
    if len(training) >= LEAST_DIVES or words.blends_with_prior:
        familiarity = Familiarity.fit(
            _descriptors(model, source, training),
            _descriptors(model, source, validation) if validation else None,
        )
        if kept_out is not None and kept_out.far is not None:
            familiarity = replace(familiarity, far=kept_out.far, num_held_out=kept_out.num_dives)
    card = Card(
        name=words.name,
        model=settings,
        preprocessing=evaluated.preprocessing,
        target="execution" if evaluated.execution else "score",
        trained_on=words.trained_on,
        commands=words.commands,
        limits=words.limits,
        shown_on=words.shown_on,
        validated=words.validated,
        blends_with_prior=words.blends_with_prior,
        film_scale=words.film_scale,
        mirrored=evaluated.mirrored,
        score_intervals=calibration.scores.as_json(),
        transition_confidence={} if calibration.transitions is None else calibration.transitions.as_json(),
        training_films=TrainingFilms.counted(films),
        number_recognition={} if calibration.numbers is None else calibration.numbers.as_json(),
        weights_hash=weights_hash(model),
    )
    path = folder / f"{words.name}.safetensors"
    save_weights(path, model, card, familiarity)
    if bank is not None:
        bank.save(folder / f"{words.name}-bank.safetensors")
    return path, bank


def bank_pictures(bank: ExemplarBank, store: ClipStore) -> dict[str, dict[int, bytes]]:
    """Small pictures of the exemplars, as JPEG by dive and sampled frame, from their stored clips."""
    frames = store.frames
    return {
        dive.dive_id: {
            frame: jpeg_bytes(frames[store[dive.dive_id].row, frame, ..., :3], PICTURE_QUALITY)
            for frame in pictured_frames(edges)
        }
        for dive, edges in zip(bank.dives, bank.edges.tolist(), strict=True)
    }


def bank_skeletons(
    bank: ExemplarBank, store: ClipStore
) -> dict[str, dict[int, Float[np.ndarray, "joints 2"]]]:
    """The joints of the exemplars at the moments of which a bank has pictures; none of dives without joints."""
    joints, found = store.joints("estimated"), {}
    for dive, edges in zip(bank.dives, bank.edges.tolist(), strict=True):
        clip = store[dive.dive_id]
        if "estimated" not in clip.joints:
            continue
        shown = {}
        for frame in pictured_frames(edges):
            known = joints[clip.row, frame, :, 2] > 0
            if known.any():
                shown[frame] = np.where(known[:, None], joints[clip.row, frame, :, :2], np.nan)
        if shown:
            found[dive.dive_id] = shown
    return found


def _descriptors(
    model: ActionModel, source: EncodedDives, dives: Sequence[Dive]
) -> Float[Tensor, "dives width"]:
    ids = [dive.dive_id for dive in dives]
    views = [source] if source.mirrored is None else [source, source.mirrored]
    return descriptors(*(encode_dives(model, view, ids).stages for view in views))


def add_figures(path: Path, report: EvaluationReport, measured_on: str) -> None:
    """Write measured figures, with their intervals, into the card of packed weights.

    Args:
        path: File of the weights.
        report: Figures that were measured, with their intervals.
        measured_on: Dives that they were measured on, in words.

    Raises:
        CheckpointError: The weights cannot be read.
    """
    weights = load_weights(path)
    document = report.as_json()
    figures = {"measured_on": measured_on, **document["metrics"], "dives": document["protocol"]["dives"]}
    card = weights.card.model_copy(update={"figures": figures})
    save_weights(path, weights.model, card, weights.familiarity)


def add_fold_figures(path: Path, folds: Sequence[KeptFold]) -> None:
    """Write the figures of the folds of a protocol into the card of packed weights; those of the first run of each fold.

    Args:
        path: File of the weights.
        folds: Every fold of one protocol, once for each run.

    Raises:
        CheckpointError: The weights cannot be read.
        ConfigError: The folds cannot stand in one table.
    """
    report, outcomes = fold_report(folds)
    made = folds[0].identity
    add_figures(
        path,
        report,
        f"{len(outcomes)} dives, out of fold ({made.protocol}), by runs of the same settings ({made.run})",
    )


def choose_bank(
    fitted: Sequence[Dive], spare: Sequence[Dive] = (), *, per_number: int = 10, seed: int = 0
) -> tuple[list[Dive], list[str]]:
    """Dives for a bank, every dive number at least twice: a single dive of a number would decide alone.

    Args:
        fitted: Training dives.
        spare: More dives that training saw, such as fault-augmented ones; a number of which `fitted` holds none or one takes as
            many of them as there are, up to `per_number`, and others take none.
        per_number: Most dives of each dive number.
        seed: Seed of the choice.

    Returns:
        The dives, and the numbers that are left out because there is one dive of them all the same.
    """
    held = Counter(dive.dive_number for dive in fitted)
    wanted = [dive for dive in spare if held[dive.dive_number] < 2]
    pool = [*fitted, *(dive.with_changes(split="train", validation=False) for dive in wanted)]
    count = Counter(dive.dive_number for dive in pool)
    left_out = {str(number) for number, times in count.items() if times < 2}
    kept = [dive for dive in pool if dive.dive_number not in left_out]
    return bank_dives(kept, per_number=per_number, seed=seed), sorted(left_out)
