"""What weights that were not trained on some dives say of them, beside the runs of a protocol: as they are, and with a bank.

Each film goes through `Scorer` once, with its dive number, difficulty and height; what came out is noted, so the work can be
stopped at any film. The bank of a fold is made as `fit-bank` makes it, of the fold's training dives alone.

    NOTES/<event>/<number>.json           score, interval, and what speaks against the film as an exemplar
    NOTES/<event>/<number>.safetensors    what the network made of it, as a bank of one dive
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import ValidationError

from stagescore.atomic import write_text
from stagescore.config import Config
from stagescore.data.exemplars import Protocol
from stagescore.data.manifest import Manifest
from stagescore.data.protocols import split_by_fold
from stagescore.errors import ConfigError, DataError
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.intervals import IntervalModel
from stagescore.inference.outcomes import Pair
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.voting import Voting
from stagescore.scoring.bank_fitting import LEAST_DIVES, problem_of
from stagescore.scoring.bank_validation import cross_validated, known_of
from stagescore.scoring.estimating import exemplar_votes, query_of
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import joined
from stagescore.types import Dive

_EXEMPLARS = 10  # as published (method, section 7)
Progress = Callable[[str, int, int], None]


class FilmNote(Config):
    """What became of a film.

    Attributes:
        score: Score in points; None where the film got none.
        interval: Lowest and highest plausible score, in points; None without.
        sha256: SHA-256 of the film, in hexadecimal.
        problem: Why the film can be neither an exemplar nor scored with a bank; empty if it can.
    """

    score: float | None
    interval: Pair | None
    sha256: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFilm:
    """A film that went through the network.

    Attributes:
        note: Note of what became of the film.
        bank: What the network made of the film, as a bank of one dive; None where it was not looked at that far.
    """

    note: FilmNote
    bank: ExemplarBank | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OtherWeights:
    """Weights whose rows are wanted.

    Attributes:
        scorer: Scorer with one network, which sees each film once.
        notes: Folder of the notes on the films that were seen.
    """

    scorer: Scorer
    notes: Path

    def __post_init__(self) -> None:
        network = self.network
        if len(self.scorer.scoring_networks) != 1 or network.card.mirrored or not network.model.compares:
            raise ConfigError(
                "rows are made of one network that compares dives and sees each film once",
                todo="name weights such as nano, which were not trained on these dives",
            )

    @property
    def network(self) -> ScoringNetwork:
        """The network."""
        return self.scorer.scoring_networks[0]

    @property
    def rows(self) -> tuple[str, str]:
        """Names of the two rows: as the weights are, and with a bank of the fold's training dives."""
        name = self.network.card.name
        return f"{name} as it is", f"{name} with a bank of the training dives (fit-bank)"

    def are_in(self, fold: KeptFold) -> bool:
        """Whether a fold has both rows of these very weights."""
        found = [fold.others[name].made_of.get("weights_sha256") for name in self.rows if name in fold.others]
        return found == [self.network.card.weights_hash] * 2

    def see(self, dive: Dive) -> SeenFilm:
        """Look at the film of a dive, or read what was noted of it.

        Raises:
            DataError: The dive has no film, or the note cannot be written.
        """
        place = self.notes / dive.event / str(dive.number)
        known = _read(place, self.network)
        if known is not None:
            return known
        if dive.frames_path is None:
            raise DataError("there is no film of it", where=dive.dive_id, todo="name the data with films")
        scored = self.scorer.scored(dive.frames_path, known_of(dive))
        encoding, result = scored.encodings.get(self.network.card.name), scored.result
        note = FilmNote(
            score=result.score,
            interval=result.interval,
            sha256=result.input.sha256,
            problem=problem_of(scored) or ("" if encoding else "the network cannot look at it"),
        )
        if self.network.executes and dive.difficulty is None:
            note = note.model_copy(update={"problem": "its difficulty is not known"})
        bank = None
        if encoding is not None and not note.problem:
            bank = ExemplarBank(
                dives=(dive.with_changes(recording=f"sha256:{note.sha256}"),),
                stages=encoding.stages,
                edges=encoding.edges,
                weights_hash=self.network.card.weights_hash,
            )
            bank.save(place.with_suffix(".safetensors"), half=False)
        write_text(place.with_suffix(".json"), note.model_dump_json() + "\n")
        return SeenFilm(note=note, bank=bank)


