"""Pooling the runs of a protocol, and the files that are kept of them."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import stored_dives
import tiny_runs
from evaluation_standins import weights_file

from stagescore.card_files import weights_hash
from stagescore.cli.main import app
from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.data.protocols import split_by_fold
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError, DataError
from stagescore.evaluation import out_of_fold
from stagescore.evaluation.evaluate import EncodedDives
from stagescore.evaluation.evaluated_model import read_evaluated_model
from stagescore.evaluation.fold_identity import settings_that_matter
from stagescore.evaluation.fold_report import fold_report, pooled
from stagescore.evaluation.frozen_features import RIDGE_ROW
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.evaluation.label_rules import LABEL_RULES, label_scores
from stagescore.evaluation.out_of_fold import FoldRun, keep, known_fold, open_folds
from stagescore.evaluation.packing import add_fold_figures
from stagescore.inference.encoding import encode_dives
from stagescore.inference.intervals import IntervalModel
from stagescore.inference.outcomes import Outcome, Outcomes
from stagescore.training.run_folder import keep_settings
from stagescore.training.runs import train
from stagescore.weights.checkpoint import Card, load_weights, save_weights


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
            "data.target=execution",
            f"data.clips={base / 'clips'}",
            "data.workers=1",
            "run={epochs: 1, validate_epochs: 0, votes: 2, threads: 1}",
            "batches={group_size: 2, groups: 2, protocol: w/o DN}",
            "model.stand_ins=false",
            "model.recognition.on=true",
            "model.regression.average_branches=true",
            "modality_dropout={video: 0, skeleton: 0}",
        )
        folder = base / f"fold-{fold}"
        keep_settings(folder, settings)
        for _ in train(settings, folder):
            pass
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def kept(runs: list[Path]) -> list[KeptFold]:
    """What these runs say."""
    return [keep(FoldRun.open(run), lambda what, done, total: None) for run in runs]


@pytest.fixture
def files(kept: list[KeptFold], tmp_path: Path) -> list[Path]:
    return [fold.save(tmp_path / "kept") for fold in kept]


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        app(["evaluate-folds", *map(str, arguments), "--quiet"])
    return int(ended.value.code or 0)


def test_every_dive_is_predicted_once_by_a_run_that_has_not_seen_it(
    runs: list[Path], kept: list[KeptFold]
) -> None:
    report, outcomes = fold_report(kept)
    opened = [FoldRun.open(run) for run in runs]
    everyone = {dive.dive_id for dive in opened[0].manifest}
    assert {dive.dive_id for dive in outcomes} == everyone and len(outcomes) == len(everyone)
    for run, fold in zip(opened, kept, strict=True):
        tested = set(fold.labels.dive_id)
        assert tested == {dive.dive_id for dive in run.manifest.select("test")}
        assert tested and not tested & {dive.dive_id for dive in run.manifest.select("train")}
    document = report.as_json()
    floors = {row["name"] for row in document["tables"]["What needs no film"]}
    assert floors == set(LABEL_RULES)
    branches = {row["name"] for row in document["tables"]["Each branch of the regression alone"]}
    assert branches and set(document["paired"]) == floors | branches
    assert "one run each" in document["notes"][0]
    rows = document["tables"]["Dive number recognised"]
    assert rows[0]["name"] == "all dive numbers" and rows[0]["dives"] == len(everyone)
    assert all(row["metrics"]["number_top1"]["value"] is not None for row in rows)
    assert any("not calibrated" in note for note in document["notes"])  # one dive a fold
    assert all(len(dive.recognised) == 3 for dive in outcomes)
    recognised, usual = document["tables"]["Neither dive number nor difficulty known"]
    assert "recognised from the film" in recognised["name"] and usual["dives"] == len(everyone)


def test_executions_are_those_of_exemplars_of_any_number(runs: list[Path], kept: list[KeptFold]) -> None:
    """They know nothing of the dive's own number or difficulty."""
    for run, fold in zip(runs, kept, strict=True):
        manifest = FoldRun.open(run).manifest
        trained = manifest.select("train").dives
        assert fold.executions is not None
        assert fold.executions.mean_difficulty == pytest.approx(
            fmean(d.difficulty for d in trained), rel=1e-5
        )
        relabelled = Manifest(
            tuple(
                dive.with_changes(dive_number=None, difficulty=1.0) if dive.split == "test" else dive
                for dive in manifest
            )
        )
        again = keep(replace(FoldRun.open(run), manifest=relabelled), lambda what, done, total: None)
        assert again.executions is not None
        for before, after in zip(fold.executions.votes, again.executions.votes, strict=True):
            assert after == pytest.approx(before, rel=1e-4)


