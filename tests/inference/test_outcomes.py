import csv
import io
import math

import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.inference.outcomes import CSV_COLUMNS, Outcome, Outcomes, label_transitions
from stagescore.media.sampling import sample_indices
from stagescore.types import StageSpans


def outcome(number=1, **changes):
    values = {
        "dive_id": f"event/{number}",
        "dive_number": "107B",
        "difficulty": 3.0,
        "true_score": 70.5,
        "predicted_score": 68.25,
        "num_frames": 120,
    }
    return Outcome(**(values | changes))


FULL = outcome(
    2,
    votes=(68.0, 0.1 + 68.4),
    interval=(60.0, 76.5),
    true_transitions=(30.0, 80.0),
    predicted_transitions=(31.5, 79.0),
    confidences=(0.75, 0.5),
    missing="skeleton",
    recognised=(("107B", 0.75), ("107C", 0.125)),
    number_probability=0.75,
    number_films=12,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predicted_score": math.nan}, "not a number"),
        ({"votes": (1.0, math.inf)}, "not a number"),
        ({"interval": (5.0, 4.0)}, "score interval ends before"),
        ({"predicted_transitions": (5.0, 4.0)}, "predicted flight ends before"),
        ({"true_transitions": (5.0, 4.0)}, "labelled flight ends before"),
        ({"confidences": (0.5, 1.01)}, "confidences"),
        ({"num_frames": 0}, "0 frames"),
        ({"recognised": (("107B", 0.2), ("107C", 0.3))}, "the likeliest number first|of dive numbers"),
        ({"recognised": (("107B", 1.2),)}, "probabilities of dive numbers"),
        ({"number_probability": -0.1}, "probabilities of dive numbers"),
    ],
)
def test_a_senseless_outcome_is_refused_by_name(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        outcome(7, **changes)
    assert caught.value.where == "event/7"
    assert caught.value.todo


def test_a_dive_is_evaluated_once():
    with pytest.raises(DataError, match="twice"):
        Outcomes((outcome(), outcome()))


def test_unknown_pairs_are_nan_and_the_others_stay_in_their_rows():
    outcomes = Outcomes((outcome(1), FULL))
    for name in ("intervals", "true_transitions", "predicted_transitions", "confidences"):
        array = getattr(outcomes, name)
        assert np.isnan(array[0]).all()
    assert outcomes.predicted_transitions[1].tolist() == [31.5, 79.0]
    assert outcomes.confidences[1].tolist() == [0.75, 0.5]
    assert Outcomes(()).intervals.shape == (0, 2)
    assert [dive.dive_id for dive in outcomes.where(np.array([False, True]))] == ["event/2"]


def test_the_csv_gives_every_number_back():
    named = outcome(3, dive_id='a "b", c/3', dive_number=None, difficulty=None)
    rows = list(csv.DictReader(io.StringIO(Outcomes((FULL, named)).as_csv().decode())))
    assert list(rows[0]) == list(CSV_COLUMNS)
    first = rows[0]
    assert tuple(map(float, first["votes"].split())) == FULL.votes
    assert (float(first["interval_low"]), float(first["interval_high"])) == FULL.interval
    assert (float(first["true_first"]), float(first["true_last"])) == FULL.true_transitions
    assert (float(first["predicted_first"]), float(first["predicted_last"])) == FULL.predicted_transitions
    assert (float(first["confidence_first"]), float(first["confidence_last"])) == FULL.confidences
    assert (float(first["true_score"]), float(first["predicted_score"])) == (70.5, 68.25)
    assert (first["num_frames"], first["missing"]) == ("120", "skeleton")
    assert (first["recognised"], first["recognised_probabilities"]) == ("107B 107C", "0.75 0.125")
    assert (float(first["number_probability"]), int(first["number_films"])) == (0.75, 12)
    assert rows[1]["dive_id"] == named.dive_id
    empty = {name for name, value in rows[1].items() if value == ""}
    assert {"dive_number", "difficulty", "votes", "interval_low", "true_last", "missing"} <= empty
    assert {"recognised", "recognised_probabilities", "number_probability", "number_films"} <= empty
    assert Outcomes((FULL, named)).without_numbers().dives[0].recognised == ()


@pytest.mark.parametrize("num_frames", [63, 96, 150, 273])
def test_label_frames_lead_back_to_the_sampled_stages(num_frames):
    """A label that fell to a sampled frame comes back within half the gap to the next one."""
    frames = np.array([sample_indices(0, num_frames - 1, 96)])
    for label in range(10, num_frames - 12):
        spans = StageSpans.from_transitions((label, label + 10), num_frames).resampled(frames[0].tolist())
        position = spans.edges[1] - 1
        found = label_transitions(np.array([[position]]), frames)[0, 0]
        assert abs(found - label) <= max(0, (frames[0, position + 1] - frames[0, position] - 1) / 2)
