from pathlib import Path

import pytest

from stagescore.errors import CheckpointError
from stagescore.weights.search import find_weights, places, user_cache


@pytest.fixture
def folders(tmp_path):
    found = {name: tmp_path / name for name in ("given", "variable", "xdg/stagescore/weights")}
    for folder in found.values():
        folder.mkdir(parents=True)
    return found


@pytest.fixture
def environment(tmp_path):
    return {"STAGESCORE_WEIGHTS": str(tmp_path / "variable"), "XDG_CACHE_HOME": str(tmp_path / "xdg")}


def test_the_order_of_the_places(tmp_path, environment):
    found = places(tmp_path / "given", environment)
    assert [place.origin for place in found] == [
        "--weights-dir",
        "$STAGESCORE_WEIGHTS",
        "user cache",
        "package",
    ]
    assert [place.folder for place in found[:3]] == [
        tmp_path / "given",
        tmp_path / "variable",
        tmp_path / "xdg" / "stagescore" / "weights",
    ]
    assert found[3].folder.parent.parent.name == "stagescore"


def test_places_that_are_not_set_are_left_out():
    assert [place.origin for place in places(None, {})] == ["user cache", "package"]
    assert [place.origin for place in places(None, {"STAGESCORE_WEIGHTS": ""})] == ["user cache", "package"]


def test_a_file_missing_in_the_first_place_is_taken_from_the_next(folders, environment):
    given, variable, cache = folders.values()
    for folder, names in ((given, "a"), (variable, "ab"), (cache, "abc")):
        for name in names:
            (folder / name).touch()
    assert find_weights("a", given, environment) == given / "a"
    assert find_weights("b", given, environment) == variable / "b"
    assert find_weights("c", given, environment) == cache / "c"
    assert find_weights("a", None, environment) == variable / "a"
    assert find_weights("a", folders["given"] / "none", environment) == variable / "a"


def test_a_folder_of_that_name_is_no_file(folders, environment):
    (folders["given"] / "a").mkdir()
    (folders["variable"] / "a").touch()
    assert find_weights("a", folders["given"], environment) == folders["variable"] / "a"


def test_nowhere_names_every_place(folders, environment):
    with pytest.raises(CheckpointError) as caught:
        find_weights("none.safetensors", folders["given"], environment)
    for place in places(folders["given"], environment):
        assert str(place.folder) in str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "../a"])
def test_a_path_is_no_name(name):
    with pytest.raises(CheckpointError, match="no file name"):
        find_weights(name, None, {})


@pytest.mark.parametrize(
    ("platform", "environment", "end"),
    [
        ("linux", {}, ".cache/stagescore/weights"),
        ("darwin", {}, "Library/Caches/stagescore/weights"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/stagescore/weights"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/stagescore/weights"),
    ],
)
def test_the_users_cache_by_platform(monkeypatch, platform, environment, end):
    monkeypatch.setattr("sys.platform", platform)
    assert user_cache(environment).as_posix().endswith(end)


def test_the_home_folder_is_expanded():
    place = places(None, {"STAGESCORE_WEIGHTS": "~/weights"})[0]
    assert place.folder == Path.home() / "weights"
