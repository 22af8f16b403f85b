"""Realism as strangers see it: the geometry and the formulas, and a few dives before the real networks."""

import builtins
import json

import numpy as np
import pytest

from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.evaluation import realism
from stagescore.evaluation.realism import Crop, Networks, box_iou, limb_hits, measure_realism
from stagescore.simulate.dataset import Order, make_dive
from stagescore.skeleton import JOINTS


@pytest.mark.parametrize("turn", range(realism.ROTATIONS))
def test_a_point_through_crop_and_rotation_comes_back(turn):
    box = np.array((40.0, 10.0, 90.0, 130.0))
    points = np.random.default_rng(turn).uniform(-50, 300, (20, 2))
    crop = Crop.around(box, 2 * np.pi * turn / realism.ROTATIONS)
    np.testing.assert_allclose(crop.to_picture(crop.to_crop(points)), points, atol=1e-9)
    np.testing.assert_allclose(crop.to_crop(np.array([[65.0, 70.0]])), [[128, 128]], atol=1e-9)


@pytest.mark.parametrize("turn", range(realism.ROTATIONS))
def test_the_cut_pixels_lie_where_the_geometry_says(turn):
    image = np.zeros((150, 200, 3), np.uint8)
    image[40:43, 95:98] = 255  # its middle is 96.5, 41.5 from the picture's corner
    crop = Crop.around(np.array((70.0, 20.0, 110.0, 90.0)), 2 * np.pi * turn / realism.ROTATIONS)
    cut = crop.cut(image)[..., 0].astype(float)
    rows, columns = np.indices(cut.shape) + 0.5
    middle = np.array([(columns * cut).sum(), (rows * cut).sum()]) / cut.sum()
    np.testing.assert_allclose(middle, crop.to_crop(np.array([[96.5, 41.5]]))[0], atol=0.15)


def test_the_crop_holds_the_box_with_room_to_spare():
    crop = Crop.around(np.array((0.0, 0.0, 40.0, 100.0)), 0.0)
    corners = crop.to_crop(np.array([[20.0, 0.0], [20.0, 100.0]]))
    np.testing.assert_allclose(corners, [[128, 25.6], [128, 230.4]])


@pytest.mark.parametrize("box", [(1.0, 1.0, 1.0, 1.0), (np.nan, 0.0, 5.0, 5.0)])
def test_a_box_that_holds_nothing_is_refused(box):
    with pytest.raises(DataError, match="box"):
        Crop.around(np.array(box), 0.0)


def test_pckh_equals_a_plain_loop():
    rng = np.random.default_rng(0)
    found, true = rng.normal(0, 5, (7, 12, 2)), rng.normal(0, 5, (7, 12, 2))
    heads = rng.uniform(5, 25, 7)
    hits = limb_hits(found, true, heads)
    for frame in range(7):
        for joint in range(12):
            dx, dy = found[frame, joint] - true[frame, joint]
            assert hits[frame, joint] == ((dx * dx + dy * dy) ** 0.5 < heads[frame] / 2)
    assert 0.1 < hits.mean() < 0.9


def test_the_limb_joints_are_mpii_and_coco_joints_of_the_same_name():
    coco = (
        "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
        "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
    ).split()
    assert [JOINTS[k] for k in realism.LIMBS] == [coco[k] for k in realism._COCO_LIMBS]
    assert sorted(realism.LIMBS) == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]
    assert (realism._NECK, realism._HEAD) == (8, 9)


def test_box_iou_equals_counted_pixels():
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 30, (40, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1) + 1], axis=1).astype(float)
    drawn = np.zeros((40, 32, 32), bool)
    for k, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        drawn[k, top:bottom, left:right] = True
    wanted = [(drawn[0] & other).sum() / (drawn[0] | other).sum() for other in drawn]
    np.testing.assert_allclose(box_iou(boxes[0], boxes), wanted)
    assert 0 < np.mean(wanted) < 1


class _Sees(Networks):
    """Stands in for the networks: finds every joint, and a spectator in every second frame."""

    def __init__(self, order):
        pictures = [
            picture
            for index in range(order.num_dives)
            for _, picture in realism.airborne_pictures(make_dive(order, index))
        ]
        self.pictures = iter([p for p in pictures if np.isfinite(p.diver_box).all()])
        self.seen = self.spectators = 0

    def limbs(self, image, box_px):
        self.now = next(self.pictures)
        np.testing.assert_array_equal(box_px, self.now.diver_box)
        assert np.abs(image.astype(float) - self.now.image).mean() < 12
        return self.now.joints_px[list(realism.LIMBS)], 0.5

    def top_box(self, image):
        self.seen += 1
        others = self.now.people_boxes
        apart = others[box_iou(self.now.diver_box, others) < 0.1] if len(others) else others
        if self.seen % 2 and len(apart):
            self.spectators += 1
            return apart[0]
        return self.now.diver_box


def test_frames_are_counted_as_the_networks_answer():
    order = Order(num_dives=2, size_px=(112, 64))
    sees = _Sees(order)
    seen = measure_realism(order, sees)
    assert seen.frames == sees.seen > 10
    assert (seen.pckh, seen.confidence) == (1.0, 0.5)
    assert sees.spectators
    assert seen.multipose_spectator == sees.spectators / seen.frames
    assert seen.multipose_diver == pytest.approx(1 - seen.multipose_spectator)
    assert seen.as_json()["real_pckh"] == 0.67


def _no_onnxruntime(monkeypatch):
    plain = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "onnxruntime":
            raise ModuleNotFoundError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_onnxruntime_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / realism.THUNDER).write_bytes(b"")
    _no_onnxruntime(monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install 'stagescore\[pose\]'"):
        Networks(tmp_path)


def test_a_torn_network_is_named(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / realism.THUNDER).write_bytes(b"no network")
    with pytest.raises(CheckpointError, match=realism.THUNDER):
        Networks(tmp_path)


def test_a_missing_network_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    with pytest.raises(CheckpointError, match=realism.THUNDER):
        Networks(tmp_path)


@pytest.mark.slow
def test_strangers_find_the_joints_of_simulated_divers(shared):
    pytest.importorskip("onnxruntime")
    if not (shared / "weights" / realism.THUNDER).is_file():
        pytest.skip("no public networks beside the project")
    seen = measure_realism(Order(num_dives=4, seed=0, size_px=(455, 256)), Networks(shared / "weights"))
    assert seen.pckh >= 0.45, seen
    assert seen.frames >= 30


def test_the_command_prints_our_figure_beside_the_reference(monkeypatch):
    from typer.testing import CliRunner

    from stagescore.cli.main import app

    order = Order(num_dives=2, size_px=(112, 64))
    monkeypatch.setattr(realism, "Networks", lambda weights_dir: _Sees(order))
    done = CliRunner().invoke(app, ["bench", "realism", "--dives", "2", "--size", "112x64"])
    assert done.exit_code == 0, done.output
    assert "real dives, measured with the same networks: 0.67, shared data README" in done.stdout
    monkeypatch.setattr(realism, "Networks", lambda weights_dir: _Sees(order))
    done = CliRunner().invoke(app, ["bench", "realism", "--dives", "2", "--size", "112x64", "--json"])
    assert json.loads(done.stdout)["pckh"] == 1.0
