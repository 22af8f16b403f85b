"""Poses of every skeleton in every form: they go round, what is derived stays marked, what is wrong is named."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.errors import DataError
from stagescore.pose.coco_files import coco_json
from stagescore.pose.formats import EmptyImage, LabelledImage
from stagescore.pose.labels import (
    WITHOUT_EMPTY,
    read_labels,
    read_labels_and_empty,
    with_sizes,
    write_labels,
)
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.skeleton import BLAZEPOSE_33, COCO_17, HALPE_26, MPII_16, OPENPOSE_25, SKELETONS
from stagescore.types import PoseTrack

FORMS = ("authors", "coco", "labelme", "openpose", "alphapose", "npz")
FOLDERS = ("labelme", "openpose")
BY_HAND = ("authors", "coco", "labelme")
SIZE = (455, 256)


def label(skeleton, image="00000", seed=0, *, sure=True, hidden=(1,)):
    """A label with an unknown joint, hidden ones and, of a network, confidences."""
    rng = np.random.default_rng(seed)
    # Numbers that 32 bits hold, as an npz has them.
    joints = rng.integers(0, 1000, (skeleton.num_joints, 2)) * np.array(SIZE) / 1024
    confidence = rng.integers(1, 1024, skeleton.num_joints) / 1024
    joints[3], confidence[3] = np.nan, 0
    visible = ~np.isnan(joints[:, 0])
    visible[list(hidden)] = False
    return LabelledImage.with_box(
        image,
        (10.5, 20.25, 200.0, 150.0),
        joints,
        visible,
        SIZE,
        skeleton=skeleton,
        derived=(skeleton.joints[5],),
        confidence=confidence if sure else None,
    )


def place(tmp_path, form):
    return tmp_path / (form if form in FOLDERS else f"{form}.{'npz' if form == 'npz' else 'json'}")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda one: one.name)
def test_every_form_holds_every_skeleton(tmp_path, form, skeleton):
    hand_made = form == "labelme"  # which has no place for confidences
    before = [label(skeleton, f"{n:05d}", n, sure=not hand_made, hidden=(1, 2)) for n in range(3)]
    write_labels(place(tmp_path, form), before, form)
    after = read_labels(place(tmp_path, form))
    assert [one.image for one in after] == ["00000", "00001", "00002"]
    for a, b in zip(before, after, strict=True):
        assert (a.skeleton, a.derived) == (b.skeleton, b.derived)
        np.testing.assert_allclose(a.joints_px, b.joints_px, atol=1e-9)
        np.testing.assert_allclose(a.certainty, b.certainty, atol=1e-9)
        np.testing.assert_array_equal(a.visible, b.visible)


@pytest.mark.parametrize("form", [form for form in FORMS if form not in WITHOUT_EMPTY])
def test_a_frame_in_which_there_is_nobody_stays_one(tmp_path, form):
    write_labels(
        place(tmp_path, form),
        [label(COCO_17, "00000", sure=False, hidden=())],
        form,
        [EmptyImage("00001", SIZE)],
    )
    labels, empty = read_labels_and_empty(place(tmp_path, form))
    assert [one.image for one in labels] == ["00000"]
    assert [one.image for one in empty] == ["00001"]


def test_what_other_programs_expect_is_written(tmp_path):
    """The parts of each form that its definition names."""
    one = label(HALPE_26, "a.jpg")
    write_labels(tmp_path / "openpose", [one], "openpose")
    (person,) = json.loads((tmp_path / "openpose" / "a_keypoints.json").read_text())["people"]
    numbers = np.array(person["pose_keypoints_2d"]).reshape(26, 3)
    np.testing.assert_array_equal(numbers[3], 0)
    np.testing.assert_allclose(numbers[17, :2], one.joints_px[HALPE_26.index("head_top")])
    write_labels(tmp_path / "alphapose.json", [one], "alphapose")
    (entry,) = json.loads((tmp_path / "alphapose.json").read_text())
    assert (entry["image_id"], entry["category_id"], len(entry["keypoints"])) == ("a.jpg", 1, 78)
    assert 0 < entry["score"] < 1
    write_labels(tmp_path / "coco.json", [one], "coco")
    (category,) = json.loads((tmp_path / "coco.json").read_text())["categories"]
    assert category["keypoints"] == list(HALPE_26.joints)
    ankle_to_heel = [HALPE_26.index("left_ankle") + 1, HALPE_26.index("left_heel") + 1]
    assert ankle_to_heel in category["skeleton"]
    write_labels(tmp_path / "poses.npz", [one], "npz")
    with np.load(tmp_path / "poses.npz") as archive:
        assert archive["pred"].shape == (1, 26, 3)
        assert archive["joints"].tolist() == list(HALPE_26.joints)


def test_the_names_that_programs_give_to_joints_are_known(tmp_path):
    """MediaPipe's `MOUTH_LEFT`, Halpe's `Head`, `Neck` and `Hip`, in any order."""
    names = [joint.upper().replace("LEFT_MOUTH", "MOUTH_LEFT") for joint in BLAZEPOSE_33.joints]
    pred = np.random.default_rng(0).random((2, 33, 3))
    order = np.random.default_rng(1).permutation(33)
    np.savez(tmp_path / "mediapipe.npz", pred=pred[:, order], joints=np.array(names)[order])
    track = read_npz(tmp_path / "mediapipe.npz")
    assert track.skeleton == BLAZEPOSE_33
    np.testing.assert_allclose(track.joints_px, pred[..., :2])
    write_labels(tmp_path / "coco.json", [label(HALPE_26)], "coco")
    text = (tmp_path / "coco.json").read_text().replace('"head_top"', '"Head"').replace('"pelvis"', '"hip"')
    (tmp_path / "coco.json").write_text(text)
    assert read_labels(tmp_path / "coco.json")[0].skeleton == HALPE_26


def test_files_of_openpose_are_told_by_their_number_of_joints(tmp_path):
    for skeleton in (OPENPOSE_25, HALPE_26):  # the second is what Pose2Sim writes
        person = {
            "person_id": [-1],
            "pose_keypoints_2d": [3.0, 4.0, 0.9] * skeleton.num_joints,
            "hand_left_keypoints_2d": [],
        }
        path = tmp_path / "film_000000000012_keypoints.json"
        path.write_text(json.dumps({"version": 1.3, "people": [person]}))
        (read,) = read_labels(tmp_path)
        assert (read.image, read.skeleton) == ("film_000000000012", skeleton)
    nobody = {"person_id": [-1], "pose_keypoints_2d": [0] * 75}
    path.write_text(json.dumps({"version": 1.3, "people": [nobody]}))
    assert read_labels_and_empty(path) == ([], [EmptyImage("film_000000000012", None)])


def test_confidences_above_1_of_alphapose_count_as_1(tmp_path):
    path = tmp_path / "alphapose-results.json"
    path.write_text(json.dumps([{"image_id": "0.jpg", "keypoints": [3, 4, 3.5] * 17, "score": 2.9}]))
    (read,) = read_labels(path)
    assert read.certainty.tolist() == [1.0] * 17


def openpose(**person):
    return {"version": 1.3, "people": [{"pose_keypoints_2d": [1, 2, 0.5] * 25} | person]}


def alphapose(**entry):
    return [{"image_id": "0.jpg", "keypoints": [1, 2, 0.5] * 17} | entry]


HUGE = 10**400
WRONG = {
    "people that are none": ({"version": 1.3, "people": {}}, "no list `people`"),
    "a person that is none": ({"people": [3]}, r"person 0: it has no `pose_keypoints_2d`"),
    "an old version": ({"version": 0.1, "people": [{"pose_keypoints": [1] * 54}]}, "OpenPose 1.1 or later"),
    "two people": ({"people": openpose()["people"] * 2}, "2 people.*keep the diver alone"),
    "no joints": (openpose(pose_keypoints_2d=[]), "has 0 numbers"),
    "joints that are no list": (openpose(pose_keypoints_2d="1 2 3"), "no numbers"),
    "18 joints": (
        openpose(pose_keypoints_2d=[1, 2, 0.5] * 18),
        r"18 joints; give poses of mpii-16 \(16 joints\)",
    ),
    "a joint and a half": (openpose(pose_keypoints_2d=[1] * 74), "74 numbers, not three"),
    "nan": (
        openpose(pose_keypoints_2d=[float("nan"), 2, 0.5] * 25),
        "joint 0 .nose. has nan, which is not a number",
    ),
    "infinite": (
        openpose(pose_keypoints_2d=[1, float("inf"), 0.5] * 25),
        "joint 0 .nose. has inf, which is not a number",
    ),
    "huge": (openpose(pose_keypoints_2d=[1e30, 2, 0.5] * 25), "no place in a picture"),
    "huger than a float": (openpose(pose_keypoints_2d=[HUGE, 2, 0.5] * 25), "joint 0 .nose. has"),
    "words": (
        openpose(pose_keypoints_2d=["1", "2", "0.5"] * 25),
        "joint 0 .nose. has 1, which is not a number",
    ),
    "true": (
        openpose(pose_keypoints_2d=[True, 2, 0.5] * 25),
        "joint 0 .nose. has True, which is not a number",
    ),
    "less than nothing": (openpose(pose_keypoints_2d=[1, 2, -0.5] * 25), "no confidence"),
    "derived from nowhere": (openpose(derived=["tail"]), "`derived` is no list of joints of openpose-25"),
    "hidden nowhere": (openpose(hidden="nose"), "`hidden` is no list of joints of openpose-25"),
    "an empty list": ([], "its list is empty"),
    "an entry that is none": ([*alphapose(), 3], "entry 1: an entry names no image"),
    "no image": (alphapose(image_id=None), "names no image"),
    "no keypoints": ([{"image_id": "0.jpg", "bodies": []}], "no `keypoints`"),
    "two in an image": (alphapose() * 2, "2 people are in 0.jpg"),
    "20 joints": (alphapose(keypoints=[1, 2, 0.5] * 20), r"20 joints.*coco-17 \(17 joints\)"),
    "a number": (3, "no list"),
    "nothing": (None, "no list"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_in_a_file_is_named(tmp_path, name):
    content, words = WRONG[name]
    path = tmp_path / "x_keypoints.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=words) as caught:
        read_labels(path)
    assert "x_keypoints.json" in str(caught.value)
    assert caught.value.todo


def test_the_user_says_what_the_joints_are_and_the_file_must_agree(tmp_path):
    for form in FORMS:
        write_labels(place(tmp_path, form), [label(COCO_17)], form)
        assert read_labels(place(tmp_path, form), COCO_17)[0].skeleton == COCO_17
        with pytest.raises(DataError, match="halpe-26"):
            read_labels(place(tmp_path, form), HALPE_26)
    flagged = place(tmp_path, "labelme")
    with pytest.raises(
        DataError, match="its flag says coco-17, and --skeleton halpe-26; leave --skeleton out"
    ):
        read_labels(flagged, HALPE_26)


def test_points_of_labelme_are_those_that_the_user_says(tmp_path):
    write_labels(tmp_path, [label(COCO_17)], "labelme")
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    del content["flags"]["skeleton coco-17"]
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"labelled 'nose', which mpii-16 does not have.*--skeleton"):
        read_labels(tmp_path)
    assert read_labels(tmp_path, COCO_17)[0].skeleton == COCO_17
    content["flags"]["skeleton h36m"] = True
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="h36m for a skeleton; choose one of mpii-16"):
        read_labels(tmp_path)


def test_a_flag_that_only_begins_like_that_of_the_skeleton_is_no_skeleton(tmp_path):
    write_labels(tmp_path, [label(COCO_17)], "labelme")
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    content["flags"]["skeleton_checked"] = True
    path.write_text(json.dumps(content))
    assert read_labels(tmp_path)[0].skeleton == COCO_17


def change_of_coco(change):
    """A COCO file with a labelled and an empty image and a category without keypoints, with one change."""
    content = coco_json([label(COCO_17, "a.jpg")], empty=[EmptyImage("b.jpg", SIZE)])
    content["categories"].append({"id": 2, "name": "board"})
    content["annotations"].append({"id": 2, "category_id": 2, "image_id": 1})
    change(content)
    return content


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["images"][1].pop("file_name"),
        lambda content: content["images"][1].update(width="x"),
        lambda content: content["images"][1].update(height=float("inf")),
        lambda content: content["annotations"][1].pop("image_id"),
        lambda content: content["annotations"][1].update(image_id=[]),
    ],
    ids=["no name", "a word", "infinite", "no image", "a list"],
)
def test_what_is_wrong_with_an_image_without_a_diver_is_said_in_words(tmp_path, change):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(change_of_coco(lambda content: None)))
    labels, empty = read_labels_and_empty(path)
    assert ([one.image for one in labels], empty) == (["a.jpg"], [EmptyImage("b.jpg", SIZE)])
    path.write_text(json.dumps(change_of_coco(change)))
    with pytest.raises(DataError, match=r"coco\.json: a field is missing or is no number"):
        read_labels(path)


BROKEN_NPZ = {
    "18 joints": ({"pred": np.ones((2, 18, 3))}, "18 joints; give poses of mpii-16"),
    "no joints": ({"pred": np.ones((2, 0, 3))}, "0 joints"),
    "names of others": ({"pred": np.ones((2, 17, 3)), "joints": np.array(["tail"] * 17)}, "unknown: tail"),
    "too few names": ({"pred": np.ones((2, 17, 3)), "joints": np.array(["nose"])}, "for 17 joints"),
    "numbers for names": ({"pred": np.ones((2, 17, 3)), "joints": np.arange(17)}, "`joints` is int64"),
    "a name twice": (
        {"pred": np.ones((2, 17, 3)), "joints": np.array([*COCO_17.joints[:16], "nose"])},
        "missing: right_ankle",
    ),
    "marks of another shape": (
        {"pred": np.ones((2, 17, 3)), "derived": np.ones((2, 16), bool)},
        "`derived` has shape",
    ),
}


@pytest.mark.parametrize("name", BROKEN_NPZ)
def test_what_is_wrong_in_an_npz_is_named(tmp_path, name):
    arrays, words = BROKEN_NPZ[name]
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=words) as caught:
        read_npz(tmp_path / "x.npz")
    assert "x.npz" in str(caught.value)


def test_an_npz_of_mpii_is_what_it_was(tmp_path):
    """No names: the released files have none, and others may not know them."""
    track = PoseTrack(np.ones((2, 16, 2)), np.ones((2, 16)))
    (tmp_path / "x.npz").write_bytes(npz_bytes(track, track.known))
    with np.load(tmp_path / "x.npz") as archive:
        assert sorted(archive) == ["derived", "filled", "measured", "pred"]


def test_labels_of_two_skeletons_do_not_go_into_one_file(tmp_path):
    with pytest.raises(
        DataError, match=r"b: the images before it have joints of coco-17, these are of halpe-26"
    ):
        write_labels(tmp_path / "x.npz", [label(COCO_17, "a"), label(HALPE_26, "b")], "npz")


def test_a_joint_outside_of_its_image_is_refused_before_it_is_written(tmp_path):
    outside = label(COCO_17, sure=True)
    outside.joints_px[4] = (-3.0, 5.0)
    for form in BY_HAND:
        with pytest.raises(DataError, match=r"joint 4 \(right_ear\) at -3, 5 lies outside"):
            write_labels(place(tmp_path, form), [outside], form)
    write_labels(place(tmp_path, "npz"), [outside], "npz")  # networks do give such places
    assert read_labels(place(tmp_path, "npz"))[0].joints_px[4, 0] == -3


@pytest.mark.parametrize("form", BY_HAND)
def test_a_derived_joint_may_lie_outside_of_its_image(tmp_path, form):
    """The top of the head of somebody whose face is at the upper edge; what it rests on is inside."""
    one = replace(label(COCO_17, sure=False, hidden=()), derived=())
    for joint, (x, y) in {"nose": (50, 2), "left_ear": (54, 1), "right_ear": (46, 1)}.items():
        one.joints_px[COCO_17.index(joint)] = x, y
    one.joints_px[COCO_17.indices("left_shoulder", "right_shoulder")] = (60, 40), (40, 40)
    write_labels(tmp_path / "x.npz", [one], "npz")
    words = ["annotate", "convert", str(tmp_path / "x.npz"), "--to", form, "--map-to", "mpii-16"]
    Image.new("RGB", SIZE).save(tmp_path / "00000.png")
    done = CliRunner().invoke(app, [*words, "--images", str(tmp_path), "--out", str(place(tmp_path, form))])
    assert done.exit_code == 0, done.output
    (read,) = read_labels(place(tmp_path, form))
    top = MPII_16.index("head_top")
    assert "head_top" in read.derived
    assert read.joints_px[top, 1] < 0


def test_rows_of_an_npz_are_in_the_order_of_the_frames(tmp_path):
    labels = [label(COCO_17, f"{n}.jpg", n) for n in (10, 2, 1)]
    write_labels(tmp_path / "x.npz", labels, "npz")
    found = read_npz(tmp_path / "x.npz").joints_px
    for row, one in zip(found, reversed(labels), strict=True):
        np.testing.assert_allclose(row, one.joints_px)


def test_images_are_found_by_the_number_that_a_form_calls_them(tmp_path):
    Image.new("RGB", SIZE).save(tmp_path / "00000.png")
    write_labels(tmp_path / "x.npz", [label(COCO_17)], "npz")
    (sized,) = with_sizes(read_labels(tmp_path / "x.npz"), tmp_path)
    assert (sized.image, sized.size_px) == ("00000.png", SIZE)
    assert with_sizes([EmptyImage("00000", None)], tmp_path) == [EmptyImage("00000.png", SIZE)]


def test_mapped_labels_mark_what_is_derived_and_hide_what_rests_on_hidden_joints():
    one = replace(label(COCO_17, hidden=(COCO_17.index("left_hip"),)), derived=())
    mapped = one.mapped(MPII_16)
    assert mapped.derived == ("pelvis", "thorax", "upper_neck", "head_top")
    # Joint 3, the left ear, is unknown.
    assert MPII_16.named(~mapped.known) == ("upper_neck", "head_top")
    assert MPII_16.named(~mapped.visible) == ("left_hip", "pelvis", "upper_neck", "head_top")
    assert mapped.certainty[MPII_16.index("pelvis")] == min(one.certainty[[11, 12]])


def test_the_command_converts_maps_and_says_what_is_derived(tmp_path):
    write_labels(tmp_path / "openpose", [replace(label(OPENPOSE_25, hidden=()), derived=())], "openpose")
    words = [
        "annotate",
        "convert",
        str(tmp_path / "openpose"),
        "--out",
        str(tmp_path / "x.npz"),
        "--to",
        "npz",
    ]
    done = CliRunner().invoke(app, [*words, "--map-to", "mpii-16", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["skeleton"], told["derived"]) == ("mpii-16", ["thorax", "upper_neck", "head_top"])
    track = read_npz(tmp_path / "x.npz")
    assert (track.skeleton, track.derived) == (MPII_16, ("thorax", "upper_neck", "head_top"))
    done = CliRunner().invoke(app, [*words[:-1], "alphapose", "--map-to", "coco-17"])
    assert done.exit_code == 0
    assert "unknown" not in done.stderr  # OpenPose has all of COCO's joints
    done = CliRunner().invoke(app, [*words, "--map-to", "blazepose-33"])
    assert "unknown: left_eye_inner" in done.stderr
    for option in ("--map-to", "--skeleton"):
        done = CliRunner().invoke(app, [*words, option, "h36m"])
        assert done.exit_code == 1
        assert "mpii-16, coco-17" in done.stderr


def places(content, before=()):
    """The way to every part of a JSON file."""
    yield before
    for key in (
        content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    ):
        yield from places(content[key], (*before, key))


def spoiled(content, way, junk):
    """The same content with one part of it exchanged."""
    if not way:
        return junk
    content[way[0]] = spoiled(content[way[0]], way[1:], junk)
    return content


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in FORMS if form != "npz"])
@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda one: one.name)
def test_a_file_with_anything_in_it_is_read_or_refused_in_words(tmp_path, form, skeleton):
    path = place(tmp_path, form)
    labels = [label(skeleton, f"{n:05d}", n, hidden=()) for n in range(2)]
    write_labels(path, labels, form, [EmptyImage("00002", SIZE)])
    file = min(path.iterdir()) if path.is_dir() else path
    text = file.read_text()
    ways = list(places(json.loads(text)))
    junk = [
        None,
        True,
        -1,
        0,
        1e300,
        float("nan"),
        HUGE,
        "",
        "x",
        [],
        {},
        [[]],
        [None],
        {"a": 1},
        "\ud800",
        [1] * 51,
    ]
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        way, part = ways[random.integers(len(ways))], junk[random.integers(len(junk))]
        file.write_text(json.dumps(spoiled(json.loads(text), way, part)))
        try:
            read_labels_and_empty(path)
        except DataError as error:
            refused += 1
            assert error.what and error.where and error.todo
    assert refused > 100
