"""Exemplars vote on a query's score (paper, section III-F, eq. 24)."""

from collections.abc import Sequence

from stagescore.errors import DataError
from stagescore.types import Prediction


def vote(
    deltas: Sequence[float], exemplar_scores: Sequence[float], exemplar_ids: Sequence[str], *, protocol: str
) -> Prediction:
    """Score = mean of (delta(q, e) + score(e)); the order of the exemplars does not matter.

    Args:
        deltas: Predicted differences, query minus exemplar, in points.
        exemplar_scores: True scores of the exemplars, in points.
        exemplar_ids: Ids of the exemplars.
        protocol: How the exemplars were chosen, such as `w/ DN`.

    Raises:
        DataError: No exemplars, as many deltas as scores are not given, or one votes twice.

    >>> vote([1.0, -3.0], [70.0, 76.0], ["a", "b"], protocol="w/ DN").score
    72.0
    """
    if not len(deltas) == len(exemplar_scores) == len(exemplar_ids) or not len(deltas):
        raise DataError(
            f"{len(deltas)} differences, {len(exemplar_scores)} scores, {len(exemplar_ids)} exemplars",
            todo="give one of each for every exemplar, and at least one",
        )
    ballots = sorted(zip(exemplar_ids, deltas, exemplar_scores, strict=True))
    votes = tuple(delta + score for _, delta, score in ballots)
    return Prediction(
        score=sum(votes) / len(votes),
        votes=votes,
        exemplar_ids=tuple(name for name, _, _ in ballots),
        protocol=protocol,
    )
