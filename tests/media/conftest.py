"""Films that the tests of this folder share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import clips


@pytest.fixture(scope="session")
def films(tmp_path_factory) -> Path:
    """A folder with every film of `clips.RECIPES`, 24 frames each. Copy before changing one."""
    folder = tmp_path_factory.mktemp("films")
    for name in clips.RECIPES:
        clips.write_named(folder, name)
    return folder


@pytest.fixture
def film(films, tmp_path):
    """A function: copy of a film by name, that may be damaged."""

    def copy(name: str) -> Path:
        path = tmp_path / name
        path.write_bytes((films / name).read_bytes())
        return path

    return copy
