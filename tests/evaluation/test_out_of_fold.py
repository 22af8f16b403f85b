"""Pooling the runs of a protocol."""

from pathlib import Path

import numpy as np
import pytest
import stored_dives
import tiny_runs

from stagescore.cli.main import app
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.data.protocols import split_by_fold
from stagescore.errors import ConfigError
from stagescore.evaluation import out_of_fold
from stagescore.evaluation.intervals import IntervalModel
from stagescore.evaluation.out_of_fold import (
    LABEL_RULES,
    label_outcomes,
    open_runs,
    out_of_fold_report,
    pooled,
)
from stagescore.evaluation.outcomes import Outcome, Outcomes
from stagescore.training.runs import begin, train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two dives of one athlete and one of each of three others, a fold each, trained for one step."""
    source = stored_dives.folder(tmp_path_factory)
    base = tmp_path_factory.mktemp("folds")
    folders = []
    for fold in range(5):
        settings = tiny_runs.settings(
            f"data.folder={source}",
            f"data.fold=five-fold/{fold}",
            "data.sealed=true",
            f"data.clips={base / 'clips'}",
            "data.workers=1",
            "run={epochs: 1, validate_epochs: 0, votes: 2, threads: 1}",
            "batches={group_size: 2, groups: 2, protocol: w/o DN}",
            "model.stand_ins=false",
            "model.recognition.on=true",
            "modality_dropout={video: 0, skeleton: 0}",
        )
        folder = base / f"fold-{fold}"
        begin(folder, settings)
        for _ in train(settings, folder):
            pass
        folders.append(folder)
    return folders


def test_every_dive_is_predicted_once_by_a_run_that_has_not_seen_it(runs: list[Path]) -> None:
    opened = open_runs(runs)
    report, outcomes = out_of_fold_report(opened)
    everyone = {dive.dive_id for dive in opened[0].manifest}
    assert {dive.dive_id for dive in outcomes} == everyone and len(outcomes) == len(everyone)
    for run in opened:
        tested = {dive.dive_id for dive in run.manifest.select("test")}
        assert tested and not tested & {dive.dive_id for dive in run.manifest.select("train")}
    document = report.as_json()
    floors = {row["name"] for row in document["tables"]["What needs no film"]}
    assert floors == set(LABEL_RULES)
    assert set(document["paired"]) >= floors
    assert "one run each" in document["notes"][0]
    rows = document["tables"]["Dive number recognised"]
    assert rows[0]["name"] == "all dive numbers" and rows[0]["dives"] == len(everyone)
    assert all(row["metrics"]["number_top1"]["value"] is not None for row in rows)
    assert any("not calibrated" in note for note in document["notes"])  # one dive a fold
    assert all(len(dive.recognised) == 3 for dive in outcomes)


def test_a_fold_that_is_missing_or_given_twice_is_an_error(runs: list[Path]) -> None:
    with pytest.raises(ConfigError, match="one run for each fold"):
        open_runs(runs[:-1])
    with pytest.raises(ConfigError, match="one run for each fold"):
        open_runs([*runs[:-1], runs[0]])


def outcome(name: str, truth: float, said: float) -> Outcome:
    return Outcome(
        dive_id=name,
        dive_number="107B",
        difficulty=3.0,
        true_score=truth,
        predicted_score=said,
        num_frames=96,
        votes=(said - 1, said + 1),
    )


def test_intervals_of_a_fold_do_not_depend_on_its_own_errors() -> None:
    rng = np.random.default_rng(0)
    folds = {
        fold: Outcomes(tuple(outcome(f"{fold}/{k}", 60 + 10 * rng.normal(), 60.0) for k in range(20)))
        for fold in ("a", "b", "c")
    }
    before = {dive.dive_id: dive.interval for dive in pooled(folds)}
    wild = {**folds, "a": Outcomes(tuple(outcome(d.dive_id, d.true_score + 500, 60.0) for d in folds["a"]))}
    after = {dive.dive_id: dive.interval for dive in pooled(wild)}
    assert all(before[name] == after[name] for name in before if name.startswith("a/"))
    assert all(before[name] != after[name] for name in before if not name.startswith("a/"))


def test_label_rules_never_read_the_score_of_a_tested_dive(tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = read_manifest(stored_dives.folder(tmp_path_factory))
    fold = split_by_fold(whole, "five-fold/0", sealed=True)
    tested = {dive.dive_id for dive in fold.select("test")}
    lying = Manifest(tuple(d.with_changes(score=99.0) if d.dive_id in tested else d for d in fold))
    like = {"five-fold/0": Outcomes(tuple(outcome(name, 50.0, 50.0) for name in sorted(tested)))}
    for name, rule in LABEL_RULES.items():
        honest, misled = (
            label_outcomes(rule, {"five-fold/0": m}, like)["five-fold/0"].predicted_scores.tolist()
            for m in (fold, lying)
        )
        assert honest == misled, name


def test_the_command_prints_the_table(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["evaluate-folds", *map(str, runs), "--out", str(tmp_path / "table"), "--quiet"])
    assert ended.value.code in (0, None)
    page = (tmp_path / "table" / "evaluation.md").read_text()
    assert "What needs no film" in page and "## Dive number recognised" in page
    assert len((tmp_path / "table" / "dives.csv").read_text().splitlines()) == 6


def test_certainty_of_shipped_weights_comes_from_dives_kept_out(
    runs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five dives are too few for an interval, so those of the folds stand for more here."""
    opened = open_runs(runs)
    asked: list[int] = []
    monkeypatch.setattr(
        out_of_fold.IntervalModel,
        "fit",
        lambda outcomes: (
            asked.append(len(outcomes))
            or IntervalModel(base=1.0, quantile=2.0, level=0.9, num_dives=len(outcomes))
        ),
    )
    certainty = out_of_fold.kept_out(opened).certainty
    assert asked == [5] and certainty.scores.num_dives == 5
    assert certainty.transitions is not None
