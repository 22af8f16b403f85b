"""How much a score depends on who cut, recoded or scaled the film: variants of films, scored as the films are.

What was found out about a film is written after each of its variants, so that a measurement that was stopped goes on.
Source: none. A variant that gets no score, where its film has one, counts as a change beyond every limit.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from stagescore.atomic import write_bytes
from stagescore.benchmarks.variants import Variant, write_variant
from stagescore.config import Config
from stagescore.errors import DataError
from stagescore.media.source import Media, open_media
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import EventResult

ORIGINAL = "original"
ALL = "all"
LIMIT_POINTS = 6.0
"""Points by which a score may change with the film's form. Set by hand."""
SCHEMA_VERSION: Literal[1] = 1

Score = Callable[[Path, ScoreOptions], Result]
"""Scores a film; `Scorer.score` is one."""
Progress = Callable[[str, int, int], None]


class VariantOutcome(Config):
    """What came out for a film or one of its variants.

    Attributes:
        status: Status of the result: `ok`, `needs_review` or `failed`.
        reasons: Codes of what speaks against a score.
        score: Score in points; None without one.
        airborne: First airborne frame, as a frame of the original film; None where it was not seen.
        contact: First frame that touches the water, as a frame of the original film; None where it was not seen.
        network: Name of the weights whose score it is; None where no network looked.
        unfamiliarity: How unfamiliar the film is to this network; None where it is not known.
        film_share: Share of the score that comes from the film, 0 to 1; None where nothing is mixed.
        interval: Lowest and highest plausible score (90 % interval), in points; None without.
        prior: Score and standard deviation that the labels alone expect, in points; None where they expect nothing.
    """

    status: str
    reasons: list[str] = Field(default_factory=list)
    score: float | None = None
    airborne: int | None = None
    contact: int | None = None
    network: str | None = None
    unfamiliarity: float | None = None
    film_share: float | None = None
    interval: tuple[float, float] | None = None
    prior: tuple[float, float] | None = None


class FilmRecord(Config):
    """What is known of one film so far: the file `NAME.json`.

    Attributes:
        schema_version: Version of the file's form.
        film_sha256: SHA-256 of the film, in hexadecimal; None for a folder of images.
        measured_with: Hashes of the networks and exemplars that scored.
        options: What is known of the dive, such as its number.
        outcomes: Outcomes by name of the variant; `original` is the film itself.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    film_sha256: str | None
    measured_with: list[str]
    options: ScoreOptions
    outcomes: dict[str, VariantOutcome] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFilm:
    """A film with what is known of its dive.

    Attributes:
        path: Path of the film.
        name: Name of the film, which no other film has.
        options: What is known of the dive, such as its number.
    """

    path: Path
    name: str
    options: ScoreOptions = field(default_factory=ScoreOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class StabilityRow:
    """One variant over all films, or all variants together. Changes are of the variant minus the film.

    Attributes:
        variant: Name of the variant, or `all`.
        films: Number of films (with all variants together: pairs) that have a score as they are.
        median: Median absolute change of the score, in points, where the variant has one too; None where none has.
        p95: Percentile 95 of the absolute change of the score, in points; None where there is none.
        mean: Mean change of the score with its sign, in points; None where there is none.
        within: Share of the films whose score changes by less than `LIMIT_POINTS`; those that lose their score do not
            count.
        lost: Number of films whose variant has no score.
        reasons: How often each code stood against the score of such a variant.
        other_network: Number of films whose variant's score is another network's.
        airborne: Median and largest absolute change of the first airborne frame, in frames of the film.
        contact: Median and largest absolute change of the first frame that touches the water, in frames of the film.
        events_lost: Number of events that are seen in the film and not in the variant.
    """

    variant: str
    films: int
    median: float | None
    p95: float | None
    mean: float | None
    within: float
    lost: int
    reasons: dict[str, int]
    other_network: int
    airborne: tuple[float, int] | None
    contact: tuple[float, int] | None
    events_lost: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def measure_stability(
    score: Score,
    films: Sequence[KnownFilm],
    variants: Sequence[Variant],
    folder: Path,
    *,
    measured_with: Sequence[str] = (),
    progress: Progress = lambda what, done, total: None,
) -> dict[str, FilmRecord]:
    """Score films and their variants; what stands in the folder already is not scored again.

    Args:
        score: Gives a result for a film and what is known of its dive.
        films: Films to score.
        variants: Variants of each film to score.
        folder: Folder for `NAME.json` of each film; variants are made in a temporary folder, one at a time.
        measured_with: Hashes of networks and exemplars, so that records of others are not taken for these.
        progress: Called before every score with how many are done.

    Returns:
        The records by name of the film.

    Raises:
        DataError: A film cannot be read (before any is scored), a record is damaged or is of another film, of other
            networks or of another dive number, or cannot be written.
    """
    media = {film.name: open_media(film.path, frame_rate=film.options.frame_rate) for film in films}
    records = {film.name: _begun(film, media[film.name], folder, measured_with) for film in films}
    wanted: list[Variant | None] = [None, *variants]
    done = 0
    for film in films:
        for variant in wanted:
            progress("films and variants", done, len(films) * len(wanted))
            done += 1
            name = ORIGINAL if variant is None else variant.name
            record = records[film.name]
            if name not in record.outcomes:
                outcome = _outcome(score, film, media[film.name], variant)
                record = record.model_copy(update={"outcomes": {**record.outcomes, name: outcome}})
                write_bytes(_place(folder, film), (record.model_dump_json(indent=1) + "\n").encode())
                records[film.name] = record
    return records


def stability_rows(
    records: Mapping[str, FilmRecord], variants: Sequence[Variant]
) -> tuple[list[StabilityRow], StabilityRow]:
    """A row a variant, and one of all of them together.

    Args:
        records: Records by name of the film, with the outcomes of all variants.
        variants: Variants that get a row.
    """
    pairs = {
        variant.name: [(r.outcomes[ORIGINAL], r.outcomes[variant.name]) for r in records.values()]
        for variant in variants
    }
    rows = [_row(name, of_variant) for name, of_variant in pairs.items()]
    return rows, _row(ALL, [pair for of_variant in pairs.values() for pair in of_variant])


def _place(folder: Path, film: KnownFilm) -> Path:
    return folder / f"{film.name}.json"


def _begun(film: KnownFilm, media: Media, folder: Path, measured_with: Sequence[str]) -> FilmRecord:
    """The film's record as it stands in the folder; a new one where there is none."""
    new = FilmRecord(film_sha256=media.info.sha256, measured_with=list(measured_with), options=film.options)
    place = _place(folder, film)
    if not place.exists():
        return new
    try:
        found = FilmRecord.model_validate_json(place.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"it is no record of a film's stability ({str(error).splitlines()[0][:80]})",
            where=place,
            todo="remove it, or choose another folder",
        ) from None
    if found.model_copy(update={"outcomes": {}}) != new:
        raise DataError(
            "it was measured on another film, with other weights or other labels",
            where=place,
            todo="remove it, or choose another folder",
        )
    return found


