"""How seven judges might have arrived at a score: plausible marks, not predicted ones.

Source: World Aquatics' rules, see `diving`.
"""

from stagescore.diving import MAX_MARK, plausible_marks, score_from_marks
from stagescore.errors import DataError
from stagescore.scoring.result_parts import Judging

_SEATS = (3, 0, 5, 1, 6, 2, 4)
"""Which of the sorted marks each judge gives: a panel does not sit in the order of its marks."""


def plausible_judging(score: float, difficulty: float) -> Judging | None:
    """Seven marks in halves whose points come near a score; None where no marks reach it.

    The three that count are as equal as they can be; the dropped ones lie at their edges and half a mark beyond.

    >>> plausible_judging(88.0, 3.2).marks
    [9.0, 8.5, 9.5, 9.0, 10.0, 9.0, 9.5]
    >>> plausible_judging(88.0, 3.2).total
    27.5
    """
    try:
        low, middle, high = plausible_marks(score, difficulty)
    except DataError:
        return None
    panel = (max(low - 0.5, 0.0), low, low, middle, high, high, min(high + 0.5, MAX_MARK))
    return Judging(
        difficulty=difficulty,
        execution=score / difficulty,
        marks=[panel[place] for place in _SEATS],
        dropped=[judge for judge, place in enumerate(_SEATS) if place not in (2, 3, 4)],
        total=low + middle + high,
        score=score_from_marks(panel, difficulty),
    )
