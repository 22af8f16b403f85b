"""Advice is given where a measure is sure, counts and is worse than in most dives; its sentences hold the measure's own numbers."""

from typing import Any

import pytest

from stagescore.captions.advice import MOST, corrections
from stagescore.captions.facts import Change, Happened, RuleTakes, StageLost
from stagescore.captions.grammar import Grammar
from stagescore.measures.kinds import KINDS
from stagescore.measures.measure import JudgingRule, Measure, Percentile

ENGLISH = Grammar.of("en")
KNEES = JudgingRule(name="knees", words="Legs are straight.", least=0.5, most=2.0)


def measure(name: str, value: float | None, percentile: float, **changes: Any) -> Measure:
    values: dict[str, Any] = {
        "name": name,
        "title": name,
        "value": value,
        "unit": "degrees",
        "stage": "flight",
        "frames": (40, 52),
        "frame": 47,
        "confidence": 0.8,
        "usable": True,
        "worse": "higher",
        "percentile": Percentile(value=percentile, num_dives=12, group="12 of 5253B"),
    }
    return Measure(**(values | changes))


def test_a_fault_is_told_with_what_happened_what_it_costs_and_what_to_change() -> None:
    (said,) = corrections([measure("knee_bend", 38.4, 92.4, rule=KNEES)], {"flight": 4.26}, ENGLISH)
    assert said.text == (
        "After the opening the knees were bent by 38 degrees (frames 40 to 51), more than in 92 % of measured dives. "
        "For such a fault a judge takes off 0.5 to 2.0 points. The flight as a whole lies 4.3 points below the exemplars. "
        "Keep the knees straight from the opening to the water."
    )
    assert ENGLISH.read(said.text) == (
        Happened(measure="knee_bend", value=38.0, frames=(40, 51), percent=92, side="more"),
        RuleTakes(least=0.5, most=2.0),
        StageLost(stage="flight", points=4.3),
        Change(measure="knee_bend"),
    )
    assert (said.frames, said.frame, said.confidence) == ((40, 52), 47, 0.8)


@pytest.mark.parametrize(
    "changes",
    [
        {"usable": False},
        {"confidence": 0.4},
        {"percentile": None},
        {"worse": None},
        {"value": None, "frames": None},
        {"value": 6.0},
        {"percentile": Percentile(value=60, num_dives=3, group="3")},
    ],
)
def test_nothing_is_said_of_what_is_unsure_or_not_worse_or_does_not_count(changes: dict[str, Any]) -> None:
    assert corrections([measure("knee_bend", 38.4, 95).model_copy(update=changes)], {}, ENGLISH) == []


def test_where_less_is_worse_the_share_is_of_dives_with_more() -> None:
    (said,) = corrections([measure("jump_height", 0.21, 6, worse="lower", stage="take-off")], {}, ENGLISH)
    assert ", less than in 94 % of measured dives." in said.happened and said.costs == ""


@pytest.mark.parametrize(("value", "words"), [(17.0, "17 degrees past"), (-17.0, "17 degrees short of")])
def test_over_and_short_are_told_apart_and_corrected_apart(value: float, words: str) -> None:
    (said,) = corrections([measure("entry_rotation", value, 90, stage="entry")], {}, ENGLISH)
    assert words in said.happened
    happened, change = ENGLISH.read(said.text)
    assert isinstance(happened, Happened) and happened.value == value
    assert change == Change(measure="entry_rotation", sign="+" if value > 0 else "-")


def test_the_plainest_come_first_one_a_rule_and_a_stage_is_counted_once() -> None:
    splash = JudgingRule(name="splash", words="Little water.")
    angle = JudgingRule(name="entry angle", words="Vertical.", least=0.5, most=2.0)
    found = [
        measure("splash_width", 0.9, 80, stage="entry", rule=splash),
        measure("splash_area", 0.7, 97, stage="entry", rule=splash),
        measure("entry_trunk", 22, 90, stage="entry", rule=angle),
        measure("knee_bend", 30, 85, rule=KNEES),
        measure("leg_split", 30, 78),
    ]
    said = corrections(found, {"entry": 6.0, "flight": 0.1}, ENGLISH)
    assert [one.measure for one in said] == ["splash_area", "entry_trunk", "knee_bend"] and len(said) == MOST
    assert ["as a whole" in one.costs for one in said] == [True, False, False]
    assert [one.measure for one in corrections(found, {}, ENGLISH, most=1)] == ["splash_area"]


@pytest.mark.parametrize(("seconds", "said"), [(0.12, ["opening_time"]), (0.22, [])])
def test_an_opening_is_late_where_anybody_would_say_so(seconds: float, said: list[str]) -> None:
    found = measure("opening_time", seconds, 3, worse="lower")
    assert [one.measure for one in corrections([found], {}, ENGLISH)] == said


@pytest.mark.parametrize(
    ("cause", "worse"), [("jump_height", "lower"), ("tightness", "higher"), ("entry_trunk", "higher")]
)
def test_what_follows_from_a_fault_is_not_told_beside_it(cause: str, worse: str) -> None:
    late = measure("opening_time", 0.1, 1, worse="lower")
    fault, none = (
        measure(cause, 20.0, place, worse=worse) for place in ((5, 50) if worse == "lower" else (95, 50))
    )
    assert [one.measure for one in corrections([late, fault], {}, ENGLISH)] == [cause]
    assert [one.measure for one in corrections([late, none], {}, ENGLISH)] == ["opening_time"]


@pytest.mark.parametrize(("area", "said"), [(20, []), (60, ["splash_width"])])
def test_a_splash_is_wide_only_where_there_is_much_of_it(area: int, said: list[str]) -> None:
    found = [
        measure("splash_width", 1.9, 95, stage="entry"),
        measure("splash_area", 0.1, area, stage="entry"),
    ]
    assert [one.measure for one in corrections(found, {}, ENGLISH)] == said


def test_there_are_words_for_every_measure() -> None:
    assert ENGLISH.measures == {kind.name for kind in KINDS}
    assert {kind.name for kind in KINDS if kind.worse is not None} == ENGLISH.advised
