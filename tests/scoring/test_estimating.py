"""From what a network says to a score: votes, difficulties, options, and angles, each against a plain twin."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.data.score_prior import Expectation
from stagescore.errors import CheckpointError
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import predictor_of
from stagescore.scoring.angles import angle_at, angle_at_entry, angles_of
from stagescore.scoring.blending import blended
from stagescore.scoring.dive_number import Hypothesis
from stagescore.scoring.estimating import exemplar_votes, mean_difficulty, query_of
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack
from stagescore.weights.checkpoint import load_weights


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> ScoringNetwork:
    return made_scorer.scorer(tmp_path_factory).scoring_networks[0]


@pytest.mark.parametrize("executes", [False, True])
def test_the_parts_of_a_vote_are_scaled_by_the_slope_and_its_base_by_both_difficulties(
    network: ScoringNetwork, executes: bool
) -> None:
    bank = network.exemplars
    query = query_of("ab" * 32, ScoreOptions(), 2.5)
    task = PredictionTask(protocol="w/o DN", num=3, execution=executes)
    predicted = predictor_of(network.model, task, bank).predict(
        query, [bank.stages.select(bank.rows(bank.dives[:1]))]
    )
    votes = exemplar_votes(predicted, bank, execution=executes, slope=0.5)
    assert len(votes) == 3
    for k, vote in enumerate(votes):
        (row,) = [row for row, dive in enumerate(bank.dives) if dive.dive_id == vote.dive_id]
        exemplar = bank.dives[row]
        assert exemplar.difficulty is not None
        base = 2.5 * exemplar.score / exemplar.difficulty if executes else exemplar.score
        parts = predicted.stage_deltas[k].double().numpy()
        assert vote.score == pytest.approx(base)
        np.testing.assert_allclose(vote.stage_deltas, 0.5 * parts)
        assert vote.delta == pytest.approx(0.5 * parts.sum()) and vote.vote == pytest.approx(
            vote.score + vote.delta
        )
        assert vote.edges == bank.edges[row].tolist() and vote.dive_number == exemplar.dive_number


def test_exemplars_are_chosen_by_the_film_and_not_by_its_name() -> None:
    one, same, other = (query_of(sha256 * 32, ScoreOptions(), None) for sha256 in ("ab", "ab", "cd"))
    assert one == same and one.dive_id != other.dive_id
    assert one.recording == "sha256:" + "ab" * 32
    known = query_of("ab" * 32, ScoreOptions(dive_number="407c", height_m=10), 3.2)
    assert (known.dive_number, known.height_m, known.difficulty) == ("407C", 10.0, 3.2)


def hypothesis(probability: float, difficulty: float | None) -> Hypothesis:
    return Hypothesis(options=ScoreOptions(), probability=probability, difficulty=difficulty)


def test_a_mean_of_difficulties_is_single_only_where_they_agree() -> None:
    assert mean_difficulty([hypothesis(1.0, 3.2)]) == (3.2, 3.2)
    assert mean_difficulty([hypothesis(0.5, 3.2), hypothesis(0.5, 3.2)]) == (3.2, 3.2)
    single, mean = mean_difficulty([hypothesis(0.25, 2.0), hypothesis(0.75, 3.0)])
    assert single is None and mean == pytest.approx(2.75)
    assert mean_difficulty([hypothesis(0.5, 3.2), hypothesis(0.5, None)]) == (None, None)


def test_a_familiar_film_keeps_its_score_and_no_score_goes_below_zero() -> None:
    prior = Expectation(score=80.0, sd=10.0, num_dives=9, group="all")
    near = blended(60.0, (50.0, 70.0), prior, unfamiliarity=1.0, scale=1.0)
    assert (near.score, near.interval, near.prior_part) == (60.0, (50.0, 70.0), 0.0)
    assert math.copysign(1.0, blended(90.0, None, prior, unfamiliarity=0.5, scale=1.0).prior_part) == 1.0
    half = blended(60.0, None, prior, unfamiliarity=2.0, scale=1.0)
    assert (half.score, half.prior_part, half.interval) == (70.0, 10.0, None)
    low = blended(3.0, (-2.0, 8.0), prior, unfamiliarity=0.0, scale=1.0).interval
    assert low == (0.0, 8.0)
    assert blended(-9.0, (-12.0, -6.0), prior, unfamiliarity=0.0, scale=1.0).interval == (0.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"difficulty": 0},
        {"difficulty": math.inf},
        {"difficulty": math.nan},
        {"height_m": -3},
        {"slowmo": 0},
        {"slowmo": math.inf},
        {"frame_rate": 0},
        {"exemplars": 0},
        {"start": "first"},
        {"start": "auto", "end": 90},
        {"dive_number": "107E"},
        {"skeleton": "dog-9"},
        {"sex": "x"},
        {"hight_m": 10},
    ],
)
def test_what_cannot_be_of_a_dive_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ScoreOptions.model_validate(wrong)


@pytest.mark.parametrize(
    ("known", "difficulty"),
    [
        ({}, None),
        ({"difficulty": 2.2}, 2.2),
        ({"difficulty": 2.2, "dive_number": "407C", "height_m": 10}, 2.2),
        ({"dive_number": "407c", "height_m": 10}, 3.2),
        ({"dive_number": "407C", "height_m": 2.5}, None),
        ({"dive_number": "107B"}, None),  # another one at another height
        ({"height_m": 10}, None),
    ],
)
def test_the_usual_difficulty_is_taken_only_where_it_is_one(
    known: dict[str, object], difficulty: float | None
) -> None:
    assert ScoreOptions.model_validate(known).known_difficulty == difficulty


def test_weights_that_compare_need_exemplars_and_a_device_that_is_there(
    network: ScoringNetwork, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = load_weights("tiny", made_scorer.weights_dir(tmp_path_factory))
    with pytest.raises(CheckpointError, match="there are none"):
        ScoringNetwork(card=own.card, model=own.model)
    with pytest.raises(CheckpointError, match="the device cannot be used"):
        ScoringNetwork.load(own, device="mps:7")
    with pytest.raises(CheckpointError):
        ScoringNetwork.load(own, tmp_path_factory.getbasetemp() / "none.safetensors")


POINT = st.tuples(st.floats(-50, 50), st.floats(-50, 50))


@given(POINT, POINT, st.floats(0, 360), st.floats(0.1, 9.0))
def test_angles_do_not_depend_on_where_how_large_or_how_turned_a_body_is(
    one: tuple[float, float], other: tuple[float, float], turn: float, scale: float
) -> None:
    if min(math.hypot(*one), math.hypot(*other)) < 0.1:
        return
    cosine = (one[0] * other[0] + one[1] * other[1]) / (math.hypot(*one) * math.hypot(*other))
    wanted = math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))
    turned = np.array(
        (
            (math.cos(math.radians(turn)), -math.sin(math.radians(turn))),
            (math.sin(math.radians(turn)), math.cos(math.radians(turn))),
        )
    )
    corner = np.array([[7.0, -3.0]])
    ends = [corner + scale * (turned @ np.array(end))[None] for end in (one, other)]
    for first, second in (ends, ends[::-1]):
        assert angle_at(corner, first, second)[0] == pytest.approx(wanted, abs=1e-3)


def test_knees_are_the_mean_of_both_or_the_one_that_is_known_in_every_frame() -> None:
    """The right knee is bent by 90 degrees, the left one by 60 and unknown from the third frame on."""
    joints = np.full((9, 16, 2), np.nan)
    for name, place in {
        "right_hip": (0.0, 0.0),
        "right_knee": (0.0, 10.0),
        "right_ankle": (10.0, 10.0),
        "left_hip": (0.0, 0.0),
        "left_knee": (0.0, 10.0),
        "left_ankle": (10 * math.sin(math.radians(60)), 10 - 10 * math.cos(math.radians(60))),
    }.items():
        joints[:, MPII_16.index(name)] = place
    joints[2:, MPII_16.index("left_ankle")] = np.nan
    joints[8, MPII_16.index("right_ankle")] = np.nan
    track = PoseTrack(joints, np.where(np.isnan(joints).any(-1), 0.0, 1.0))
    found = angles_of(track, 40, None)
    # Medians over five frames: of the first three frames two of up to five are 75 degrees.
    assert found.knee == [75.0, 82.5, 90.0, 90.0, 90.0, 90.0, 90.0, 90.0, None]
    assert found.frames == list(range(40, 49))
    assert found.hip == found.trunk == [None] * 9 and found.trunk_at_entry is None


U = math.nan


@pytest.mark.parametrize(
    ("trunk", "angle"),
    [
        ([120, 130, 140, 150, 160, 170], 10.0),  # head first
        ([60, 50, 40, 30, 20, 10], 10.0),  # feet first
        ([U, U, 140, 150, 160, 170], 10.0),
        ([120, 130, 140, 150, 160, U], 20.0),  # the frame before the contact
        ([120, 130, 140, 150, U, U], None),  # too long before
        ([U, U, U, 150, 160, 170], None),  # too few frames agree
        ([118, 118, 118, 109, 73, U], None),  # through the horizontal on the way into the water: film 280
        ([104, 104, 104, 87, 87, U], None),  # film 339
        ([150, 160, 170, 160, 150, 140], None),  # away from the vertical
        ([100, 100, 100, 172, 172, 172], None),  # farther in a frame than a body turns
    ],
)
def test_the_trunk_at_the_entry_is_told_where_the_frames_before_agree(
    trunk: list[float], angle: float | None
) -> None:
    assert angle_at_entry(np.array([U, U, *trunk, 3.0, 80.0]), 7) == angle
