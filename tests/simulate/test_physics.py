"""The laws that a dive obeys, measured on positions alone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.diving import DiveNumber
from stagescore.simulate.airborne import fly
from stagescore.simulate.body import (
    ANGLES,
    LIMITS_DEG,
    NODES,
    angles,
    angular_momentum,
    centre_of_mass,
    nodes_of,
)
from stagescore.simulate.choreography import PIKE, STRAIGHT, TUCK
from stagescore.simulate.flight import ShapeDynamics, planar_turn, rotation_about, turn, turning_of
from stagescore.simulate.launch import launch
from stagescore.simulate.motion import simulate
from stagescore.simulate.types import DivePlan, Faults

STEP_S = 1 / 300
DIVES = [
    ("107B", 3.0, "hurdle"),
    ("105B", 3.0, "hurdle"),
    ("205B", 3.0, "standing"),
    ("307C", 3.0, "hurdle"),
    ("405B", 3.0, "standing"),
    ("5152B", 3.0, "hurdle"),
    ("5154B", 3.0, "hurdle"),
    ("5353B", 3.0, "hurdle"),
    ("101B", 10.0, "standing"),
    ("109C", 10.0, "hurdle"),
    ("207C", 10.0, "standing"),
    ("407C", 10.0, "standing"),
    ("5253B", 10.0, "standing"),
    ("5255B", 10.0, "standing"),
    ("5132D", 10.0, "standing"),
    ("626C", 10.0, "armstand"),
    ("612B", 10.0, "armstand"),
    ("6243D", 10.0, "armstand"),
    ("636C", 10.0, "armstand"),
]
PELVIS = NODES.index("pelvis")
SEGMENTS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (
        ("hip", "knee"),
        ("knee", "ankle"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("ankle", "toes"),
    )
] + [("pelvis", "thorax"), ("upper_neck", "head_top"), ("left_hip", "right_hip")]


def plan(code: str, height_m: float, approach: str, seed: int = 5, **faults: float) -> DivePlan:
    return DivePlan(
        number=DiveNumber.parse(code),
        height_m=height_m,
        difficulty=3.0,
        approach=approach,
        faults=Faults(**faults),
        num_frames=110,
        frame_rate=25.0,
        takeoff_share=0.3,
        body_scale=1.0,
        seed=seed,
    )


@pytest.fixture(scope="module", params=DIVES, ids=lambda dive: f"{dive[0]}-{dive[1]:g}m")
def dive(request):
    planned = plan(*request.param)
    start = launch(planned)
    flight = fly(planned, start, STEP_S)
    return planned, flight, flight.world_nodes(start, 1.0)


def test_the_centre_of_mass_falls_along_a_parabola(dive) -> None:
    _, _, nodes = dive
    centre = centre_of_mass(nodes)
    times = np.arange(len(nodes)) * STEP_S
    fit = np.polyfit(times, centre[:, 2], 2)
    assert -2 * fit[0] == pytest.approx(9.81, rel=0.01)
    assert np.abs(np.polyval(fit, times) - centre[:, 2]).max() < 1e-6
    assert np.ptp(np.diff(centre[:, 0])) < 1e-9


def test_angular_momentum_is_constant_within_two_percent(dive) -> None:
    momentum = angular_momentum(dive[2], STEP_S)[4:-4]
    mean = momentum.mean(0)
    assert np.linalg.norm(momentum - mean, axis=1).max() < 0.02 * np.linalg.norm(mean)
    assert abs(mean[1]) > 0.99 * np.linalg.norm(mean)  # about the sideways axis


def test_segments_keep_their_lengths(dive) -> None:
    planned, _, _ = dive
    motion = simulate(planned)
    nodes = np.concatenate([motion.joints_m, motion.toes_m, motion.fingers_m], axis=1)
    for a, b in SEGMENTS:
        length = np.linalg.norm(nodes[:, NODES.index(a)] - nodes[:, NODES.index(b)], axis=1)
        assert np.ptp(length) < 0.01 * length.mean(), (a, b)


def test_somersaults_and_twists_are_those_of_the_number(dive) -> None:
    planned, _, _ = dive
    motion = simulate(planned)
    assert motion.somersaults == pytest.approx(planned.number.half_somersaults / 2, abs=0.1)
    assert motion.twists == pytest.approx(planned.number.half_twists / 2, abs=0.1)


def test_the_diver_enters_upside_down_and_hands_first(dive) -> None:
    _, _, nodes = dive
    last = nodes[-1]
    lowest = NODES[int(np.argmin(last[:, 2]))]
    assert lowest.endswith("fingers")
    line = last[NODES.index("pelvis")] - last[NODES.index("thorax")]
    assert line[2] / np.linalg.norm(line) > np.cos(np.deg2rad(3))
    assert abs(last[:, 2].min()) < 0.08  # one step of the fall


def test_flights_last_as_long_as_real_ones(dive) -> None:
    planned, flight, _ = dive
    low, high = (1.2, 1.6) if planned.height_m == 3 else (1.45, 1.9)
    assert low <= flight.duration_s <= high
    if planned.approach == "armstand":
        assert flight.duration_s < 1.6


def test_the_speed_at_entry_is_that_of_the_fall(dive) -> None:
    planned, _, nodes = dive
    motion = simulate(planned)
    centre = centre_of_mass(nodes)[:, 2]
    fallen = centre.max() - centre[-1]
    sideways = (centre_of_mass(nodes)[-1, 0] - centre_of_mass(nodes)[0, 0]) / ((len(nodes) - 1) * STEP_S)
    assert motion.entry_speed_m_s == pytest.approx(np.hypot(np.sqrt(2 * 9.81 * fallen), sideways), rel=0.02)
    jump = launch(planned).velocity_m_s[2] ** 2 / (2 * 9.81)
    assert motion.entry_speed_m_s == pytest.approx(np.sqrt(2 * 9.81 * (planned.height_m + jump)), rel=0.05)


def test_joints_bend_no_further_than_a_body_can(dive) -> None:
    _, flight, _ = dive
    low, high = np.array([LIMITS_DEG[name] for name in ANGLES]).T
    assert (flight.angles_deg >= low - 1e-9).all()
    assert (flight.angles_deg <= high + 1e-9).all()


def test_ankles_give_no_further_on_the_board_than_they_do_in_life(dive) -> None:
    planned, _, _ = dive
    motion = simulate(planned)
    board = slice(0, motion.first_airborne_frame)
    for knee, ankle, side in ((1, 0, 0), (4, 5, 1)):
        shank = motion.joints_m[board, ankle] - motion.joints_m[board, knee]
        foot = motion.toes_m[board, side] - motion.joints_m[board, ankle]
        lengths = np.linalg.norm(shank, axis=-1) * np.linalg.norm(foot, axis=-1)
        bent = np.degrees(np.arccos(np.clip((shank * foot).sum(-1) / lengths, -1, 1)))
        assert bent.max() < 120  # 90: a shank upright over a flat foot


def test_the_tighter_the_shape_the_faster_the_same_momentum_spins() -> None:
    rates = []
    for shape in (TUCK, PIKE, STRAIGHT):
        nodes = nodes_of(np.stack([shape] * 5), 1.0)
        rates.append(50.0 / ShapeDynamics.of(nodes, STEP_S).inertia[2, 1, 1])
    assert rates[0] > 1.2 * rates[1] > 2 * rates[2]


@given(st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None)
def test_a_rigid_body_that_turns_freely_keeps_energy_and_momentum(tilt) -> None:
    shape = ShapeDynamics.of(nodes_of(np.stack([angles(shoulder=170.0)] * 400), 1.0)[None], STEP_S)
    start = rotation_about(0, np.array(tilt[:1]))[0] @ rotation_about(2, np.array(tilt[1:2]))[0]
    momentum = np.array([[0.0, 60.0, 0.0]])
    turned = turn(shape, start[None], momentum)[0]
    in_body = np.einsum("tji,j->ti", turned, momentum[0])
    rate = np.linalg.solve(shape.inertia[0], in_body[..., None])[..., 0]
    energy = 0.5 * (rate * in_body).sum(1)
    assert np.ptp(energy) < 2e-3 * energy.mean()
    assert np.allclose(turned @ turned.transpose(0, 2, 1), np.eye(3), atol=1e-9)


def test_integrating_a_planar_dive_gives_the_closed_form() -> None:
    values = np.linspace(0, 1, 300)[:, None] * TUCK + np.linspace(1, 0, 300)[:, None] * STRAIGHT
    nodes = nodes_of(values, 1.0)
    turned, momentum = planar_turn(ShapeDynamics.of(nodes, STEP_S), 7.0)
    free = turn(ShapeDynamics.of(nodes[None], STEP_S), np.eye(3)[None], np.array([[0.0, momentum, 0.0]]))[0]
    somersault, lean, twist = turning_of(free, np.eye(3))
    assert np.allclose(somersault, turned, atol=2e-3)
    assert np.abs(lean).max() < 1e-9
    assert np.abs(twist).max() < 1e-9


def test_body_mass_and_inertia_are_human() -> None:
    standing = ShapeDynamics.of(nodes_of(np.stack([angles()] * 5), 1.0), STEP_S).inertia[2]
    assert 7 < standing[1, 1] < 13  # kg m2 about the sideways axis
    assert 0.4 < standing[2, 2] < 1.4  # about the long axis
    height = np.ptp(nodes_of(angles(toes=90.0)[None], 1.0)[0, :16, 2])
    assert 1.55 < height < 1.75


def test_the_motion_joins_board_and_flight_without_a_jump(dive) -> None:
    planned, _, _ = dive
    motion = simulate(planned)
    velocity = np.diff(motion.joints_m[:, PELVIS], axis=0) * motion.frame_rate
    change = np.linalg.norm(np.diff(velocity, axis=0), axis=1)
    first = motion.first_airborne_frame
    assert change[first - 4 : first + 2].max() < 4.5  # m/s from one frame to the next
    moved = np.linalg.norm(np.diff(motion.joints_m, axis=0), axis=-1) * motion.frame_rate
    assert moved.max() < 30.0  # hands are the fastest


def test_the_same_plan_gives_the_same_motion() -> None:
    planned = plan("5253B", 10.0, "standing", over_rotation_deg=5.0, entry_lean_deg=2.0)
    first, second = simulate(planned), simulate(planned)
    assert np.array_equal(first.joints_m, second.joints_m)
    assert first.label_transitions == second.label_transitions


@pytest.mark.parametrize(
    ("code", "height_m", "approach", "count"),
    [
        ("407C", 10.0, "standing", 2),
        ("5253B", 10.0, "standing", 3),
        ("5154B", 3.0, "hurdle", 4),
        ("6245D", 10.0, "armstand", 3),
    ],
)
def test_sub_actions_are_labelled_as_finediving_does(code, height_m, approach, count) -> None:
    motion = simulate(plan(code, height_m, approach))
    frames = motion.label_transitions
    assert len(frames) == count
    assert all(a < b for a, b in pairwise(frames))
    assert frames[0] == motion.first_airborne_frame - 1
    assert 3 <= motion.first_water_contact_frame - frames[-1] <= 12  # the body opens before the water
