"""Measures of bodies that fly as they are told; what is not seen is not told."""

from dataclasses import replace

import numpy as np
import pytest
from made_facts import BODY_PX, CONTACT, RATE, TAKEOFF, made_facts

from stagescore.measures.facts import FOLDED, DiveFacts
from stagescore.measures.flight import leg_split
from stagescore.measures.kinds import KINDS
from stagescore.measures.measure import Measure
from stagescore.measures.measuring import measure
from stagescore.measures.rules import RULES
from stagescore.skeleton import MPII_16


def measured(facts: DiveFacts) -> dict[str, Measure]:
    return {one.name: one for one in measure(facts)}


@pytest.mark.parametrize("pan_px", [0.0, 4.0])
def test_a_stretched_dive_is_measured_whatever_the_camera_does(pan_px: float) -> None:
    found = measured(made_facts(past_deg=12.0, rise_px=40.0, pan_px=pan_px, code="105A"))
    assert found["jump_height"].value == pytest.approx(40.0 / BODY_PX, abs=0.02)
    assert found["somersaults"].value == pytest.approx(2.5 + 12 / 360, abs=0.03)
    whole = 360 * 2.5 + 12
    assert found["rotation_speed"].value == pytest.approx(whole / (CONTACT - TAKEOFF) * RATE, rel=0.12)
    assert found["entry_rotation"].value == pytest.approx(12.0, abs=1.0)
    assert found["entry_legs"].value == pytest.approx(12.0, abs=1.0)
    assert found["knee_bend"].value == pytest.approx(0.0, abs=0.1)
    assert found["board_distance"].value is not None
    assert all(one.frame is None or one.frame >= 10 for one in found.values())


def test_short_of_the_vertical_is_negative_and_a_mirrored_film_says_the_same() -> None:
    facts = made_facts(past_deg=-15.0, code="105A")
    mirrored = facts.track.joints_px * np.array((-1.0, 1.0)) + np.array((640.0, 0.0))
    other = replace(facts, track=replace(facts.track, joints_px=mirrored))
    for one in (facts, other):
        assert measured(one)["entry_rotation"].value == pytest.approx(-15.0, abs=1.0)


def test_knees_and_legs_are_measured_where_the_body_is_open() -> None:
    facts = made_facts(knee=18.0, split=10.0, fold=120.0)
    found = measured(facts)
    assert found["knee_bend"].value == pytest.approx(18.0, abs=0.5)
    # The ankles' angle at the hips; the bent knees take both to the same side.
    assert leg_split(facts).value == pytest.approx(10.0, abs=1.0)
    assert found["leg_split"].value is None, "on real film it is not trusted"
    assert found["knee_bend"].frames is not None and found["knee_bend"].frames[0] >= 10 + CONTACT - 8 - 2


def test_a_tighter_fold_and_an_earlier_opening_are_told_apart() -> None:
    tight, loose = (measured(made_facts(fold=fold))["tightness"].value for fold in (150.0, 110.0))
    assert tight is not None and loose is not None and tight < loose < 0.7
    late, early = (measured(made_facts(fold=130.0, opens=CONTACT - k))["opening_time"].value for k in (6, 12))
    assert late == pytest.approx(6 / RATE, abs=1.5 / RATE)
    assert early is not None and late is not None and early - late == pytest.approx(6 / RATE, abs=0.5 / RATE)


def test_a_fold_that_is_loose_all_along_has_a_tightness_too() -> None:
    tight, loose, looser = (measured(made_facts(fold=fold)) for fold in (130.0, 85.0, 72.0))
    values = [one["tightness"].value for one in (tight, loose, looser)]
    assert all(value is not None for value in values) and values == sorted(values, key=float)
    assert FOLDED < float(values[1] or 0) < float(values[2] or 0) < 0.85
    at_moment = [one["opening_time"].value for one in (tight, loose)]
    assert at_moment[0] == pytest.approx(at_moment[1], abs=1 / RATE), (
        "the same opening, however tight the fold was"
    )


@pytest.mark.parametrize(
    "facts",
    [
        made_facts(fold=85.0, code="5152B"),
        replace(made_facts(fold=85.0), number=None),
        made_facts(fold=85.0, opens=TAKEOFF + 12),
        made_facts(fold=50.0),
    ],
    ids=["behind a twist", "of an unknown number", "passed through", "of a body that is open"],
)
def test_a_loose_fold_is_told_only_where_nothing_else_looks_like_one(facts: DiveFacts) -> None:
    assert measured(facts)["tightness"].value is None and facts.fold_limit == FOLDED


@pytest.mark.parametrize(("code", "told"), [("105C", 0.0), ("105B", 60.0)])
def test_knees_that_come_straight_out_of_a_tuck_are_not_bent(code: str, told: float) -> None:
    bent, straight = (made_facts(fold=130.0, knee=knee, code=code) for knee in (60.0, 0.0))
    joints = np.concatenate((bent.track.joints_px[: CONTACT - 4], straight.track.joints_px[CONTACT - 4 :]))
    facts = replace(straight, track=replace(straight.track, joints_px=joints))
    assert measured(facts)["knee_bend"].value == pytest.approx(told, abs=1.0)


def test_knees_that_stay_bent_after_a_tuck_are() -> None:
    assert measured(made_facts(fold=130.0, knee=18.0, code="105C"))["knee_bend"].value == pytest.approx(
        18.0, abs=0.5
    )


def test_what_is_not_seen_is_not_told_and_says_why() -> None:
    facts = made_facts(fold=130.0)
    legs = MPII_16.mask(["right_ankle", "left_ankle"])
    found = measured(replace(facts, believed=facts.believed & ~legs))
    for name in ("knee_bend", "leg_split", "tightness", "opening_time", "entry_legs", "entry_rotation"):
        assert found[name].value is None and found[name].why_unknown.endswith("."), name
        assert (found[name].confidence, found[name].frames, found[name].usable) == (0.0, None, False)
    still = measured(replace(facts, to_common=None))
    assert still["jump_height"].value is None and "camera" in still["jump_height"].why_unknown
    nobody = measured(replace(facts, takeoff=None, contact=None))
    assert all(one.value is None and one.why_unknown for one in nobody.values())


def test_an_armstand_has_no_jump_and_a_dive_without_twist_none() -> None:
    found = measured(made_facts(code="626C", turns=3.0))
    assert found["jump_height"].value is None and "armstand" in found["jump_height"].why_unknown.lower()
    assert found["twists"].value is None and "no twist" in found["twists"].why_unknown


def test_every_measure_has_a_name_of_its_own_and_a_rule_that_exists() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.rule in RULES for kind in KINDS if kind.rule)
    assert all((rule.least is None) == (rule.most is None) for rule in RULES.values())


def test_turns_that_cannot_be_those_of_the_number_are_not_told() -> None:
    told, known = made_facts(code="105A", turns=1.5), made_facts(code="103A", turns=1.5)
    for name in ("somersaults", "rotation_speed"):
        assert measured(told)[name].value is None and measured(known)[name].value is not None
    assert measured(replace(told, number=None))["somersaults"].value == pytest.approx(1.5, abs=0.03)


def test_an_opening_in_the_water_is_none() -> None:
    assert measured(made_facts(fold=130.0, opens=CONTACT - 1))["opening_time"].value is None
