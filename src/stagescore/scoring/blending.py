"""A score between what the network says of the film and what the labels alone say of the dive.

The less a film is like those that the network was trained on, the less its score comes from the film (the share of
`inference.familiarity.film_share`) and the wider the interval. Not part of the paper.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stagescore.data.score_prior import Expectation
from stagescore.inference.familiarity import film_share
from stagescore.inference.intervals import SDS, mixture_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """A score and its interval, with the part that the prior adds.

    Attributes:
        score: The score in points.
        interval: Ends of the 90 % interval, in points; None where the network's own is not known.
        prior_part: Points that the prior adds to the network's score.
    """

    score: float
    interval: tuple[float, float] | None
    prior_part: float


def blended(
    network_score: float,
    interval: tuple[float, float] | None,
    prior: Expectation,
    *,
    unfamiliarity: float,
    scale: float,
) -> Blend:
    """The network's score moved towards the prior.

    Args:
        network_score: What the network alone says, in points.
        interval: Ends of the network's 90 % interval on films like those it was trained on, in points; None where not
            known.
        prior: What the labels alone say.
        unfamiliarity: Distance of the film from the training films; 1 is as far as the farthest 5 % of held-out dives.
        scale: How far beyond distance 1 the film's share has fallen to one half.
    """
    # Adding 0 makes 0 of -0, which would be printed.
    prior_part = (1.0 - film_share(unfamiliarity, scale)) * (prior.score - network_score) + 0.0
    score = network_score + prior_part
    if interval is None:
        return Blend(score=score, interval=None, prior_part=prior_part)
    half = blended_half_width(
        max(interval[1] - network_score, 0.0), SDS * prior.sd, unfamiliarity=unfamiliarity, scale=scale
    )
    return Blend(
        score=score, interval=(max(0.0, score - half), max(0.0, score + half)), prior_part=prior_part
    )


def mixed(blends: Sequence[tuple[float, Blend]]) -> Blend:
    """The mean of several scores, one for each thing that a dive may be, with an interval that holds their spread.

    Each score is taken for normally distributed with its own interval; the mixture's interval leaves out as much of it
    below as above. A single score keeps its own interval.

    Args:
        blends: Pairs of probability and score, at least one; the probabilities add up to 1.

    >>> one, two = (Blend(score=s, interval=(s - 5.0, s + 5.0), prior_part=0.0) for s in (60.0, 80.0))
    >>> both = mixed([(0.5, one), (0.5, two)])
    >>> both.score, [round(end, 2) for end in both.interval]
    (70.0, [56.1, 83.9])
    """
    if len(blends) == 1:
        return blends[0][1]
    score = math.fsum(p * one.score for p, one in blends)
    prior_part = math.fsum(p * one.prior_part for p, one in blends)
    ends = [(one.score, one.interval[1]) for _, one in blends if one.interval is not None]
    if len(ends) < len(blends):
        return Blend(score=score, interval=None, prior_part=prior_part)
    scores, highs = zip(*ends, strict=True)
    interval = mixture_interval([p for p, _ in blends], scores, highs)
    return Blend(score=score, interval=interval, prior_part=prior_part)


def blended_half_width(
    network_half: float, prior_half: float, *, unfamiliarity: float, scale: float
) -> float:
    """Half-width of the interval: the network's, grown by the distance beyond 1, and the prior's, mixed by the film's share.

    Squares are mixed, as variances are. Where the prior is surer than the network the mixture would shrink again far away
    from the training films; there it keeps its largest value, since a stranger film makes no score surer.

    Args:
        network_half: Half-width of the network's interval on familiar films, in points.
        prior_half: Half-width of the prior's interval, in points.
        unfamiliarity: Distance of the film from the training films; 1 is as far as the farthest 5 % of held-out dives.
        scale: How far beyond distance 1 the film's share has fallen to one half.

    >>> blended_half_width(12.0, 15.0, unfamiliarity=0.8, scale=1.0)
    12.0
    >>> round(blended_half_width(12.0, 15.0, unfamiliarity=2.0, scale=1.0), 3)
    20.012
    """
    # Where the derivative of the mixture by the distance is 0.
    slope = scale**2 - 1.0 + (prior_half / max(network_half, 1e-9)) ** 2
    widest = (slope + math.sqrt(slope**2 + 4.0 * scale**2)) / 2.0
    beyond = min(max(unfamiliarity - 1.0, 0.0), widest)
    share = film_share(1.0 + beyond, scale)
    return math.sqrt(share * (network_half * (1.0 + beyond)) ** 2 + (1.0 - share) * prior_half**2)
