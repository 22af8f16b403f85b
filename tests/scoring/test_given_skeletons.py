"""Poses that are given in other forms and skeletons: the same joints give the same score, and what is derived is said."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.data.decoded_clip import decode
from stagescore.data.preprocessing import framed_joints
from stagescore.errors import DataError
from stagescore.media.film_writing import write_film
from stagescore.media.source import open_media
from stagescore.pose.formats import EmptyImage, LabelledImage
from stagescore.pose.labels import Form, read_labels, read_labels_and_empty, write_labels
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import given_poses
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer
from stagescore.skeleton import COCO_17, HALPE_26, MPII_16, OPENPOSE_25, Skeleton
from stagescore.skeleton_mapping import SkeletonMapping
from stagescore.types import Dive, PoseTrack


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    loaded = made_scorer.scorer(tmp_path_factory)
    loaded.flights = made_scorer.GivenFlight()
    return loaded


@pytest.fixture
def dive(tmp_path_factory: pytest.TempPathFactory) -> Dive:
    return stored_dives.dives(tmp_path_factory)[0]


def track_of(dive: Dive) -> PoseTrack:
    """The dive's joints, a row for each frame."""
    media = open_media(str(dive.frames_path))
    return given_poses(Path(str(dive.poses_path)), media, 0, media.num_frames).track


def save(path: Path, track: PoseTrack) -> Path:
    path.write_bytes(npz_bytes(track, track.known))
    return path


def with_a_face(track: PoseTrack, skeleton: Skeleton) -> PoseTrack:
    """A track of another skeleton; nose and ears lie in the middle of the head."""
    way = SkeletonMapping(MPII_16, skeleton)
    found = way.joints(np.concatenate((track.joints_px, track.confidence[..., None]), axis=-1))
    neck, top = MPII_16.indices("upper_neck", "head_top")
    for joint in ("nose", "left_ear", "right_ear"):
        found[:, skeleton.index(joint), :2] = (track.joints_px[:, neck] + track.joints_px[:, top]) / 2
        found[:, skeleton.index(joint), 2] = track.confidence[:, [neck, top]].min(-1)
    return PoseTrack(found[..., :2], found[..., 2], skeleton=skeleton)


def without_times(result: Result) -> dict[str, Any]:
    return result.model_dump(mode="json", exclude={"timings"})


def images_of(path: Path, dive: Dive) -> tuple[list[LabelledImage], list[EmptyImage]]:
    """The rows of an npz as labels, named as the images of the dive."""
    media = open_media(str(dive.frames_path))
    size_px = (media.info.width_px, media.info.height_px)
    names = [image.stem for image in sorted(Path(str(dive.frames_path)).iterdir())]
    labels, empty = read_labels_and_empty(path)
    return (
        [replace(label, image=names[int(label.image)], size_px=size_px) for label in labels],
        [EmptyImage(names[int(one.image)], size_px) for one in empty],
    )


@pytest.mark.parametrize("form", ["openpose", "alphapose", "npz"])
def test_the_same_joints_give_the_same_result_whatever_their_form(
    scorer: Scorer, dive: Dive, tmp_path: Path, form: Form
) -> None:
    wanted = scorer.score(str(dive.frames_path), poses=save(tmp_path / "wanted.npz", track_of(dive)))
    assert wanted.status == "ok"
    labels, empty = images_of(tmp_path / "wanted.npz", dive)
    path = tmp_path / ("openpose" if form == "openpose" else f"x.{'npz' if form == 'npz' else 'json'}")
    write_labels(path, labels, form, empty)
    found = scorer.score(str(dive.frames_path), poses=path)
    assert without_times(found) == without_times(wanted)


@pytest.mark.parametrize("skeleton", [COCO_17, HALPE_26, OPENPOSE_25], ids=lambda one: one.name)
def test_poses_of_another_skeleton_are_mapped_and_the_result_says_what_was_derived(
    scorer: Scorer, dive: Dive, tmp_path: Path, skeleton: Skeleton
) -> None:
    given = with_a_face(track_of(dive), skeleton)
    scored = scorer.scored(str(dive.frames_path), poses=save(tmp_path / "poses.npz", given))
    assert scored.result.status == "ok" and scored.result.score is not None
    assert scored.result.modalities == ["video", "skeleton"]
    assert scored.poses is not None
    track = scored.poses.track
    assert track.skeleton == MPII_16 and track.derived == SkeletonMapping(skeleton, MPII_16).derived
    np.testing.assert_allclose(track.joints_px, read_npz(tmp_path / "poses.npz").mapped(MPII_16).joints_px)
    (told,) = [one for one in scored.result.warnings if skeleton.name in one]
    assert "Derived from others" in told and "upper neck" in told and "Unknown" not in told
    # The limbs are what they were, so that their angles are.
    plain = scorer.score(str(dive.frames_path), poses=save(tmp_path / "mpii.npz", track_of(dive)))
    assert plain.angles is not None and scored.result.angles is not None
    assert plain.angles.knee == scored.result.angles.knee


def test_joints_alone_may_be_of_another_skeleton(scorer: Scorer, dive: Dive, tmp_path: Path) -> None:
    path = save(tmp_path / "coco.npz", with_a_face(track_of(dive), COCO_17))
    info = open_media(str(dive.frames_path)).info
    result = scorer.score(path, size_px=(info.width_px, info.height_px), skeleton="coco-17")
    assert result.status == "ok" and result.modalities == ["skeleton"]
    refused = scorer.score(path, size_px=(info.width_px, info.height_px), skeleton="halpe-26")
    assert refused.reasons[0].code == "bad-poses"
    assert "halpe-26" in refused.reasons[0].text


