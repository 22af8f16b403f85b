"""The label files of simulated dives, as FineDiving's authors release theirs.

    OUT/annotations/fine-grained_annotation_aqa.pkl, FineDiving_fine-grained_annotation.pkl
    OUT/annotations/train_split.pkl, test_split.pkl
    OUT/truth/FineDiving_coarse_annotation.pkl     with the judges' marks, which no model may see
    OUT/manifest.jsonl, OUT/val_split.json         read back from those, not made beside them

The names of events say nothing of the height, so it is not among the labels. As with FineDiving's own
rows the loader may infer it from the difficulties: that is knowledge which real labels give too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Int

from stagescore.atomic import write_files
from stagescore.data.attachments import Progress, attach
from stagescore.data.finediving import COARSE, FINE, FINE_NAMED, SPLITS, load
from stagescore.data.manifest import Manifest
from stagescore.data.splits import ValidationRule, choose_validation, validation_file, with_validation
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.simulate.plain_pickle import dumps
from stagescore.simulate.write import FRAMES, POSES, TRUTH
from stagescore.types import Dive, Split

DATASET = "simulated"
ANNOTATIONS = "annotations"
# As in FineDiving's split: 749 of 3,000 dives.
TEST_SHARE = 0.25
# Set by hand: frames of the invented broadcast between two clips.
_FRAMES_BETWEEN_DIVES = 600

# FineDiving numbers its sub-actions: take-offs from 1, armstands from 5, somersaults in pike from 12 by
# half somersaults, in tuck from 21, half twists from 29; its one half somersault in pike is 37.
_TAKE_OFFS = {"forward": 1, "back": 2, "reverse": 3, "inward": 4}
_ARMSTANDS = {"forward": 5, "back": 6, "reverse": 7}
_PIKE, _TUCK, _STRAIGHT, _TWIST, _ENTRY, _HALF_PIKE = 10, 18, 40, 28, 36, 37


def sub_actions(number: DiveNumber, count: int) -> tuple[tuple[int, str], ...]:
    """FineDiving's numbers and names of the sub-actions of a dive, in their order.

    Args:
        number: Number of the dive.
        count: How many sub-actions: 3 (without twist), 4 (twist first) or 5 (somersault, twist, somersault).

    Raises:
        DataError: Another count.

    >>> [name for _, name in sub_actions(DiveNumber.parse("5253B"), 4)]
    ['Back', '1.5 Twists', '2.5 Soms.Pike', 'Entry']
    """
    direction = number.direction
    start = (
        (_ARMSTANDS[direction], f"Arm.{direction.capitalize()}")
        if number.armstand
        else (_TAKE_OFFS[direction], direction.capitalize())
    )
    halves = number.half_somersaults
    position = {"free": "pike", "straight": "straight"}.get(number.position, number.position)
    base = {"pike": _PIKE, "tuck": _TUCK, "straight": _STRAIGHT}[position]
    turns = (
        _HALF_PIKE if (halves, position) == (1, "pike") else base + halves,
        f"{halves / 2:g} {'Soms' if halves > 2 else 'Som'}.{position.capitalize()}",
    )
    twists = number.half_twists
    twist = (_TWIST + twists, f"{twists / 2:g} {'Twists' if twists > 2 else 'Twist'}")
    entry = (_ENTRY, "Entry")
    orders = {
        3: (start, turns, entry),
        4: (start, twist, turns, entry),
        5: (start, turns, twist, turns, entry),
    }
    if count not in orders:
        raise DataError(
            f"{count} sub-actions", where=number.code, todo="label two to four transitions between them"
        )
    return orders[count]


def choose_test(
    codes: Mapping[tuple[str, int], str], seed: int, share: float = TEST_SHARE
) -> dict[tuple[str, int], Split]:
    """A share of the dives for testing, as evenly over the dive numbers as can be.

    Along a list that is ordered by dive number and then by hash every `1 / share`-th dive is taken; a dive
    number's first dive of the list is left for training, so that no tested number is unknown (save where
    a handful of dives leaves nothing else to test on: one dive at least is tested).

    Args:
        codes: Dive number of each dive, by event and number within it.
        seed: Seed of the data set.
        share: Share of the dives for the test split, 0 to 1.
    """
    groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for key, code in codes.items():
        groups[code].append(key)
    chosen: dict[tuple[str, int], Split] = {}
    position = 0.5
    for code in sorted(groups):
        for place, key in enumerate(sorted(groups[code], key=lambda k: hash_u64(seed, "split", *k))):
            position += share
            if position >= 1 and place > 0:
                position -= 1
                chosen[key] = "test"
            else:
                chosen[key] = "train"
    if len(codes) > 1 and "test" not in chosen.values():  # a handful of dives, all of them different
        chosen[min(codes, key=lambda k: hash_u64(seed, "split", *k))] = "test"
    return {key: chosen[key] for key in codes}


def annotation_files(
    records: Sequence[Mapping[str, Any]], seed: int, test_share: float = TEST_SHARE
) -> dict[str, bytes]:
    """All pickles by their path below the data set's folder.

    Args:
        records: The true records of all dives, in the order of their index.
        seed: Seed of the data set.
        test_share: Share of the dives for the test split, 0 to 1.

    Raises:
        DataError: Fewer than two dives, of which no test split can be made.
    """
    fine: dict[tuple[str, int], list[Any]] = {}
    named: dict[tuple[str, int], dict[str, Any]] = {}
    coarse: dict[tuple[str, int], dict[str, Any]] = {}
    start: dict[str, int] = defaultdict(lambda: _FRAMES_BETWEEN_DIVES)
    for record in records:
        event, key = record["event"], (record["event"], int(record["number"]))
        number = DiveNumber.parse(record["plan"]["number"])
        transitions = [int(t) for t in record["label_transitions"]]
        actions = sub_actions(number, len(transitions) + 1)
        labels = _frame_labels(transitions, [label for label, _ in actions], record["num_frames"])
        score, difficulty = float(record["score"]), float(record["plan"]["difficulty"])
        code = number.code.lower()
        steps = np.array(transitions, dtype=np.int64)
        fine[key] = [code, score, difficulty, steps, labels]
        named[key] = {
            "action_type": code,
            "dive_score": score,
            "difficulty": difficulty,
            "steps_transit_frames": steps,
            "frames_labels": labels,
            "sub-action_types": dict(actions),
        }
        coarse[key] = {
            "action_type": code,
            "start_frame": start[event],
            "end_frame": start[event] + len(labels) - 1,
            "dive_score": score,
            "difficulty": difficulty,
            "judge_scores": [float(mark) for mark in record["marks"]],
        }
        start[event] += len(labels) + _FRAMES_BETWEEN_DIVES
    splits = choose_test({key: row[0] for key, row in fine.items()}, seed, test_share)
    keys = {split: [key for key in fine if splits[key] == split] for split in SPLITS}
    if not all(keys.values()):
        raise DataError(
            f"{len(fine)} dives cannot be split into training and test",
            where="simulated dives",
            todo="simulate two or more, better a hundred",
        )
    return {
        f"{ANNOTATIONS}/{FINE}": dumps(fine),
        f"{ANNOTATIONS}/{FINE_NAMED}": dumps(named),
        f"{TRUTH}/{COARSE}": dumps(coarse),
        **{f"{ANNOTATIONS}/{name}": dumps(keys[split]) for split, name in SPLITS.items()},
    }


def finish(
    out: Path,
    records: Sequence[Mapping[str, Any]],
    seed: int,
    progress: Progress,
    *,
    test_share: float = TEST_SHARE,
) -> Manifest:
    """Write the label files and, from what the loader reads in them, the manifest.

    Paths in the manifest are relative to its folder, so that the folder can be moved and the bytes do
    not depend on where it lies.

    Args:
        out: Folder of the data set with frames and poses of all dives.
        records: True records of the dives, in the order of their index.
        seed: Seed of the data set.
        progress: Function that is called while frames and poses are looked at.
        test_share: Share of the dives for the test split, 0 to 1.

    Raises:
        DataError: Too few dives, something that cannot be written, or frames and labels that disagree.
    """
    write_files(
        {out / name: content for name, content in annotation_files(records, seed, test_share).items()}
    )
    labels = attach(load(out / ANNOTATIONS), frames=out / FRAMES, poses=out / POSES, progress=progress)
    if labels.findings:
        finding = labels.findings[0]
        raise DataError(
            f"frames and labels disagree ({finding.what})", where=out, todo="simulate again with --resume"
        )
    manifest = Manifest(tuple(_own(dive, out) for dive in labels.manifest))
    rule = ValidationRule(seed=seed)
    held_out = choose_validation(manifest, rule)
    manifest = with_validation(manifest, held_out)
    write_files(
        {out / "manifest.jsonl": manifest.to_bytes(), out / "val_split.json": validation_file(held_out, rule)}
    )
    return manifest


def _own(dive: Dive, out: Path) -> Dive:
    return dive.with_changes(
        dataset=DATASET,
        recording=f"{DATASET}/{dive.event}/{dive.number}",
        frames_path=_relative(dive.frames_path, out),
        poses_path=_relative(dive.poses_path, out),
    )


def _relative(path: str | None, out: Path) -> str | None:
    return None if path is None else str(PurePosixPath(*Path(path).relative_to(out.resolve()).parts))


def _frame_labels(
    transitions: Sequence[int], labels: Sequence[int], num_frames: int
) -> Int[np.ndarray, " frames"]:
    """The label of each frame; a transition is the last frame of the earlier sub-action."""
    edges = [0, *(t + 1 for t in transitions), num_frames]
    lengths = [b - a for a, b in pairwise(edges)]
    return np.repeat(np.array(labels, dtype=np.int64), lengths)
