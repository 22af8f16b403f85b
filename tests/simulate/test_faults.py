"""Each fault alone, at one seed: seen in its stage and not before, as large as it was asked for, and judged."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from stagescore.evaluation.measurements import (
    ankle_distance_m,
    apex_m,
    measure,
)
from stagescore.figures.contact_sheet import plan_of
from stagescore.simulate.dataset import make_splash
from stagescore.simulate.judge import judge, splash_size
from stagescore.simulate.motion import simulate
from stagescore.simulate.render import draw_appearance, render
from stagescore.simulate.types import BodyMotion, DivePlan, Faults

LARGE = {
    "takeoff_distance_m": 0.7,
    "low_jump_m": 0.4,
    "bent_knees_deg": 50.0,
    "split_legs_deg": 40.0,
    "flexed_toes_deg": 60.0,
    "loose_position_deg": 40.0,
    "over_rotation_deg": 25.0,
    "short_twist_deg": 50.0,
    "entry_lean_deg": 20.0,
    "loud_entry": 1.0,
}
HEIGHT_M = {"107B": 3.0, "407C": 10.0, "5253B": 10.0, "626C": 10.0, "201A": 10.0}
NUMBERS = tuple(HEIGHT_M)
FLIGHT = ("bent_knees_deg", "split_legs_deg", "flexed_toes_deg", "loose_position_deg")
ENTRY = ("over_rotation_deg", "short_twist_deg", "entry_lean_deg")
SEEN_M = 0.03
"""From here on a change of a joint counts as seen."""
BEFORE_M = 0.12
"""Another momentum or another time in the air is prepared on the board: by no more than this."""
EASED_S = 0.25


def planned(code: str, fault: str | None = None, size: float = 0.0) -> DivePlan:
    faults = Faults() if fault is None else replace(Faults(), **{fault: size})
    return plan_of(code, HEIGHT_M[code], faults=faults)


@cache
def dived(code: str, fault: str | None = None, size: float = 0.0) -> BodyMotion:
    return simulate(planned(code, fault, size))


def changes_m(code: str, fault: str, size: float) -> np.ndarray:
    """How far the joint or toe that moves farthest is from where it is without the fault, by frame."""
    perfect, faulty = dived(code), dived(code, fault, size)
    joints = np.linalg.norm(faulty.joints_m - perfect.joints_m, axis=-1).max(1)
    toes = np.linalg.norm(faulty.toes_m - perfect.toes_m, axis=-1).max(1)
    return np.maximum(joints, toes)


def is_shown_by(code: str, fault: str) -> bool:
    if fault == "short_twist_deg":
        return code == "5253B"
    return not (fault == "low_jump_m" and code == "626C")  # nobody jumps from a handstand


ALL = [(code, fault) for code in NUMBERS for fault in LARGE if is_shown_by(code, fault)]


@pytest.mark.parametrize(("code", "fault"), [pair for pair in ALL if pair[1] != "loud_entry"])
def test_joints_change_with_every_fault_but_the_splash(code: str, fault: str) -> None:
    assert changes_m(code, fault, LARGE[fault]).max() > 2 * SEEN_M


@pytest.mark.parametrize("code", ["107B", "407C", "5253B"])
@pytest.mark.parametrize("fault", ["takeoff_distance_m", "low_jump_m"])
def test_faults_of_the_take_off_show_from_the_take_off_on(code: str, fault: str) -> None:
    changed = changes_m(code, fault, LARGE[fault])
    air = dived(code).first_airborne_frame
    assert changed[0] < BEFORE_M  # diver and board stand where they stood
    assert changed[air : air + 12].max() > SEEN_M


@pytest.mark.parametrize(("code", "fault"), [pair for pair in ALL if pair[1] in FLIGHT])
def test_faults_of_the_flight_do_not_show_before_it(code: str, fault: str) -> None:
    changed = changes_m(code, fault, LARGE[fault])
    air, contact = dived(code).first_airborne_frame, dived(code).first_water_contact_frame
    assert changed[: air - 1].max() < BEFORE_M
    assert changed[air:contact].max() > max(2 * SEEN_M, 2 * changed[: air - 1].max())


@pytest.mark.parametrize(
    ("code", "fault", "size"),
    [
        ("5253B", "short_twist_deg", 50.0),
        # As far as an arm can swing the body; a larger lean begins at the take-off.
        ("107B", "entry_lean_deg", 2.0),
        ("407C", "entry_lean_deg", -3.0),
        ("626C", "entry_lean_deg", 3.0),
        ("5253B", "entry_lean_deg", -2.0),
    ],
)
def test_lean_and_missing_twist_do_not_show_before_the_opening(code: str, fault: str, size: float) -> None:
    changed = changes_m(code, fault, size)
    opening = dived(code).label_transitions[-1]
    before = opening - round(EASED_S * dived(code).frame_rate)
    assert changed[:before].max() < SEEN_M
    assert changed[opening:].max() > 2 * SEEN_M


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("code", ["107B", "407C", "626C"])
def test_another_rotation_comes_from_another_opening(code: str, sign: int) -> None:
    faulty, perfect = dived(code, "over_rotation_deg", sign * 25.0), dived(code)
    assert sign * (faulty.label_transitions[-1] - perfect.label_transitions[-1]) > 0
    air = perfect.first_airborne_frame
    assert changes_m(code, "over_rotation_deg", sign * 25.0)[:air].max() < SEEN_M


@pytest.mark.parametrize("code", NUMBERS)
def test_a_loud_entry_leaves_every_joint_where_it_was(code: str) -> None:
    assert not changes_m(code, "loud_entry", 1.0).any()


@pytest.mark.parametrize(
    ("fault", "size"), [("loud_entry", 1.0), ("over_rotation_deg", 35.0), ("entry_lean_deg", 30.0)]
)
def test_the_splash_grows_in_the_pixels_from_water_contact_on(fault: str, size: float) -> None:
    pictures = []
    for plan in (planned("407C"), planned("407C", fault, size)):
        motion = simulate(plan)
        drawn = list(render(motion, make_splash(plan, motion), draw_appearance(4, 10.0), (112, 64)))
        pictures.append((drawn, motion.first_water_contact_frame))
    (small, first), (large, at) = pictures
    assert not any(picture.splash_area_px for picture in small[:first] + large[:at])
    areas = [sum(p.splash_area_px for p in film[k : k + 8]) for film, k in pictures]
    assert areas[1] > 1.5 * areas[0]
    if fault == "loud_entry":
        assert all(
            np.array_equal(a.image, b.image) for a, b in zip(small[:first], large[:first], strict=True)
        )


@pytest.mark.parametrize("fault", LARGE)
def test_the_mark_falls(fault: str) -> None:
    code = "5253B"
    marks = []
    for size in (0.0, LARGE[fault] / 2, LARGE[fault]):
        plan, motion = planned(code, fault, size), dived(code, fault, size)
        marks.append(judge(plan, splash_size(plan.faults, motion.entry_speed_m_s)))
    assert marks[0].execution > marks[1].execution > marks[2].execution
    assert marks[0].score > marks[2].score


def change_of(code: str, fault: str, name: str, size: float | None = None) -> float:
    size = LARGE[fault] if size is None else size
    measured = [measure(m, HEIGHT_M[code]) for m in (dived(code, fault, size), dived(code))]
    return float(getattr(measured[0], name) - getattr(measured[1], name))


@pytest.mark.parametrize("size", [0.7, 0.3, -0.3])
@pytest.mark.parametrize("code", NUMBERS)
def test_the_distance_from_the_board_is_the_one_asked_for(code: str, size: float) -> None:
    assert change_of(code, "takeoff_distance_m", "distance_m", size) == pytest.approx(size, abs=0.02)


@pytest.mark.parametrize("code", ["107B", "407C", "5253B", "201A"])
def test_the_jump_is_as_much_lower_as_asked_for(code: str) -> None:
    assert change_of(code, "low_jump_m", "rise_m") == pytest.approx(-0.4, abs=0.02)
    assert apex_m(dived(code)) - apex_m(dived(code, "low_jump_m", 0.4)) == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize("code", ["107B", "5253B", "201A"])
def test_knees_are_bent_as_asked_for(code: str) -> None:
    assert change_of(code, "bent_knees_deg", "knees_deg") == pytest.approx(50, abs=2)


def test_knees_that_stay_bent_show_at_the_entry_of_a_tuck() -> None:
    assert change_of("407C", "bent_knees_deg", "entry_knees_deg") > 15


@pytest.mark.parametrize(("code", "tolerance"), [("201A", 2), ("5253B", 6)])
def test_legs_are_split_as_asked_for(code: str, tolerance: float) -> None:
    assert change_of(code, "split_legs_deg", "split_deg") == pytest.approx(40, abs=tolerance)
    apart = ankle_distance_m(dived(code, "split_legs_deg", 40.0)).max()
    assert apart > ankle_distance_m(dived(code)).max() + 0.35


@pytest.mark.parametrize("code", NUMBERS)
def test_split_legs_show_at_the_entry_too(code: str) -> None:
    assert change_of(code, "split_legs_deg", "entry_split_deg") == pytest.approx(0.3 * 40, abs=1)


@pytest.mark.parametrize("code", NUMBERS)
def test_toes_are_flexed_as_asked_for(code: str) -> None:
    assert change_of(code, "flexed_toes_deg", "toes_deg") == pytest.approx(60, abs=2)
    assert change_of(code, "flexed_toes_deg", "entry_toes_deg") == pytest.approx(60, abs=2)


@pytest.mark.parametrize(("code", "sign"), [("107B", -1), ("407C", -1), ("626C", -1), ("201A", 1)])
def test_a_position_is_as_loose_as_asked_for(code: str, sign: int) -> None:
    assert sign * change_of(code, "loose_position_deg", "hips_deg") == pytest.approx(40, abs=5)


@pytest.mark.parametrize("size", [25.0, 8.0, -8.0, -25.0])
@pytest.mark.parametrize("code", ["107B", "407C", "5253B", "626C"])
def test_the_pitch_at_water_contact_is_the_one_asked_for(code: str, size: float) -> None:
    motion = dived(code, "over_rotation_deg", size)
    perfect = planned(code).number.half_somersaults / 2
    assert abs(change_of(code, "over_rotation_deg", "pitch_deg", size)) == pytest.approx(abs(size), abs=1.5)
    assert np.sign(motion.somersaults - dived(code).somersaults) == np.sign(size)
    assert motion.somersaults == pytest.approx(perfect + size / 360, abs=0.1)


@pytest.mark.parametrize("size", [20.0, 5.0, -5.0, -20.0])
@pytest.mark.parametrize("code", ["107B", "407C", "5253B", "626C"])
def test_the_lean_at_water_contact_is_the_one_asked_for(code: str, size: float) -> None:
    assert abs(change_of(code, "entry_lean_deg", "lean_deg", size)) == pytest.approx(abs(size), abs=1)
    assert change_of(code, "entry_lean_deg", "pitch_deg", size) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("size", [10.0, 50.0])
def test_the_twist_is_short_by_what_was_asked_for(size: float) -> None:
    assert change_of("5253B", "short_twist_deg", "missing_twist_deg", size) == pytest.approx(size, abs=2)


@pytest.mark.parametrize(
    ("fault", "size"), [("over_rotation_deg", 25.0), ("entry_lean_deg", 20.0), ("entry_lean_deg", -2.0)]
)
@pytest.mark.parametrize("code", ["107B", "407C", "626C"])
def test_a_faulty_entry_is_paid_for_with_no_angular_momentum(code: str, fault: str, size: float) -> None:
    motion = dived(code, fault, size)
    flight = slice(motion.first_airborne_frame + 1, motion.first_water_contact_frame - 1)
    momentum = motion.angular_momentum[flight]
    mean = momentum.mean(0)
    assert np.linalg.norm(momentum - mean, axis=1).max() < 0.02 * np.linalg.norm(mean)
