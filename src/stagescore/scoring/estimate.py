"""What a network says of a dive's score."""

from dataclasses import dataclass, field

from stagescore.inference.prediction import PredictedDive
from stagescore.scoring.result_parts import ExemplarVote, Judging, Prior


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a network says of a dive's score.

    Attributes:
        score: Score in points; None where it would be made up.
        interval: Ends of the interval that holds the score in 90 of 100 cases, in points; None where that is not known.
        execution: Execution, which is score / difficulty, from 0 to 30; None where it is not predicted and no
            difficulty is known.
        difficulty: Degree of difficulty that execution was multiplied by: as known, or the mean over the numbers that
            the dive may be. None without a score, and for a network that predicts points.
        prior: What the labels alone say of the score; None where the difficulty is not known.
        predicted: The dive as the network alone scores it, with its differences to the exemplars; None without a score.
        votes: Vote of each exemplar; none without a score, and of a network that predicts without exemplars.
        judging: How judges might have arrived there; None without a score or a single difficulty.
    """

    score: float | None = None
    interval: tuple[float, float] | None = None
    execution: float | None = None
    difficulty: float | None = None
    prior: Prior | None = None
    predicted: PredictedDive | None = None
    votes: list[ExemplarVote] = field(default_factory=list)
    judging: Judging | None = None
