"""The whole simulation at once: real physics, real pictures, several processes."""

import shutil
from pathlib import Path

import pytest

from stagescore.evaluation.timing import timing_rows
from stagescore.simulate.dataset import Order, judged_dives, simulate_dataset

pytestmark = pytest.mark.slow
ORDER = Order(num_dives=5, seed=11, size_px=(96, 54))


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_bytes_do_not_depend_on_workers_or_interruptions(tmp_path) -> None:
    simulate_dataset(tmp_path / "one", ORDER, workers=1)
    simulate_dataset(tmp_path / "two", ORDER, workers=2)
    whole = everything(tmp_path / "one")
    assert everything(tmp_path / "two") == whole
    event = next((tmp_path / "two" / "frames").iterdir())
    shutil.rmtree(next(event.iterdir()))  # as if killed before this dive was written
    (tmp_path / "two" / "manifest.jsonl").unlink()
    simulate_dataset(tmp_path / "two", ORDER, workers=2, resume=True)
    assert everything(tmp_path / "two") == whole


def test_stages_lie_where_those_of_real_dives_do() -> None:
    dives = judged_dives(0, 240, workers=2)
    rows = timing_rows([(d.transitions[0], d.transitions[-1], d.plan.num_frames) for d in dives])
    # The AIoU floors of 60 test dives have a standard error of 6 points: the command checks them on more.
    assert not [row for row in rows if not row.holds and "AIoU" not in row.name]
