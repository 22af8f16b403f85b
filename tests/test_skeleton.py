"""Skeletons are consistent, and one's joints come from another's by names and stated rules."""

import numpy as np
import pytest

from stagescore.errors import ConfigError, DataError
from stagescore.pose.formats import read_authors_json
from stagescore.skeleton import COCO_17, HALPE_26, MPII_16, OPENPOSE_25, SKELETONS, Skeleton, skeleton_called
from stagescore.skeleton_mapping import SkeletonMapping
from stagescore.types import PoseTrack

ALL = list(SKELETONS.values())
PAIRS = [(one, other) for one in ALL for other in ALL]


def made(**changes):
    parts = {"name": "made", "joints": ("head", "left_hand", "right_hand"), "bones": (("head", "left_hand"),)}
    return Skeleton(**{**parts, **changes})


@pytest.mark.parametrize("skeleton", ALL, ids=lambda one: one.name)
def test_mirroring_exchanges_left_and_right_and_twice_is_nothing(skeleton):
    order = np.array(skeleton.flip_order)
    np.testing.assert_array_equal(order[order], np.arange(skeleton.num_joints))
    for joint, mirrored in zip(skeleton.joints, order, strict=True):
        assert skeleton.joints[mirrored] == joint.replace("left", "LEFT").replace("right", "left").replace(
            "LEFT", "right"
        )


@pytest.mark.parametrize("skeleton", ALL, ids=lambda one: one.name)
def test_bones_are_one_fewer_than_joints_in_each_connected_part_and_mirror_each_other(skeleton):
    part = {joint: {joint} for joint in skeleton.joints}
    for start, end in skeleton.bones:
        together = part[start] | part[end]
        for joint in together:
            part[joint] = together
    num_parts = len({frozenset(one) for one in part.values()})
    assert len(skeleton.bones) == skeleton.num_joints - num_parts
    bones = {frozenset(bone) for bone in skeleton.bone_indices}
    assert {frozenset(skeleton.flip_order[end] for end in bone) for bone in bones} == bones


def test_the_orders_are_those_of_the_public_definitions():
    """Some joints of each, at the numbers that the formats give them."""
    assert [COCO_17.joints[k] for k in (0, 5, 6, 15, 16)] == [
        "nose",
        "left_shoulder",
        "right_shoulder",
        "left_ankle",
        "right_ankle",
    ]
    assert [HALPE_26.joints[k] for k in (17, 18, 19, 20, 21, 22, 25)] == [
        "head_top",
        "neck",
        "pelvis",
        "left_big_toe",
        "right_big_toe",
        "left_small_toe",
        "right_heel",
    ]
    assert [OPENPOSE_25.joints[k] for k in (1, 4, 8, 11, 14, 15, 19, 21, 22, 24)] == [
        "neck",
        "right_wrist",
        "pelvis",
        "right_ankle",
        "left_ankle",
        "right_eye",
        "left_big_toe",
        "left_heel",
        "right_big_toe",
        "right_heel",
    ]
    blazepose = skeleton_called("blazepose-33")
    assert [
        blazepose.index(f"left_{joint}") for joint in ("shoulder", "wrist", "thumb", "hip", "foot_index")
    ] == [
        11,
        15,
        21,
        23,
        31,
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"joints": ()}, "it has no joints"),
        ({"joints": ("head", "head")}, "names one twice"),
        ({"joints": ("head", "left_hand")}, "left_hand has no right_hand"),
        ({"bones": (("head", "tail"),)}, "tail is not one of its joints"),
        ({"other_names": (("skull", "tail"),)}, "tail is not one of its joints"),
        (
            {"bones": (("head", "left_hand"), ("left_hand", "right_hand"), ("right_hand", "head"))},
            "right_hand to head closes a ring",
        ),
        ({"bones": (("head", "head"),)}, "closes a ring"),
        ({"mass_shares": (0.5, 0.5)}, "masses"),
        ({"mass_shares": (0.5, 0.3, 0.3)}, "masses"),
        ({"mass_shares": (1.5, -0.3, -0.2)}, "masses"),
    ],
    ids=range(10),
)
def test_a_skeleton_that_does_not_fit_together_says_so(changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        made(**changes)
    assert "skeleton made" in str(caught.value)


def test_unknown_names_of_joints_and_skeletons_name_the_choices():
    with pytest.raises(ConfigError, match=r"no joint tail.*right_ankle, right_knee"):
        MPII_16.index("tail")
    with pytest.raises(ConfigError, match=r"'h36m'.*mpii-16, coco-17"):
        skeleton_called("h36m")


def middle(pose, skeleton, *names):
    return sum(pose[skeleton.joints.index(name), :2] for name in names) / len(names)


def expected(pose, source, joint):
    """A joint as the documentation says that it comes about, one at a time."""
    if joint in source.joints:
        return pose[source.joints.index(joint)]
    hips, shoulders, face = (
        ("left_hip", "right_hip"),
        ("left_shoulder", "right_shoulder"),
        ("nose", "left_ear", "right_ear"),
    )
    rests_on = {
        "pelvis": hips,
        "thorax": shoulders,
        "neck": shoulders,
        "upper_neck": shoulders + face,
        "head_top": shoulders + face,
    }.get(joint, ())
    if not rests_on or not set(rests_on) <= set(source.joints):
        return np.array([np.nan, np.nan, 0])
    place = middle(pose, source, *(hips if joint == "pelvis" else shoulders))
    if joint in ("upper_neck", "head_top"):
        head = middle(pose, source, *face)
        neck = place + 0.35 * (head - place)
        place = neck if joint == "upper_neck" else head + (head - neck)
    return np.array([*place, min(pose[source.joints.index(name), 2] for name in rests_on)])


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda one: one.name)
def test_mapped_joints_are_what_a_plain_loop_gives(source, target):
    poses = np.random.default_rng(0).random((3, source.num_joints, 3))
    way = SkeletonMapping(source, target)
    found = way.joints(poses)
    for pose, mapped in zip(poses, found, strict=True):
        for index, joint in enumerate(target.joints):
            np.testing.assert_allclose(mapped[index], expected(pose, source, joint), err_msg=joint)
    copied = set(source.joints) & set(target.joints)
    assert sorted((*copied, *way.derived, *way.missing)) == sorted(target.joints)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda one: one.name)
