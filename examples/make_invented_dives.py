"""Write invented_dives.csv: 240 dives that never happened, for the demo.

Run it from anywhere: `python examples/make_invented_dives.py`. Numbers come from a hash, so the file is
the same on every machine. A few rows are wrong on purpose, so that the checks have something to name.
"""

import csv
import io
import math
from pathlib import Path

from stagescore.atomic import write_text
from stagescore.diving import score_from_marks, usual_difficulties
from stagescore.hashing import hash_u64, hash_unit

NUM_DIVES = 240
NUM_JUDGES = 7
COLUMNS = "path score event number dive_number difficulty marks frames transitions split".split()


def normal(*key: str | int) -> float:
    """A standard normal number from a hash (Box and Muller)."""
    radius = math.sqrt(-2 * math.log(1 - hash_unit(*key, "radius")))
    return radius * math.cos(2 * math.pi * hash_unit(*key, "angle"))


def invented_dive(number: int) -> dict[str, object]:
    """One row: harder dives are done a little worse, judges differ by half a mark or so."""
    dives = sorted(usual_difficulties().items())
    (code, height), difficulty = dives[hash_u64("dive", number) % len(dives)]
    execution = 7.4 - 0.5 * (difficulty - 3) + 1.3 * normal("execution", number)
    marks = [
        min(10.0, max(0.0, round(2 * (execution + 0.35 * normal("judge", number, judge))) / 2))
        for judge in range(NUM_JUDGES)
    ]
    frames = 96 + hash_u64("frames", number) % 30
    first = round(frames * (0.28 + 0.04 * normal("first", number)))
    last = first + round(frames * (0.35 + 0.05 * normal("last", number)))
    return {
        "path": "",
        "score": score_from_marks(marks, difficulty),
        "event": f"Invented {'Women' if number % 2 else 'Men'} {height:g}m",
        "number": number,
        "dive_number": code,
        "difficulty": difficulty,
        "marks": " ".join(f"{mark:g}" for mark in marks),
        "frames": frames,
        "transitions": f"{first} {last}",
        "split": "test" if number % 4 == 0 else "train",
    }


def main() -> None:
    """Write the file beside this script."""
    rows = [invented_dive(number) for number in range(1, NUM_DIVES + 1)]
    rows[6]["score"] = 12.0  # its marks say otherwise
    rows[39]["difficulty"] = 1.1  # unusual, and so the score is wrong too
    rows[80]["transitions"] = "-1 60"  # cannot be: its stages are masked
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(Path(__file__).with_name("invented_dives.csv"), stream.getvalue())


if __name__ == "__main__":
    main()
