"""Hand-made labels in three forms: nothing is lost on the way round, and what is wrong is named."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.pose.formats import LabelledImage
from stagescore.pose.labelme import empty_labelme_json, labelme_json
from stagescore.pose.labels import as_bytes, read_labels, read_labels_and_empty, with_sizes, write_labels
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

FORMS = ("authors", "coco", "labelme")


def label(image="00001.jpg", seed=0, unknown=(), hidden=()):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 1, (16, 2)) * (455, 256)
    joints[list(unknown)] = np.nan
    visible = ~np.isnan(joints[:, 0])
    visible[list(hidden)] = False
    return LabelledImage.with_box(image, (10.5, 20.25, 200.0, 150.0), joints, visible, (455, 256))


def assert_same(a, b):
    assert (a.image, a.size_px) == (b.image, b.size_px)
    np.testing.assert_allclose(a.joints_px, b.joints_px, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(a.visible, b.visible)
    np.testing.assert_allclose(a.box_px, b.box_px, atol=1e-9)
    np.testing.assert_allclose(a.center_px, b.center_px, atol=1e-9)
    assert a.scale == pytest.approx(b.scale)


def place(tmp_path, form):
    return tmp_path / ("labels" if form == "labelme" else f"{form}.json")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.permutations(FORMS),
    st.integers(0, 99),
    st.sets(st.integers(0, 15), max_size=4),
    st.sets(st.integers(0, 15), max_size=4),
)
def test_round_trips_lose_nothing_whatever_the_order_of_forms(tmp_path, order, seed, unknown, hidden):
    labels = [label("00001.jpg", seed, unknown, hidden), label("00002.jpg", seed + 1)]
    now = labels
    for form in order:
        path = place(tmp_path, form)
        write_labels(path, now, form)
        now = read_labels(path)
    for before, after in zip(labels, now, strict=True):
        assert_same(before, after)


def test_the_real_hand_made_joints_survive_all_forms(shared, tmp_path):
    source = shared / "data" / "finediving_pose"
    before = read_labels(source / "annotations_examples.json")
    now = with_sizes(before, source / "frames")
    for form in ("labelme", "coco", "authors"):
        write_labels(place(tmp_path, form), now, form)
        now = read_labels(place(tmp_path, form))
    assert [n.image for n in now] == [b.image for b in before]
    for a, b in zip(before, now, strict=True):
        np.testing.assert_allclose(a.joints_px, b.joints_px, atol=1e-9)
        np.testing.assert_allclose(a.center_px, b.center_px, atol=1e-9)
        assert a.scale == pytest.approx(b.scale)
        assert b.size_px == (455, 256)


def labelme(tmp_path, change):
    content = labelme_json(label())
    change(content)
    path = tmp_path / "00001.json"
    path.write_text(json.dumps(content))
    return path


def _drop_last(content):
    content["shapes"].pop()


def _relabel(content):
    content["shapes"][5]["label"] = "nose"


def _twice(content):
    content["shapes"].append(content["shapes"][3])


def _sixteenth(content):
    content["shapes"][3]["label"] = "16"


def _outside(content):
    content["shapes"][4]["points"] = [[456.0, 3.0]]


def _two_boxes(content):
    content["shapes"].append(content["shapes"][0])


def _no_box(content):
    content["shapes"].pop(0)


def _polygon(content):
    content["shapes"][2]["shape_type"] = "polygon"


def _nan(content):
    content["shapes"][2]["points"] = [[float("nan"), 1.0]]


def _no_size(content):
    content["imageWidth"] = None


def _no_shapes(content):
    del content["shapes"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop_last, r"15 of 16 points.*missing: 15 \(left_wrist\)"),
        (_relabel, "labelled 'nose'"),
        (_twice, "point 2 is there twice"),
        (_sixteenth, "labelled '16'"),
        (_outside, r"joint 3 \(left_hip\) at 456, 3 lies outside"),
        (_two_boxes, "two rectangles"),
        (_no_box, "no rectangle"),
        (_polygon, "a shape is a polygon"),
        (_nan, "no numbers"),
        (_no_size, "size is missing"),
        (_no_shapes, "no "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_in_a_file_of_labelme_is_named(tmp_path, change, words):
    path = labelme(tmp_path, change)
    with pytest.raises(DataError, match=words) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)


def test_labelme_takes_names_and_numbers_and_a_point_that_is_said_to_be_unknown(tmp_path):
    def change(content):
        for shape in content["shapes"][1:]:
            shape["label"] = MPII_16.joints[int(shape["label"])].replace("_", "-").upper()
        content["shapes"].pop(8)
        content["flags"]["unknown 7"] = True

    (read,) = read_labels(labelme(tmp_path, change))
    assert np.flatnonzero(~read.known).tolist() == [7]


def test_an_image_without_a_diver_goes_round_as_such(tmp_path):
    (tmp_path / "1.json").write_bytes(as_bytes(empty_labelme_json("1.jpg", (455, 256))))
    (tmp_path / "2.json").write_bytes(as_bytes(labelme_json(label("2.jpg"))))
    assert [one.image for one in read_labels(tmp_path)] == ["2.jpg"]
    for form in ("coco", "labelme"):
        labels, empty = read_labels_and_empty(tmp_path)
        assert [(one.image, one.size_px) for one in empty] == [("1.jpg", (455, 256))]
        path = place(tmp_path / "again", form)
        write_labels(path, labels, form, empty)
        assert read_labels_and_empty(path)[1] == empty
        assert len(read_labels(path)) == 1


def test_images_of_one_name_in_several_folders_have_files_of_their_own(tmp_path):
    for images in (["a/1.jpg", "b/1.jpg"], ["1.png", "1.jpg"]):
        path = tmp_path / images[0].replace("/", "-")
        write_labels(path, [label(image) for image in images], "labelme")
        assert sorted(one.image for one in read_labels(path)) == sorted(images)


def test_a_box_of_somebody_else_is_refused(tmp_path):
    def change(content):
        content["shapes"][0]["label"] = "spectator"

    with pytest.raises(DataError, match="spectator"):
        read_labels(labelme(tmp_path, change))


def test_a_joint_left_of_an_image_of_unknown_size_is_refused(tmp_path):
    path = place(tmp_path, "authors")
    write_labels(path, [label()], "authors")
    content = json.loads(path.read_text())
    del content[0]["size"]
    content[0]["joints"][3] = [-500, 20]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="outside"):
        read_labels(path)


def coco(tmp_path, change=lambda content: None):
    path = tmp_path / "coco.json"
    write_labels(path, [label("1.jpg"), label("2.jpg", 1)], "coco")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_joints_in_another_order_are_put_in_ours_by_name(tmp_path):
    order = np.random.default_rng(0).permutation(16)

    def change(content):
        content["categories"][0]["keypoints"] = [MPII_16.joints[k] for k in order]
        for annotation in content["annotations"]:
            points = np.array(annotation["keypoints"]).reshape(16, 3)
            annotation["keypoints"] = points[order].ravel().tolist()

    for a, b in zip([label("1.jpg"), label("2.jpg", 1)], read_labels(coco(tmp_path, change)), strict=True):
        assert_same(a, b)


def _wrong_name(content):
    content["categories"][0]["keypoints"][2] = "tail"


def _fifteen(content):
    content["annotations"][0]["keypoints"] = content["annotations"][0]["keypoints"][:45]


def _two_people(content):
    content["annotations"][1]["image_id"] = 1


def _point_outside(content):
    content["images"][1]["width"] = 20


def _not_a_number(content):
    content["annotations"][0]["keypoints"][3 * 2 : 3 * 3] = [5.0, float("nan"), 2]


def _a_word(content):
    content["annotations"][0]["keypoints"][0] = "left"


def _box_not_a_number(content):
    content["annotations"][0]["bbox"][0] = float("inf")


def _no_keypoints(content):
    del content["annotations"][0]["keypoints"]


def _no_category(content):
    content["categories"][0]["keypoints"] = []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_wrong_name, "missing: right_hip; unknown: tail"),
        (_fifteen, "15 points, not 16"),
        (_two_people, "two people"),
        (_point_outside, "outside"),
        (_not_a_number, "annotation 1: joint 2 .right_hip. has nan, which is not a number"),
        (_a_word, "annotation 1: joint 0 .right_ankle. has left, which is not a number"),
        (_box_not_a_number, "annotation 1: its `bbox`"),
        (_no_keypoints, "keypoints"),
        (_no_category, "no category"),
        (lambda content: content.clear(), "no COCO file"),
    ],
    ids=range(10),
)
def test_what_is_wrong_in_a_coco_file_is_named(tmp_path, change, words):
    with pytest.raises(DataError, match=words) as caught:
        read_labels(coco(tmp_path, change))
    assert "coco.json" in str(caught.value)


def test_an_image_labelled_twice_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no JSON"):
        read_labels(tmp_path)
    path = tmp_path / "a.json"
    write_labels(path, [label(), label()], "authors")
    with pytest.raises(DataError, match="labelled twice"):
        read_labels(path)


def test_sizes_that_nobody_knows_are_asked_for(tmp_path):
    with pytest.raises(DataError, match="size"):
        write_labels(tmp_path / "x.json", [replace(label(), size_px=None)], "coco")


def test_an_npz_keeps_unknown_joints_and_marks_what_was_filled(tmp_path):
    rng = np.random.default_rng(0)
    joints, sure = rng.uniform(0, 300, (5, 16, 2)), rng.uniform(0, 1, (5, 16))
    joints[2, 3], sure[2, 3] = np.nan, 0
    filled = rng.random((5, 16)) > 0.7
    given = PoseTrack(joints, sure, filled, derived=("pelvis",))
    content = npz_bytes(given, ~filled)
    path = tmp_path / "pred_comp_x.npz"
    path.write_bytes(content)
    track = read_npz(path)
    np.testing.assert_allclose(track.joints_px, joints, rtol=1e-6)
    np.testing.assert_allclose(track.confidence, sure, rtol=1e-6)
    np.testing.assert_array_equal(track.filled, filled)
    assert not track.known[2, 3]
    with np.load(path) as archive:
        assert sorted(archive) == ["derived", "filled", "measured", "pred"]
        assert archive["pred"].shape == (5, 16, 3)
    assert track.derived == ("pelvis",)
    assert npz_bytes(given, ~filled) == content
