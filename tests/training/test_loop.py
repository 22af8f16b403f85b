"""A killed run goes on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch

from stagescore.card_files import weights_hash
from stagescore.errors import CheckpointError
from stagescore.hashing import hash_u64
from stagescore.training.loop import Loop, read_best, read_log


def curve(folder: Path) -> list[dict[str, float]]:
    """The log without what the clock says."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_log(folder)]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("unbroken")
    loop = tiny_runs.loop(folder, tiny_runs.live(tmp_path_factory))
    for _ in loop.run():
        pass
    return folder, weights_hash(loop.model)


@pytest.mark.parametrize("steps", [1, 3, 4, 5])
def test_resumed_anywhere_the_curve_is_the_same_bit_for_bit(
    unbroken: tuple[Path, str], steps: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    torch.set_num_threads(1)
    source = tiny_runs.live(tmp_path_factory)
    first = tiny_runs.loop(tmp_path, source)
    for told in first.run():
        if told.step == steps:
            break
    torch.manual_seed(99)  # whatever ran in between
    second = tiny_runs.loop(tmp_path, source)
    second.resume()
    for _ in second.run():
        pass
    assert curve(tmp_path) == curve(unbroken[0])
    assert weights_hash(second.model) == unbroken[1]


@pytest.mark.parametrize("stopped_after", [1, 3, 5])
def test_a_run_can_end_with_the_mean_of_its_weights_resumed_or_not(
    stopped_after: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The steps themselves are those of a run that ends with its last weights."""
    torch.set_num_threads(1)
    source = tiny_runs.live(tmp_path_factory)

    def averaging(folder: Path) -> Loop:
        loop = tiny_runs.loop(folder, source)
        loop.schedules = replace(loop.schedules, average_from=1)
        return loop

    plain = tiny_runs.loop(tmp_path / "plain", source)
    passed = []
    for told in plain.run():
        if told.epoch >= 1:
            passed.append({name: value.clone() for name, value in plain.model.state_dict().items()})
    for told in averaging(tmp_path / "mean").run():
        if told.step == stopped_after:
            break
    resumed = averaging(tmp_path / "mean")
    resumed.resume()
    for _ in resumed.run():
        pass
    assert curve(tmp_path / "mean") == curve(tmp_path / "plain")
    assert len(passed) > 2
    for name, value in resumed.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, torch.stack([one[name] for one in passed]).mean(0))
    again = averaging(tmp_path / "mean")
    again.resume()
    assert not list(again.run())
    assert weights_hash(again.model) == weights_hash(resumed.model)


def test_a_torn_checkpoint_is_passed_over(
    unbroken: tuple[Path, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    torch.set_num_threads(1)
    source = tiny_runs.live(tmp_path_factory)
    for told in tiny_runs.loop(tmp_path, source).run():
        if told.step == 5:
            break
    newest = sorted((tmp_path / "checkpoints").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    loop = tiny_runs.loop(tmp_path, source)
    assert len(loop.resume()) == 1
    for _ in loop.run():
        pass
    assert curve(tmp_path) == curve(unbroken[0])


def test_a_finished_run_stays_finished(
    unbroken: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = (unbroken[0] / "log.jsonl").read_bytes()
    loop = tiny_runs.loop(unbroken[0], tiny_runs.live(tmp_path_factory))
    loop.resume()
    assert list(loop.run()) == []
    assert (unbroken[0] / "log.jsonl").read_bytes() == before


def test_the_best_on_validation_is_kept(unbroken: tuple[Path, str]) -> None:
    assert set(read_best(unbroken[0], "val_srcc")) == set(
        tiny_runs.make_model(tiny_runs.settings()).state_dict()
    )


def test_another_model_is_refused(
    unbroken: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    loop = tiny_runs.loop(unbroken[0], tiny_runs.live(tmp_path_factory), "model.segmentation.width=16")
    with pytest.raises(CheckpointError, match="another model"):
        loop.resume()


def test_a_run_goes_on_with_the_rate_of_its_settings(
    unbroken: tuple[Path, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tiny_runs.live(tmp_path_factory)
    for told in tiny_runs.loop(tmp_path, source).run():
        if told.step == 3:
            break
    lowered = tiny_runs.loop(
        tmp_path, source, "optimiser={learning_rate: 1.0e-9, warmup_steps: 2, clip_norm: 1.0}"
    )
    lowered.resume()
    before = {name: value.clone() for name, value in lowered.model.state_dict().items()}
    next(lowered.run())
    after = lowered.model.state_dict()
    assert all(torch.allclose(after[name], value, atol=1e-6) for name, value in before.items())


def test_a_step_from_which_nothing_can_be_learned_changes_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Only the stand-ins for missing videos are trained, and no video is missing."""
    frozen = ", ".join(
        f"{{path: {path}, factor: 0}}" for path in ("encoders", "segmentation", "fusion", "regression")
    )
    loop = tiny_runs.loop(
        tmp_path, tiny_runs.live(tmp_path_factory), f"optimiser.groups=[{frozen}]", drop_video=0.0
    )
    before = weights_hash(loop.model)
    told = next(loop.run())
    assert told.terms["total"] > 0
    assert weights_hash(loop.model) == before


def test_a_loss_that_is_no_number_stops_the_run(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = tiny_runs.loop(tmp_path, tiny_runs.live(tmp_path_factory))
    with torch.no_grad():
        next(loop.model.regression.parameters()).fill_(float("nan"))  # type: ignore[union-attr]
    with pytest.raises(CheckpointError, match="became NaN or infinite at step 1"):
        next(loop.run())


@pytest.mark.slow
def test_killed_three_times_the_command_repeats_itself(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`kill -9` at three random steps, once while a checkpoint is being written."""
    data = stored_dives.folder(tmp_path_factory)
    command = ["train", *_config(tmp_path, data)]
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    assert _start([*command, "--out", str(unbroken)]).wait(timeout=300) == 0
    words = [*command, "--out", str(broken)]
    for number in range(3):
        while_writing = number == 1
        rows = _rows(broken)
        process = _start(words, slow_writes=while_writing)
        _kill_at(process, broken, rows + 1 + hash_u64(os.getpid(), number) % 6, while_writing=while_writing)
        words = ["train", "--resume", str(broken)]
    assert _rows(broken) < _rows(unbroken)  # each time it was killed before its end
    assert _start(words).wait(timeout=300) == 0
    assert curve(broken) == curve(unbroken)


def _config(tmp_path: Path, data: Path) -> list[str]:
    path = tmp_path / "tiny.yaml"
    path.write_text("run: {epochs: 12}\n")
    return [
        str(path),
        *tiny_runs.MODEL,
        f"data.folder={data}",
        "run.threads=1",
        "run.checkpoint_steps=1",
        "run.validate_epochs=0",
        "batches={group_size: 2, groups: 1, protocol: w/o DN}",
    ]


_SLOW_WRITES = "import os, time; sync = os.fsync; os.fsync = lambda file: (time.sleep(0.5), sync(file)); "


def _start(words: list[str], *, slow_writes: bool = False) -> "subprocess.Popen[bytes]":
    program = (_SLOW_WRITES if slow_writes else "") + "from stagescore.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def _rows(run: Path) -> int:
    return (run / "log.jsonl").read_bytes().count(b"\n") if (run / "log.jsonl").exists() else 0


def _kill_at(process: "subprocess.Popen[bytes]", run: Path, step: int, *, while_writing: bool) -> None:
    """Kill when the log has so many rows, or in the middle of a checkpoint's write after that."""

    def begun() -> set[Path]:
        return set((run / "checkpoints").glob(".*.part")) if (run / "checkpoints").exists() else set()

    deadline = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < deadline:
        if _rows(run) >= step and (not while_writing or begun()):
            break
        time.sleep(0.0005)
    assert process.poll() is None, "it has ended before it was killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _rows(run) >= step
    assert not while_writing or begun(), "the checkpoint was whole before the kill"


def test_the_log_is_plain_json_lines(unbroken: tuple[Path, str]) -> None:
    rows = [json.loads(line) for line in (unbroken[0] / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
    assert {"total", "score", "segmentation", "contrast_fused", "contrast_static", "rate"} <= set(rows[0])
