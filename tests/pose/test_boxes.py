import numpy as np

from stagescore.pose.boxes import Detections, box_iou, suppressed


def test_box_iou_equals_counted_pixels():
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 30, (40, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1) + 1], axis=1).astype(float)
    drawn = np.zeros((40, 32, 32), bool)
    for k, (left, top, right, bottom) in enumerate(boxes.astype(int)):
        drawn[k, top:bottom, left:right] = True
    wanted = [(drawn[0] & other).sum() / (drawn[0] | other).sum() for other in drawn]
    np.testing.assert_allclose(box_iou(boxes[0], boxes), wanted)
    assert 0 < np.mean(wanted) < 1


def test_suppression_leaves_nobody_twice_and_nobody_out():
    rng = np.random.default_rng(2)
    corner = rng.uniform(0, 60, (50, 2))
    found = Detections(np.concatenate([corner, corner + rng.uniform(5, 25, (50, 2))], axis=1), rng.random(50))
    left = suppressed(found, 0.4)
    for k, box in enumerate(left.boxes_px):
        assert np.sum(box_iou(box, left.boxes_px) > 0.4) == 1, k
    for box, sure in zip(found.boxes_px, found.confidence, strict=True):
        near = box_iou(box, left.boxes_px) > 0.4
        assert (near & (left.confidence >= sure)).any()


def test_unusable_boxes_are_left_out():
    boxes = np.array([[0.0, 0, 5, 5], [5, 5, 0, 0], [np.nan, 0, 1, 1], [0, 0, 9, 9]])
    assert Detections(boxes, np.array([0.5, 0.9, 0.9, 0.1])).above(0.2).boxes_px.tolist() == [[0, 0, 5, 5]]
