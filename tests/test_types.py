import os
from itertools import pairwise

import makers
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.types import PoseTrack, Prediction, StageSpans

needs_checks = pytest.mark.skipif(os.environ.get("CHECK_SHAPES") != "1", reason="needs CHECK_SHAPES=1")
edges = st.lists(st.integers(1, 300), min_size=1, max_size=6, unique=True).map(lambda e: (0, *sorted(e)))


@given(edges)
def test_spans_tile_the_frames(edges):
    spans = StageSpans(edges)
    assert [f for a, b in spans.spans for f in range(a, b)] == list(range(spans.num_frames))
    assert spans.num_stages == len(spans.spans) == len(edges) - 1
    assert all(a < b for a, b in spans.spans)


@given(st.lists(st.integers(-5, 20), max_size=5))
def test_edges_are_accepted_only_where_every_stage_has_a_frame(edges):
    good = len(edges) >= 2 and edges[0] == 0 and all(a < b for a, b in pairwise(edges))
    if good:
        assert StageSpans(tuple(edges)).edges == tuple(edges)
    else:
        with pytest.raises(DataError):
            StageSpans(tuple(edges))


@given(st.integers(-2, 100), st.integers(-2, 100), st.integers(1, 100))
def test_a_transition_is_the_last_frame_of_the_earlier_stage(first, last, num_frames):
    if not 0 <= first < last < num_frames - 1:
        with pytest.raises(DataError):
            StageSpans.from_transitions((first, last), num_frames)
        return
    (a, b, c) = StageSpans.from_transitions((first, last), num_frames).spans
    assert a == (0, first + 1)
    assert b == (first + 1, last + 1)
    assert c == (last + 1, num_frames)


@given(edges, st.lists(st.integers(0, 299), min_size=1, max_size=120).map(sorted))
def test_resampled_stages_are_never_empty_and_true_where_frames_fall(edges, indices):
    spans = StageSpans(edges)
    indices = [min(index, spans.num_frames - 1) for index in indices]
    if len(indices) < spans.num_stages:
        with pytest.raises(DataError, match="cannot hold"):
            spans.resampled(indices)
        return
    again = spans.resampled(indices)
    assert again.num_stages == spans.num_stages
    assert again.num_frames == len(indices)
    assert all(a < b for a, b in again.spans)
    stage_of = [next(k for k, (a, b) in enumerate(spans.spans) if a <= index < b) for index in indices]
    assume(set(stage_of) == set(range(spans.num_stages)))
    for k, (a, b) in enumerate(again.spans):
        assert stage_of[a:b] == [k] * (b - a)


def test_a_stage_that_no_sampled_frame_falls_into_keeps_one():
    spans = StageSpans((0, 90, 91, 96))
    assert spans.resampled([0, 10, 20, 30]).edges == (0, 2, 3, 4)
    assert spans.resampled([93, 94, 95]).edges == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("transitions", "num_frames", "words"),
    [
        ((29, 65), 96, None),
        ((), 96, None),
        ((0, 94), 96, None),
        ((-1, 65), 96, "negative"),
        ((65, 29), 96, "do not increase"),
        ((29, 29), 96, "do not increase"),
        ((29, 95), 96, "outside"),
        ((29, 65), None, None),
    ],
)
def test_why_transitions_cannot_be_used(transitions, num_frames, words):
    dive = makers.dive(transitions=transitions, num_frames=num_frames, label_changes=None)
    problem = dive.transitions_problem
    assert (problem is None) if words is None else (words in problem)
    if words is not None or num_frames is None or len(transitions) < 2:
        assert dive.stages() is None


@given(st.lists(st.integers(-3, 120), max_size=5), st.none() | st.integers(1, 100))
def test_the_stages_of_any_labels_are_good_or_masked(transitions, num_frames):
    stages = makers.dive(transitions=tuple(transitions), num_frames=num_frames, label_changes=None).stages()
    if stages is not None:
        assert stages.edges == (0, transitions[0] + 1, transitions[-1] + 1, num_frames)


def test_the_first_and_the_last_of_many_transitions_are_used():
    assert makers.dive(transitions=(10, 20, 30, 40), num_frames=96).stages().edges == (0, 11, 41, 96)


@pytest.mark.parametrize(
    "changes",
    [
        {"score": float("nan")},
        {"score": float("inf")},
        {"score": -0.5},
        {"difficulty": 0.0},
        {"difficulty": float("nan")},
        {"marks": (7.0, float("nan"))},
        {"num_frames": 0},
        {"height_m": 0.0},
        {"event": "\udc80"},
        {"caption": "\ud800"},
    ],
    ids=str,
)
def test_a_dive_that_cannot_be_is_refused(changes):
    with pytest.raises(DataError) as caught:
        makers.dive(**changes)
    str(caught.value).encode()


