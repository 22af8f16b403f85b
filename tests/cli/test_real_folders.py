"""Training on a folder as people have them: films that are missing, too short or black, and wrong paths."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import tiny_runs
from PIL import Image
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.scoring import preparing
from stagescore.scoring.preparing import Prepared
from stagescore.training.loop import read_log
from stagescore.training.run_folder import read_skipped

RUN = [
    *tiny_runs.MODEL,
    "run={epochs: 1, threads: 1, validate_epochs: 0}",
    "batches={group_size: 2, groups: 1, protocol: w/o DN}",
    "data.workers=1",
]


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four dives whose films are good, and one each without a film, whose film is gone, too short, and black."""
    dives = [
        dive.with_changes(split="train", validation=False)
        for dive in read_manifest(stored_dives.folder(tmp_path_factory))
    ]
    short, black = tmp_path / "films" / "short", tmp_path / "films" / "black"
    short.mkdir(parents=True)
    black.mkdir()
    for path in sorted(Path(str(dives[0].frames_path)).glob("*.jpg"))[:5]:
        shutil.copy(path, short)
    for number in range(20):
        Image.fromarray(np.zeros((64, 112, 3), np.uint8)).save(black / f"{number:05d}.jpg")
    wrong = {"none": None, "gone": str(tmp_path / "films" / "gone"), "short": str(short), "black": str(black)}
    more = [
        dives[4].with_changes(event=name, recording=name, frames_path=path, num_frames=None, transitions=())
        for name, path in wrong.items()
    ]
    (tmp_path / "dives").mkdir()
    (tmp_path / "dives" / "manifest.jsonl").write_bytes(Manifest((*dives[:4], *more)).to_bytes())
    (tmp_path / "tiny.yaml").write_text("{}\n")
    return tmp_path


def test_films_that_cannot_be_used_are_skipped_listed_and_counted(folder: Path) -> None:
    run = folder / "run"
    asked = ["train", str(folder / "tiny.yaml"), *RUN, f"data.folder={folder / 'dives'}", "--out", str(run)]
    code, out = call(*asked, "data.skip=fail")
    assert code == 1 and "4 of 8 dives cannot be used" in out and not (run / "config.yaml").exists()
    for name in ("none", "gone", "short", "black"):
        assert f"{name}/" in out
    code, out = call(*asked)
    assert code == 0, out
    lines = [line for line in out.splitlines() if "skipped" in line]
    assert len(lines) == 1 and "4 of 8 dives are skipped" in lines[0] and "skipped.csv" in lines[0]
    skipped = read_skipped(run)
    assert {name.split("/")[0] for name in skipped} == {"none", "gone", "short", "black"}
    assert "5 frames" in next(why for name, why in skipped.items() if name.startswith("short"))
    assert {row["skipped"] for row in read_log(run)} == {4}
    # The run keeps to these dives: one that breaks later is not left out without a word.
    first = read_manifest(folder / "dives").dives[0]
    manifest = (folder / "dives" / "manifest.jsonl").read_text().replace(str(first.frames_path), "/gone")
    (folder / "dives" / "manifest.jsonl").write_text(manifest)
    code, out = call("train", "--resume", str(run))
    assert code == 1 and "the run was begun with them" in out and read_skipped(run) == skipped


def test_a_dive_in_which_nobody_was_seen_is_skipped_where_others_were_seen(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "dives" / "manifest.jsonl").read_text().splitlines()]
    rows = [{**row, "flight": [10, 40] if k else []} for k, row in enumerate(rows[:4])]
    (folder / "dives" / "manifest.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    run = folder / "run"
    code, out = call(
        "train", str(folder / "tiny.yaml"), *RUN, f"data.folder={folder / 'dives'}", "--out", str(run)
    )
    assert code == 0, out
    (why,) = read_skipped(run).values()
    assert "saw nobody fall" in why


@pytest.mark.parametrize(
    "wrong",
    [
        "data.folder=nowhere",
        "data.clips=file",
        "data.flights=nowhere.json",
        "data.flights=flights.json",
        "data.fault_augmented=nowhere",
        "start.model=nowhere",
        "start.model=events",
        "start.model=nano",
        "start.static=nowhere.pth",
        "start.static_branch=a/b.safetensors",
        "features=nowhere",
        "features=file",
        "optimiser.groups=[{path: encoderz, factor: 0}]",
        "data.fold=five-fold/99",
    ],
)
def test_what_is_wrong_is_told_before_a_film_is_opened_and_leaves_no_folder(
    folder: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "file").touch()
    (folder / "flights.json").write_text('{"another/1": [3, 40]}')

    def decoded(*what: object, **how: object) -> ClipStore:
        raise AssertionError("a film was opened")

    monkeypatch.setattr(ClipStore, "build", decoded)
    code, out = call("train", "tiny.yaml", *RUN, "data.folder=dives", wrong, "--out", "run")
    assert code == 1 and out.startswith("error: ")
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("train", "tiny.yaml", "data.folder=dives", "--out", "file"), "a file is where"),
        (("train", "tiny.yaml", "data.folder=dives", "--out", "file/run"), "file/run"),
        (("train", "--resume", "dives"), "there is no run here"),
        (("train", "--resume", "file"), "there is no run here"),
        (("pretrain", "tiny.yaml", "data.folder=dives", "--out", "run"), "no truth about simulated dives"),
        (("data", "features", "tiny.yaml", "data.folder=dives", "--out", "run"), "views without number"),
        (("pose", "train", "pose-small", "folder=dives", "--out", "run"), "truth"),
        (("pose", "train", "pose-small", "folder=nowhere", "--out", "run"), "cannot read the manifest"),
        (("train-events", "dives", "--imagenet", "tower", "--out", "run"), "of an image network are wanted"),
    ],
)
def test_other_commands_tell_it_first_too(
    folder: Path, arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "file").touch()
    monkeypatch.setattr(ClipStore, "build", None)
    code, out = call(*arguments)
    assert code == 1 and words in out
    assert not (folder / "run").exists()


def test_preparing_names_films_without_a_flight_and_can_fail_of_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dives = read_manifest(folder / "dives").dives[:2]
    prepared = Prepared(manifest=Manifest(dives), unseen={dives[0].dive_id: "nobody is seen to fall"})
    monkeypatch.setattr(preparing, "prepare", lambda *args, **more: prepared)
    for skip, expected in (("report", 0), ("fail", 1)):
        code, out = call("data", "prepare", str(folder / "dives"), "--skip", skip)
        assert code == expected and "nobody is seen to fall" in out
