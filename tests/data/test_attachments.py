import makers
import numpy as np
import pytest
from PIL import Image

from stagescore.data.attachments import attach
from stagescore.data.findings import Labels
from stagescore.data.manifest import Manifest
from stagescore.errors import DataError


def silent(what, done, total):
    assert 1 <= done <= total


def labels(**changes):
    return Labels(Manifest((makers.dive(1, num_frames=3, transitions=(), label_changes=None, **changes),)))


def frames(tmp_path, numbers=(1, 2, 3), event="cup", name="{:05d}.jpg"):
    folder = tmp_path / "frames" / event / "1"
    folder.mkdir(parents=True)
    for number in numbers:
        Image.new("RGB", (8, 8)).save(folder / name.format(number))
    return folder


def look(tmp_path, **changes):
    return attach(labels(**changes), frames=tmp_path / "frames", poses=None, progress=silent)


def test_whole_frames_are_attached(tmp_path):
    folder = frames(tmp_path)
    found = look(tmp_path)
    assert found.findings == ()
    assert found.manifest["cup/1"].frames_path == str(folder)


def test_mtl_aqas_events_may_lack_the_zero(tmp_path):
    frames(tmp_path, event="1")
    assert look(tmp_path, event="01").findings == ()


def test_a_missing_folder_is_named(tmp_path):
    (tmp_path / "frames").mkdir()
    (finding,) = look(tmp_path).findings
    assert (finding.kind, finding.dive_id) == ("missing_frames", "cup/1")


def test_a_folder_without_images_is_named(tmp_path):
    frames(tmp_path, ())
    (finding,) = look(tmp_path).findings
    assert "no images" in finding.what


def test_a_gap_in_the_numbering_is_named(tmp_path):
    frames(tmp_path, (1, 2, 4))
    (finding,) = look(tmp_path).findings
    assert finding.kind == "frame_problems"
    assert "3 images are numbered 1 to 4" in finding.what


def test_another_number_of_frames_is_named(tmp_path):
    frames(tmp_path, (1, 2))
    (finding,) = look(tmp_path).findings
    assert "2 images, 3 labelled frames" in finding.what


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff\xe0"])
def test_a_damaged_first_image_is_named(tmp_path, content):
    (frames(tmp_path) / "00001.jpg").write_bytes(content)
    found = look(tmp_path).findings
    assert any("00001.jpg cannot be read" in finding.what for finding in found)
    assert any("1 images are empty" in finding.what for finding in found) == (content == b"")


def test_an_event_name_too_long_for_a_folder_is_named(tmp_path):
    (tmp_path / "frames").mkdir()
    found = attach(labels(event="x" * 300), frames=tmp_path / "frames", poses=tmp_path, progress=silent)
    assert {finding.kind for finding in found.findings} <= {
        "frame_problems",
        "pose_problems",
        "missing_frames",
        "missing_poses",
    }
    assert len(found.findings) == 2


@pytest.mark.parametrize("kind", ["frames", "poses"])
def test_a_folder_that_does_not_exist_is_an_error(tmp_path, kind):
    folders = {"frames": None, "poses": None} | {kind: tmp_path / "none"}
    with pytest.raises(DataError, match="no such folder"):
        attach(labels(), **folders, progress=silent)


def poses(tmp_path, **arrays):
    folder = tmp_path / "cup"
    folder.mkdir()
    np.savez(folder / "pred_comp_1.npz", **arrays)
    return attach(labels(), frames=None, poses=tmp_path, progress=silent)


def test_poses_are_attached(tmp_path):
    found = poses(tmp_path, pred=np.ones((96, 16, 3)))
    assert found.findings == ()
    assert found.manifest["cup/1"].poses_path == str(tmp_path / "cup" / "pred_comp_1.npz")


@pytest.mark.parametrize(
    "arrays", [{"pred": np.ones((95, 16, 2))}, {"pred": np.ones((96, 18, 2))}, {"x": np.ones(3)}]
)
def test_poses_that_cannot_be_used_are_named(tmp_path, arrays):
    assert [f.kind for f in poses(tmp_path, **arrays).findings] == ["pose_problems"]


def test_missing_poses_are_named(tmp_path):
    found = attach(labels(), frames=None, poses=tmp_path, progress=silent)
    assert [f.kind for f in found.findings] == ["missing_poses"]


def test_other_findings_and_the_overlap_are_kept(tmp_path):
    before = Labels(labels().manifest, overlap=("cup/1",))
    assert attach(before, frames=None, poses=tmp_path, progress=silent).overlap == ("cup/1",)


def test_hand_made_joints_are_counted_and_damaged_files_named(tmp_path, shared):
    real = shared / "data" / "finediving_pose" / "annotations_examples.json"
    (tmp_path / "a.json").write_bytes(real.read_bytes())
    (tmp_path / "b.json").write_text("{")
    found = attach(labels(), frames=None, poses=tmp_path, progress=silent)
    assert found.hand_labelled_images == 69
    assert [(f.kind, f.dive_id) for f in found.findings if f.kind == "pose_problems"] == [
        ("pose_problems", str(tmp_path / "b.json"))
    ]
