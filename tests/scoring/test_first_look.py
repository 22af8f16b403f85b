"""A look at a film in another process finds what this one would find, and whatever happens to it, scoring goes on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stagescore.media.film_writing import write_film
from stagescore.scoring.first_look import ComingLook, FirstLook
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.pipeline import SEEING, looking_tools, run
from stagescore.scoring.state import ScoringState

PROGRAM = """
import multiprocessing, os, signal, sys
from pathlib import Path
import numpy as np
from stagescore.scoring.first_look import ComingLook, FirstLook

film = Path(sys.argv[1])
coming = ComingLook.begin(film)
if coming is None:
    sys.exit("not begun")
if sys.argv[2] == "kill":
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGKILL)
look = coming.take()
assert "torch" not in sys.modules
if look is None:
    sys.exit("nothing")
here = FirstLook.at(film, slowmo=1.0)
assert look.span == here.span
assert (look.scan.small == here.scan.small).all()
there, own = (list(one.media.frames()) for one in (look, here))
assert len(there) == len(own) == 24
assert all((a == b).all() for (_, a), (_, b) in zip(there, own))
assert not any(picture.flags.writeable for _, picture in there)
assert look.media.info == here.media.info
"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    pictures = np.random.default_rng(5).integers(0, 255, (24, 64, 96, 3), dtype=np.uint8)
    path = tmp_path / "film.mp4"
    write_film(path, iter(pictures), 25.0)
    return path


def looked(path: Path, how: str = "wait") -> str:
    """What a process says that begins a look at a film; nothing where all is as it should be."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), how],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stderr.strip()


def test_another_process_sees_the_same(film: Path) -> None:
    assert looked(film) == ""


def test_one_that_is_killed_leaves_the_work_to_us(film: Path) -> None:
    assert looked(film, "kill") == "nothing"


@pytest.mark.parametrize("kind", ["damaged", "missing", "folder"])
def test_what_cannot_be_looked_at_says_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "film.mp4"
    if kind == "damaged":
        path.write_bytes(b"\0\0\0 ftypisom" + bytes(4000))
    elif kind == "folder":
        path.mkdir()
    assert looked(path) == ("nothing" if kind == "damaged" else "not begun")


def test_no_process_is_forked_where_pytorch_has_threads(film: Path) -> None:
    assert torch.__name__ in sys.modules
    assert ComingLook.begin(film) is None


def test_scoring_goes_on_from_the_look_as_from_the_film(film: Path) -> None:
    tools, steps = looking_tools(), SEEING[:3]
    look = FirstLook.at(film, slowmo=1.0)
    assert look is not None
    without, given = (
        run(ScoringState(path=film, name="film", options=ScoreOptions(), first_look=one), tools, steps)
        for one in (None, look)
    )
    assert given.working is look.media
    assert without.working is not look.media
    assert (given.sha256, given.start, given.end) == (without.sha256, without.start, without.end)
    assert given.scan is not None
    assert without.scan is not None
    assert (given.scan.small == without.scan.small).all()
    assert given.warnings == without.warnings


def test_a_look_at_other_frames_than_those_asked_for_is_not_taken(film: Path) -> None:
    look = FirstLook.at(film, slowmo=1.0)
    options = ScoreOptions(start=2)
    state = ScoringState(path=film, name="film", options=options, first_look=look)
    run(state, looking_tools(), SEEING[:3])
    assert state.scan is not None
    assert state.scan.num_frames == state.num_frames == 22


ENDS = "import sys; from stagescore.cli.main import console; sys.argv[0] = 'stagescore'; console()"


@pytest.mark.parametrize(
    ("words", "code"), [(["score", "--schema"], 0), (["score"], 2), (["weights", "path", "none"], 1)]
)
def test_the_command_ends_at_once_and_says_everything(words: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS, *words], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr
    else:
        assert json.loads(done.stdout)["title"] == "Result"
