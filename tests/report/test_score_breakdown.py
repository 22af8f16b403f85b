"""The parts add up to the score: exactly, as printed, and nowhere else."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_results import made_result, refused

from stagescore.errors import DataError
from stagescore.report.score_breakdown import breakdown_of, breakdown_of_vote


@pytest.mark.parametrize("num_exemplars", [1, 3, 10])
def test_mean_exemplar_and_stages_are_the_score(num_exemplars):
    result = made_result(num_exemplars=num_exemplars)
    breakdown = breakdown_of(result)
    by_hand = 0.0
    for vote in result.exemplars:
        by_hand += vote.score
        for stage in vote.stage_deltas:
            by_hand += sum(stage)
    assert abs(sum(breakdown.parts) - result.score) < 1e-6
    assert abs(by_hand / num_exemplars - breakdown.total) < 1e-6
    assert breakdown.names == ("Mean exemplar", "Take-off", "Flight", "Entry")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_printed_adds_up_with_the_rounding_that_is_printed(seed):
    result = made_result(seed)
    for breakdown in (breakdown_of(result), breakdown_of_vote(result, 0)):
        assert sum(breakdown.printed) + breakdown.rounding == breakdown.printed_total
        assert abs(breakdown.rounding) <= Decimal("0.02")
        assert breakdown.printed_total == Decimal(f"{breakdown.total:.2f}")


def test_some_results_need_a_rounding_line():
    assert any(breakdown_of(made_result(seed)).rounding for seed in range(10))


def wrong_score(result):
    return result.model_copy(update={"score": result.score + 2e-6})


def wrong_stage(result):
    stages = [result.stages[0].model_copy(update={"difference": 9.0}), *result.stages[1:]]
    return result.model_copy(update={"stages": stages})


def wrong_vote(result):
    first = result.exemplars[0]
    changed = first.model_copy(update={"delta": first.delta + 0.01})
    return result.model_copy(update={"exemplars": [changed, *result.exemplars[1:]]})


def missing_stage(result):
    first = result.exemplars[0]
    changed = first.model_copy(update={"stage_deltas": first.stage_deltas[:2]})
    return result.model_copy(update={"exemplars": [changed, *result.exemplars[1:]]})


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (wrong_score, "score"),
        (wrong_stage, r"stages\[0\].difference"),
        (wrong_vote, r"exemplars\[0\]"),
        (missing_stage, r"exemplars\[0\].stage_deltas"),
    ],
)
def test_a_result_whose_parts_do_not_add_up_is_refused(spoil, where):
    with pytest.raises(DataError, match=where):
        breakdown_of(spoil(made_result()))


def test_there_is_nothing_to_add_up_without_a_score():
    with pytest.raises(DataError, match="no score"):
        breakdown_of(refused())
