"""The parts that make up a score: a mean exemplar, and what each stage adds or takes away.

Source: paper, eq. 22 and 24. The score is the mean over exemplars of the exemplar's score plus its difference,
and the difference is a sum over stages, so `mean exemplar + stages = score`, exactly. The score of an unfamiliar film
has one part more: what the prior adds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from math import fsum

from stagescore.errors import DataError
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import ExemplarVote

TOLERANCE = 1e-6
"""Points by which parts and sum may differ. Set by hand, above rounding errors of the sum."""
PRIOR_PART = "Towards the usual score"
"""Name of the part that the prior adds."""
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBreakdown:
    """Parts that add up to a total, exactly and as printed.

    Attributes:
        names: Names of the parts; the first is what the sum starts from.
        parts: The parts, in points.
        total: What the parts add up to, in points.
        fields: Fields of the result that hold each part and, last, the total.
    """

    names: tuple[str, ...]
    parts: tuple[float, ...]
    total: float
    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        if abs(self.error) > TOLERANCE:
            raise DataError(
                f"the parts add up to {fsum(self.parts)!r}, not to {self.total!r}",
                where=self.fields[-1],
                todo="score the dive again",
            )

    @property
    def error(self) -> float:
        """Sum of the parts minus the total."""
        return fsum(self.parts) - self.total

    @property
    def printed(self) -> tuple[Decimal, ...]:
        """The parts with two digits."""
        return tuple(_cents(part) for part in self.parts)

    @property
    def printed_total(self) -> Decimal:
        """The total with two digits."""
        return _cents(self.total)

    @property
    def rounding(self) -> Decimal:
        """What is missing from the printed parts to the printed total.

        >>> ScoreBreakdown(names=("a", "b", "c"), parts=(70.004, 0.004, 0.004), total=70.012, fields=("score",)).rounding
        Decimal('0.01')
        """
        return self.printed_total - sum(self.printed)


def adds_up(result: Result) -> bool:
    """Whether the score is made of parts: whether exemplars voted for it, stage by stage."""
    return result.score is not None and bool(result.exemplars and result.stages)


def printed_score(result: Result) -> str | None:
    """The score with two digits, as the parts are printed; None without a score."""
    return None if result.score is None else f"{_cents(result.score)}"


def breakdown_of(result: Result) -> ScoreBreakdown:
    """The mean exemplar, the stages, what the prior adds if anything, and the score.

    Raises:
        DataError: There is no score, or what the result says does not add up to 1e-6 somewhere: a vote's parts,
            a stage's difference, the score.
    """
    if result.score is None or not adds_up(result):
        raise DataError("there is no score to take apart", where="score", todo="read the reasons")
    for index, vote in enumerate(result.exemplars):
        if len(vote.stage_deltas) != len(result.stages):
            raise DataError(
                f"{len(vote.stage_deltas)} stages of {len(result.stages)}",
                where=f"exemplars[{index}].stage_deltas",
                todo="score the dive again",
            )
        breakdown_of_vote(result, index)
    stages = [mean([sum_of_stage(vote, k) for vote in result.exemplars]) for k in range(len(result.stages))]
    for k, stage in enumerate(result.stages):
        if stage.difference is None or abs(stage.difference - stages[k]) > TOLERANCE:
            raise DataError(
                f"the exemplars say {stages[k]!r}, the stage {stage.difference!r}",
                where=f"stages[{k}].difference",
                todo="score the dive again",
            )
    prior = result.prior if result.prior is not None and result.prior.part else None
    return ScoreBreakdown(
        names=(
            "Mean exemplar",
            *(stage.name.capitalize() for stage in result.stages),
            *([] if prior is None else [PRIOR_PART]),
        ),
        parts=(
            mean([vote.score for vote in result.exemplars]),
            *stages,
            *([] if prior is None else [prior.part]),
        ),
        total=result.score,
        fields=(
            "exemplars[].score",
            *(f"stages[{k}].difference" for k in range(len(stages))),
            *([] if prior is None else ["prior.part"]),
            "score",
        ),
    )


def breakdown_of_vote(result: Result, index: int) -> ScoreBreakdown:
    """One exemplar's score, its stages, and its vote.

    Raises:
        DataError: They do not add up.
    """
    vote, where = result.exemplars[index], f"exemplars[{index}]"
    return ScoreBreakdown(
        names=("Exemplar", *(stage.name.capitalize() for stage in result.stages)),
        parts=(vote.score, *(sum_of_stage(vote, k) for k in range(len(vote.stage_deltas)))),
        total=vote.vote,
        fields=(
            f"{where}.score",
            *(f"{where}.stage_deltas[{k}]" for k in range(len(vote.stage_deltas))),
            where,
        ),
    )


def sum_of_stage(vote: ExemplarVote, stage: int) -> float:
    """An exemplar's difference in one stage, all branches together."""
    return fsum(vote.stage_deltas[stage])


def mean_of_branch(result: Result, stage: int, branch: int) -> float:
    """The mean difference of one stage in one branch."""
    return mean([vote.stage_deltas[stage][branch] for vote in result.exemplars])


def mean(values: Sequence[float]) -> float:
    """Mean of some numbers.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    return fsum(values) / len(values)


def _cents(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(_CENT, rounding=ROUND_HALF_EVEN)