def with_rows(
    fold: KeptFold,
    manifest: Manifest,
    weights: OtherWeights,
    progress: Progress = lambda what, done, total: None,
) -> KeptFold:
    """The same fold with both rows of some weights; unchanged where it has them.

    Args:
        fold: Fold of a protocol.
        manifest: Manifest of all dives, with films.
        weights: Weights that were not trained on these dives.
        progress: Called before every film with how many are done.

    Raises:
        DataError: The manifest divides other dives, or too few training dives can be used.
    """
    if weights.are_in(fold):
        return fold
    split = split_by_fold(manifest, fold.identity.fold, sealed=fold.identity.sealed)
    if {dive.dive_id for dive in split.select("test")} != set(fold.labels.dive_id):
        raise DataError(
            "the manifest divides other dives",
            where=fold.identity.fold,
            todo="name the data that the runs were trained on (--data)",
        )
    seen = {}
    for done, dive in enumerate(split):
        progress(f"films of {fold.identity.fold}", done, len(split))
        seen[dive.dive_id] = weights.see(dive)
    tested = [split[dive_id] for dive_id in fold.labels.dive_id]
    as_it_is, with_bank = weights.rows
    made_of = weights.network.card.weights_hash
    notes = [seen[dive.dive_id].note for dive in tested]
    fold = fold.with_row(
        as_it_is, [n.score for n in notes], [n.interval for n in notes], weights_sha256=made_of
    )
    found = _with_bank(weights, split.select("train").dives, tested, seen)
    return fold.with_row(
        with_bank, [s for s, _ in found], [interval for _, interval in found], weights_sha256=made_of
    )


def _with_bank(
    weights: OtherWeights, train: Sequence[Dive], tested: Sequence[Dive], seen: Mapping[str, SeenFilm]
) -> list[tuple[float | None, Pair | None]]:
    """Score and interval of each tested dive by a bank of the training dives, as `score --bank` gives them."""
    banks = [one.bank for one in (seen[dive.dive_id] for dive in train) if one.bank is not None]
    if len(banks) < LEAST_DIVES:
        raise DataError(
            f"{len(banks)} of {len(train)} training dives can be used",
            todo=f"give {LEAST_DIVES} or more single, whole dives",
        )
    bank = ExemplarBank(
        dives=tuple(dive for one in banks for dive in one.dives),
        stages=joined([one.stages for one in banks]),
        edges=torch.cat([one.edges for one in banks]),
        weights_hash=weights.network.card.weights_hash,
    )
    fit, _ = cross_validated(weights.network, bank, [(one.stages,) for one in banks], _EXEMPLARS)
    network = replace(weights.network, bank=bank, fit=fit)
    intervals = IntervalModel.from_json(fit.score_intervals) if fit.score_intervals else None
    found: list[tuple[float | None, Pair | None]] = []
    for dive in tested:
        film = seen[dive.dive_id]
        if film.bank is None:
            found.append((None, None))
            continue
        known = known_of(dive)
        query = query_of(film.note.sha256, known, known.known_difficulty)
        protocol: Protocol = "w/o DN" if query.dive_number is None else "w/ DN"
        task = PredictionTask(protocol=protocol, num=_EXEMPLARS, execution=network.executes)
        voting = Voting(model=network.contrastive, bank=bank, task=task)
        predicted = voting.predict(query, [film.bank.stages])
        votes = [
            one.vote
            for one in exemplar_votes(predicted, bank, execution=network.executes, slope=network.slope)
        ]
        score = sum(votes) / len(votes)
        found.append((score, None if intervals is None else intervals.interval(score, votes)))
    return found


def _read(place: Path, network: ScoringNetwork) -> SeenFilm | None:
    """What was noted of a film; None where nothing was.

    Raises:
        DataError: The note is torn.
        CheckpointError: What was kept of the film is damaged, or of other weights.
    """
    path = place.with_suffix(".json")
    if not path.is_file():
        return None
    try:
        note = FilmNote.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise DataError("a note is torn", where=path, todo="remove it and begin again") from None
    if note.problem:
        return SeenFilm(note=note, bank=None)
    bank = ExemplarBank.load(place.with_suffix(".safetensors"))
    bank.check(network.card.weights_hash)
    return SeenFilm(note=note, bank=bank)
