from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from stagescore.diving import DiveNumber, score_from_marks
from stagescore.errors import DataError
from stagescore.simulate.judge import (
    FAILED,
    RULES,
    Panel,
    deductions,
    draw_panel,
    is_failed,
    judge,
    splash_size,
)
from stagescore.simulate.types import DivePlan, Faults

PLAN = DivePlan(
    number=DiveNumber.parse("5253B"),
    height_m=10.0,
    difficulty=3.2,
    approach="standing",
    faults=Faults(),
    num_frames=100,
    frame_rate=25.0,
    takeoff_share=0.25,
    body_scale=1.0,
    seed=7,
)
NAMES = [field.name for field in fields(Faults)]
SPEED = 14.0


def judged(faults: Faults, seed: int = 7, panel: Panel | None = None):
    return judge(replace(PLAN, faults=faults, seed=seed), splash_size(faults, SPEED), panel)


def test_a_perfect_dive_gets_ten() -> None:
    judgement = judged(Faults())
    assert judgement.execution == 10
    assert set(judgement.deductions.values()) == {0.0}
    assert np.mean([np.mean(judged(Faults(), seed).marks) for seed in range(50)]) > 9.8


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_lowers_the_execution_strictly_until_its_cap(name: str) -> None:
    cap = {rule.fault: rule.sizes[-1] for rule in RULES}.get(name, 1.0)
    cap /= 1.5 if name == "takeoff_distance_m" else 1.0  # too close counts more
    signs = (1, -1) if name in ("takeoff_distance_m", "over_rotation_deg", "entry_lean_deg") else (1,)
    for sign in signs:
        sizes = np.linspace(0, min(cap, 79.0), 25)
        executions = [judged(Faults(**{name: float(sign * size)})).execution for size in sizes]
        assert all(a > b for a, b in pairwise(executions)), name


@pytest.mark.parametrize("name", NAMES)
def test_a_large_fault_costs_marks_and_is_named(name: str) -> None:
    size = {"takeoff_distance_m": 0.8, "low_jump_m": 0.45, "loud_entry": 0.9}.get(name, 28.0)
    good, bad = judged(Faults()), judged(Faults(**{name: size}))
    assert sum(bad.marks) < sum(good.marks)
    assert bad.score < good.score
    cost = {key for key, points in bad.deductions.items() if points > 0}
    assert cost <= {name, "splash"}
    assert ("splash" if name == "loud_entry" else name) in cost


def test_no_deduction_exceeds_its_cap() -> None:
    huge = Faults(**{name: 1.0 if name == "loud_entry" else 75.0 for name in NAMES})
    points = deductions(huge, 1.0)
    assert all(points[rule.fault] <= rule.points[-1] for rule in RULES)
    assert judged(huge).execution == 0


def test_too_close_costs_more_than_too_far() -> None:
    assert (
        judged(Faults(takeoff_distance_m=-0.2)).execution < judged(Faults(takeoff_distance_m=0.2)).execution
    )


@pytest.mark.parametrize("faults", [Faults(short_twist_deg=90.0), Faults(over_rotation_deg=-85.0)])
def test_a_failed_dive_gets_nothing_from_anybody(faults: Faults) -> None:
    assert is_failed(faults)
    judgement = judged(faults)
    assert judgement.marks == (0.0,) * 7
    assert judgement.score == 0
    assert FAILED in judgement.deductions


def test_marks_are_halves_and_give_the_score() -> None:
    random = np.random.default_rng(0)
    for seed in range(200):
        judgement = judged(
            Faults(over_rotation_deg=float(random.normal(0, 15)), low_jump_m=float(random.random() / 2)), seed
        )
        assert all(0 <= mark <= 10 and (2 * mark) % 1 == 0 for mark in judgement.marks)
        assert judgement.score == score_from_marks(judgement.marks, 3.2)


def test_judges_agree_better_on_better_dives() -> None:
    def spread(faults: Faults) -> float:
        return float(np.mean([np.std(judged(faults, seed).marks) for seed in range(300)]))

    assert spread(Faults(over_rotation_deg=25.0)) > 1.3 * spread(Faults(over_rotation_deg=4.0))


def test_a_panel_leans_the_same_way_all_through_its_event() -> None:
    assert draw_panel(0, "a") == draw_panel(0, "a") != draw_panel(0, "b")
    strict = Panel((-1.0,) * 7)
    assert np.mean(judged(Faults(low_jump_m=0.3), panel=strict).marks) < np.mean(
        judged(Faults(low_jump_m=0.3)).marks
    )
    with pytest.raises(DataError, match="3 judges"):
        Panel((0.0,) * 3)


def test_splash_grows_with_angle_speed_and_loudness_and_stays_within_one() -> None:
    def size(speed: float = 14.0, **faults: float) -> float:
        return splash_size(Faults(**faults), speed)

    assert size() == 0
    assert size(over_rotation_deg=-10.0) == size(over_rotation_deg=10.0) < size(over_rotation_deg=11.0)
    assert size(entry_lean_deg=5.0) < size(entry_lean_deg=-6.0)
    assert size(9.0, over_rotation_deg=10.0) < size(14.0, over_rotation_deg=10.0)
    assert size(loud_entry=0.2) < size(loud_entry=0.3) < 1
    assert size(16.0, over_rotation_deg=88.0, entry_lean_deg=30.0, loud_entry=1.0) <= 1
    # Faults that nobody sees at the surface throw up no water.
    assert size(low_jump_m=0.4, flexed_toes_deg=40.0, short_twist_deg=30.0) == 0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(DataError, match="speed"):
        splash_size(Faults(), speed)


def test_an_impossible_splash_is_refused() -> None:
    with pytest.raises(DataError, match="splash"):
        deductions(Faults(), 1.2)
