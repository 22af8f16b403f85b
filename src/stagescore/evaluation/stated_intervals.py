"""How many dives the interval of a predicted distribution holds, beside the calibrated ones."""

from collections.abc import Sequence

from stagescore.inference.intervals import LEVEL
from stagescore.inference.outcomes import Outcomes


def stated_note(outcomes: Outcomes) -> Sequence[str]:
    """What the reader has to know of the predicted distributions; nothing where none are predicted.

    Args:
        outcomes: Outcomes of some dives.
    """
    stated = [(dive, dive.stated_interval) for dive in outcomes if dive.stated_interval is not None]
    if not stated:
        return []
    held = sum(low <= dive.true_score <= high for dive, (low, high) in stated)
    return [
        f"The predicted distributions are not calibrated: the middle {100 * LEVEL:.0f} % of them holds the score of "
        f"{held} of {len(stated)} dives."
    ]
