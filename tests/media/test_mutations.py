"""Thousands of damaged films: no crash, no hang, no foreign error, and `ok` never hides a lost frame.

What cannot be seen, by anybody: damage within compressed data that still decodes, without a checksum,
into a picture that is only wrong. The frame is there and in its place, but shows stale or disturbed
content. It is counted here (`stale`, where even the bar code reads differently; `unclear`, where it
cannot be read any more) and bounded, so that it cannot grow unnoticed.

An edit list may leave out frames on purpose, and damage can make one look so. Such a film is `ok` with a
warning that names the number of frames left out (`told`); that is not silent.
"""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clips
import pytest

NUM_MUTANTS_EACH = 180
TIME_LIMIT_S = 15


def judge(films: Path, scratch: Path, name: str) -> list[tuple[dict, dict]]:
    worker = Path(__file__).with_name("mutation_worker.py")
    command = [sys.executable, "-W", "error", worker, films, scratch, name, "0", str(NUM_MUTANTS_EACH)]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, (
        f"ended with {run.returncode} at {lines[-1] if lines else name}: {run.stderr[-2000:]}"
    )
    assert run.stderr == "", f"FFmpeg spoke to the user: {run.stderr[:500]}"
    return list(zip(lines[::2], lines[1::2], strict=True))


@pytest.mark.slow
def test_no_damage_crashes_hangs_or_loses_frames_silently(films, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda name: judge(films, tmp_path, name), clips.RECIPES))
    mutants = [pair for result in results for pair in result]
    assert len(mutants) >= 2000
    counts: Counter[str] = Counter()
    for what, answer in mutants:
        assert answer["seconds"] < TIME_LIMIT_S, what
        counts[answer["verdict"]] += 1
        if what["same"]:
            assert answer["verdict"] == "ok", what
        if answer["verdict"] != "ok":
            continue
        if answer["missing"] > 0 and answer["told"]:
            counts["told"] += 1
            continue
        assert answer["missing"] == 0, f"lost silently: {what} {answer}"
        counts["stale"] += bool(answer["misplaced"])
        counts["unclear"] += bool(answer["unclear"])
    print(f"{len(mutants)} damaged films: {dict(counts)}")
    # The three verdicts all occur, so that none of the checks above is empty.
    assert min(counts["ok"], counts["partial"], counts["unreadable"]) > 200
    assert counts["told"] <= 0.002 * len(mutants)
    assert counts["stale"] <= 0.01 * len(mutants)
    assert counts["unclear"] <= 0.04 * len(mutants)
