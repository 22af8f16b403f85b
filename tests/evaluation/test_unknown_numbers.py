"""Scores of films whose dive number is not known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.evaluation.unknown_numbers import at_difficulty, without_numbers
from stagescore.inference.dive_numbers import NumberEvidence, usual_difficulties_of
from stagescore.inference.intervals import IntervalModel, mixture_interval
from stagescore.inference.outcomes import Outcome, Outcomes
from stagescore.inference.unknown_numbers import score_without_number

MODEL = IntervalModel(base=3.0, quantile=2.0, level=0.9, num_dives=100)
executions = st.lists(st.floats(5, 29), min_size=1, max_size=10)
difficulties = st.lists(st.floats(1.5, 4.1), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(votes=executions, known=difficulties, seed=st.integers(0, 99))
def test_the_score_is_the_mean_over_numbers_and_the_interval_holds_nine_in_ten_draws(
    votes: list[float], known: list[float], seed: int
) -> None:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.ones(len(known)))
    found = score_without_number(votes, list(zip(shares.tolist(), known, strict=True)), MODEL)
    assert found is not None and found[1] is not None
    execution = sum(votes) / len(votes)
    assert found[0] == pytest.approx(sum(p * d * execution for p, d in zip(shares, known, strict=True)))
    which = random.choice(len(known), p=shares, size=20_000)
    means = np.array(known)[which] * execution
    half = [MODEL.interval(d * execution, [d * v for v in votes])[1] - d * execution for d in known]
    drawn = means + np.array(half)[which] / 1.6449 * random.normal(size=len(which))
    draws = np.maximum(drawn, 0.0)  # as no dive gets less
    assert np.mean((draws >= found[1][0]) & (draws <= found[1][1])) >= 0.9 - 0.015


def test_a_number_that_is_sure_has_the_interval_of_a_known_one() -> None:
    found = score_without_number([24.0, 26.0], [(1.0, 3.2)], MODEL)
    assert found == (80.0, MODEL.interval(80.0, [24.0 * 3.2, 26.0 * 3.2]))
    assert mixture_interval([1.0], [80.0], [90.0]) == (70.0, 90.0)


def test_numbers_without_a_difficulty_are_left_out_where_they_are_unlikely_and_leave_no_score_where_not() -> (
    None
):
    unlikely = score_without_number([25.0], [(0.6, 3.0), (0.35, 3.6), (0.05, None)], None)
    assert unlikely is not None and unlikely[1] is None
    assert unlikely[0] == pytest.approx(25.0 * (0.6 * 3.0 + 0.35 * 3.6) / 0.95)
    assert score_without_number([25.0], [(0.9, 3.0), (0.1, None)], None) is None
    assert score_without_number([25.0], [(0.05, None)], None) is None


def test_usual_difficulties_are_those_of_the_height_or_of_all_heights_where_they_agree() -> None:
    assert usual_difficulties_of(["407C", "101A"], 10.0) == (3.2, None)
    assert usual_difficulties_of(["407C"], 3.0) == (3.4,)
    assert usual_difficulties_of(["407C", "107B"], None)[0] is None


def outcome(name: str) -> Outcome:
    return Outcome(
        dive_id=name, dive_number="407C", difficulty=3.2, true_score=80.0, predicted_score=81.0, num_frames=9
    )


def seen(name: str, scores: tuple[float, float], usual: tuple[float | None, float | None]) -> NumberEvidence:
    return NumberEvidence(
        dive_id=name,
        dive_number="407C",
        num_films=4,
        candidates=("107B", "407C"),
        scores=scores,
        difficulties=usual,
    )


def test_every_fold_is_scored_with_what_was_fitted_on_others() -> None:
    by_fold = {"a": Outcomes((outcome("1"), outcome("2"))), "b": Outcomes((outcome("3"),))}
    even, left = (0.0, 0.0), (3.0, 3.4)
    evidence = {
        "a": (seen("1", even, left), seen("2", even, (3.0, None))),
        "b": (seen("3", (0.0, 2.0), left),),
    }
    votes = {"a": [(25.0,), (25.0,)], "b": [(20.0, 30.0)]}
    wide = IntervalModel(base=6.0, quantile=2.0, level=0.9, num_dives=100)
    found, refused = without_numbers(by_fold, votes, evidence, {"a": 1.0, "b": 2.0}, {"a": MODEL, "b": wide})
    assert refused == 1 and [dive.dive_id for dive in found] == ["1", "3"]
    first, second = found
    assert first.predicted_score == pytest.approx(25.0 * 3.2)
    share = 1 / (1 + math.exp(-1.0))
    assert second.predicted_score == pytest.approx(25.0 * (3.0 * (1 - share) + 3.4 * share))
    assert first.interval is not None and second.interval is not None
    assert second.interval[1] - second.interval[0] > 2 * (first.interval[1] - first.interval[0]) / 1.5
    usual = at_difficulty(by_fold["b"], votes["b"], 3.1)
    assert usual.dives[0].predicted_score == pytest.approx(25.0 * 3.1)
    assert usual.dives[0].votes == pytest.approx((62.0, 93.0))
