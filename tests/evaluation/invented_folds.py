"""Kept folds without runs: four dives in the only fold of a protocol."""

from typing import Any

from stagescore.evaluation.kept_folds import FoldIdentity, KeptFold, KeptLabels, KeptModel


def fold_of(**columns: Any) -> KeptFold:
    """A fold with other columns: `hand_marks`, `flight`, `transitions`, `predicted` (transitions), `identity`."""
    given = {
        "hand_marks": ((),) * 4,
        "flight": ((),) * 4,
        "transitions": (None,) * 4,
        "predicted": (None,) * 4,
    }
    given |= columns
    identity = {
        "fold": "five-fold/0",
        "folds": ("five-fold/0",),
        "seed": 0,
        "mirrored": False,
        "sealed": False,
        "datasets": ("invented",),
        "settings": {},
    }
    return KeptFold(
        identity=FoldIdentity(**{**identity, **given.get("identity", {})}),
        weights_hash="0" * 64,
        exemplars=2,
        labels=KeptLabels(
            dive_id=("heats/1", "heats/2", "final/1", "final/2"),
            dive_number=("107B", "207C", "407C", "5253B"),
            difficulty=(3.0, 3.3, 3.2, 3.2),
            score=(75.0, 62.7, 83.2, 91.2),
            num_frames=(101, 120, 130, 90),
            transitions=given["transitions"],
            hand_marks=given["hand_marks"],
            flight=given["flight"],
        ),
        model=KeptModel(
            score=(70.0, 65.0, 80.0, 90.0),
            votes=((69.0, 71.0), (60.0, 70.0), (79.0, 81.0), (90.0, 90.0)),
            transitions=given["predicted"],
        ),
        alone={},
        rules={"constant": (78.0, 78.0, 78.0, 78.0)},
        numbers=None,
    )
