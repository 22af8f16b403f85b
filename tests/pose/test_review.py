from dataclasses import replace

import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.pose.formats import EmptyImage, LabelledImage
from stagescore.pose.review import decisions_of_csv, disagreements, disagreements_csv, merged
from stagescore.skeleton import COCO_17, MPII_16


def label(image="1.jpg", moved=None, box=(0.0, 0.0, 200.0, 200.0), unknown=()):
    joints = np.stack([10.0 * np.arange(16), np.full(16, 50.0)], axis=1)
    joints[9] = joints[8] + (0, 20)  # the head is 20 long: joints agree within 10
    for joint, shift in (moved or {}).items():
        joints[joint] += shift
    joints[list(unknown)] = np.nan
    return LabelledImage.with_box(image, box, joints, ~np.isnan(joints[:, 0]), (455, 256))


def test_disagreements_are_listed_joint_by_joint():
    a = [label(), label("2.jpg"), label("3.jpg")]
    b = [
        label(moved={0: (0, 9), 4: (0, 12)}),
        label("2.jpg", unknown=(5,), box=(100.0, 100, 300, 250)),
        label("4.jpg"),
    ]
    found = [(d.image, d.thing, d.distance_px) for d in disagreements(a, b)]
    assert found == [
        ("1.jpg", MPII_16.joints[4], 12.0),
        ("2.jpg", "box", None),
        ("2.jpg", MPII_16.joints[5], None),
        ("3.jpg", "image", None),
        ("4.jpg", "image", None),
    ]
    assert not disagreements(a, a)


def test_a_joint_that_only_one_calls_visible_is_a_disagreement():
    other = replace(label(), visible=np.arange(16) != 6)
    assert [d.thing for d in disagreements([label()], [other])] == ["pelvis"]


@pytest.mark.parametrize(
    ("decision", "place"),
    [
        ("a", (40, 50)),
        ("b", (40, 62)),
        ("mean", (40, 56)),
        ("unknown", (np.nan, np.nan)),
        ("33.5 7", (33.5, 7)),
    ],
)
def test_what_was_decided_is_merged(decision, place):
    a, b = [label()], [label(moved={4: (0, 12), 0: (0, 3)})]
    (result,) = merged(a, b, disagreements(a, b), {("1.jpg", MPII_16.joints[4]): decision})
    np.testing.assert_allclose(result.joints_px[4], place)
    np.testing.assert_allclose(result.joints_px[0], (0, 50))  # where they agree, the first counts
    assert result.visible[4] == (decision != "unknown")


@pytest.mark.parametrize(
    ("decision", "certainty"), [("a", 0.75), ("b", 0.25), ("mean", 0.25), ("unknown", 0.0), ("33.5 7", 1.0)]
)
def test_the_confidence_of_a_joint_is_that_of_what_was_decided(decision, certainty):
    a = [replace(label(), confidence=np.full(16, 0.75))]
    b = [replace(label(moved={4: (0, 12)}), confidence=np.full(16, 0.25))]
    (result,) = merged(a, b, disagreements(a, b), {("1.jpg", MPII_16.joints[4]): decision})
    assert result.confidence is not None
    assert result.confidence.tolist() == [0.75] * 4 + [certainty] + [0.75] * 11


def test_labels_by_hand_have_no_confidence_until_a_joint_of_a_network_is_chosen():
    a, by_hand = [label()], [label(moved={4: (0, 12)})]
    of_network = [replace(by_hand[0], confidence=np.full(16, 0.25))]
    for other, decision, expected in (
        (by_hand, "b", None),
        (of_network, "a", None),
        (of_network, "b", [1.0] * 4 + [0.25] + [1.0] * 11),
    ):
        (result,) = merged(a, other, disagreements(a, other), {("1.jpg", MPII_16.joints[4]): decision})
        assert (None if result.confidence is None else result.confidence.tolist()) == expected


def test_boxes_and_images_are_decided_too():
    a = [label(), label("3.jpg")]
    b = [label(box=(100.0, 100, 300, 250)), label("4.jpg")]
    found = disagreements(a, b)
    keys = [d.key for d in found]
    result = merged(a, b, found, dict(zip(keys, ("mean", "b", "b"), strict=True)))
    assert [one.image for one in result] == ["1.jpg", "4.jpg"]
    assert result[0].box_px == (50, 50, 250, 225)


