import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import torch
from stored_dives import PREPROCESSING

from stagescore.data.preprocessing import Augmentation, View, view_of, viewed_joints
from stagescore.data.samples import Samples
from stagescore.errors import DataError
from stagescore.training.simulation_targets import DEDUCTIONS, FAULTS, SimulationGroundTruth


@pytest.fixture
def samples(tmp_path_factory) -> Samples:
    dives = stored_dives.dives(tmp_path_factory)
    return Samples(stored_dives.store(tmp_path_factory), dives, joints="exact")


@pytest.fixture
def root(tmp_path_factory) -> Path:
    return stored_dives.folder(tmp_path_factory)


@pytest.fixture
def truth(samples, root) -> SimulationGroundTruth:
    return SimulationGroundTruth({root: list(samples.dives.values())}, samples.store)


def record(root: Path, dive_id: str) -> dict:
    return json.loads((root / "truth" / f"{dive_id}.json").read_text())


def test_every_frame_has_its_stage_and_its_phase(truth, samples, root) -> None:
    ids = list(samples.dives)
    targets = truth.batch(ids)
    edges = samples.labels(ids).edges
    for place, dive_id in enumerate(ids):
        told = record(root, dive_id)
        first, last = told["label_transitions"][0], told["label_transitions"][-1]
        for frame, original in enumerate(samples.store.indices(dive_id)):
            assert targets.stage[place, frame] == (0 if original <= first else 1 if original <= last else 2)
            phase = 0 if original < told["first_airborne_frame"] else 1
            phase = 2 if original >= told["first_water_contact_frame"] else phase
            assert targets.phase[place, frame] == phase
            assert targets.stage[place, frame] == sum(frame >= edge for edge in edges[place, 1:-1])


def test_splash_and_joints_are_those_of_the_stored_frames(truth, samples, root) -> None:
    ids = list(samples.dives)
    targets, exact = truth.batch(ids), samples.inputs(ids).joints
    for place, dive_id in enumerate(ids):
        frames = list(samples.store.indices(dive_id))
        with np.load(root / "truth" / f"{dive_id}.npz") as arrays:
            area = arrays["splash_area_px"][frames] / (112 * 64)
            dry = arrays["joints_m"][frames][..., 2] >= 0
        np.testing.assert_allclose(targets.splash_area[place], area, rtol=1e-5)
        np.testing.assert_allclose(targets.joints[place][dry], exact[place, ..., :2][dry], atol=1e-6)
        assert not targets.visible[place][~dry].any()
    assert targets.splash_area.max() > 0.001


def test_visible_joints_are_those_inside_the_crop(truth, samples) -> None:
    ids = list(samples.dives)
    views = [view_of(3, 0, dive_id, Augmentation(shift=3)) for dive_id in ids]
    targets, exact = truth.batch(ids, views), samples.inputs(ids, views).joints
    pixels = exact[..., :2] * PREPROCESSING.crop_height
    pixels = pixels + torch.tensor([PREPROCESSING.crop_width, PREPROCESSING.crop_height]) / 2
    limits = torch.tensor([PREPROCESSING.crop_width, PREPROCESSING.crop_height])
    inside = ((pixels > 1e-3) & (pixels < limits - 1e-3)).all(-1)
    assert inside[targets.visible].all()
    assert 0.1 < targets.visible.float().mean() < 0.95
    assert (inside & ~targets.visible).any()  # under water


def test_the_truth_moves_with_the_view(truth, samples) -> None:
    dive_id = next(iter(samples.dives))
    view = View(flip=True, crop_x=0.9, crop_y=0.2, shift=5)
    (plain, seen) = truth.batch([dive_id]), truth.batch([dive_id], [view])
    times = [max(frame - 5, 0) for frame in range(96)]
    for name in ("stage", "phase", "splash_area"):
        assert torch.equal(getattr(seen, name)[0], getattr(plain, name)[0, times])
    exact = np.array(samples.store.joints("exact")[samples.store[dive_id].row])
    moved = viewed_joints(exact, view, PREPROCESSING)
    shown = seen.visible[0].numpy()
    assert shown.any()
    np.testing.assert_allclose(seen.joints[0][shown], moved[..., :2][shown], atol=1e-6)
    assert torch.equal(truth.batch([dive_id]).stage, plain.stage)  # looking changes nothing


