import hashlib

import pytest

from stagescore.errors import CheckpointError
from stagescore.weights import registry
from stagescore.weights.registry import KNOWN, KnownNetwork, check, fetch, import_file, known, preferred

CONTENT = b"a network of sorts" * 100
TINY = KnownNetwork(
    name="tiny.onnx",
    role="detector",
    what="for tests",
    source="https://example.org",
    url="file:///nowhere/tiny.onnx",
    licence="Apache-2.0",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    monkeypatch.setattr(registry, "KNOWN", (TINY,))
    return tmp_path / "cache" / "stagescore" / "weights"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some name.bin"
    path.write_bytes(CONTENT)
    return path


def test_every_known_network_says_where_it_is_from_and_what_it_is():
    for network in KNOWN:
        assert network.source.startswith("https://")
        assert network.url.startswith("https://")
        assert network.licence
        assert len(network.sha256) == 64
        assert network.size > 1_000_000
        assert known(network.name) == known(network.name.removesuffix(".onnx")) == network
    assert len({network.name for network in KNOWN}) == len(KNOWN)
    with pytest.raises(CheckpointError, match="no network of that name"):
        known("none")


def test_the_public_networks_beside_the_project_are_the_known_ones(shared):
    for network in KNOWN:
        path = shared / "weights" / network.name
        if path.is_file():
            check(network, path)


def test_a_file_is_known_by_its_bytes_and_put_where_it_is_found(cache, file):
    network, stored = import_file(file)
    assert network == TINY
    assert stored == cache / "tiny.onnx"
    assert preferred("detector") == stored
    file.write_bytes(CONTENT + b"x")
    with pytest.raises(CheckpointError, match="none of the known"):
        import_file(file)


@pytest.mark.parametrize(
    ("content", "words"), [(CONTENT[:50], "cut short: 50"), (CONTENT[::-1], "not those known")]
)
def test_a_torn_or_foreign_file_of_a_known_name_is_not_used(cache, content, words):
    cache.mkdir(parents=True)
    (cache / "tiny.onnx").write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        preferred("detector")


def test_without_a_network_the_error_says_what_to_do(cache, monkeypatch):
    monkeypatch.setattr(registry, "OWN", {"detector": "none.safetensors"})
    with pytest.raises(CheckpointError) as caught:
        preferred("detector")
    for way in ("weights get tiny.onnx", "weights import", "STAGESCORE_WEIGHTS"):
        assert way in str(caught.value)


def test_without_public_networks_those_that_ship_are_used(cache):
    assert preferred("detector").name == registry.OWN["detector"]
    with pytest.raises(CheckpointError, match="ships with the package"):
        fetch(registry.SHIPPED[0])


def test_a_download_is_kept_only_if_its_bytes_are_right(cache, file):
    told = []
    stored = fetch(TINY, file.as_uri(), lambda what, done, total: told.append((done, total)))
    assert stored.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    stored.unlink()
    for wrong in (CONTENT[:-1], CONTENT + b"x", CONTENT[::-1]):
        file.write_bytes(wrong)
        with pytest.raises(CheckpointError):
            fetch(TINY, file.as_uri())
        assert not list(cache.iterdir())


def test_an_address_that_gives_nothing_is_told(cache):
    with pytest.raises(CheckpointError, match="gives nothing"):
        fetch(TINY)
    with pytest.raises(CheckpointError, match="gives nothing"):
        fetch(TINY, "nonsense")


def test_known_networks_and_ours_work_together_unless_one_is_named(cache, file, monkeypatch):
    alone = registry.pose_networks()
    assert [path.name for path in (alone.detector, alone.estimator)] == list(registry.OWN.values())
    assert (alone.second_detector, alone.second_estimator) == (None, None)
    _, stored = import_file(file)
    pair = registry.pose_networks()
    assert (pair.detector, pair.second_detector) == (stored, alone.detector)
    monkeypatch.setattr(registry, "KNOWN", (KnownNetwork(**{**TINY.as_json(), "role": "estimator"}),))
    pair = registry.pose_networks()
    assert (pair.estimator, pair.second_estimator) == (alone.estimator, stored)
    named = registry.pose_networks(detector=file, estimator=file)
    assert (
        (named.detector, named.second_detector) == (named.estimator, named.second_estimator) == (file, None)
    )
    monkeypatch.setattr(registry, "OWN", dict.fromkeys(registry.OWN, "none.safetensors"))
    assert registry.pose_networks(detector=file).estimator == stored
