import itertools
import math

import numpy as np
import pytest
from scipy.special import log_softmax

from stagescore.errors import CheckpointError, DataError
from stagescore.evaluation.metrics import expected_calibration_error
from stagescore.inference.intervals import IntervalModel, TransitionCalibration
from stagescore.inference.outcomes import Outcome, Outcomes, label_transitions
from stagescore.media.sampling import sample_indices


def scored(num, seed, *, base=3.0, votes_tell=True):
    """Dives whose errors grow with the spread of their votes, or do not."""
    random = np.random.default_rng(seed)
    dives = []
    for number in range(num):
        spread = float(random.gamma(2.0, 2.0))
        votes = 60 + spread * random.normal(size=10)
        error = random.normal() * (math.hypot(base, 1.5 * spread) if votes_tell else base)
        dives.append(
            Outcome(
                dive_id=f"event/{number}",
                dive_number=None,
                difficulty=None,
                true_score=float(votes.mean() + error),
                predicted_score=float(votes.mean()),
                num_frames=96,
                votes=tuple(votes.tolist()),
            )
        )
    return Outcomes(tuple(dives))


def share_inside(model, outcomes, chosen=None):
    inside = []
    for dive in outcomes if chosen is None else outcomes.where(chosen):
        low, high = model.interval(dive.predicted_score, dive.votes)
        inside.append(low <= dive.true_score <= high)
    return np.mean(inside)


@pytest.mark.parametrize("votes_tell", [True, False])
def test_intervals_hold_nine_tenths_of_fresh_dives(votes_tell):
    shares = []
    for seed in range(10):
        model = IntervalModel.fit(scored(150, seed, votes_tell=votes_tell))
        shares.append(share_inside(model, scored(400, 100 + seed, votes_tell=votes_tell)))
    assert 0.88 <= np.mean(shares) <= 0.925
    assert all(0.82 <= share <= 0.97 for share in shares), shares


def test_votes_that_disagree_widen_the_interval_where_that_means_something():
    telling = IntervalModel.fit(scored(400, 0))
    silent = IntervalModel.fit(scored(400, 0, votes_tell=False))
    agreed, apart = (60.0,) * 10, (50.0, 70.0) * 5

    def widths(model):
        return [float(np.diff(model.interval(60.0, votes))[0]) for votes in (agreed, apart)]

    narrow, wide = widths(telling)
    assert wide > 2 * narrow
    narrow, wide = widths(silent)
    assert wide < 1.2 * narrow
    # Dives on which the votes agree, and those on which they do not, are held about as often.
    fresh = scored(3000, 9)
    spreads = np.array([np.std(dive.votes) for dive in fresh])
    for chosen in (spreads < np.median(spreads), spreads >= np.median(spreads)):
        assert share_inside(telling, fresh, chosen) == pytest.approx(0.9, abs=0.05)


def test_the_quantile_is_that_of_a_plain_loop():
    found = scored(37, 2)
    model = IntervalModel.fit(found, level=0.8)
    ratios = []
    for dive in found:
        mean = sum(dive.votes) / 10
        spread = math.sqrt(sum((vote - mean) ** 2 for vote in dive.votes) / 10)
        ratios.append(abs(dive.true_score - dive.predicted_score) / math.sqrt(model.base**2 + spread**2))
    assert model.quantile == pytest.approx(sorted(ratios)[math.ceil(38 * 0.8) - 1])


def test_too_few_dives_and_no_votes_are_refused():
    with pytest.raises(DataError, match="8 validation dives") as caught:
        IntervalModel.fit(scored(8, 0))
    assert "at least 9" in caught.value.todo
    IntervalModel.fit(scored(9, 0))
    with pytest.raises(DataError, match="without votes"):
        IntervalModel.fit(scored(9, 0)).interval(60.0, ())


def test_an_interval_never_goes_below_no_points():
    model = IntervalModel(base=10.0, quantile=2.0, level=0.9, num_dives=20)
    assert model.interval(5.0, (5.0,)) == (0.0, 25.0)
    assert model.interval(-30.0, (-30.0,)) == (0.0, 0.0)


def located(num, seed, *, sharpness=1.0, num_frames=96):
    """Log-probabilities of a network that knows each transition up to a normal error, and says it too loudly."""
    random = np.random.default_rng(seed)
    frames = np.array([sample_indices(0, num_frames - 1, 96)] * num)
    truth = np.empty((num, 2))
    logits = np.empty((num, 2, 96))
    for dive, transition in itertools.product(range(num), range(2)):
        middle = (0.3 + 0.35 * transition) * num_frames + 5 * random.normal()
        sd = random.uniform(1.0, 6.0) * num_frames / 96
        truth[dive, transition] = np.clip(np.round(middle + sd * random.normal()), 0, num_frames - 2)
        logits[dive, transition] = -0.5 * ((frames[dive] - middle) / sd) ** 2
    return log_softmax(sharpness * logits, axis=-1), frames, truth


