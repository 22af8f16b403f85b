"""From a run to weights that ship: a network with its card, and a bank of exemplars."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import Manifest
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError
from stagescore.evaluation.evaluate import EncodedDives, Evaluator
from stagescore.evaluation.subject import Answer, Progress, Subject
from stagescore.media.images import jpeg_bytes
from stagescore.models.exemplar_bank import PICTURE_QUALITY, ExemplarBank, pictured_frames, weights_hash
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.models.settings import ModelSettings
from stagescore.training.prediction import bank_of, encode_dives
from stagescore.training.runs import bank_dives
from stagescore.types import Dive
from stagescore.weights.own import Card, load_weights, save_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a card says besides figures.

    Attributes:
        name: of the weights.
        trained_on: in words.
        commands: that make the weights again.
        limits: what they are no good for.
    """

    name: str
    trained_on: str
    commands: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


def pack(
    subject: Subject,
    settings: ModelSettings,
    words: Words,
    *,
    manifest: Manifest,
    store: ClipStore,
    folder: Path,
    per_number: int = 10,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Path, ExemplarBank]:
    """Write `<name>.safetensors` and `<name>-bank.safetensors`, the headline state of a run.

    Args:
        subject: the run.
        settings: of its model.
        words: for the card.
        manifest: that it was trained on: exemplars come from `fit`, certainty from `val`.
        store: the clips.
        folder: where to write.
        per_number: exemplars of every dive number, at most.
        progress: told while dives are encoded.

    Raises:
        ConfigError: too few validation dives to fit certainty on.
    """
    model: HPMCoRe = next(iter(subject.states.values()))
    fitted = list(manifest.select("fit").dives)
    alone = numbers_held_once(fitted)
    kept = bank_dives(
        [dive for dive in fitted if dive.dive_number not in alone], per_number=per_number, seed=subject.seed
    )
    validation = [dive.dive_id for dive in manifest.select("val")]
    if len(validation) < 20:
        raise ConfigError(
            f"{len(validation)} validation dives are too few to say how sure the weights may be",
            todo="train on more dives",
        )
    dives = [*kept, *(manifest[dive_id] for dive_id in validation)]
    source = EncodedDives(
        model,
        Samples(store, dives),
        [dive.dive_id for dive in dives],
        progress=lambda done, total: progress("encoding dives", done, total),
    )
    encoded = encode_dives(model, source, [dive.dive_id for dive in kept])
    bank = bank_of(encoded, source.dives, weights_hash(model))
    bank = replace(bank, pictures=bank_pictures(bank, store))
    evaluator = Evaluator(
        model=model, bank=bank, execution=subject.execution, votes=subject.votes, seed=subject.seed
    ).fitted(source, validation)
    certainty = evaluator.certainty
    if certainty is None:
        raise ConfigError("nothing was fitted", todo="train on more dives")
    card = Card(
        name=words.name,
        model=settings,
        preprocessing=subject.preprocessing,
        target="execution" if subject.execution else "score",
        trained_on=words.trained_on,
        commands=words.commands,
        limits=words.limits,
        score_intervals=certainty.scores.as_json(),
        transition_confidence={} if certainty.transitions is None else certainty.transitions.as_json(),
        weights_hash=weights_hash(model),
    )
    path = folder / f"{words.name}.safetensors"
    save_weights(path, model, card)
    bank.save(folder / f"{words.name}-bank.safetensors")
    return path, bank


def bank_pictures(bank: ExemplarBank, store: ClipStore) -> dict[str, dict[int, bytes]]:
    """Small pictures of the exemplars, as JPEG by dive and sampled frame, from their stored clips."""
    frames = store.frames
    return {
        dive.dive_id: {
            frame: jpeg_bytes(frames[store[dive.dive_id].row, frame], PICTURE_QUALITY)
            for frame in pictured_frames(edges)
        }
        for dive, edges in zip(bank.dives, bank.edges.tolist(), strict=True)
    }


def add_figures(path: Path, answer: Answer, measured_on: str) -> None:
    """Write measured figures into the card of packed weights."""
    weights = load_weights(path)
    document = answer.report.as_json()
    figures = {"measured_on": measured_on, **document["metrics"], "dives": document["protocol"]["dives"]}
    save_weights(path, weights.model, weights.card.model_copy(update={"figures": figures}))


def numbers_held_once(dives: Sequence[Dive]) -> list[str]:
    """Dive numbers of which there is a single dive: it would decide alone, so a bank leaves it out."""
    count = Counter(dive.dive_number for dive in dives)
    return sorted(str(number) for number, times in count.items() if times < 2)
