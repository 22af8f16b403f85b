"""Stages and events of tested dives against UNLV-Dive's hand marks, which are not what the model is trained on.

Three comparisons that must not be mixed: the flight that was found in the film (physical events), the model's stages against
the hand-marked ones, and against FineDiving's definition (`data.unlv_stages`), which training uses.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stagescore.data.unlv_stages import hand_transitions, marks_problem
from stagescore.evaluation.bootstrap import FIGURES, measured
from stagescore.evaluation.evaluation_report import Row
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.inference.outcomes import Outcome, Outcomes, Pair

TABLE = "Stages and events against the hand marks, errors in frames"
CONTACT_TO_ENDING_FRAMES = 2
"""`ending_begins` is so many frames after the first water contact: median of 40 films read by eye (docs/log.md)."""

_FIGURES = (
    "aiou50",
    "aiou75",
    *(name for name in FIGURES if name.startswith(("first_", "last_"))),
)
_FOUND = (
    f"flight found in the film; first: take-off against jump_begins, last: water contact against "
    f"ending_begins - {CONTACT_TO_ENDING_FRAMES}"
)
_HAND = "model against the hand-marked stages; first: jump_begins, last: entry_begins"
_FINEDIVING = "model against FineDiving's definition, which it is trained on"


def stage_table(folds: Sequence[KeptFold]) -> dict[str, list[Row]]:
    """The table by its title; no table where no dive has usable hand marks.

    Args:
        folds: Folds of one seed.

    Returns:
        A row for each comparison that some dive allows. A row counts the dives that allow it.
    """
    found, hand, own = [], [], []
    for fold in folds:
        rows = zip(fold.outcomes(), fold.labels.hand_marks, fold.labels.flight, strict=True)
        for dive, marks, flight in rows:
            found.append(_against(dive, events_of(marks), _pair(flight)))
            hand.append(_against(dive, _pair(hand_transitions(marks) or ()), dive.predicted_transitions))
            own.append(dive)
    if all(dive.true_transitions is None for dive in hand):
        return {}
    compared = {_FOUND: found, _HAND: hand, _FINEDIVING: own}
    tables = {name: _known(Outcomes(tuple(dives))) for name, dives in compared.items()}
    return {
        TABLE: [
            Row(name=name, figures={f: measured(some, f) for f in _FIGURES}, num_dives=len(some))
            for name, some in tables.items()
            if len(some)
        ]
    }


def events_of(marks: Sequence[int]) -> Pair | None:
    """First airborne frame and first frame in the water, as hand marks tell them; None for marks that cannot be used.

    >>> events_of((20, 29, 59, 68))
    (20.0, 66.0)
    """
    if marks_problem(marks):
        return None
    return float(marks[0]), float(marks[-1] - CONTACT_TO_ENDING_FRAMES)


def _against(dive: Outcome, truth: Pair | None, predicted: Pair | None) -> Outcome:
    return replace(dive, true_transitions=truth, predicted_transitions=predicted)


def _pair(values: Sequence[int]) -> Pair | None:
    return (float(values[0]), float(values[-1])) if values else None


def _known(outcomes: Outcomes) -> Outcomes:
    """The outcomes in which both are known."""
    return outcomes.where(~np.isnan(outcomes.true_transitions + outcomes.predicted_transitions).any(1))
