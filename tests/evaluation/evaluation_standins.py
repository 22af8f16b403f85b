"""Kept folds without runs, and a network without ImageNet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone
from stagescore.evaluation.fold_identity import FoldIdentity
from stagescore.evaluation.kept_columns import KeptLabels, KeptModel
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.types import Dive

DIVES = tuple(
    Dive(
        dataset="invented",
        event=event,
        number=number,
        recording=f"{event}/{number}",
        split="test",
        dive_number=dive_number,
        difficulty=difficulty,
        score=score,
        num_frames=num_frames,
    )
    for event, number, dive_number, difficulty, score, num_frames in (
        ("heats", 1, "107B", 3.0, 75.0, 101),
        ("heats", 2, "207C", 3.3, 62.7, 120),
        ("final", 1, "407C", 3.2, 83.2, 130),
        ("final", 2, "5253B", 3.2, 91.2, 90),
    )
)


def fold_of(**columns: Any) -> KeptFold:
    """`fold_about` four invented dives."""
    return fold_about(DIVES, **columns)


def fold_about(
    dives: Sequence[Dive], *, fold: str = "five-fold/0", sealed: bool = False, **columns: Any
) -> KeptFold:
    """The only fold of a protocol; columns are `hand_marks`, `flight`, `transitions`, and `predicted` transitions."""
    empty = {name: ((),) * len(dives) for name in ("hand_marks", "flight")}
    unknown = {name: (None,) * len(dives) for name in ("transitions", "predicted")}
    given = empty | unknown | columns
    scores = tuple(dive.score + (-1) ** row * (3 + row) for row, dive in enumerate(dives))
    return KeptFold(
        identity=FoldIdentity(
            fold=fold,
            folds=(fold,),
            seed=0,
            mirrored=False,
            sealed=sealed,
            datasets=("invented",),
            settings={},
        ),
        weights_hash="0" * 64,
        exemplars=2,
        labels=KeptLabels(
            dive_id=tuple(dive.dive_id for dive in dives),
            dive_number=tuple(dive.dive_number for dive in dives),
            difficulty=tuple(dive.difficulty for dive in dives),
            score=tuple(dive.score for dive in dives),
            num_frames=tuple(dive.num_frames or 1 for dive in dives),
            transitions=given["transitions"],
            hand_marks=given["hand_marks"],
            flight=given["flight"],
        ),
        model=KeptModel(
            score=scores,
            votes=tuple((score - 1, score + 1) for score in scores),
            transitions=given["predicted"],
        ),
        alone={},
        rules={"constant": (78.0,) * len(dives)},
        numbers=None,
    )


def weights_file(folder: Path, seed: int = 0) -> Path:
    """Random weights in the place of ImageNet's."""
    torch.manual_seed(seed)
    path = folder / f"mobilenetv2-{seed}.safetensors"
    save_file(ImageBackbone(name=MOBILENET_V2).net.state_dict(), path)
    return path
