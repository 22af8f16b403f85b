"""The score can be read from the dive: from its faults, from its joints with the splash, less from joints alone."""

from functools import cache

import cv2
import numpy as np
import pytest

from stagescore.diving import DiveNumber
from stagescore.evaluation.calibration import FAULTS_SRCC, fault_sizes
from stagescore.evaluation.measurements import measure
from stagescore.evaluation.metrics import srcc
from stagescore.hashing import hash_u64
from stagescore.simulate.camera import follow
from stagescore.simulate.dataset import Order, appearance_of, make_dive
from stagescore.simulate.motion import simulate
from stagescore.simulate.types import DivePlan, Faults
from stagescore.simulate.water import splash_over, throw_spray
from stagescore.simulate.write import SimulatedDive

DIVES, SEED, SIZE = 160, 21, (112, 64)
FRAMES_OF_SPLASH = 14
FOLDS = 5
pytestmark = pytest.mark.slow


@cache
def of_a_perfect_dive(code: str, height_m: float, approach: str) -> np.ndarray:
    """What a judge knows the dive to look like: of another diver, on another day."""
    plan = DivePlan(
        number=DiveNumber.parse(code),
        height_m=height_m,
        difficulty=3.0,
        approach=approach,
        faults=Faults(),
        num_frames=110,
        frame_rate=25.0,
        takeoff_share=0.3,
        body_scale=1.0,
        seed=0,
    )
    return measure(simulate(plan), height_m).as_array()


def joints_say(dive: SimulatedDive) -> np.ndarray:
    """Sizes by which the joints differ from those of a perfect dive of that number."""
    plan = dive.plan
    perfect = of_a_perfect_dive(plan.number.code, plan.height_m, plan.approach)
    return measure(dive.motion, plan.height_m).as_array() - perfect


def splash_says(dive: SimulatedDive) -> float:
    """Edge of the square that the splash covers at its largest, in metres as the joints give the scale.

    The spray alone is drawn: the pixels are those of the pictures, which take twenty times as long.
    """
    appearance = appearance_of(dive.plan)
    path = follow(dive.motion, appearance, SIZE)
    spray, first = throw_spray(dive.splash, appearance), dive.splash.first_frame
    areas = []
    for frame in range(first, min(first + FRAMES_OF_SPLASH, dive.motion.num_frames)):
        view = path.view(frame)
        since_s = (frame - first) / dive.motion.frame_rate
        pixels = splash_over(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), dive.splash, spray, view, since_s)
        depth = view.depth_m(dive.motion.joints_m[first, 6][None].astype(np.float64))
        areas.append(pixels / view.scale_at(float(depth[0])) ** 2)
    return float(np.sqrt(np.mean(areas)))


def held_out_srcc(sizes: np.ndarray, difficulty: np.ndarray, score: np.ndarray) -> float:
    """Ridge regression of the mean mark on sizes, their squares and products; the fold is not known to it."""
    sizes = (sizes - sizes.mean(0)) / (sizes.std(0) + 1e-9)
    sizes = np.clip(sizes, -4, 4)
    first, second = np.triu_indices(sizes.shape[1])
    features = np.concatenate([sizes, 0.3 * sizes[:, first] * sizes[:, second]], axis=1)
    mark = score / difficulty
    predicted = np.zeros(len(score))
    fold = np.array([hash_u64("fold", k) % FOLDS for k in range(len(score))])
    for held_out in range(FOLDS):
        known = fold != held_out
        mean = mark[known].mean()
        seen = features[known]
        centre = seen.mean(0)
        gram = (seen - centre).T @ (seen - centre) + 10.0 * np.eye(seen.shape[1])
        weights = np.linalg.solve(gram, (seen - centre).T @ (mark[known] - mean))
        predicted[~known] = mean + (features[~known] - centre) @ weights
    return srcc(score, predicted * difficulty)


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    order = Order(num_dives=DIVES, seed=SEED, size_px=SIZE)
    dives = [make_dive(order, index) for index in range(DIVES)]
    # A dive is not the worse for falling to one side or the other: sizes count, and a jump that is too low.
    joints = np.array([joints_say(dive) for dive in dives])
    joints[:, 2:] = np.abs(joints[:, 2:])
    splash = np.array([[splash_says(dive)] for dive in dives])
    faults = np.array([fault_sizes(dive.plan) for dive in dives])
    difficulty = np.array([dive.plan.difficulty for dive in dives])
    score = np.array([dive.judgement.score for dive in dives])
    figures = {
        "true fault sizes": held_out_srcc(faults, difficulty, score),
        "joints and splash": held_out_srcc(np.concatenate([joints, splash], axis=1), difficulty, score),
        "joints": held_out_srcc(joints, difficulty, score),
    }
    mark, alike = score / difficulty, np.ones(DIVES)
    figures["joints and splash, mark"] = held_out_srcc(np.concatenate([joints, splash], axis=1), alike, mark)
    figures["joints, mark"] = held_out_srcc(joints, alike, mark)
    print({name: round(value, 4) for name, value in figures.items()})
    return figures


def test_the_score_follows_from_the_true_faults(figures) -> None:
    assert figures["true fault sizes"] >= FAULTS_SRCC


def test_the_score_can_be_read_from_joints_and_splash(figures) -> None:
    assert figures["joints and splash"] >= 0.90


def test_joints_alone_say_clearly_less(figures) -> None:
    # The difficulty, which both are told, makes the final scores more alike than the marks are.
    assert figures["joints, mark"] <= figures["joints and splash, mark"] - 0.025
    assert figures["joints"] <= figures["joints and splash"] - 0.012


def test_the_spray_that_is_measured_is_that_of_the_pictures() -> None:
    dive = make_dive(Order(num_dives=2, seed=SEED, size_px=SIZE), 1)
    drawn = [picture.splash_area_px for picture in dive.pictures]
    appearance = appearance_of(dive.plan)
    path, spray = follow(dive.motion, appearance, SIZE), throw_spray(dive.splash, appearance)
    first = dive.splash.first_frame
    for frame in range(first, first + FRAMES_OF_SPLASH):
        blank = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        since_s = (frame - first) / dive.motion.frame_rate
        assert splash_over(blank, dive.splash, spray, path.view(frame), since_s) == drawn[frame]
        assert cv2.countNonZero(blank[..., 0]) > 0
