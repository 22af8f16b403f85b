import dataclasses
import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from stagescore.data.heights import height_from_name
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.evaluation.calibration import calibration_table
from stagescore.simulate.judge import RULES, SPLASH
from stagescore.simulate.population import derive_population, population, read_population, table_bytes
from stagescore.simulate.sampling import TOO_MANY_TWISTS, draw_event, draw_plan
from stagescore.types import Dive

FINEDIVING = Path(__file__).resolve().parents[3] / "shared" / "data" / "finediving"
NUM = 900


@pytest.fixture(scope="module")
def plans():
    return [draw_plan(3, index) for index in range(NUM)]


def test_a_dive_is_the_same_in_any_process_and_in_any_order(plans) -> None:
    assert draw_plan(3, 77) == plans[77]
    assert draw_plan(4, 77) != plans[77]
    program = "from stagescore.simulate.sampling import draw_plan; print(draw_plan(3, 77))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(plans[77])


def digest(seed: int) -> str:
    """Of sixty plans, to five digits."""
    told = []
    for index in range(60):
        plan = draw_plan(seed, index)
        sizes = [f"{size:.4e}" for size in dataclasses.astuple(plan.faults)]
        told.append((plan.number.code, plan.height_m, plan.approach, plan.num_frames, plan.seed, *sizes))
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def test_a_seed_means_the_dives_that_what_ships_was_trained_and_measured_on() -> None:
    # Whatever is drawn in another order makes other dives. Then what ships has to be made and measured anew.
    assert (digest(11), digest(12)) == ("8fd2e00eba06692e", "7129f3505c886848")


def test_events_hold_twelve_to_eighteen_dives_and_say_nothing_of_the_height() -> None:
    index, sizes, names = 0, [], []
    for _ in range(30):
        event = draw_event(5, index)
        assert event.first_dive == index
        assert {draw_event(5, index + k) for k in range(event.num_dives)} == {event}
        assert {draw_plan(5, index + k).height_m for k in range(event.num_dives)} == {event.height_m}
        assert height_from_name(event.name) is None
        sizes.append(event.num_dives)
        names.append(event.name)
        index += event.num_dives
    assert len(set(names)) == 30
    assert min(sizes) >= 12
    assert max(sizes) <= 18


def test_dives_come_with_the_frequencies_of_the_table(plans) -> None:
    real = Counter()
    for kind in population().kinds:
        if DiveNumber.parse(kind.code).half_twists < TOO_MANY_TWISTS:
            real[kind.code, kind.height_m] += kind.count
    total = real.total()
    drawn = Counter((plan.number.code, plan.height_m) for plan in plans)
    distance = 0.5 * sum(abs(real[key] / total - drawn[key] / NUM) for key in real | drawn)
    assert distance < 0.1
    assert abs(np.mean([p.height_m == 3 for p in plans]) - 0.364) < 0.03


def test_clips_are_as_long_as_real_ones_and_hold_the_whole_dive(plans) -> None:
    lengths = np.array([plan.num_frames for plan in plans])
    real = np.repeat(*map(list, zip(*population().clip_frames.items(), strict=True)))
    assert abs(lengths.mean() - real.mean()) < 3
    assert abs(lengths.std() - real.std()) < 3
    shares = np.array([plan.takeoff_share for plan in plans])
    assert abs(shares.mean() - 0.28) < 0.03
    for plan in plans:
        left_s = (1 - plan.takeoff_share) * plan.num_frames / plan.frame_rate
        assert left_s > (1.6 if plan.height_m == 3 else 1.9) + 0.3
        assert plan.takeoff_share * plan.num_frames >= 3.9
        assert 24 < plan.frame_rate < 31


def test_approaches_fit_the_dives(plans) -> None:
    for plan in plans:
        assert (plan.approach == "armstand") == plan.number.armstand
        if plan.number.direction in ("back", "inward") and not plan.number.armstand:
            assert plan.approach == "standing"
    springboard = [p for p in plans if p.height_m == 3 and p.number.direction in ("forward", "reverse")]
    assert np.mean([p.approach == "hurdle" for p in springboard]) > 0.9
    platform = [p for p in plans if p.height_m == 10 and p.number.group == "forward"]
    assert {p.approach for p in platform} == {"hurdle", "standing"}


def test_faults_hang_together(plans) -> None:
    jumps = [plan for plan in plans if not plan.number.armstand]  # an armstand cannot be too low
    faults = [plan.faults for plan in jumps]
    low = np.array([f.low_jump_m for f in faults])
    loose = np.array([f.loose_position_deg for f in faults])
    rotation = np.array([f.over_rotation_deg for f in faults])
    assert np.corrcoef(low, loose)[0, 1] > 0.3
    assert rotation[low > 0.3].mean() < rotation[low < 0.1].mean()
    assert all(
        (f.short_twist_deg > 0) == (p.number.half_twists > 0) for f, p in zip(faults, jumps, strict=True)
    )
    kurtosis = np.mean((rotation - rotation.mean()) ** 4) / rotation.var() ** 2
    assert kurtosis > 5  # now and then a dive goes wrong altogether


