"""How near simulated dives come to real ones, in figures that labels alone give.

The targets are FineDiving's individual dives: `population.figures` for the score, method section 11 for
the floor and the ceiling. It stands here and not in `simulate` since metrics come later in the flow.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from stagescore.evaluation.metrics import rl2x100, srcc
from stagescore.hashing import hash_unit
from stagescore.simulate.judge import draw_panel, judge, splash_size
from stagescore.simulate.population import population
from stagescore.simulate.sampling import approximate_entry_speed, draw_event, draw_plan
from stagescore.simulate.types import DivePlan, Judgement

# Method, section 11: training mean of the dive number, and one judge against the other six (0.968).
FLOOR_SRCC, FLOOR_RL2 = 0.507, 1.597
ONE_JUDGE_SRCC = 0.97
FAULTS_SRCC = 0.95  # set by hand: least rank correlation of what true fault sizes say
# Set by hand: ways to split the dives, share that is held out, and the penalty of the ridge on fault sizes.
_NUM_SPLITS = 20
_TEST_SHARE = 0.2
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRow:
    """One figure.

    Attributes:
        name: Name of the figure, such as `mean of the final score`.
        target: Figure of real dives, or the least value.
        tolerance: How far the simulated figure may be off; None where the target is the least value.
        reached: Figure of the simulated dives.
    """

    name: str
    target: float
    tolerance: float | None
    reached: float

    @property
    def holds(self) -> bool:
        """Whether the simulated figure is as near as it has to be."""
        if self.tolerance is None:
            return self.reached >= self.target
        return abs(self.reached - self.target) <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "holds": self.holds}


def calibration_table(seed: int, dives: int) -> list[CalibrationRow]:
    """Draw and judge dives without simulating their motion, and compare them with real ones.

    The entry speed is that of free fall. Floors are means over 20 ways to split the dives 80 to 20,
    because R-l2 depends on the lowest and highest score that happen to fall into the test part.

    Args:
        seed: Seed of the data set.
        dives: Number of dives; the tolerances are meant for 1,000 or more.
    """
    plans = [draw_plan(seed, index) for index in range(dives)]
    judgements = [
        judge(
            plan,
            splash_size(plan.faults, approximate_entry_speed(plan)),
            draw_panel(seed, draw_event(seed, index).index),
        )
        for index, plan in enumerate(plans)
    ]
    return compare(plans, judgements)


def compare(plans: list[DivePlan], judgements: list[Judgement]) -> list[CalibrationRow]:
    """The table for dives that are judged already, for instance with the speed of their own motion."""
    real = population()
    scores = np.array([judgement.score for judgement in judgements])
    marks = np.array([judgement.marks for judgement in judgements])
    difficulty = np.array([plan.difficulty for plan in plans])
    floor_srcc, floor_rl2 = _number_floor([plan.number.code for plan in plans], scores)
    mean, sd = real.figures["score_mean"], real.figures["score_sd"]
    # The tolerances (third column) were set by hand.
    rows: list[tuple[str, float, float | None, float]] = [
        ("mean of the final score", mean, 0.05 * mean, float(scores.mean())),
        ("sd of the final score", sd, 0.05 * sd, float(scores.std())),
        ("dive-number mean, SRCC", FLOOR_SRCC, 0.05, floor_srcc),
        ("dive-number mean, R-l2 x 100", FLOOR_RL2, 0.25, floor_rl2),
        ("one judge against the other six, SRCC", ONE_JUDGE_SRCC, 0.015, _one_judge(marks, difficulty)),
        ("histogram of marks, total variation", 0.0, 0.1, _marks_distance(marks)),
        ("score from true fault sizes, SRCC", FAULTS_SRCC, None, _from_faults(plans, scores)),
    ]
    return [
        CalibrationRow(name=name, target=target, tolerance=tolerance, reached=reached)
        for name, target, tolerance, reached in rows
    ]


def _number_floor(codes: list[str], scores: Float[np.ndarray, " dives"]) -> tuple[float, float]:
    """As `floors.dive_number_mean`: training mean of the dive number, of all where it has none."""
    results: list[tuple[float, float]] = []
    for split in range(_NUM_SPLITS):
        is_test = np.array([hash_unit("floor", split, k) < _TEST_SHARE for k in range(len(codes))])
        groups: dict[str, list[float]] = defaultdict(list)
        for code, score, test in zip(codes, scores, is_test, strict=True):
            if not test:
                groups[code].append(float(score))
        means = {code: float(np.mean(values)) for code, values in groups.items()}
        overall = float(scores[~is_test].mean())
        tested = [code for code, test in zip(codes, is_test, strict=True) if test]
        predicted = np.round([means.get(code, overall) for code in tested], 9)
        results.append((srcc(scores[is_test], predicted), rl2x100(scores[is_test], predicted)))
    return float(np.mean([r[0] for r in results])), float(np.mean([r[1] for r in results]))


def _one_judge(marks: Float[np.ndarray, "dives judges"], difficulty: Float[np.ndarray, " dives"]) -> float:
    return float(
        np.mean(
            [
                srcc(marks[:, j] * difficulty, np.delete(marks, j, axis=1).mean(1) * difficulty)
                for j in range(marks.shape[1])
            ]
        )
    )


def _marks_distance(marks: Float[np.ndarray, "dives judges"]) -> float:
    """Half the sum of the differences between the two histograms, 0 (equal) to 1."""
    real = population().marks
    total = sum(real.values())
    return 0.5 * sum(
        abs(real.get(half / 2, 0) / total - float(np.mean(marks == half / 2))) for half in range(21)
    )


def _from_faults(plans: list[DivePlan], scores: Float[np.ndarray, " dives"]) -> float:
    """Ridge regression on difficulty x (sizes, squares and products of fault sizes), held-out fifth."""
    sizes = np.array([fault_sizes(plan) for plan in plans])
    sizes = sizes / (sizes.std(0) + 1e-9)
    ones = np.ones((len(plans), 1))
    first, second = np.triu_indices(sizes.shape[1])
    features = np.concatenate([ones, sizes, sizes[:, first] * sizes[:, second]], axis=1)
    features = features * np.array([plan.difficulty for plan in plans])[:, None]
    is_test = np.array([hash_unit("faults", k) < _TEST_SHARE for k in range(len(plans))])
    known = features[~is_test]
    gram = known.T @ known + _RIDGE * len(known) * np.eye(known.shape[1])
    weights = np.linalg.solve(gram, known.T @ scores[~is_test])
    return srcc(scores[is_test], features[is_test] @ weights)


def fault_sizes(plan: DivePlan) -> list[float]:
    """Sizes without their signs, and the height, which the splash goes with."""
    names = plan.faults.__dataclass_fields__
    return [abs(float(getattr(plan.faults, name))) for name in names] + [plan.height_m]