def predicted(log_probabilities, frames):
    return label_transitions(log_probabilities[..., :-1].argmax(-1), frames)


@pytest.mark.parametrize("num_frames", [96, 63, 250])
def test_confidence_means_what_it_says_after_fitting(num_frames):
    model = TransitionCalibration.fit(*located(200, 0, sharpness=4.0, num_frames=num_frames))
    assert model.temperature == pytest.approx(4.0, rel=0.2)
    log_probabilities, frames, truth = located(600, 1, sharpness=4.0, num_frames=num_frames)
    found = predicted(log_probabilities, frames)
    correct = (np.abs(found - truth) <= model.tolerance_frames).ravel()

    def error(calibration):
        return expected_calibration_error(
            calibration.confidence(log_probabilities, frames, found).ravel(), correct
        )

    assert error(model) < 0.05
    assert error(TransitionCalibration(temperature=1.0)) > 2 * error(model)


@pytest.mark.parametrize("num_frames", [6, 10, 25])
def test_confidence_is_the_sum_of_a_plain_loop(num_frames):
    """Each sampled frame's probability is shared by the label frames up to the next sampled one."""
    random = np.random.default_rng(num_frames)
    logits = random.normal(size=(1, 1, 10))
    frames = [*sample_indices(0, num_frames - 1, 10), num_frames]
    weights = np.exp(logits[0, 0] / 1.7)
    of_label = np.zeros(num_frames)
    owed = 0.0
    for position, weight in enumerate(weights / weights.sum()):
        start, end = frames[position], frames[position + 1]
        owed += weight  # a repeated frame adds to its last repetition
        if end > start:
            of_label[start:end] = owed / (end - start)
            owed = 0.0
    model = TransitionCalibration(temperature=1.7, tolerance_frames=2.0)
    for middle in np.arange(0, num_frames, 0.5):
        expected = sum(p for label, p in enumerate(of_label) if abs(label - middle) <= 2)
        found = model.confidence(logits, np.array([frames[:-1]]), np.array([[middle]]))
        assert found[0, 0] == pytest.approx(expected, abs=1e-9)


def test_masked_transitions_do_not_count_and_none_at_all_is_an_error():
    log_probabilities, frames, truth = located(60, 0, sharpness=2.0)
    padded = np.concatenate([truth, np.full((60, 2), np.nan)])
    same = TransitionCalibration.fit(
        np.concatenate([log_probabilities, log_probabilities[:, ::-1]]), np.concatenate([frames] * 2), padded
    )
    alone = TransitionCalibration.fit(log_probabilities, frames, truth)
    assert same.temperature == pytest.approx(alone.temperature, rel=1e-6)
    with pytest.raises(DataError, match="cannot be fitted"):
        TransitionCalibration.fit(log_probabilities, frames, np.full((60, 2), np.nan))


def test_the_temperature_is_the_most_probable_of_many():
    log_probabilities, frames, truth = located(80, 3, sharpness=0.5)
    fitted = TransitionCalibration.fit(log_probabilities, frames, truth).temperature

    def surprise(temperature):
        total = 0.0
        for dive, transition in itertools.product(range(80), range(2)):
            row = log_probabilities[dive, transition] / temperature
            at = int(truth[dive, transition])  # 96 frames: sampled frames are label frames
            total += math.log(sum(math.exp(value) for value in row)) - row[at]
        return total

    best = surprise(fitted)
    assert all(best <= surprise(fitted * factor) for factor in (0.5, 0.9, 0.98, 1.02, 1.1, 2.0))


def test_a_card_gives_both_back_and_a_bad_one_is_refused():
    interval = IntervalModel.fit(scored(50, 0))
    assert IntervalModel.from_json(interval.as_json()) == interval
    transitions = TransitionCalibration(temperature=1.3, tolerance_frames=2.0)
    assert TransitionCalibration.from_json(transitions.as_json()) == transitions
    for broken in (
        {},
        {"temperature": "1", "tolerance_frames": 1},
        {"temperature": 0, "tolerance_frames": 1},
    ):
        with pytest.raises(CheckpointError):
            TransitionCalibration.from_json(broken)
    for change in ({"base": 0.0}, {"quantile": math.nan}, {"level": 1.0}, {"num_dives": None}):
        with pytest.raises(CheckpointError):
            IntervalModel.from_json(interval.as_json() | change)