def test_kept_files_give_the_table_of_their_runs_to_the_digit(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kept"
    assert command(*runs, "--keep", folder, "--out", tmp_path / "from-runs") == 0
    files = sorted(folder.iterdir())
    assert len(files) == 5
    backwards = [files[4], runs[3], *files[:3]]  # a run among files, and in another order
    for name, given in {"from-files": files, "mixed": backwards}.items():
        assert command(*given, "--out", tmp_path / name) == 0
        for file in ("evaluation.md", "evaluation.json", "dives.csv"):
            assert (tmp_path / name / file).read_bytes() == (tmp_path / "from-runs" / file).read_bytes()


def test_folds_are_kept_one_by_one_and_the_table_waits_for_the_last(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kept"
    assert command(*runs[1:3], "--keep", folder, "--json") == 0
    first, second = sorted(folder.iterdir())
    told = json.loads(capsys.readouterr().out)
    assert told["kept"] == ["five-fold/1", "five-fold/2"]
    assert told["missing"] == [f"five-fold/{fold} (seed 0)" for fold in (0, 3, 4)]
    assert command(first, second) == 1, "no table of two folds"
    assert "name one run for each fold" in capsys.readouterr().err
    assert command(first, first, "--keep", folder) == 1
    assert command(first, second, runs[0], *runs[3:], "--keep", folder) == 0
    assert len(list(folder.iterdir())) == 5


def test_a_ridge_on_frozen_features_stands_beside_the_model(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = weights_file(tmp_path)
    folder = tmp_path / "kept"
    assert command(*runs, "--ridge", network, "--keep", folder, "--out", tmp_path / "from-runs") == 0
    files = sorted(folder.iterdir())
    assert command(*files, "--ridge", network, "--out", tmp_path / "from-files") == 0
    pages = [(tmp_path / name / "evaluation.md").read_text() for name in ("from-runs", "from-files")]
    assert pages[0] == pages[1]
    document = json.loads((tmp_path / "from-files" / "evaluation.json").read_text())
    (row,) = document["tables"]["Other ways to score the same films"]
    assert row["name"] == RIDGE_ROW and row["dives"] == 5
    assert "mae" in document["paired"][RIDGE_ROW]
    assert command(*files, "--ridge", weights_file(tmp_path, seed=1)) == 1
    assert "--ridge" in capsys.readouterr().err
    without = json.loads(files[0].read_text()) | {"others": {}}
    files[0].write_text(json.dumps(without))
    assert RIDGE_ROW not in fold_report(open_kept(files))[0].as_json()["paired"]


def open_kept(files: list[Path]) -> list[KeptFold]:
    return [fold for fold in open_folds(files) if isinstance(fold, KeptFold)]


def test_rows_that_are_kept_stay_when_a_fold_is_kept_again(kept: list[KeptFold], tmp_path: Path) -> None:
    fold = kept[0]
    fold.with_row("other", [50.0]).save(tmp_path)
    again = fold.with_row("more", [None]).with_rows_kept_in(tmp_path)
    assert {name: row.score for name, row in again.others.items()} == {"other": (50.0,), "more": (None,)}
    retrained = fold.model_copy(update={"weights_hash": "1" * 64})
    assert retrained.with_rows_kept_in(tmp_path) == retrained
    assert fold.with_rows_kept_in(tmp_path / "empty") == fold


def test_files_alone_do_not_say_where_the_films_are(
    files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*files, "--weights", "nano") == 1
    assert "--data" in capsys.readouterr().err


def test_kept_files_name_no_folder_of_the_machine(runs: list[Path], files: list[Path]) -> None:
    text = "".join(path.read_text() for path in files)
    assert str(runs[0].parent) not in text and "clips" not in text


def test_a_fold_of_sixty_dives_is_a_small_file(kept: list[KeptFold], tmp_path: Path) -> None:
    content = json.loads(kept[0].save(tmp_path).read_text())
    for part in ("labels", "model", "alone", "rules", "numbers"):
        for name, column in content[part].items():
            if name not in ("candidates", "difficulties"):
                content[part][name] = 60 * column[:1]
    content["labels"]["dive_id"] = [f"semi-final/{number}" for number in range(60)]
    content["labels"]["hand_marks"] = 60 * [[47, 55, 86, 96]]
    content["labels"]["flight"] = 60 * [[47, 94]]
    content["model"]["votes"] = 60 * [5 * content["model"]["votes"][0]]
    content["executions"]["votes"] = content["model"]["votes"]
    content["sight"] = {name: 60 * column for name, column in content["sight"].items()}
    path = KeptFold.model_validate_json(json.dumps(content)).save(tmp_path / "sixty")
    assert len(KeptFold.read(path).outcomes()) == 60
    assert path.stat().st_size < 150_000  # of 96 frames a dive; of 32, as `tower` sees, half of it


def test_a_fold_that_is_missing_or_given_twice_is_an_error(runs: list[Path], files: list[Path]) -> None:
    for given in (runs, files):
        with pytest.raises(ConfigError, match="one run for each fold"):
            open_folds(given[:-1])
        with pytest.raises(ConfigError, match="one run for each fold"):
            open_folds([*given[:-1], given[0]])
    with pytest.raises(ConfigError, match="one run for each fold"):
        open_folds([*runs, files[2]])


def changed(kept: KeptFold, **identity: object) -> KeptFold:
    return kept.model_copy(update={"identity": kept.identity.model_copy(update=identity)})


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ({"mirrored": True}, "plain and mirrored"),
        ({"sealed": False}, "sealed athletes"),
        ({"fold": "athlete-disjoint/0"}, "athlete-disjoint and five-fold cannot be pooled"),
        ({"settings": {"run.epochs": 99}}, "another batches.group_size than five-fold/0"),
        ({"datasets": ("another",)}, "divides other dives"),
        ({"seed": 7}, "given .seed 0."),
    ],
)
def test_folds_that_were_made_otherwise_do_not_stand_in_one_table(
    kept: list[KeptFold], tmp_path: Path, identity: dict[str, object], told: str
) -> None:
    files = [fold.save(tmp_path) for fold in [*kept[:-1], changed(kept[-1], **identity)]]
    with pytest.raises(ConfigError, match=told):
        open_folds(files)


def test_torn_and_foreign_files_are_named(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = files[0].read_text()
    content = json.loads(whole)
    short = {**content, "model": {**content["model"], "score": content["model"]["score"][1:]}}
    later = {**content, "schema_version": 2}
    absent = {**content, "labels": {**content["labels"], "num_frames": [0] * len(content["labels"]["score"])}}
    damaged = tmp_path / "damaged.json"
    for text in (whole[:-40], "{}", "[1, 2]", *map(json.dumps, (short, later, absent))):
        damaged.write_text(text)
        with pytest.raises(DataError, match=r"damaged\.json.*evaluate-folds --keep"):
            open_folds([damaged, *files[1:]])
    assert command(damaged, *files[1:]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_seeds_stand_side_by_side_and_the_first_is_the_headline(kept: list[KeptFold]) -> None:
    others = []
    for fold in kept:
        worse = fold.model.model_copy(update={"score": tuple(s + 10 for s in fold.model.score)})
        others.append(changed(fold.model_copy(update={"model": worse}), seed=5))
    alone = fold_report(kept)[0].as_json()
    report = fold_report([*kept, *others])[0].as_json()
    assert report["metrics"] == alone["metrics"]
    first, second, mean = (row["metrics"]["mae"] for row in report["tables"]["Runs"])
    assert mean["value"] == pytest.approx((first["value"] + second["value"]) / 2)
    assert sorted((first["value"], second["value"])) == [mean["low"], mean["high"]]
    assert mean["low"] < mean["high"]
    assert "Runs" not in alone["tables"] and alone["notes"][0].endswith(
        "seed 0; known at test: dive number and difficulty."
    )
    assert "seed 0, the first of 2 runs" in report["notes"][0]
    assert report["paired"]["seed 5"]["mae"]["value"] == pytest.approx(first["value"] - second["value"])
    with pytest.raises(ConfigError, match="seed 5"):
        fold_report([*kept, *others[1:]])


def test_a_mean_of_runs_stands_beside_the_runs_that_it_is_of(kept: list[KeptFold], tmp_path: Path) -> None:
    means = [changed(fold, averaged_seeds=(0, 5)) for fold in kept]
    files = [fold.save(tmp_path) for fold in (*means, *kept)]
    assert len(set(files)) == 2 * len(kept) and "mean-of-seeds-0-5" in files[0].name
    folds = open_folds(files)
    assert [fold.identity.run for fold in folds if isinstance(fold, KeptFold)] == [
        *["seed 0"] * len(kept),
        *["mean of the runs of seeds 0 and 5"] * len(kept),
    ]
    table = fold_report([*kept, *means])[0].as_json()["tables"]["Runs"]
    assert [row["name"] for row in table] == ["seed 0", "mean of the runs of seeds 0 and 5"]


def test_a_single_fold_has_the_intervals_that_other_folds_give_it(kept: list[KeptFold]) -> None:
    sealed = changed(kept[0], fold="sealed/sealed", folds=("sealed/sealed",))
    report, outcomes = fold_report([sealed], kept[1:])
    tested = set(sealed.labels.dive_id)
    _, together = fold_report(kept)
    by_id = {dive.dive_id: dive for dive in together}
    assert {dive.dive_id for dive in outcomes} == tested
    assert [dive.interval for dive in outcomes] == [by_id[dive.dive_id].interval for dive in outcomes]
    assert [dive.recognised for dive in outcomes] == [by_id[dive.dive_id].recognised for dive in outcomes]
    notes = report.as_json()["notes"]
    assert "1 fold, one run" in notes[0] and "left out of every choice" in notes[1]
    assert any("fitted on the errors of the folds of five-fold" in note for note in notes)
    alone, plain = fold_report([sealed])
    assert all(dive.interval is None for dive in plain)
    assert not any("fitted on the errors" in note for note in alone.as_json()["notes"])
    with pytest.raises(ConfigError, match="tested dives are among those"):
        fold_report([sealed], kept)


def test_only_what_changes_the_result_is_among_the_kept_settings() -> None:
    plain, moved = (
        settings_that_matter(
            tiny_runs.settings(
                f"data.folder={folder}",
                f"data.clips={folder}/clips",
                f"start.static={folder}/network.safetensors",
                f"run={{seed: {seed}, threads: {threads}, epochs: 3}}",
            )
        )
        for folder, seed, threads in (("/one", 0, 1), ("/other", 1, 2))
    )
    assert plain == moved and plain["run.epochs"] == 3
    assert plain["start.static"] == "network.safetensors"
    longer = settings_that_matter(tiny_runs.settings("run.epochs=4"))
    assert longer["run.epochs"] != plain["run.epochs"]


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
    for name, rule in LABEL_RULES.items():
        honest, misled = (label_scores(rule, m, sorted(tested)) for m in (fold, lying))
        assert honest == misled, name


def test_the_command_prints_the_table(
    runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*runs, "--out", tmp_path / "table") == 0
    page = (tmp_path / "table" / "evaluation.md").read_text()
    assert "What needs no film" in page and "## Dive number recognised" in page
    assert len((tmp_path / "table" / "dives.csv").read_text().splitlines()) == 6


def test_certainty_of_shipped_weights_comes_from_dives_kept_out(
    runs: list[Path], kept: list[KeptFold], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five dives are too few for an interval, so those of the folds stand for more here."""
    asked: list[int] = []
    monkeypatch.setattr(
        out_of_fold.IntervalModel,
        "fit",
        lambda outcomes: (
            asked.append(len(outcomes))
            or IntervalModel(base=1.0, quantile=2.0, level=0.9, num_dives=len(outcomes))
        ),
    )
    found = out_of_fold.kept_out(kept)
    assert asked == [5] and found.calibration.scores.num_dives == found.num_dives == 5
    assert found.calibration.transitions is not None and found.far is None  # four training dives show nothing
    files = [fold.save(tmp_path, labels=False) for fold in kept]
    data = Path(FoldRun.open(runs[0]).settings.data.folder)
    again = [known_fold(fold, lambda *_: None) for fold in open_folds([runs[0], *files[1:]], data=data)]
    assert out_of_fold.kept_out(again) == found
    old = kept[1].model_copy(update={"sight": None})
    with pytest.raises(DataError, match="earlier version"):
        out_of_fold.kept_out([kept[0], old])


def test_weights_of_a_fold_take_nothing_from_their_own_test_dives(kept: list[KeptFold]) -> None:
    tested = kept[0].labels.dive_id
    assert out_of_fold.without_dives(kept, tested) == kept[1:]
    assert out_of_fold.without_dives(kept, []) == kept
    assert out_of_fold.without_dives([], tested) == []
    with pytest.raises(ConfigError, match="tested on too"):
        out_of_fold.without_dives(kept, [fold.labels.dive_id[0] for fold in kept])


def test_far_is_what_most_dives_that_were_kept_out_stay_below(
    kept: list[KeptFold], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = IntervalModel(base=1.0, quantile=2.0, level=0.9, num_dives=5)
    monkeypatch.setattr(out_of_fold.IntervalModel, "fit", lambda outcomes: model)
    assert kept[0].sight is not None
    folds = [
        fold.model_copy(update={"sight": fold.sight.model_copy(update={"distance": tuple(distance)})})
        for fold, distance in zip(kept, ([float(k) for k in range(101)], [10.0] * 9), strict=False)
        if fold.sight is not None
    ]
    assert out_of_fold.kept_out(folds).far == pytest.approx((95.0 + 10.0) / 2)


def test_what_a_fold_saw_is_what_its_network_sees(runs: list[Path], kept: list[KeptFold]) -> None:
    run, fold = FoldRun.open(runs[0]), kept[0]
    evaluated = read_evaluated_model(str(run.folder))
    store = ClipStore.open(run.clips, evaluated.preprocessing)
    model = next(iter(evaluated.states.values()))
    source = EncodedDives(model, Samples(store, run.manifest.dives), fold.labels.dive_id)
    encoded = encode_dives(model, source, fold.labels.dive_id)
    assert fold.sight is not None and encoded.log_probabilities is not None
    assert fold.sight.frames == tuple(tuple(store.indices(name)) for name in fold.labels.dive_id)
    found = fold.sight.log_probability_array()
    assert found is not None
    np.testing.assert_allclose(found, encoded.log_probabilities.numpy(), rtol=1e-3)


def test_a_table_without_labels_in_the_files_is_the_same_beside_the_data(
    runs: list[Path], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folds = [keep(run, lambda *_: None) for run in open_folds(runs) if isinstance(run, FoldRun)]
    paths = [fold.save(tmp_path, labels=False) for fold in folds]
    for path in paths:
        assert set(json.loads(path.read_text())["labels"]) == {"dive_id", "num_frames", "flight"}
    with pytest.raises(DataError, match="without labels; add --data"):
        open_folds(paths)
    data = stored_dives.folder(tmp_path_factory)
    again = open_folds(paths, data=data)
    assert [fold.labels for fold in again] == [fold.labels for fold in folds]
    assert again == folds


def test_a_card_has_the_figures_of_the_folds(runs: list[Path], kept: list[KeptFold], tmp_path: Path) -> None:
    evaluated, path = read_evaluated_model(str(runs[0])), tmp_path / "tiny.safetensors"
    model = next(iter(evaluated.states.values()))
    card = Card(
        name="tiny",
        model=FoldRun.open(runs[0]).settings.model,
        preprocessing=evaluated.preprocessing,
        target="execution",
        protocol="w/ DN",
        trained_on="little",
        weights_hash=weights_hash(model),
    )
    save_weights(path, model, card)
    report, _ = fold_report(kept)
    add_fold_figures(path, kept)
    figures = load_weights(path).card.figures
    said = "5 dives, out of fold (five-fold), by runs of the same settings"
    assert figures["measured_on"] == f"{said} (seed 0)" and figures["dives"] == 5
    assert figures["mae"] == report.as_json()["metrics"]["mae"]
    add_fold_figures(path, [changed(fold, averaged_seeds=(0, 5)) for fold in kept])
    means = f"{said} (mean of the runs of seeds 0 and 5)"
    assert load_weights(path).card.figures["measured_on"] == means
