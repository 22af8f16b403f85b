"""Networks of ours in `annotate`: coordinates, cards, broken files."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from stagescore.errors import CheckpointError
from stagescore.pose.boxes import box_iou
from stagescore.pose.heatmaps import MOST_PEAKS, STRIDE
from stagescore.pose.loading import open_detector, open_estimator
from stagescore.pose.network_card import NetworkSettings, PoseCard
from stagescore.pose.networks import Detector, Estimator, PeakEstimator
from stagescore.pose.own_networks import (
    OwnEstimator,
    build_network,
    load_network,
    note_figures,
    save_network,
)
from stagescore.pose.small_detector import boxes_of_answers, detector_loss
from stagescore.skeleton import MPII_16

JOINTS = NetworkSettings(widths=(4, 8, 8), blocks=1, width_px=64, height_px=32)
BOXES = NetworkSettings(finds="boxes", widths=(4, 8, 8), blocks=1, width_px=96, height_px=64)


def stored(folder: Path, settings: NetworkSettings, name: str = "net") -> Path:
    torch.manual_seed(0)
    card = PoseCard(name=name, network=settings, trained_on="nothing", weights_hash="")
    save_network(folder / f"{name}.safetensors", build_network(settings).state_dict(), card)
    return folder / f"{name}.safetensors"


def white_square(left: int, top: int, edge: int, size_px: tuple[int, int]) -> np.ndarray:
    picture = np.zeros((size_px[1], size_px[0], 3), np.uint8)
    picture[top : top + edge, left : left + edge] = 255
    return picture


def test_files_open_as_what_they_are(tmp_path: Path) -> None:
    estimator, detector = stored(tmp_path, JOINTS, "pose"), stored(tmp_path, BOXES, "boxes")
    found = open_estimator(estimator)
    assert isinstance(found, Estimator) and found.crop_size_px == (64, 32) and not found.derived.any()
    assert "our own" in found.identity.kind and found.identity.name == "pose.safetensors"
    assert isinstance(open_detector(detector), Detector)
    with pytest.raises(CheckpointError, match="not people"):
        open_detector(estimator)
    with pytest.raises(CheckpointError, match="not the joints"):
        open_estimator(detector)


def test_estimates_do_not_depend_on_their_company_and_come_in_pixels(tmp_path: Path) -> None:
    estimator = open_estimator(stored(tmp_path, JOINTS))
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 256, (32, 64, 3)).astype(np.uint8) for _ in range(3)]
    together = estimator.estimate(crops)
    assert together.shape == (3, 16, 3) and estimator.estimate([]).shape == (0, 16, 3)
    np.testing.assert_allclose(estimator.estimate(crops[1:2])[0], together[1], atol=1e-3)
    assert (together[..., 0] <= 68).all() and (together[..., 1] <= 36).all()


def test_the_highest_peak_is_the_joint(tmp_path: Path) -> None:
    estimator = open_estimator(stored(tmp_path, JOINTS))
    assert isinstance(estimator, PeakEstimator)
    crops = [np.random.default_rng(k).integers(0, 256, (32, 64, 3)).astype(np.uint8) for k in range(2)]
    joints, peaks = estimator.estimate(crops), estimator.peaks(crops)
    assert peaks.shape == (2, 16, MOST_PEAKS, 3) and estimator.peaks([]).shape == (0, 16, MOST_PEAKS, 3)
    assert (np.diff(peaks[..., 2], axis=-1) <= 0).all()
    # Untrained maps are nearly flat: where a place is told at all, it is the joint's.
    seen = peaks[:, :, 0, 2] > 0
    assert (np.abs(joints[..., :2] - peaks[:, :, 0, :2]).max(-1)[seen] <= 2 * STRIDE).all()


def test_the_flip_test_gives_mirrored_joints_for_mirrored_crops(tmp_path: Path) -> None:
    estimator = open_estimator(stored(tmp_path, JOINTS))
    assert isinstance(estimator, OwnEstimator)
    network, _ = load_network(tmp_path / "net.safetensors")
    crop = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (1, 32, 64, 3)).astype(np.uint8))
    with torch.inference_mode():
        maps = network.flip_tested(crop)
        mirrored = network.flip_tested(crop.flip(2))
        torch.testing.assert_close(mirrored[:, list(MPII_16.flip_order)].flip(3), maps)
        mean = (network(crop) + network(crop.flip(2))[:, list(MPII_16.flip_order)].flip(3)) / 2
        torch.testing.assert_close(maps, mean)


def test_what_is_opened_answers_as_the_network_that_was_stored(tmp_path: Path) -> None:
    """Though its batch norms have become part of its convolutions."""
    torch.manual_seed(3)
    network = build_network(JOINTS)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
            torch.nn.init.normal_(module.bias, std=0.2)
    torch.nn.init.normal_(network.head.weight)
    card = PoseCard(name="net", network=JOINTS, trained_on="nothing", weights_hash="")
    save_network(tmp_path / "net.safetensors", network.state_dict(), card)
    estimator = open_estimator(tmp_path / "net.safetensors")
    assert isinstance(estimator, OwnEstimator)
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in estimator._network.modules())
    crops = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (2, 32, 64, 3)).astype(np.uint8))
    with torch.inference_mode():
        wanted = network.eval()(crops)
        torch.testing.assert_close(
            estimator._network(crops), wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max())
        )


@pytest.mark.slow
def test_a_taught_detector_says_where_boxes_are_in_pictures_of_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(BOXES)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    for _ in range(150):
        boxes, pictures = [], []
        for _ in range(8):
            edge = int(rng.integers(12, 28))
            left, top = int(rng.integers(0, 96 - edge)), int(rng.integers(0, 64 - edge))
            pictures.append(white_square(left, top, edge, (96, 64)))
            boxes.append((left, top, left + edge, top + edge))
        shown = torch.from_numpy(np.stack(pictures))
        terms = detector_loss(network(shown), torch.tensor(boxes).float(), torch.ones(8, dtype=torch.bool))
        optimiser.zero_grad()
        terms["total"].backward()
        optimiser.step()
    card = PoseCard(name="net", network=BOXES, trained_on="squares", weights_hash="")
    save_network(tmp_path / "net.safetensors", network.state_dict(), card)
    detector = open_detector(tmp_path / "net.safetensors")
    # Twice as large, and of another form: the network sees it scaled by a half, at the upper left.
    people = detector.detect(white_square(60, 40, 40, (192, 100)))
    best = people.boxes_px[people.confidence.argmax()]
    assert box_iou(best, np.array([[60.0, 40, 100, 80]]))[0] > 0.6
    np.testing.assert_allclose((best[:2] + best[2:]) / 2, (80, 60), atol=6)
    empty = detector.detect(np.zeros((64, 96, 3), np.uint8))
    assert empty.confidence.max(initial=0.0) < people.confidence.max()


def test_boxes_are_read_from_the_cell_of_their_middle() -> None:
    answers = torch.full((1, 5, 16, 24), -9.0)
    answers[0, 0, 5, 7] = 3.0
    answers[0, 1:3, 5, 7] = 0.0  # the middle of the cell
    answers[0, 3, 5, 7], answers[0, 4, 5, 7] = np.log(4.0), np.log(2.0)
    box = boxes_of_answers(answers, 2)[0, 0]
    torch.testing.assert_close(box[:4], torch.tensor([30.0 - 8, 22.0 - 4, 30.0 + 8, 22.0 + 4]))
    assert box[4] == pytest.approx(1 / (1 + np.exp(-3.0)))


def test_a_detector_without_a_diver_in_the_picture_learns_only_that_nobody_is_there() -> None:
    answers = torch.zeros(1, 5, 16, 24, requires_grad=True)
    terms = detector_loss(answers, torch.zeros(1, 4), torch.tensor([False]))
    terms["total"].backward()
    assert answers.grad is not None
    assert (answers.grad[0, 0] > 0).all() and not answers.grad[0, 1:].any()


def test_figures_are_noted_beside_those_of_the_training(tmp_path: Path) -> None:
    path = stored(tmp_path, JOINTS)
    before, _ = load_network(path)
    note_figures(path, {"val_near": 0.5, "ap_oks": 0.1})
    note_figures(path, {"ap_oks": 0.7, "measured_on": "12 frames"})
    after, card = load_network(path)
    assert card.figures == {"val_near": 0.5, "ap_oks": 0.7, "measured_on": "12 frames"}
    assert all(torch.equal(value, after.state_dict()[name]) for name, value in before.state_dict().items())


def test_truncated_foreign_and_changed_files_are_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, JOINTS)
    content = path.read_bytes()
    for size in (0, 5, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match="not a stagescore pose network"):
            load_network(path)
    changed = bytearray(content)
    changed[-3] ^= 0x40
    path.write_bytes(bytes(changed))
    with pytest.raises(CheckpointError, match="changed"):
        load_network(path)
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0\0\0")
    with pytest.raises(CheckpointError, match="no card of that kind"):
        load_network(path)
    with pytest.raises(CheckpointError, match="cannot read"):
        load_network(tmp_path / "none.safetensors")


def test_weights_of_another_network_do_not_pass_for_those_of_the_card(tmp_path: Path) -> None:
    card = PoseCard(name="net", network=BOXES, trained_on="nothing", weights_hash="")
    save_network(tmp_path / "net.safetensors", build_network(JOINTS).state_dict(), card)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_network(tmp_path / "net.safetensors")


def test_pose_stays_importable_without_pytorch() -> None:
    import subprocess
    import sys

    program = (
        "import sys, stagescore.pose.loading, stagescore.pose.annotation, stagescore.pose.network_card\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