def test_harder_dives_do_not_change_seeds(plans) -> None:
    assert len({plan.seed for plan in plans}) == NUM
    assert all(0 <= plan.seed < 2**63 for plan in plans)


def test_scores_of_a_small_sample_are_as_real_ones() -> None:
    # R-l2 goes with the range of the tested scores, so a small sample has a larger one by nature.
    rows = calibration_table(3, 1000)
    assert not [row for row in rows if not row.holds and "R-l2" not in row.name]


@pytest.mark.slow
def test_scores_are_as_real_ones() -> None:
    tables = [calibration_table(seed, 2400) for seed in range(3)]
    assert not [row for rows in tables for row in rows if not row.holds and "R-l2" not in row.name]
    # One seed's R-l2 hangs on its lowest and highest score: the mean of three has to hold.
    distances = [row for rows in tables for row in rows if "R-l2" in row.name]
    mean = float(np.mean([row.reached for row in distances]))
    assert dataclasses.replace(distances[0], reached=mean).holds


def test_no_dive_before_the_first() -> None:
    with pytest.raises(DataError, match="index -1"):
        draw_plan(0, -1)


def a_dive(number: int, **changes: object) -> Dive:
    dive = Dive(
        dataset="finediving", event="e", number=number, recording=str(number), split="train",
        score=60.0, difficulty=3.0, dive_number="107B", height_m=10.0, num_frames=101,
        transitions=(30, 66), marks=(6.5,) * 6 + (45.0,),
    )  # fmt: skip
    return dive.with_changes(**changes)


def test_the_table_counts_individual_dives() -> None:
    dives = [
        a_dive(0),
        a_dive(1, height_m=None, difficulty=3.1),  # 3.1 is usual from 3 m
        a_dive(2, height_m=None, difficulty=9.9),  # usual nowhere: as most of them
        a_dive(3, synchronised=True),
        a_dive(4, transitions=(-1, 66)),
    ]
    document = derive_population(dives)
    assert document["dives"] == [["107B", 3.0, 3.1, 1], ["107B", 10.0, 3.0, 2], ["107B", 10.0, 9.9, 1]]
    assert document["marks"] == {"6.5": 24}
    assert document["num_transitions"] == {"107B": {"2": 3}}
    assert document["clip_frames"] == {"101": 4}
    table = read_population(__import__("json").loads(table_bytes(document)))
    assert table.timing["forward", 10.0][0].frames == 96
    assert table.timing["forward", 10.0][0].share == 0.25
    with pytest.raises(DataError, match="no individual dive"):
        derive_population([a_dive(0, synchronised=True)])


def test_every_dive_of_the_table_can_be_dived() -> None:
    for kind in population().kinds:
        assert (DiveNumber.parse(kind.code).group, kind.height_m) in population().timing


@pytest.mark.slow
@pytest.mark.skipif(not FINEDIVING.is_dir(), reason="real labels are not here")
def test_the_table_is_what_its_command_derives() -> None:
    from importlib.resources import files

    from stagescore.data.finediving import load

    stored = files("stagescore").joinpath("tables/dive_population.json").read_bytes()
    assert table_bytes(derive_population(load(FINEDIVING).manifest.dives)) == stored
    assert len(stored) < 60_000


def test_fault_augmented_dives_hold_large_faults_of_every_kind_as_often_as_small_ones_and_change_nothing_else(
    plans,
) -> None:
    augmented = [draw_plan(3, index, fault_augmented=True) for index in range(NUM)]
    assert draw_event(3, 0, fault_augmented=True).name != draw_event(3, 0).name
    for one, plan in zip(augmented, plans, strict=True):
        assert dataclasses.replace(one, faults=plan.faults) == plan
    knees, usual = (np.array([one.faults.bent_knees_deg for one in some]) for some in (augmented, plans))
    assert (knees > 35).mean() > 5 * (usual > 35).mean()
    assert (knees > 35).mean() > 0.06
    for one in augmented:
        assert one.number.half_twists or not one.faults.short_twist_deg
        assert not (one.number.armstand and one.faults.low_jump_m)
    # Every deduction varies, so that every fault can be learned.
    for rule in RULES:
        if rule.fault != SPLASH:
            points = [rule.deduction(getattr(one.faults, rule.fault)) for one in augmented]
            assert np.std(points) > 0.25, rule.fault