def test_a_skeleton_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"h36m.*mpii-16, coco-17"):
        ScoreOptions(skeleton="h36m")


def test_what_no_joint_tells_of_stays_unknown(dive: Dive, tmp_path: Path) -> None:
    """COCO's limbs without a face: neck and head cannot be had."""
    media = open_media(str(dive.frames_path))
    path = save(tmp_path / "limbs.npz", track_of(dive).mapped(COCO_17))
    poses = given_poses(path, media, 0, media.num_frames)
    track = poses.track
    assert poses.warnings[0] == (
        "The poses have the joints of coco-17. Derived from others: pelvis, thorax. Unknown: upper neck, head top."
    )
    assert not track.known[:, MPII_16.indices("upper_neck", "head_top")].any()
    assert track.known[:, MPII_16.indices("pelvis", "thorax")].any()


def test_joints_that_the_file_itself_calls_derived_are_named(dive: Dive, tmp_path: Path) -> None:
    media = open_media(str(dive.frames_path))
    measured = track_of(dive)
    plain = given_poses(save(tmp_path / "plain.npz", measured), media, 0, media.num_frames)
    assert not any("mpii-16" in one for one in plain.warnings)
    path = save(tmp_path / "derived.npz", replace(measured, derived=("pelvis", "head_top")))
    told = [one for one in given_poses(path, media, 0, media.num_frames).warnings if "mpii-16" in one]
    assert told == ["The poses have the joints of mpii-16. Derived from others: pelvis, head top."]


def test_networks_refuse_joints_that_were_not_mapped(dive: Dive) -> None:
    track = track_of(dive).mapped(COCO_17)
    with pytest.raises(DataError, match="the network reads joints of mpii-16, these are of coco-17"):
        framed_joints(track, (320, 180), stored_dives.PREPROCESSING)


def test_stored_clips_hold_mpii_whatever_the_files_hold(dive: Dive, tmp_path: Path) -> None:
    wanted = decode(dive, stored_dives.PREPROCESSING, None).joints
    coco = save(tmp_path / "coco.npz", with_a_face(read_npz(Path(str(dive.poses_path))), COCO_17))
    found = decode(dive.with_changes(poses_path=str(coco)), stored_dives.PREPROCESSING, None).joints
    limbs = [index for index, joint in enumerate(MPII_16.joints) if joint in COCO_17.joints]
    np.testing.assert_allclose(found[:, :, limbs], wanted[:, :, limbs], atol=1e-5)


@pytest.mark.parametrize(
    "named", ["film_{:012d}", "{:d}.jpg", "{:05d}", "film00{:03d}.jpg", r"..\frames\{:05d}.JPG"]
)
def test_frames_of_a_film_are_found_by_the_numbers_that_programs_give_them(
    tmp_path: Path, named: str
) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (12, 32, 48, 3)).astype(np.uint8)
    write_film(tmp_path / "film.mp4", iter(pictures), 25.0)
    media = open_media(tmp_path / "film.mp4")
    joints = np.arange(12.0)[:, None, None] + np.ones((12, 17, 2))
    path = save(tmp_path / "poses.npz", PoseTrack(joints, np.ones((12, 17)), skeleton=COCO_17))
    labels = [replace(label, image=named.format(int(label.image))) for label in read_labels(path)]
    write_labels(tmp_path / "poses.json", labels, "alphapose")
    track = given_poses(tmp_path / "poses.json", media, 3, 10).track
    np.testing.assert_allclose(track.joints_px[:, 0, 0], np.arange(3.0, 10.0) + 1)
    other = [replace(label, image=f"other_{label.image}x.jpg") for label in labels]
    write_labels(tmp_path / "other.json", other, "alphapose")
    with pytest.raises(DataError, match="no joints of frames 3 to 9"):
        given_poses(tmp_path / "other.json", media, 3, 10)


def _two_clips(tmp_path: Path, folders: tuple[str, str]) -> Path:
    """Labels of two clips whose images have the same names, in the authors' form."""
    image = {"center": [20, 15], "scale": 0.1, "joints_vis": [1] * 16}
    entries = [
        image | {"image": rf"{folder}\Finediv{frame:05d}.JPG", "joints": [[place + frame, 9]] * 16}
        for place, folder in enumerate(folders, start=1)
        for frame in range(6)
    ]
    (tmp_path / "labels.json").write_text(json.dumps(entries))
    return tmp_path / "labels.json"


def test_images_of_another_system_are_matched_by_name_and_of_two_clips_by_folder(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for frame in range(6):
        Image.new("RGB", (48, 32)).save(tmp_path / "one" / f"finediv{frame:05d}.jpg")
    media = open_media(tmp_path / "one")
    for folders, place in ((("one", "two"), 1), (("two", "ONE"), 2)):
        track = given_poses(
            _two_clips(tmp_path, (rf"C:\x\{folders[0]}", rf"C:\{folders[1]}")), media, 0, 6
        ).track
        np.testing.assert_allclose(track.joints_px[:, 0, 0], np.arange(6.0) + place)
    with pytest.raises(DataError, match=r"are both frame 0"):
        given_poses(_two_clips(tmp_path, ("two", "three")), media, 0, 6)