def test_mirroring_before_is_mirroring_after(source, target):
    poses = np.random.default_rng(1).random((2, source.num_joints, 3))
    way = SkeletonMapping(source, target)
    before = way.joints(poses[:, list(source.flip_order)])
    np.testing.assert_allclose(before, way.joints(poses)[:, list(target.flip_order)])


def test_a_joint_is_unknown_and_marked_where_one_it_rests_on_is():
    joints, sure = np.random.default_rng(2).random((2, 17, 2)), np.full((2, 17), 0.8)
    left_hip, nose = COCO_17.index("left_hip"), COCO_17.index("nose")
    joints[0, left_hip], sure[0, left_hip] = np.nan, 0
    filled = np.zeros((2, 17), bool)
    filled[1, nose] = True
    track = PoseTrack(joints, sure, filled, COCO_17).mapped(MPII_16)
    assert MPII_16.named(~track.known[0]) == ("left_hip", "pelvis")
    assert track.filled is not None
    assert MPII_16.named(track.filled[1]) == ("upper_neck", "head_top")
    assert track.derived == ("pelvis", "thorax", "upper_neck", "head_top")
    assert track.confidence[1].tolist() == [0.8] * 16


def test_what_is_derived_stays_marked_when_it_is_copied_on():
    track = PoseTrack(np.ones((1, 17, 2)), np.ones((1, 17)), skeleton=COCO_17)
    there = track.mapped(MPII_16).mapped(HALPE_26)
    assert set(there.derived) == {"pelvis", "head_top", "neck"}
    assert not there.known[0, HALPE_26.index("nose")]
    assert there.mapped(HALPE_26) is there


def test_derived_joints_lie_where_a_standing_person_has_them():
    places = {"nose": (50, 20), "ear": (50, 20), "eye": (50, 18), "shoulder": (50, 40), "hip": (50, 80)}
    coco = np.ones((17, 3))
    for k, name in enumerate(COCO_17.joints):
        side = -8 if name.startswith("left") else 8 if name.startswith("right") else 0
        coco[k, :2] = np.add(places.get(name.split("_")[-1], (50, 100)), (side, 0))
    mpii = SkeletonMapping(COCO_17, MPII_16).joints(coco)
    pelvis, thorax, neck, top = MPII_16.indices("pelvis", "thorax", "upper_neck", "head_top")
    np.testing.assert_allclose(mpii[pelvis, :2], (50, 80))
    np.testing.assert_allclose(mpii[thorax, :2], (50, 40))
    assert 20 < mpii[neck, 1] < 40
    assert mpii[top, 1] < 18


def test_a_derived_pelvis_is_near_a_hand_made_one(shared):
    """With COCO's joints taken from hand-made ones where both have them."""
    labels = read_authors_json(shared / "data" / "finediving_pose" / "annotations_examples.json")
    true = np.array([label.joints_px for label in labels])
    coco = SkeletonMapping(MPII_16, COCO_17).joints(
        np.concatenate((true, np.ones((len(true), 16, 1))), axis=-1)
    )
    found = SkeletonMapping(COCO_17, MPII_16).joints(coco)
    pelvis, neck, top = MPII_16.indices("pelvis", "upper_neck", "head_top")
    head = np.linalg.norm(true[:, top] - true[:, neck], axis=-1)
    off = np.linalg.norm(found[:, pelvis, :2] - true[:, pelvis], axis=-1) / head
    assert np.median(off) < 0.3


def test_a_track_says_which_skeleton_it_needs():
    with pytest.raises(DataError, match=r"frames x 17 x 2.*coco-17"):
        PoseTrack(np.ones((1, 16, 2)), np.ones((1, 16)), skeleton=COCO_17)
    with pytest.raises(DataError, match="the network reads joints of mpii-16, these are of coco-17"):
        COCO_17.require(MPII_16, "the network")
    with pytest.raises(DataError, match="nose, which mpii-16 does not have"):
        PoseTrack(np.ones((1, 16, 2)), np.ones((1, 16)), derived=("nose",))
