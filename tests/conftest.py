"""With CHECK_SHAPES=1, as in CI, shapes and types in signatures are checked while tests run.

It takes time: a simulated dive 2.6 times as long.
"""

import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

if os.environ.get("CHECK_SHAPES") == "1":
    # Before anything imports the package. An int will do for a float, as everywhere in Python.
    typechecker = types.ModuleType("typechecker")
    typechecker.check = beartype(conf=BeartypeConf(is_pep484_tower=True))
    sys.modules["typechecker"] = typechecker
    install_import_hook("stagescore", "typechecker.check")

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [
    str(Path(__file__).parent / name)
    for name in ("data", "training", "evaluation", "scoring", "report", "measures")
]

import makers  # noqa: E402


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real data beside the project; tests that need it are skipped without it."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("no real data beside the project")
    return folder


_READ_ALL = """
import pickle, sys
from pathlib import Path
from stagescore.data import finediving, mtl_aqa
from stagescore.data.legacy_pickle import read_pickle
data = Path(sys.argv[1])
fine, mtl = data / "finediving", data / "mtl_aqa"
labels = finediving.load(fine), mtl_aqa.load(mtl, mtl_aqa.FineDivingRows.read(fine))
pickles = {path: read_pickle(path) for folder in (fine, mtl) for path in sorted(folder.glob("*.pkl"))}
Path(sys.argv[2]).write_bytes(pickle.dumps((labels, pickles)))
"""


@pytest.fixture(scope="session")
def real_data(shared, tmp_path_factory):
    """Both real data sets, and their pickles as our reader gives them.

    Read once and in a process of its own, since checking types makes the reader seven times slower.
    """
    path = tmp_path_factory.mktemp("real") / "labels.pkl"
    subprocess.run([sys.executable, "-c", _READ_ALL, str(shared / "data"), str(path)], check=True)
    return pickle.loads(path.read_bytes())


@pytest.fixture(scope="session")
def real_finediving(real_data):
    """FineDiving as its authors released it."""
    return real_data[0][0]


@pytest.fixture(scope="session")
def real_mtl_aqa(real_data):
    """MTL-AQA with FineDiving's transitions."""
    return real_data[0][1]


@pytest.fixture
def finediving_folder(tmp_path) -> Path:
    """A tiny FineDiving annotation folder, alone in a folder of its own."""
    return makers.finediving(tmp_path / "labels" / "finediving")


@pytest.fixture
def mtl_aqa_folder(tmp_path) -> Path:
    """A tiny MTL-AQA annotation folder that shares two dives with the tiny FineDiving."""
    return makers.mtl_aqa(tmp_path / "labels" / "mtl_aqa")
