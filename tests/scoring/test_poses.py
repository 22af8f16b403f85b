"""Joints that are given or estimated: which frame each row belongs to, and how far each joint is believed."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.errors import DataError
from stagescore.media.source import Media, open_media
from stagescore.pose.annotation import Annotation
from stagescore.pose.networks import NetworkIdentity, PoseNetworks
from stagescore.pose.npz_files import npz_bytes
from stagescore.pose.tracking import Pointed
from stagescore.scoring import poses
from stagescore.scoring.motion_scan import MotionScan, scan_motion
from stagescore.scoring.poses import Poses, given_poses, is_joints, joints_alone, no_poses
from stagescore.types import PoseTrack

FRAMES = 20


@pytest.fixture(autouse=True)
def made_up_joints(monkeypatch: pytest.MonkeyPatch) -> None:
    """The joints here say which row they are from, and are those of nobody."""
    monkeypatch.setattr(poses, "implausible", lambda *given, **named: None)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Twenty images of which one moves."""
    hall = np.random.default_rng(0).integers(0, 255, (24, 40, 3)).astype(np.uint8)
    pictures = [np.roll(hall, t, axis=0) for t in range(FRAMES)]
    return open_media(made_scorer.write_frames(tmp_path_factory.mktemp("poses") / "film", pictures))


def track(num_frames: int, confidence: float = 0.9) -> PoseTrack:
    """Joints whose x says which row they are from."""
    joints = np.zeros((num_frames, 16, 2))
    joints[..., 0] = np.arange(num_frames)[:, None]
    joints[..., 1] = np.arange(16)
    return PoseTrack(joints, np.full((num_frames, 16), confidence))


def saved(path: Path, rows: PoseTrack) -> Path:
    path.write_bytes(npz_bytes(rows, rows.known))
    return path


def rows_of(found: Poses) -> list[float]:
    return found.track.joints_px[:, 3, 0].tolist()


def test_rows_are_those_of_the_film_or_of_the_span_or_spread_over_it(media: Media, tmp_path: Path) -> None:
    whole = given_poses(saved(tmp_path / "whole.npz", track(FRAMES)), media, 4, 15)
    assert rows_of(whole) == list(range(4, 15)) and not whole.warnings
    span = given_poses(saved(tmp_path / "span.npz", track(11)), media, 4, 15)
    assert rows_of(span) == list(range(11)) and not span.warnings
    few = given_poses(saved(tmp_path / "few.npz", track(6)), media, 4, 15)
    # Six rows of frames 4, 6, 8, 10, 12, 14; a frame between two of them takes the earlier one.
    assert rows_of(few) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert any("6 rows of joints for 11 frames" in told for told in few.warnings)
    usual = given_poses(saved(tmp_path / "usual.npz", track(96)), media, 0, FRAMES)
    assert rows_of(usual)[0] == 0 and rows_of(usual)[-1] == 95 and not usual.warnings
    assert all(one < two for one, two in zip(rows_of(usual), rows_of(usual)[1:], strict=False))


def test_a_file_without_rows_is_refused_by_its_name(media: Media, tmp_path: Path) -> None:
    empty = saved(tmp_path / "empty.npz", track(0))
    for read in (
        lambda: given_poses(empty, media, 0, FRAMES),
        lambda: joints_alone(empty, (40, 24)),
    ):
        with pytest.raises(DataError, match="holds no frames") as caught:
            read()
        assert "empty.npz" in str(caught.value)


def test_each_joint_is_measured_filled_or_doubtful_and_only_the_first_is_believed(
    media: Media, tmp_path: Path
) -> None:
    rows = track(FRAMES)
    confidence = rows.confidence.copy()
    filled = np.zeros((FRAMES, 16), bool)
    filled[:, :4] = True
    confidence[:, :2] = 0.05  # filled and unsure counts as filled
    confidence[:, 4:6] = 0.05
    joints = rows.joints_px.copy()
    joints[:, 6], confidence[:, 6] = np.nan, 0.0
    path = saved(tmp_path / "mixed.npz", PoseTrack(joints, confidence, filled))
    found = given_poses(path, media, 0, FRAMES)
    shares = found.shares
    assert (shares.source, shares.measured, shares.filled, shares.doubtful) == (
        "given",
        9 / 16,
        4 / 16,
        2 / 16,
    )
    assert found.weak.all(0).tolist() == [True] * 6 + [False] * 10
    assert not found.weak[:, 6:].any()


def test_labels_are_found_by_the_names_of_images_though_one_of_them_cannot_be_read(tmp_path: Path) -> None:
    """The film has no frame for a broken image, so what comes after it is one frame earlier."""
    hall = np.random.default_rng(1).integers(0, 255, (24, 40, 3)).astype(np.uint8)
    folder = made_scorer.write_frames(tmp_path / "film", [np.roll(hall, t, axis=0) for t in range(14)])
    (folder / "00003.png").write_bytes(b"no image")
    media = open_media(folder)
    assert media.num_frames == 13
    labels = [
        {
            "image": f"{number:05d}.jpg",
            "joints": [[number, joint] for joint in range(16)],
            "joints_vis": [1] * 16,
            "center": [20, 12],
            "scale": 0.1,
        }
        for number in (2, 5, 13)
    ]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(labels))
    found = given_poses(path, media, 1, 13)
    known = np.flatnonzero(found.track.known.any(1))
    assert {int(row) + 1: found.track.joints_px[row, 0, 0] for row in known} == {2: 2.0, 4: 5.0, 12: 13.0}
    assert any("of the joints are given" in told for told in found.warnings)
    with pytest.raises(DataError, match="no joints of frames 6 to 11"):
        given_poses(path, media, 6, 12)


