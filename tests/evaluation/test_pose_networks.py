"""OKS, average precision and recall against plain twins."""

import numpy as np
import pytest

from stagescore.evaluation.pose_networks import OKS_SIGMAS, BoxesFound, JointsFound, average_precision
from stagescore.skeleton import MPII_16


def found(rng: np.random.Generator, frames: int, noise: float) -> JointsFound:
    true = rng.uniform(0, 100, (frames, 16, 2))
    joints = np.concatenate((true + noise * rng.standard_normal(true.shape), rng.random((frames, 16, 1))), -1)
    return JointsFound(
        joints=joints,
        true_px=true,
        counts=rng.random((frames, 16)) < 0.8,
        area_px=rng.uniform(1000, 5000, frames),
        stage=rng.integers(0, 3, frames),
    )


def test_oks_is_the_mean_over_joints_that_count() -> None:
    one = found(np.random.default_rng(0), 5, 4.0)
    for frame in range(5):
        terms = [
            np.exp(
                -(
                    (one.joints[frame, k, 0] - one.true_px[frame, k, 0]) ** 2
                    + (one.joints[frame, k, 1] - one.true_px[frame, k, 1]) ** 2
                )
                / (2 * one.area_px[frame] * (2 * OKS_SIGMAS[k]) ** 2)
            )
            for k in range(16)
            if one.counts[frame, k]
        ]
        assert one.oks()[frame] == pytest.approx(np.mean(terms))


def plain_precision(oks: list[float], confidence: list[float]) -> float:
    order = sorted(range(len(oks)), key=lambda k: -confidence[k])
    total = 0.0
    for threshold in np.arange(0.5, 0.96, 0.05).round(2):
        points = []
        right = 0
        for rank, k in enumerate(order, start=1):
            right += oks[k] >= threshold
            points.append((right / len(oks), right / rank))
        total += np.mean(
            [max((p for r, p in points if r >= wanted), default=0.0) for wanted in np.linspace(0, 1, 101)]
        )
    return total / 10


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_is_that_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    oks, confidence = rng.uniform(0.3, 1, 17), rng.permutation(17) / 17
    assert average_precision(oks, confidence) == pytest.approx(plain_precision(list(oks), list(confidence)))


def test_the_best_and_the_worst_average_precision() -> None:
    assert average_precision(np.ones(4), np.arange(4) / 4) == 1
    assert average_precision(np.zeros(4), np.arange(4) / 4) == 0


def test_figures_by_joint_stage_and_turn_are_shares_of_the_joints_that_count() -> None:
    one = found(np.random.default_rng(1), 40, 5.0)
    figures = one.figures()["pckh@0.5"]
    neck, top, pelvis = (MPII_16.index(n) for n in ("upper_neck", "head_top", "pelvis"))
    counted = {"elbow": [], "flight": [], "upside down": []}
    for f in range(40):
        head = np.hypot(*(one.true_px[f, top] - one.true_px[f, neck]))
        for k in range(16):
            if not one.counts[f, k]:
                continue
            hit = np.hypot(*(one.joints[f, k, :2] - one.true_px[f, k])) < 0.5 * head
            if MPII_16.joints[k] == "left_elbow":
                counted["elbow"].append(hit)
            if one.stage[f] == 1:
                counted["flight"].append(hit)
            if one.true_px[f, neck, 1] > one.true_px[f, pelvis, 1]:
                counted["upside down"].append(hit)
    assert figures["by_joint"]["left_elbow"] == pytest.approx(np.mean(counted["elbow"]))
    assert figures["by_part"]["flight"] == pytest.approx(np.mean(counted["flight"]))
    assert figures["by_part"]["upside down"] == pytest.approx(np.mean(counted["upside down"]))


def test_recall_counts_frames_with_the_diver_and_alarms_those_without() -> None:
    boxes = BoxesFound(
        iou=np.array([0.6, 0.4, 0.2, np.nan, np.nan]),
        confidence=np.array([0.9, 0.8, 0.7, 0.6, 0.1]),
        stage=np.array([0, 1, 1, 3, 3]),
        upside_down=np.array([False, False, True, True, False]),
    )
    figures = boxes.figures()
    assert figures["recall@0.3"]["all"] == pytest.approx(2 / 3)
    assert figures["recall@0.5"]["all"] == pytest.approx(1 / 3)
    assert figures["recall@0.3"]["flight"] == 0.5
    assert figures["recall@0.3"]["upright"] == 1.0
    assert figures["recall@0.3"]["upside down"] == 0.0
    assert figures["false_alarms_without_diver"] == 0.5