def test_faults_deductions_and_execution_are_those_of_the_record(truth, samples, root) -> None:
    ids = list(samples.dives)
    targets = truth.batch(ids)
    assert len(FAULTS) == len(DEDUCTIONS) == 10
    for place, dive_id in enumerate(ids):
        told = record(root, dive_id)
        for name, size in zip(FAULTS, targets.faults[place].tolist(), strict=True):
            size_told = told["plan"]["faults"][name]
            assert size == pytest.approx(abs(size_told) if name == "entry_lean_deg" else size_told, rel=1e-5)
        if "failed" not in told["deductions"]:
            left = max(0.0, 10 - float(targets.deductions[place].sum()))
            assert float(targets.execution[place]) == pytest.approx(left, abs=1e-4)
        assert float(targets.splash_size[place]) == pytest.approx(told["splash"]["size"], rel=1e-5)
        assert float(targets.somersaults[place]) == pytest.approx(told["somersaults"], rel=1e-5)
        assert float(targets.twists[place]) == pytest.approx(told["twists"], rel=1e-5)
    mean, sd = truth.fault_scale
    scaled = (targets.faults - mean) / sd
    torch.testing.assert_close(scaled.mean(0), torch.zeros(10), atol=1e-4, rtol=0)
    moving = targets.faults.std(0) > 0
    torch.testing.assert_close(
        scaled.std(0, correction=0)[moving], torch.ones(int(moving.sum())), atol=1e-3, rtol=0
    )


def test_missing_or_damaged_truth_is_named(samples, root, tmp_path) -> None:
    dives = list(samples.dives.values())
    own = shutil.copytree(root / "truth", tmp_path / "truth").parent
    (own / "truth" / f"{dives[1].dive_id}.json").write_text("{}")
    (own / "truth" / f"{dives[2].dive_id}.npz").unlink()
    for dive in dives[1:3]:
        with pytest.raises(DataError, match=f"truth about {dive.dive_id}"):
            SimulationGroundTruth({own: [dive]}, samples.store)
    with pytest.raises(DataError, match="nobody/1"):
        SimulationGroundTruth({own: dives[:1]}, samples.store).batch(["nobody/1"])


def test_body_angles_of_a_body_that_can_be_drawn_by_hand() -> None:
    """Hanging straight, head down: all angles 0. Then the thighs forward by 90 degrees, shanks still up."""
    from stagescore.skeleton import MPII_16
    from stagescore.training.simulation_targets import MEASURES, body_angles

    heights = {"pelvis": 1.0, "thorax": 0.5, "hip": 1.0, "knee": 1.45, "ankle": 1.9}
    body = np.zeros((2, 16, 3))
    for k, name in enumerate(MPII_16.joints):
        body[:, k, 2] = heights.get(name.split("_")[-1], 0.3)
    for side in ("right", "left"):
        knee, ankle = MPII_16.index(f"{side}_knee"), MPII_16.index(f"{side}_ankle")
        body[1, knee] = [0.45, 0.0, 1.0]
        body[1, ankle] = [0.45, 0.0, 1.45]
    angles = np.degrees(body_angles(body))
    np.testing.assert_allclose(angles[0], 0, atol=1e-4)
    bent = dict(zip(MEASURES, angles[1], strict=True))
    assert bent["knees"] == pytest.approx(90) and bent["hips"] == pytest.approx(90)
    assert bent["split"] == pytest.approx(0, abs=1e-4) and bent["trunk"] == pytest.approx(0, abs=1e-4)
    assert bent["legs"] == pytest.approx(45)
