"""Scores of labelled films, made by the whole of `score`, held against their labels.

This is what a user sees of a new kind of film: how many get a score at all, how far it is off, whether its interval holds,
and whether what needs no film would have been as good. Variants of the films (recoded, scaled, ...) can be held against the
same labels. Source: none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagescore.benchmarks.stability import ORIGINAL, FilmRecord, KnownFilm, VariantOutcome
from stagescore.benchmarks.variants import Variant
from stagescore.data.manifest import Manifest
from stagescore.data.protocols import EVERYTHING, split_by_fold, without_sealed
from stagescore.data.score_prior import sex_of
from stagescore.errors import DataError
from stagescore.evaluation.evaluation_report import Row, measure
from stagescore.evaluation.metrics import bias
from stagescore.inference.intervals import SDS
from stagescore.inference.outcomes import Outcome, Outcomes
from stagescore.scoring.options import ScoreOptions
from stagescore.types import Dive

AS_FILMED = "as filmed"
PRIOR = "prior"


def dives_to_check(manifest: Manifest, *, fold: str = EVERYTHING, sealed: bool = False) -> list[Dive]:
    """The dives of a manifest that have films and may be looked at.

    Args:
        manifest: Manifest of the dives.
        fold: Fold whose test dives are taken, such as `five-fold/0`; `all` for every dive.
        sealed: Whether the sealed athletes may be looked at.

    Raises:
        DataError: There is no such fold, or no dive with a film is left.
    """
    if fold != EVERYTHING:
        dives = [dive for dive in split_by_fold(manifest, fold, sealed=sealed) if dive.split == "test"]
    else:
        dives = without_sealed(manifest, sealed=sealed)
    dives = [dive for dive in dives if dive.frames_path is not None]
    if not dives:
        raise DataError("no dive with a film is left", todo="give films, or choose another fold")
    return dives


def as_known_film(dive: Dive, *, with_number: bool = True) -> KnownFilm:
    """A film with what a judge's sheet says of it; never marks, stages or score.

    Args:
        dive: Dive that has a film.
        with_number: Whether dive number and difficulty are told; the height is in any case.
    """
    told: dict[str, Any] = {"height_m": dive.height_m, "sex": sex_of(dive.event)}
    if with_number:
        told |= {"dive_number": dive.dive_number, "difficulty": dive.difficulty}
    return KnownFilm(
        path=Path(str(dive.frames_path)),
        name=dive.dive_id.replace("/", "-"),
        options=ScoreOptions.model_validate(told),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmCheck:
    """All films in one condition: as they are, or as one variant.

    Attributes:
        condition: How the films are shown: `as filmed`, or the name of the variant.
        num_films: Number of films that were looked at.
        scored: The scores with the labels, of the films that have one.
        expected: The prior that `score` names for the same films, with 90 % intervals: what the labels alone expect, of the
            recognised numbers where none is told. Fewer where nothing is expected.
        reasons: How often each reason stood against a score.
        networks: How often each network spoke.
        film_share: Mean share of the score that comes from the film, 0 to 1; None where nothing is mixed.
    """

    condition: str
    num_films: int
    scored: Outcomes
    expected: Outcomes
    reasons: Mapping[str, int]
    networks: Mapping[str, int]
    film_share: float | None

    @property
    def share_scored(self) -> float:
        """Share of the films that get a score, 0 to 1."""
        return len(self.scored) / self.num_films

    @property
    def rows(self) -> list[Row]:
        """Figures of the scores, then of the prior; none where fewer than two films have a score."""
        return [
            Row(name=name, figures=measure(outcomes), num_dives=len(outcomes))
            for name, outcomes in self._measurable
        ]

    @property
    def biases(self) -> list[float]:
        """Mean of score less label for each of `rows`, in points; positive is too high."""
        return [bias(some.true_scores, some.predicted_scores) for _, some in self._measurable]

    @property
    def _measurable(self) -> list[tuple[str, Outcomes]]:
        both = (self.condition, self.scored), (PRIOR, self.expected)
        return [(name, outcomes) for name, outcomes in both if len(outcomes) > 1]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "condition": self.condition,
            "films": self.num_films,
            "share_scored": self.share_scored,
            "film_share": self.film_share,
            "reasons": dict(self.reasons),
            "networks": dict(self.networks),
            "rows": [
                {**row.as_json(), "bias": mean} for row, mean in zip(self.rows, self.biases, strict=True)
            ],
        }


def film_checks(
    dives: Sequence[Dive], records: Mapping[str, FilmRecord], variants: Sequence[Variant]
) -> list[FilmCheck]:
    """One check for the films as they are, and one for each variant.

    Args:
        dives: Dives with their labels.
        records: Records that `measure_stability` gives, by name of the film.
        variants: Variants that were measured.
    """
    told = [(dive, records[as_known_film(dive).name].outcomes) for dive in dives]
    conditions = [(AS_FILMED, ORIGINAL), *((variant.name, variant.name) for variant in variants)]
    return [_check(name, [(dive, outcomes[key]) for dive, outcomes in told]) for name, key in conditions]


def _check(condition: str, films: Sequence[tuple[Dive, VariantOutcome]]) -> FilmCheck:
    having = [(dive, outcome, outcome.score) for dive, outcome in films if outcome.score is not None]
    shares = [outcome.film_share for _, outcome, _ in having if outcome.film_share is not None]
    return FilmCheck(
        condition=condition,
        num_films=len(films),
        scored=Outcomes(tuple(_measured(dive, score, outcome.interval) for dive, outcome, score in having)),
        expected=Outcomes(
            tuple(
                _measured(dive, mean, (max(mean - SDS * sd, 0.0), mean + SDS * sd))
                for dive, (mean, sd) in ((dive, o.prior) for dive, o, _ in having if o.prior is not None)
            )
        ),
        reasons=Counter(code for _, outcome in films if outcome.score is None for code in outcome.reasons),
        networks=Counter(str(outcome.network) for _, outcome, _ in having),
        film_share=sum(shares) / len(shares) if shares else None,
    )


def _measured(dive: Dive, score: float, interval: tuple[float, float] | None) -> Outcome:
    return Outcome(
        dive_id=dive.dive_id,
        dive_number=dive.dive_number,
        difficulty=dive.difficulty,
        true_score=dive.score,
        predicted_score=score,
        num_frames=dive.num_frames or 1,
        interval=interval,
    )