def test_nobody_and_not_looked_at_are_two_things():
    nobody = EmptyImage("1.jpg", (455, 256))
    assert not disagreements([nobody], [nobody])
    for other, word in (([label()], "labelled"), ([], "missing")):
        (found,) = disagreements([nobody], other)
        assert (found.thing, found.a, found.b) == ("image", "nobody", word)
        assert merged([nobody], other, [found], {found.key: "a"}) == [nobody]
        kept = merged([nobody], other, [found], {found.key: "b"})
        assert [one.image for one in kept] == [one.image for one in other]
    assert merged([nobody], [nobody], [], {}) == [nobody]


@pytest.mark.parametrize("decision", ["", "  ", "c", "1", "1 2 3", "nan 2"])
def test_what_is_undecided_or_makes_no_sense_is_refused(decision):
    a, b = [label()], [label(moved={4: (0, 12)})]
    with pytest.raises(DataError, match=r"undecided|the decision is"):
        merged(a, b, disagreements(a, b), {("1.jpg", MPII_16.joints[4]): decision})


def test_a_decision_about_nothing_is_refused():
    with pytest.raises(DataError, match="no such disagreement"):
        merged([label()], [label()], [], {("1.jpg", "pelvis"): "a"})


def test_the_table_comes_back_with_its_decisions(tmp_path):
    a, b = [label("a,b\n.jpg")], [label("a,b\n.jpg", moved={4: (0, 12), 11: (30, 0)})]
    found = disagreements(a, b)
    path = tmp_path / "table.csv"
    path.write_text(disagreements_csv(found))
    assert decisions_of_csv(path) == {one.key: "" for one in found}
    path.write_text("image,decision\nx,a\n")
    with pytest.raises(DataError, match="column"):
        decisions_of_csv(path)
    with pytest.raises(DataError, match="cannot read"):
        decisions_of_csv(tmp_path / "none.csv")


def test_decisions_stay_in_the_table_when_it_is_written_again(tmp_path):
    found = disagreements([label()], [label(moved={4: (0, 12), 5: (0, 30)})])
    decided = {("1.jpg", MPII_16.joints[4]): "b", ("1.jpg", MPII_16.joints[5]): "12 14"}
    path = tmp_path / "table.csv"
    path.write_text(disagreements_csv(found, decided))
    assert decisions_of_csv(path) == decided
    path.write_text(disagreements_csv(found, decided).replace(",", ";"), encoding="utf-16")
    assert decisions_of_csv(path) == decided


def test_a_place_outside_of_the_image_is_refused():
    a, b = [label()], [label(moved={4: (0, 12)})]
    with pytest.raises(DataError, match="outside"):
        merged(a, b, disagreements(a, b), {("1.jpg", MPII_16.joints[4]): "9999 9999"})


def test_labels_of_another_skeleton_are_reviewed_by_the_names_of_its_joints():
    def coco(**changes):
        joints = np.stack([10.0 * np.arange(17), np.full(17, 50.0)], axis=1)
        one = LabelledImage.with_box(
            "1.jpg", (0.0, 0.0, 200.0, 200.0), joints, np.ones(17, bool), (455, 256), skeleton=COCO_17
        )
        return replace(one, **changes)

    moved = coco().joints_px + np.where(np.arange(17)[:, None] == 0, 60.0, 0.0)
    first, second = coco(derived=("nose", "left_eye")), coco(joints_px=moved)
    found = disagreements([first], [second])
    assert [(one.thing, one.a) for one in found] == [("nose", "0.0 50.0")]
    (done,) = merged([first], [second], found, {("1.jpg", "nose"): "b"})
    np.testing.assert_array_equal(done.joints_px, moved)
    assert (done.skeleton, done.derived) == (COCO_17, ("left_eye",))
    with pytest.raises(
        DataError, match="the first annotator's labels have joints of mpii-16, these are of coco-17"
    ):
        disagreements([label()], [coco()])