def test_execution_is_score_by_difficulty():
    assert makers.dive(score=60.0, difficulty=3.0).execution == 20.0
    assert makers.dive(difficulty=None).execution is None


JOINTS = np.zeros((5, 16, 2))
SURE = np.ones((5, 16))


@needs_checks
def test_a_shape_or_type_that_is_not_the_signatures_is_caught():
    for joints, confidence in (
        (np.zeros((5, 17, 2)), SURE),
        (np.zeros((5, 16, 3)), SURE),
        (JOINTS, np.ones((4, 16))),
        (JOINTS.astype(int), SURE),
    ):
        with pytest.raises(Exception, match="Type-check error"):
            PoseTrack(joints, confidence)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_a_confidence_outside_0_to_1_is_refused(value):
    confidence = SURE.copy()
    confidence[2, 3] = value
    with pytest.raises(DataError, match="frame 2, joint 3"):
        PoseTrack(JOINTS, confidence)


def test_a_joint_without_coordinates_has_no_confidence():
    joints = JOINTS.copy()
    joints[1, 2, 0] = np.nan
    with pytest.raises(DataError, match="frame 1, joint 2"):
        PoseTrack(joints, SURE)
    confidence = SURE.copy()
    confidence[1, 2] = 0
    track = PoseTrack(joints, confidence)
    assert track.known.sum() == 5 * 16 - 1
    assert track.num_frames == 5


def test_a_prediction_is_the_mean_of_its_votes():
    assert Prediction(score=2.0, votes=(1.0, 3.0), exemplar_ids=("a", "b"), protocol="w/ DN").score == 2.0
    for score, votes, names in (
        (2.5, (1.0, 3.0), ("a", "b")),
        (2.0, (1.0, 3.0), ("a", "a")),
        (0.0, (), ()),
        (1.0, (1.0,), ("a", "b")),
    ):
        with pytest.raises(DataError):
            Prediction(score=score, votes=votes, exemplar_ids=names, protocol="w/ DN")


def test_tensor_nouns_refuse_branches_that_do_not_fit():
    torch = pytest.importorskip("torch")
    from stagescore.tensors import Comparison, DiveInputs, Features, StageFeatures

    yes, no = torch.ones(2, dtype=torch.bool), torch.zeros(2, dtype=torch.bool)
    seen = {"has_video": yes, "has_skeleton": yes}
    features = Features(static=torch.zeros(2, 96, 8), dynamic=torch.zeros(2, 96, 4), **seen)
    assert (features.num_dives, features.num_frames) == (2, 96)
    assert not features.masked(video=no, skeleton=yes).has_video.any()
    for make in (
        lambda: Features(**seen),
        lambda: Features(static=torch.zeros(2, 96, 8), dynamic=torch.zeros(2, 95, 4), **seen),
        lambda: Features(static=torch.zeros(2, 96, 8), has_video=no, has_skeleton=no),
        lambda: features.masked(video=no, skeleton=no),
        lambda: DiveInputs(has_video=yes, has_skeleton=no),
        StageFeatures,
        lambda: StageFeatures(fused=torch.zeros(2, 3, 5, 8), static=torch.zeros(2, 3, 4, 8)),
        lambda: Comparison(delta=torch.zeros(2), stage_deltas=torch.zeros(3, 3, 2)),
    ):
        # With shapes checked, it is the checker that speaks first.
        with pytest.raises(
            Exception, match=r"feature|Type-check|differences|neither video nor skeleton|none are given"
        ):
            make()


@needs_checks
def test_tensors_of_other_shapes_are_caught():
    torch = pytest.importorskip("torch")
    from stagescore.tensors import Features

    yes = torch.ones(2, dtype=torch.bool)
    with pytest.raises(Exception, match="Type-check error"):
        Features(static=torch.zeros(2, 96), has_video=yes, has_skeleton=yes)


def test_dives_that_lack_a_tensor_have_zeros_in_it_when_they_are_joined() -> None:
    import torch

    from stagescore.tensors import StageFeatures

    logits = torch.ones(1, 4)
    known = StageFeatures(static=torch.ones(1, 3, 5, 2), number_logits=logits)
    unknown = StageFeatures(static=torch.ones(2, 3, 5, 2))
    for parts, rows in (([known, unknown], [0]), ([unknown, known], [2])):
        together = StageFeatures.join(parts)
        assert together.num_dives == 3 and together.number_logits is not None
        expected = torch.zeros(3, 4)
        expected[rows] = 1.0
        assert torch.equal(together.number_logits, expected)
    fused = StageFeatures(fused=torch.ones(1, 3, 5, 2), has_fused=torch.tensor([False]))
    whole = StageFeatures(fused=torch.ones(1, 3, 5, 2))
    assert StageFeatures.join([whole, fused]).uses_fused.tolist() == [True, False]
