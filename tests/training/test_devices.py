"""Where a run trains. What CUDA itself does cannot be tried without it; what is asked of PyTorch can."""

from pathlib import Path

import pytest
import torch

from stagescore.config import load_config
from stagescore.errors import ConfigError
from stagescore.training import processes
from stagescore.training.processes import training_device
from stagescore.training.runs import train
from stagescore.training.settings import TrainSettings


def test_cuda_is_taken_where_there_is_any_and_each_process_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(processes.torch, "empty", lambda size, device: None)
    found = training_device(precision="float16", environment={"LOCAL_RANK": "3"})
    assert found == torch.device("cuda", 3) and chosen == [found]
    assert training_device("cuda:1", environment={"LOCAL_RANK": "3"}) == torch.device("cuda", 1)
    assert training_device("cpu", environment={}) == torch.device("cpu")


def test_without_cuda_the_processor_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training_device(environment={}) == torch.device("cpu")


@pytest.mark.parametrize("asked", ["cuda", "cuda:7", "gpu", ""])
def test_a_device_that_is_not_there_is_refused(asked: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ConfigError, match="cannot be used"):
        training_device(asked)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_mixed_precision_without_cuda_is_refused_before_anything_is_done(
    precision: str, tmp_path: Path
) -> None:
    settings = load_config(
        TrainSettings, None, [f"run.precision={precision}", "run.device=cpu", "data.folder=nowhere"]
    )
    with pytest.raises(ConfigError, match="mixed precision"):
        next(train(settings, tmp_path / "run"))
    assert not (tmp_path / "run").exists()
