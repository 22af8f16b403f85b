"""Tiny label folders in the exact released forms, and ways to break them."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.types import Dive

EVENT = "FINADivingWorldCup2021_Women3m_final_r1"
SYNCHRONISED = "FINAWorldChampionships2019_Men10mSynchronised_final_r4"

# (event, number) -> dive number, difficulty, marks, lengths of the sub-actions, first frame, split
FINEDIVING_ROWS: dict[tuple[str, int], tuple[str, float, list[float], tuple[int, ...], int, str]] = {
    ("01", 1): ("407c", 3.2, [9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5], (3, 32, 50), 7378, "test"),
    ("01", 2): ("407c", 3.2, [9.0, 8.5, 9.0, 9.0, 9.0, 9.0, 9.0], (12, 36, 41), 9001, "train"),
    ("01", 3): ("5253b", 3.2, [7.0, 7.5, 7.0, 7.5, 7.0, 7.0, 7.5], (20, 20, 10, 40), 11000, "train"),
    (EVENT, 1): ("205b", 3.0, [7.0, 7.5, 7.0], (20, 30, 40), 100, "train"),
    (EVENT, 2): ("205b", 3.0, [6.0, 6.5, 6.0], (22, 30, 38), 400, "test"),
    (EVENT, 3): ("107b", 3.1, [8.0, 8.0, 8.5], (22, 15, 15, 38), 800, "train"),
    (SYNCHRONISED, 1): ("207c", 3.3, [7.5, 9.0, 8.0, 8.0, 8.5], (25, 35, 41), 3095, "train"),
    (SYNCHRONISED, 2): ("103b", 2.0, [7.5, 8.0, 8.0, 8.0, 8.5], (25, 35, 41), 4095, "test"),
}
_NAMES = {4: "Inward", 25: "3.5 Soms.Tuck", 30: "1.5 Twists", 36: "Entry"}


def points(marks: list[float], difficulty: float) -> float:
    """Judging arithmetic, written out."""
    kept = sum(sorted(marks)[2:5]) if len(marks) == 7 else sum(marks) * (0.6 if len(marks) == 5 else 1.0)
    return round(kept * difficulty, 2)


def frame_labels(lengths: tuple[int, ...]) -> "np.ndarray[Any, Any]":
    codes = [4, 25, 36] if len(lengths) == 3 else [4, 25, 30, 36]
    return np.repeat(np.array(codes), lengths)


def finediving_tables() -> dict[str, Any]:
    """File name -> content, as the release holds it."""
    fine: dict[Any, Any] = {}
    named: dict[Any, Any] = {}
    coarse: dict[Any, Any] = {}
    splits: dict[str, list[Any]] = {"train": [], "test": []}
    for key, (number, difficulty, marks, lengths, start, split) in FINEDIVING_ROWS.items():
        score = points(marks, difficulty)
        labels = frame_labels(lengths)
        transitions = np.cumsum(lengths)[:-1] - 1
        fine[key] = [number, score, difficulty, transitions, labels]
        named[key] = {
            "action_type": number,
            "dive_score": score,
            "difficulty": difficulty,
            "steps_transit_frames": transitions,
            "frames_labels": labels,
            "sub-action_types": {np.int64(code): _NAMES[int(code)] for code in np.unique(labels)},
        }
        coarse[key] = {
            "action_type": number,
            "start_frame": start,
            "end_frame": start + sum(lengths) - 1,
            "dive_score": np.float64(score) if split == "test" else score,
            "difficulty": difficulty,
            "judge_scores": marks,
        }
        splits[split].append(key)
    return {
        "fine-grained_annotation_aqa.pkl": fine,
        "FineDiving_fine-grained_annotation.pkl": named,
        "FineDiving_coarse_annotation.pkl": coarse,
        "train_split.pkl": splits["train"],
        "test_split.pkl": splits["test"],
    }


def mtl_aqa_tables() -> dict[str, Any]:
    """File name -> content, as the release holds it; (1, 1) and (1, 2) are FineDiving's."""
    rows = {
        (1, 1): (7377, 85 + 1, 2, 3.2, 0, 2, 7, 0, [9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5]),
        (1, 2): (9001, 89, 2, 3.2, 0, 2, 7, 0, [9.0, 8.5, 9.0, 9.0, 9.0, 9.0, 9.0]),
        (26, 4): (500, 90, 1, 3.2, 0, 0, 5, 3, [7.0, 7.0, 7.0, 7.5, 7.5, 7.0, 7.0]),
        (26, 5): (900, 90, 0, 3.3, 1, 0, 4, 0, [8.0, 8.0, 8.0, 7.5, 8.5, 8.0, 8.0]),
    }
    with_marks = {}
    for key, (
        start,
        length,
        position,
        difficulty,
        armstand,
        rotation,
        somersaults,
        twists,
        marks,
    ) in rows.items():
        with_marks[key] = {
            "primary_view": 0,
            "start_frame": start,
            "end_frame": start + length - 1,
            "position": position,
            "difficulty": difficulty,
            "armstand": armstand,
            "rotation_type": rotation,
            "ss_no": somersaults,
            "tw_no": twists,
            "final_score": points(marks, difficulty),
            "judge_scores": np.array(marks),
        }
    return {
        "augmented_final_annotations_dict.pkl": with_marks,
        "final_annotations_dict.pkl": {
            key: {name: value for name, value in row.items() if name != "judge_scores"}
            for key, row in with_marks.items()
        },
        "final_captions_dict.pkl": {
            (np.int64(key[0]), key[1]): ["<sos>", "a", "dive", "<eos>"] for key in rows
        },
        # A FineDiving test dive is trained on here, and the other way round.
        "train_split_0.pkl": [(1, 1), (26, 4)],
        "test_split_0.pkl": [(1, 2), (26, 5)],
    }


def write(folder: Path, tables: Mapping[str, Any], protocol: int = 3) -> Path:
    """Write tables as pickles; `bytes` as they are, and None not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tables.items():
        if content is not None:
            raw = content if isinstance(content, bytes) else pickle.dumps(content, protocol=protocol)
            (folder / name).write_bytes(raw)
    return folder


def finediving(
    folder: Path, change: Callable[[dict[str, Any]], object] | None = None, protocol: int = 3
) -> Path:
    """A tiny FineDiving folder; `change` may alter the tables before they are written."""
    tables = finediving_tables()
    if change is not None:
        change(tables)
    return write(folder, tables, protocol)


def mtl_aqa(
    folder: Path, change: Callable[[dict[str, Any]], object] | None = None, protocol: int = 3
) -> Path:
    """A tiny MTL-AQA folder; `change` may alter the tables before they are written."""
    tables = mtl_aqa_tables()
    if change is not None:
        change(tables)
    return write(folder, tables, protocol)


def dive(number: int = 1, **changes: Any) -> Dive:
    """A plausible dive."""
    values: dict[str, Any] = {
        "dataset": "tiny",
        "event": "cup",
        "number": number,
        "recording": f"tiny/cup/{changes.get('event', '')}/{number}",
        "split": "train",
        "score": 60.0 + number,
        "difficulty": 3.0,
        "dive_number": "205B",
        "num_frames": 96,
        "transitions": (29, 65),
        "label_changes": (29, 65),
    }
    return Dive(**values | changes)
