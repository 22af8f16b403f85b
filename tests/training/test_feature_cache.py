from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch

from stagescore.data.clip_store import ClipStore
from stagescore.data.dive_sources import LiveSource, Views
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError, DataError
from stagescore.locking import alone_in
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.tensors import Features
from stagescore.training.assembly.data import make_source
from stagescore.training.feature_cache import FeatureCache, build_feature_cache, encoder_hashes
from stagescore.training.loop import read_log


@pytest.fixture(scope="module")
def model() -> HPMCoRe:
    return tiny_runs.make_model(tiny_runs.settings()).eval()


@pytest.fixture(scope="module")
def folder(model: HPMCoRe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("cache")
    build_feature_cache(model.encoders, tiny_runs.live(tmp_path_factory), folder)
    return folder


def test_a_cache_of_other_frames_or_joints_is_refused(
    model: HPMCoRe, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store, dives = stored_dives.store(tmp_path_factory), stored_dives.dives(tmp_path_factory)
    with pytest.raises(DataError, match="other joints"):
        FeatureCache(folder, Samples(store, dives, joints="exact"), tiny_runs.VIEWS)
    smaller = store.preprocessing.model_copy(update={"crop_width": 30, "crop_height": 20})
    with pytest.raises(DataError, match="other preprocessing"):
        FeatureCache(folder, Samples(ClipStore.open(store.folder, smaller), dives), tiny_runs.VIEWS)


def test_heads_on_cached_features_are_heads_on_the_live_encoder(
    folder: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    torch.set_num_threads(1)
    cache = FeatureCache(folder, tiny_runs.samples(tmp_path_factory), tiny_runs.VIEWS)
    frozen = "optimiser.groups=[{path: encoders, factor: 0}]"
    curves = []
    for name, source in (("cached", cache), ("live", tiny_runs.live(tmp_path_factory))):
        for _ in tiny_runs.loop(tmp_path / name, source, frozen).run():
            pass
        curves.append([row["total"] for row in read_log(tmp_path / name)])
    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
    assert len(curves[0]) > 3


def test_dive_numbers_are_not_learned_from_cached_features(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The head reads maps that no cache holds."""
    settings = tiny_runs.settings("model.recognition.on=true", f"features={folder}")
    with pytest.raises(ConfigError, match="nothing that a dive number could be recognised from"):
        make_source(
            tiny_runs.samples(tmp_path_factory),
            tiny_runs.VIEWS,
            features=settings.features,
            model=settings.model,
        )


def test_a_build_goes_on_where_it_was_stopped(
    model: HPMCoRe, folder: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    torch.set_num_threads(1)
    source = tiny_runs.live(tmp_path_factory)

    class StopError(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done >= 5:
            raise StopError

    with pytest.raises(StopError):
        build_feature_cache(model.encoders, source, tmp_path, progress=stop)
    with pytest.raises(DataError, match="no finished feature cache"):
        FeatureCache(tmp_path, source.samples, tiny_runs.VIEWS)
    build_feature_cache(model.encoders, source, tmp_path)
    for branch in ("static", "dynamic", "skeleton"):
        assert (tmp_path / f"{branch}.f32").read_bytes() == (folder / f"{branch}.f32").read_bytes()


def test_a_second_build_waits_for_the_first(
    model: HPMCoRe, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        assert what.startswith("waiting")
        raise StopError

    source = tiny_runs.live(tmp_path_factory)
    with alone_in(tmp_path), pytest.raises(StopError):
        build_feature_cache(model.encoders, source, tmp_path, progress=stop)
    assert not list(tmp_path.iterdir())


def test_other_weights_or_views_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = tiny_runs.live(tmp_path_factory)
    other = tiny_runs.make_model(tiny_runs.settings("run.seed=7")).eval()
    with pytest.raises(DataError, match="other encoders, dives or views"):
        build_feature_cache(other.encoders, source, folder)
    with pytest.raises(DataError, match="other views"):
        FeatureCache(folder, source.samples, Views(seed=4, num=2))
    with pytest.raises(DataError, match="without number"):
        build_feature_cache(other.encoders, LiveSource(source.samples, Views()), folder / "x")


def test_the_cache_knows_its_encoders(
    model: HPMCoRe, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = FeatureCache(folder, tiny_runs.samples(tmp_path_factory), tiny_runs.VIEWS)
    assert cache.encoder_hashes == encoder_hashes(model.encoders)
    assert set(cache.encoder_hashes) == {"static", "dynamic", "skeleton"}


def test_a_model_without_a_branch_reads_the_others(
    model: HPMCoRe, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = tiny_runs.samples(tmp_path_factory)
    ids = sorted(samples.dives)[:2]
    whole = FeatureCache(folder, samples, tiny_runs.VIEWS).plain(ids).seen
    part = FeatureCache(folder, samples, tiny_runs.VIEWS, ["static"])
    seen = part.plain(ids).seen
    assert isinstance(seen, Features) and isinstance(whole, Features)
    assert seen.dynamic is None and seen.skeleton is None
    assert seen.static is not None and whole.static is not None and torch.equal(seen.static, whole.static)
    assert set(part.encoder_hashes) == {"static"}
