import numpy as np

from stagescore.pose.coco import COCO_JOINTS, DERIVED, SAME, mpii_from_coco
from stagescore.skeleton import JOINTS


def test_twelve_joints_are_the_same_and_four_are_derived():
    assert len(SAME) == 12
    assert [JOINTS[m] for m, _ in SAME] == [COCO_JOINTS[c] for _, c in SAME]
    assert sorted([m for m, _ in SAME] + np.flatnonzero(DERIVED).tolist()) == list(range(16))


def test_derived_joints_lie_where_a_standing_person_has_them():
    places = {"nose": (50, 20), "ear": (50, 20), "eye": (50, 18), "shoulder": (50, 40), "hip": (50, 80)}
    coco = np.zeros((17, 3))
    for k, name in enumerate(COCO_JOINTS):
        side = -8 if name.startswith("left") else 8 if name.startswith("right") else 0
        coco[k] = (*np.add(places.get(name.split("_")[-1], (50, 100)), (side, 0)), 0.5 + 0.01 * k)
    mpii = mpii_from_coco(coco)
    pelvis, thorax, neck, top = (
        mpii[JOINTS.index(n)] for n in ("pelvis", "thorax", "upper_neck", "head_top")
    )
    np.testing.assert_allclose(pelvis[:2], (50, 80))
    np.testing.assert_allclose(thorax[:2], (50, 40))
    assert 20 < neck[1] < 40
    assert top[1] < 18
    assert pelvis[2] == coco[11, 2]
    assert top[2] == coco[0, 2]


def test_derived_joints_are_near_hand_made_ones(shared):
    """With COCO's joints taken from hand-made ones where both have them."""
    from stagescore.pose.formats import read_authors_json

    labels = read_authors_json(shared / "data" / "finediving_pose" / "annotations_examples.json")
    true = np.array([label.joints_px for label in labels])
    coco = np.ones((len(true), 17, 3))
    for m, c in SAME:
        coco[:, c, :2] = true[:, m]
    found = mpii_from_coco(coco)
    pelvis = JOINTS.index("pelvis")
    head = np.linalg.norm(true[:, 9] - true[:, 8], axis=-1)
    off = np.linalg.norm(found[:, pelvis, :2] - true[:, pelvis], axis=-1) / head
    assert np.median(off) < 0.3