def _outcome(score: Score, film: KnownFilm, media: Media, variant: Variant | None) -> VariantOutcome:
    if variant is None:
        return _told(score(film.path, film.options), range(media.num_frames))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{film.name}-{variant.name}.mp4"
        shown = write_variant(media, variant, path)
        # The new film says its rate itself.
        return _told(score(path, film.options.model_copy(update={"frame_rate": None})), shown)


def _told(result: Result, shown: Sequence[int]) -> VariantOutcome:
    """What is compared of a result, its events in frames of the original film."""

    def frame(event: EventResult | None) -> int | None:
        return None if event is None else shown[min(max(event.frame, 0), len(shown) - 1)]

    return VariantOutcome(
        status=result.status,
        reasons=[reason.code for reason in result.reasons],
        score=result.score,
        airborne=frame(result.events.first_airborne_frame),
        contact=frame(result.events.first_water_contact_frame),
        network=None if result.networks is None else result.networks.weights,
        unfamiliarity=result.unfamiliarity,
        film_share=result.film_share,
        interval=result.interval,
        prior=None if result.prior is None else (result.prior.score, result.prior.sd),
    )


def _row(name: str, pairs: Sequence[tuple[VariantOutcome, VariantOutcome]]) -> StabilityRow:
    scored = [(film, variant) for film, variant in pairs if film.score is not None]
    lost = [variant for _, variant in scored if variant.score is None]
    changes = np.array([v.score - f.score for f, v in scored if f.score is not None and v.score is not None])
    sizes = np.abs(changes)
    airborne = [(f.airborne, v.airborne) for f, v in pairs]
    contact = [(f.contact, v.contact) for f, v in pairs]
    return StabilityRow(
        variant=name,
        films=len(scored),
        median=float(np.median(sizes)) if len(sizes) else None,
        p95=float(np.percentile(sizes, 95)) if len(sizes) else None,
        mean=float(changes.mean()) if len(sizes) else None,
        within=float(np.sum(sizes < LIMIT_POINTS)) / max(len(scored), 1),
        lost=len(lost),
        reasons=dict(Counter(code for variant in lost for code in variant.reasons)),
        other_network=sum(v.score is not None and f.network != v.network for f, v in scored),
        airborne=_apart(airborne),
        contact=_apart(contact),
        events_lost=sum(one is not None and other is None for one, other in airborne + contact),
    )


def _apart(events: Sequence[tuple[int | None, int | None]]) -> tuple[float, int] | None:
    sizes = [abs(other - one) for one, other in events if one is not None and other is not None]
    return (float(np.median(sizes)), max(sizes)) if sizes else None