def test_without_a_detector_the_box_is_that_of_the_joints_where_there_are_enough(media: Media) -> None:
    rows = track(4)
    joints = rows.joints_px.copy()
    joints[1, 8:], joints[2, 7:], joints[3] = np.nan, np.nan, np.nan
    confidence = np.where(np.isnan(joints).any(-1), 0.0, 0.9)
    found = Poses(
        track=PoseTrack(joints, confidence),
        weak=np.zeros((4, 16), bool),
        shares=no_poses(4).shares,
    )
    boxes = found.boxes()
    assert boxes[0].tolist() == [0, 0, 0, 15] and boxes[1].tolist() == [1, 0, 1, 7]
    assert np.isnan(boxes[2:]).all()
    assert np.isnan(no_poses(3).boxes()).all() and no_poses(3).shares.source == "none"


def test_joints_and_boxes_go_into_another_size_and_back() -> None:
    rows = Poses(
        track=track(3),
        weak=np.zeros((3, 16), bool),
        shares=no_poses(3).shares,
        boxes_px=np.array([[2.0, 4.0, 6.0, 8.0]] * 3),
    )
    scale = np.array((0.5, 0.25))
    small = rows.scaled(scale)
    np.testing.assert_allclose(small.track.joints_px[2, 8], (1.0, 2.0))
    np.testing.assert_allclose(small.boxes()[0], (1.0, 1.0, 3.0, 2.0))
    np.testing.assert_allclose(small.scaled(1 / scale).track.joints_px, rows.track.joints_px)
    assert rows.scaled(np.ones(2)) is rows


def seen(num_frames: int) -> Annotation:
    """What networks say of some frames: joint 0 filled, joint 1 an outlier."""
    filled, outliers = np.zeros((num_frames, 16), bool), np.zeros((num_frames, 16), bool)
    filled[:, 0], outliers[:, 1] = True, True
    rows = track(num_frames)
    identity = NetworkIdentity(name="made.onnx", kind="made", sha256="0")
    return Annotation(
        track=PoseTrack(rows.joints_px, rows.confidence, filled),
        measured=~filled,
        outliers=outliers,
        boxes_px=np.arange(num_frames)[:, None] + np.zeros(4),
        people=np.ones(num_frames, int),
        num_divers=1,
        num_exchanged=0,
        num_crops=0,
        picture_px=(40, 24),
        warnings=("Somebody should look.",),
        needs_review=False,
        networks={"detector": identity, "estimator": identity},
    )


def test_repeated_frames_have_the_joints_of_the_frame_that_they_repeat(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [image for _, image in media.frames(range(3, 9))]
    once = scan_motion(pictures)
    rows = np.array((0, 0, 1, 2, 2, 3, 4, 4, 5))
    scan = MotionScan(once.small[rows], once.views, rows)
    shown: list[np.ndarray] = []
    pointed_at: list[int | None] = []

    def annotate(
        frames: Callable[[], Iterable[np.ndarray]],
        networks: object,
        motions: list[object],
        *,
        pointed: Pointed | None,
    ) -> Annotation:
        shown.extend(frames())
        assert len(shown) == len(motions)
        pointed_at.append(None if pointed is None else pointed.frame)
        return seen(len(motions))

    monkeypatch.setattr(poses, "annotate", annotate)
    networks = PoseNetworks.__new__(PoseNetworks)
    found = poses.estimated_poses(media, 3, networks, scan)
    # The frames of the film that are distinct: 3, 5, 6, 8, 9 and 11.
    wanted = [image for _, image in media.frames([3, 5, 6, 8, 9, 11])]
    assert all(np.array_equal(one, two) for one, two in zip(shown, wanted, strict=True))
    assert rows_of(found) == rows.tolist() and found.boxes()[:, 0].tolist() == rows.tolist()
    assert found.weak.sum(0).tolist() == [9, 9] + [0] * 14
    assert (found.shares.source, found.shares.filled, found.shares.doubtful) == ("estimated", 1 / 16, 1 / 16)
    assert (found.detector, found.num_divers, found.warnings) == ("made.onnx", 1, ("Somebody should look.",))
    shown.clear()
    again = poses.estimated_poses(media, 3, networks, scan, Pointed(4, np.array([5.0, 5.0, 5.0, 5.0])))
    assert pointed_at == [None, int(rows[4])] and again.shares.diver == "given", "among the distinct frames"


def test_only_an_npz_that_is_there_is_joints_without_a_film(tmp_path: Path) -> None:
    path = saved(tmp_path / "joints.NPZ", track(5))
    assert is_joints(path) and not is_joints(tmp_path / "none.npz") and not is_joints(Path("film.mp4"))
    with pytest.raises(DataError, match="how large the picture is"):
        joints_alone(path, None)
    alone = joints_alone(path, (40, 24), slowmo=4.0, frame_rate=100.0)
    assert (alone.num_frames, alone.info.width_px, alone.info.kind) == (5, 40, "joints")
    assert alone.times_s.tolist() == pytest.approx([0.0, 0.01, 0.02, 0.03, 0.04])
