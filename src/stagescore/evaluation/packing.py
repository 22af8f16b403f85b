"""From a run to weights that ship: a network with its card, and a bank of exemplars."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stagescore.data.clip_store import ClipStore
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
    exemplars: Sequence[Dive],
    validation: Sequence[Dive],
    store: ClipStore,
    folder: Path,
    progress: Progress = lambda what, done, total: None,
) -> tuple[Path, ExemplarBank]:
    """Write `<name>.safetensors` and `<name>-bank.safetensors`, the headline state of a run.

    Args:
        subject: the run.
        settings: of its model.
        words: for the card.
        exemplars: of the bank, such as `choose_bank` gives.
        validation: dives that certainty is fitted on; no exemplar among them.
        store: the clips.
        folder: where to write.
        progress: told while dives are encoded.

    Raises:
        ConfigError: too few validation dives to fit certainty on.
    """
    model: HPMCoRe = next(iter(subject.states.values()))
    if len(validation) < 20:
        raise ConfigError(
            f"{len(validation)} validation dives are too few to say how sure the weights may be",
            todo="train on more dives",
        )
    dives = [*exemplars, *validation]
    source = EncodedDives(
        model,
        Samples(store, dives),
        [dive.dive_id for dive in dives],
        progress=lambda done, total: progress("encoding dives", done, total),
    )
    encoded = encode_dives(model, source, [dive.dive_id for dive in exemplars])
    bank = bank_of(encoded, source.dives, weights_hash(model))
    bank = replace(bank, pictures=bank_pictures(bank, store))
    evaluator = Evaluator(
        model=model, bank=bank, execution=subject.execution, votes=subject.votes, seed=subject.seed
    ).fitted(source, [dive.dive_id for dive in validation])
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
        number_recognition={} if certainty.numbers is None else certainty.numbers.as_json(),
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
            frame: jpeg_bytes(frames[store[dive.dive_id].row, frame, ..., :3], PICTURE_QUALITY)
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


def choose_bank(
    fitted: Sequence[Dive], spare: Sequence[Dive] = (), *, per_number: int = 10, seed: int = 0
) -> tuple[list[Dive], list[str]]:
    """Dives for a bank, every dive number at least twice: a single dive of a number would decide alone.

    Args:
        fitted: training dives.
        spare: more dives that training saw, such as drills; a number of which `fitted` holds none or one takes as
            many of them as there are, up to `per_number`, and others take none.
        per_number: of every dive number, at most.
        seed: of the choice.

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
