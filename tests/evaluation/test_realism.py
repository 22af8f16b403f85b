"""Realism as strangers see it: the geometry and the formulas, and a few dives before the real networks."""

import builtins
import json

import numpy as np
import pytest

from stagescore.errors import CheckpointError, ConfigError
from stagescore.evaluation import realism
from stagescore.evaluation.realism import RealismNetworks, measure_realism
from stagescore.pose.boxes import box_iou
from stagescore.simulate.dataset import Order, make_dive


class _Sees(RealismNetworks):
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


@pytest.mark.slow
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
        RealismNetworks(tmp_path)


def test_a_torn_network_is_named(tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / realism.THUNDER).write_bytes(b"no network")
    with pytest.raises(CheckpointError, match=realism.THUNDER):
        RealismNetworks(tmp_path)


def test_a_missing_network_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    with pytest.raises(CheckpointError, match=realism.THUNDER):
        RealismNetworks(tmp_path)


@pytest.mark.slow
def test_strangers_find_the_joints_of_simulated_divers(shared):
    pytest.importorskip("onnxruntime")
    if not (shared / "weights" / realism.THUNDER).is_file():
        pytest.skip("no public networks beside the project")
    seen = measure_realism(
        Order(num_dives=4, seed=0, size_px=(455, 256)), RealismNetworks(shared / "weights")
    )
    assert seen.pckh >= 0.45, seen
    assert seen.frames >= 30


@pytest.mark.slow
def test_the_command_prints_our_figure_beside_the_reference(monkeypatch):
    from typer.testing import CliRunner

    from stagescore.cli.main import app

    order = Order(num_dives=2, size_px=(112, 64))
    monkeypatch.setattr(realism, "RealismNetworks", lambda weights_dir: _Sees(order))
    done = CliRunner().invoke(app, ["bench", "realism", "--dives", "2", "--size", "112x64"])
    assert done.exit_code == 0, done.output
    assert "real dives, measured with the same networks: 0.67, shared data README" in done.stdout
    monkeypatch.setattr(realism, "RealismNetworks", lambda weights_dir: _Sees(order))
    done = CliRunner().invoke(app, ["bench", "realism", "--dives", "2", "--size", "112x64", "--json"])
    assert json.loads(done.stdout)["pckh"] == 1.0
