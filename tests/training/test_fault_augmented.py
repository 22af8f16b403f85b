"""Fault-augmented dives are fitted to and nothing else."""

from pathlib import Path

import pytest
import stored_dives
import tiny_runs

from stagescore.errors import ConfigError
from stagescore.simulate.dataset import Order, simulate_dataset
from stagescore.training.assembly.data import TrainingDives, make_sampler, open_samples, read_dives
from stagescore.training.settings import TrainSettings

SIZE = (48, 32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("augmented")
    simulate_dataset(
        home / "dives", Order(num_dives=12, seed=2, size_px=SIZE), stage=stored_dives.standins.STAGE
    )
    simulate_dataset(
        home / "augmented",
        Order(num_dives=5, seed=2, size_px=SIZE, fault_augmented=True),
        stage=stored_dives.standins.STAGE,
    )
    return home / "dives", home / "augmented"


def fitted_to(settings: TrainSettings, read: TrainingDives) -> set[str]:
    sampler = make_sampler(
        read.everything,
        settings.data,
        batches=settings.batches,
        dropout=settings.drops,
        cut=settings.model.cut,
        seed=settings.run.seed,
    )
    return {dive.dive_id for dive in sampler.dives}


@pytest.mark.parametrize("joints", ["estimated", "exact"])
def test_fault_augmented_dives_are_fitted_to_and_neither_validate_nor_become_exemplars(
    folders: tuple[Path, Path], joints: str, tmp_path: Path
) -> None:
    dives, augmented = folders
    usual = tiny_runs.settings(f"data.folder={dives}", "data.workers=1", f"data.joints={joints}")
    asked = tiny_runs.settings(
        f"data.folder={dives}", f"data.fault_augmented={augmented}", "data.workers=1", f"data.joints={joints}"
    )
    without, read = read_dives(usual.data), read_dives(asked.data)
    added = {dive.dive_id for dive in read.everything} - {dive.dive_id for dive in without.everything}
    assert len(added) == 5
    assert read.manifest == without.manifest
    assert fitted_to(asked, read) == added | fitted_to(usual, without)
    for part in ("val", "test"):
        assert read.everything.select(part) == without.everything.select(part)
    samples = open_samples(asked.data, read, clips=tmp_path / "clips")
    assert added <= set(samples.dives)
    assert bool(samples.has_skeleton(sorted(added)).all())


def test_a_folder_that_is_its_own_fault_augmented_dives_is_refused(folders: tuple[Path, Path]) -> None:
    settings = tiny_runs.settings(f"data.folder={folders[1]}", f"data.fault_augmented={folders[1]}")
    with pytest.raises(ConfigError, match="fault-augmented"):
        read_dives(settings.data)
