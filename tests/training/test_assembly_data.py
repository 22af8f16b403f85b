"""The data of a run, from the settings of the data alone."""

import json
from pathlib import Path

import pytest
import stored_dives
import tiny_runs

from stagescore.data.dive_sources import LiveSource
from stagescore.data.manifest import Manifest
from stagescore.data.preprocessing import Augmentation, View
from stagescore.errors import ConfigError, DataError
from stagescore.training.assembly.data import make_sampler, make_source, make_views, read_dives
from stagescore.training.settings import BatchSettings, DataSettings, ModalityDropout
from stagescore.training.steps import BatchSampler
from stagescore.types import Dive


@pytest.fixture(scope="module")
def dives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dive, ...]:
    return tuple(dive.with_changes(split="train") for dive in stored_dives.dives(tmp_path_factory))


def sampler(dives: tuple[Dive, ...], settings: DataSettings) -> BatchSampler:
    return make_sampler(
        Manifest(dives),
        settings,
        batches=BatchSettings(pairing="one-partner", groups=3),
        dropout=ModalityDropout(video=0.25),
        cut="2",
        seed=4,
    )


def test_a_run_without_data_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.folder"):
        read_dives(DataSettings())


def test_flights_of_a_file_take_the_place_of_the_manifest_s(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = stored_dives.folder(tmp_path_factory)
    usual = read_dives(DataSettings(folder=str(folder))).manifest
    first, second, *_ = usual
    (tmp_path / "flights.json").write_text(json.dumps({first.dive_id: [3, 40]}))
    found = read_dives(DataSettings(folder=str(folder), flights=str(tmp_path / "flights.json"))).manifest
    assert {dive.dive_id: dive.flight for dive in found} == {
        dive.dive_id: (3, 40) if dive is first else dive.flight for dive in usual
    }
    assert second.flight != (3, 40)


def test_the_plan_is_of_the_dives_to_fit_to(dives: tuple[Dive, ...]) -> None:
    held_out = dives[0].with_changes(validation=True)
    pair = dives[1].with_changes(synchronised=True)
    every = (held_out, pair, *dives[2:])
    assert sampler(every, DataSettings()).dives == every[1:]
    assert sampler(every, DataSettings(individual_only=True)).dives == every[2:]
    with pytest.raises(ConfigError, match="SOMEWHERE: 1 dives to train on"):
        sampler(every[:2], DataSettings(folder="SOMEWHERE"))


@pytest.mark.parametrize("target", ["score", "execution"])
def test_the_plan_says_how_they_meet_and_what_is_predicted(dives: tuple[Dive, ...], target: str) -> None:
    made = sampler(dives, DataSettings(target=target))
    assert made.execution == (target == "execution")
    assert (made.pairing, made.groups, made.cut, made.seed) == ("one-partner", 3, "2", 4)
    assert (made.drop_video, made.drop_skeleton) == (0.25, 0.0)


def test_views_change_as_the_data_allow_and_with_the_seed() -> None:
    settings = DataSettings(views=3, augmentation=Augmentation(shift=2))
    views = make_views(settings, seed=1)
    assert views.num == 3 and views.view(0, "a") == View.plain()
    ids = [str(k) for k in range(20)]
    other = make_views(settings, seed=2)
    assert [views.view(1, i) for i in ids] != [other.view(1, i) for i in ids]


def test_batches_come_from_live_encoders_unless_a_cache_is_named(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples, model = tiny_runs.samples(tmp_path_factory), tiny_runs.settings().model
    assert isinstance(make_source(samples, tiny_runs.VIEWS, features=None, model=model), LiveSource)
    with pytest.raises(DataError, match="no finished feature cache"):
        make_source(samples, tiny_runs.VIEWS, features=str(tmp_path), model=model)
