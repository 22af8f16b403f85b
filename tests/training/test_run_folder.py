"""The folder of a run: what a start that fails or is killed leaves, and what is kept of skipped dives."""

from pathlib import Path

import pytest
import tiny_runs

from stagescore.config import load_config
from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.locking import FolderInUseError, alone_in
from stagescore.training.pose_training import PoseTrainSettings
from stagescore.training.run_folder import (
    read_skipped,
    refuse_run,
    run_start,
    settings_of,
    told_skipped,
    write_skipped,
)
from stagescore.training.settings import TrainSettings

SETTINGS = tiny_runs.settings()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(DataError), run_start(run, SETTINGS) as start:
        assert not start.begun and settings_of(run, TrainSettings) == SETTINGS
        write_skipped(run, {"a/1": "gone"})
        (run / "clips").mkdir()
        raise DataError("no disk")
    assert list(tmp_path.iterdir()) == []


def test_clips_that_were_decoded_stay_and_a_folder_that_was_there(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(DataError), run_start(run, SETTINGS):
        (run / "clips").mkdir()
        (run / "clips" / "index.json").write_text('{"clips": {"a/1": {}}}')
        raise DataError("no disk")
    assert [path.name for path in run.iterdir()] == ["clips"]
    (tmp_path / "mine").mkdir()
    with pytest.raises(DataError), run_start(tmp_path / "mine", SETTINGS):
        raise DataError("no disk")
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_run_that_failed_after_its_start_is_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError), run_start(tmp_path / "run", SETTINGS) as start:
        start.succeeded = True
        raise DataError("the loss became NaN")
    assert settings_of(tmp_path / "run", TrainSettings) == SETTINGS


def test_a_start_that_was_killed_blocks_nobody(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tiny_runs.settings("run.seed=9")
    with pytest.raises(KeyboardInterrupt), run_start(run, SETTINGS):
        raise KeyboardInterrupt
    # Either it is taken up, or begun again with whatever settings.
    assert settings_of(run, TrainSettings) == SETTINGS
    refuse_run(run)
    with run_start(run, other) as start:
        assert not start.begun and settings_of(run, TrainSettings) == other
        (run / "log.jsonl").write_text("{}\n")
        start.succeeded = True
    with pytest.raises(ConfigError, match="this folder holds a run"):
        refuse_run(run)
    with run_start(run, SETTINGS) as start:
        assert start.begun
    assert settings_of(run, TrainSettings) == other


def test_a_start_removes_what_a_killed_run_was_writing(tmp_path: Path) -> None:
    left = tmp_path / "checkpoints" / ".step-00000009.ckpt.4uorq49m.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    (tmp_path / "checkpoints" / "step-00000008.ckpt").write_bytes(b"whole")
    with run_start(tmp_path, SETTINGS):
        assert [path.name for path in left.parent.iterdir()] == ["step-00000008.ckpt"]


def test_two_starts_at_once_and_a_file_in_its_place_are_refused(tmp_path: Path) -> None:
    with alone_in(tmp_path / "run"), pytest.raises(FolderInUseError), run_start(tmp_path / "run", SETTINGS):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="a file is where"):
        refuse_run(tmp_path / "file")
    with pytest.raises(CheckpointError, match="no run here"):
        settings_of(tmp_path / "file", TrainSettings)


def test_a_run_of_another_command_is_told(tmp_path: Path) -> None:
    with run_start(tmp_path / "run", load_config(PoseTrainSettings, "pose-small")):
        pass
    with pytest.raises(CheckpointError, match="a run of another command"):
        settings_of(tmp_path / "run", TrainSettings)


def test_skipped_dives_come_back_whatever_they_are_called(tmp_path: Path) -> None:
    skipped = {"=cmd/1": 'a "quoted", why', "b/2": "two\nlines", "-1/3": "+5"}
    write_skipped(tmp_path, skipped)
    assert read_skipped(tmp_path) == skipped
    write_skipped(tmp_path, {})
    assert read_skipped(tmp_path) == {} and not (tmp_path / "skipped.csv").exists()
    (tmp_path / "skipped.csv").write_text("dives\n1\n")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_skipped(tmp_path)


def test_one_line_tells_how_many_and_the_first() -> None:
    told = told_skipped({"b/2": "black", "a/1": "gone"}, 7, Path("run/skipped.csv"))
    assert told == "2 of 7 dives are skipped (a/1: gone, and 1 more); run/skipped.csv lists them"
