"""Several processes give the losses of one at the same global batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch
from torch import distributed, multiprocessing

from stagescore.data.clip_store import ClipStore
from stagescore.data.dive_sources import LiveSource
from stagescore.data.samples import Samples
from stagescore.training.loop import read_log
from stagescore.training.processes import Processes, join
from stagescore.types import Dive

PLAIN = "model.regression.dropout=0.0"


def test_alone_without_torchrun() -> None:
    assert join({}) == Processes(rank=0, world=1)


def _one_of_two(rank: int, port: int, folder: str, store: ClipStore, dives: tuple[Dive, ...]) -> None:
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE="2")
    processes = join()
    source = LiveSource(Samples(store, dives), tiny_runs.VIEWS)
    loop = tiny_runs.loop(Path(folder), source, PLAIN, epochs=2, group_size=2, groups=2)
    loop.processes = processes
    loop.wrapped = processes.wrap(loop.objective)
    for _ in loop.run():
        pass
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    torch.set_num_threads(1)
    source = tiny_runs.live(tmp_path_factory)
    # Batches of two groups, the last of one: the second process then only keeps step.
    for _ in tiny_runs.loop(tmp_path / "one", source, PLAIN, epochs=2, group_size=2, groups=2).run():
        pass
    arguments = (
        29500 + os.getpid() % 2000,
        str(tmp_path / "two"),
        stored_dives.store(tmp_path_factory),
        stored_dives.dives(tmp_path_factory),
    )
    multiprocessing.spawn(_one_of_two, arguments, nprocs=2)
    one, two = read_log(tmp_path / "one"), read_log(tmp_path / "two")
    assert len(one) == len(two) >= 4
    for a, b in zip(one, two, strict=True):
        for name in ("total", "score", "segmentation", "contrast_fused", "contrast_static"):
            assert a[name] == pytest.approx(b[name], rel=1e-3, abs=1e-4), (name, a["step"])


@pytest.mark.slow
def test_the_command_under_torchrun_gives_the_losses_of_one_process(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Decoding, validation on the first process and the end included."""
    (tmp_path / "tiny.yaml").write_text("{}\n")
    command = [
        "-m", "stagescore.cli.main", "train", str(tmp_path / "tiny.yaml"), *tiny_runs.MODEL, PLAIN,
        f"data.folder={stored_dives.folder(tmp_path_factory)}",
        "run={epochs: 4, threads: 1, votes: 2, device: cpu, validate_epochs: 2}",
        "batches={group_size: 2, groups: 2, protocol: w/o DN}",
    ]  # fmt: skip
    two = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, launcher in (("one", []), ("two", two)):
        done = subprocess.run(
            [sys.executable, *launcher, *command, "--out", str(tmp_path / name)],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    one, both = read_log(tmp_path / "one"), read_log(tmp_path / "two")
    assert len(one) == len(both) >= 4
    for a, b in zip(one, both, strict=True):
        assert a["total"] == pytest.approx(b["total"], rel=1e-3, abs=1e-4), a["step"]
        assert ("val_srcc" in a) == ("val_srcc" in b)
