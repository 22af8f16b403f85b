import json
import subprocess
import sys
from pathlib import Path

import pytest

ROUNDS, SEED = 450, 1


@pytest.mark.slow
def test_damaged_label_files_are_read_truly_or_refused(tmp_path):
    worker = Path(__file__).with_name("label_mutations.py")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(worker), str(tmp_path), str(ROUNDS), str(SEED)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    outcomes = found["outcomes"]
    assert found["failures"] == []
    assert found["events"] == []  # nothing was started, opened by name or unpickled
    assert outcomes["refused"] + outcomes["read"] > 6000
    assert outcomes["read"] - outcomes["read unchanged"] > 300  # the comparison had something to compare
    assert min(found["kinds"].values()) > 200
    assert not (tmp_path / "canary").exists()
