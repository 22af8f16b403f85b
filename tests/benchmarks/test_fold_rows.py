"""Rows of weights that were not trained on the dives of a protocol."""

import sys
from pathlib import Path

import pytest
import stored_dives
from evaluation_standins import fold_about

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.benchmarks import fold_rows
from stagescore.benchmarks.fold_rows import OtherWeights, with_rows
from stagescore.data.manifest import Manifest
from stagescore.data.protocols import split_by_fold
from stagescore.errors import ConfigError, DataError
from stagescore.evaluation.fold_report import fold_report
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.scoring import bank_fitting
from stagescore.scoring.bank_fitting import fit_bank
from stagescore.scoring.bank_validation import known_of
from stagescore.scoring.scorer import Scorer

FOLD = "five-fold/0"


class Closed(Scorer):
    """A scorer that sees no film."""

    def __init__(self, like: Scorer) -> None:
        super().__init__(like.scoring_networks, networks=like.networks, flights=like.flights)

    def scored(self, *args, **options):
        raise AssertionError("a film was looked at again")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return Manifest(stored_dives.dives(tmp_path_factory))


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    made = made_scorer.scorer(tmp_path_factory)
    made.flights = made_scorer.GivenFlight()
    return made


@pytest.fixture(scope="module")
def bare(manifest: Manifest) -> KeptFold:
    return fold_about(split_by_fold(manifest, FOLD, sealed=True).select("test").dives, fold=FOLD, sealed=True)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def whole(bare: KeptFold, manifest: Manifest, scorer: Scorer, notes: Path) -> KeptFold:
    """With rows; one dive is tested and four are too few for a bank, so that bound is lower here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fold_rows, "LEAST_DIVES", 4)
        return with_rows(bare, manifest, OtherWeights(scorer=scorer, notes=notes))


def test_the_rows_are_what_score_says_with_and_without_a_bank(
    whole: KeptFold,
    manifest: Manifest,
    scorer: Scorer,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (dive,) = split_by_fold(manifest, FOLD, sealed=True).select("test").dives
    plain = scorer.score(dive.frames_path or "", known_of(dive))
    as_it_is, with_bank = (whole.others[name] for name in ("tiny as it is", BANK_ROW))
    assert as_it_is.score == pytest.approx([plain.score], rel=1e-5)
    assert as_it_is.interval == (pytest.approx(plain.interval, rel=1e-5),)
    monkeypatch.setattr(bank_fitting, "LEAST_DIVES", 4)
    fit_bank(scorer, split_by_fold(manifest, FOLD, sealed=True).select("train").dives).save(
        tmp_path / "own.safetensors"
    )
    own = Scorer.load(
        "tiny", tmp_path / "own.safetensors", weights_dir=made_scorer.weights_dir(tmp_path_factory)
    )
    own.networks, own.flights, own.events = scorer.networks, scorer.flights, scorer.events
    # The bank that was saved holds features in half precision.
    assert with_bank.score == pytest.approx(
        [own.score(dive.frames_path or "", known_of(dive)).score], abs=0.2
    )
    assert with_bank.score != as_it_is.score


BANK_ROW = "tiny with a bank of the training dives (fit-bank)"


def test_films_and_folds_are_looked_at_once(
    bare: KeptFold,
    whole: KeptFold,
    manifest: Manifest,
    scorer: Scorer,
    notes: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fold_rows, "LEAST_DIVES", 4)
    closed = OtherWeights(scorer=Closed(scorer), notes=notes)
    assert with_rows(bare, manifest, closed) == whole
    assert with_rows(whole, Manifest(()), closed) is whole
    note = next(iter(sorted(notes.glob("*/*.json"))))
    content = note.read_text()
    note.write_text(content[:-9])
    with pytest.raises(DataError, match="torn"):
        with_rows(bare, manifest, closed)
    note.write_text(content)


def test_a_film_that_is_refused_has_no_score_and_is_no_exemplar(
    bare: KeptFold, manifest: Manifest, scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = split_by_fold(manifest, FOLD, sealed=True)
    missing = Manifest(
        tuple(
            dive.with_changes(frames_path=str(tmp_path / "none.mp4")) if dive.dive_id == tested else dive
            for dive in manifest
            for tested in [split.select("test").dives[0].dive_id]
        )
    )
    monkeypatch.setattr(fold_rows, "LEAST_DIVES", 4)
    fold = with_rows(bare, missing, OtherWeights(scorer=scorer, notes=tmp_path / "notes"))
    assert [row.score for row in fold.others.values()] == [(None,), (None,)]
    assert not fold.row_outcomes(BANK_ROW).dives
    assert "Other ways to score the same films" not in fold_report([fold])[0].tables


def test_other_dives_too_few_dives_and_two_networks_are_refused(
    bare: KeptFold, whole: KeptFold, manifest: Manifest, scorer: Scorer, notes: Path
) -> None:
    weights = OtherWeights(scorer=scorer, notes=notes)
    with pytest.raises(DataError, match="can be used"):
        with_rows(bare, manifest, weights)
    with pytest.raises(DataError, match="divides other dives"):
        with_rows(bare, Manifest(tuple(dive.with_changes(event="other") for dive in manifest)), weights)
    twice = Scorer(scorer.scoring_networks * 2)
    with pytest.raises(ConfigError, match="one network"):
        OtherWeights(scorer=twice, notes=notes)
