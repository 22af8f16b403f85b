import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from stagescore.errors import DataError
from stagescore.evaluation import bootstrap
from stagescore.evaluation.bootstrap import FIGURES, measured, paired_difference
from stagescore.evaluation.metrics import (
    aiou,
    bias,
    coverage,
    expected_calibration_error,
    interval_iou,
    kendall,
    mae,
    mean_stage_iou,
    median_error,
    rl2x100,
    srcc,
)
from stagescore.inference.outcomes import Outcome, Outcomes


def outcomes(num=60, seed=0, noise=5.0, masked=0.2):
    """Dives with coarse scores (so that some tie), some of them without labels of stages."""
    random, numbers = np.random.default_rng(seed), np.random.default_rng(seed + 100)
    dives = []
    for number in range(num):
        true = float(np.round(random.normal(65, 12)))
        predicted = float(np.round(true + noise * random.normal()))
        first, last = int(random.integers(20, 40)), int(random.integers(55, 70))
        known = random.uniform() >= masked
        dives.append(
            Outcome(
                dive_id=f"event/{number}",
                dive_number="107B",
                difficulty=3.0,
                true_score=true,
                predicted_score=predicted,
                num_frames=int(random.integers(80, 120)),
                votes=(predicted,),
                interval=(predicted - 8, predicted + 8) if random.uniform() > 0.1 else None,
                true_transitions=(float(first), float(last)) if known else None,
                predicted_transitions=(
                    first + float(random.integers(-16, 17)) / 2,
                    last + float(random.integers(-16, 17)) / 2,
                ),
                confidences=(float(random.uniform()), float(random.uniform())),
                **recognition(numbers),
            )
        )
    return Outcomes(tuple(dives))


def recognition(random):
    """Three numbers in any order with falling probabilities; nothing for one dive in ten."""
    if random.uniform() < 0.1:
        return {}
    stated = sorted(random.dirichlet(np.ones(5)).tolist(), reverse=True)[:3]
    codes = random.permutation(["107B", "207C", "407C", "626C"]).tolist()[:3]
    probability = dict(zip(codes, stated, strict=True)).get("107B", 0.01 if random.uniform() < 0.5 else None)
    return {
        "recognised": tuple(zip(codes, stated, strict=True)),
        "number_probability": probability,
        "number_films": 7,
    }


def number_figures(dives):
    """Top 1 and top 3 in percent, calibration error and log loss, from lists."""
    recognised = [d.recognised for d in dives if d.recognised]
    first = [pairs[0][0] == "107B" for pairs in recognised]
    stated = [d.number_probability for d in dives if d.number_probability is not None]
    return {
        "number_top1": 100 * sum(first) / len(first),
        "number_top3": 100 * sum("107B" in dict(pairs) for pairs in recognised) / len(first),
        "number_ece": expected_calibration_error(
            np.array([pairs[0][1] for pairs in recognised]), np.array(first)
        ),
        "number_log_loss": -sum(math.log(p) for p in stated) / len(stated),
    }


def repeated(arrays, counts):
    return [np.repeat(array, counts, axis=0) for array in arrays]


def test_the_resampled_figures_are_the_metrics_of_the_drawn_dives():
    """Each figure of each resample, against the metric of the dives written out as often as drawn."""
    found = outcomes()
    counts = np.random.default_rng(1).multinomial(60, np.full(60, 1 / 60), size=8).astype(float)
    resampled = {name: figure.resampled(found, counts) for name, figure in FIGURES.items()}
    span = np.ptp(found.true_scores)
    for row, drawn in enumerate(counts.astype(int)):
        truth, predicted, intervals = repeated(
            (found.true_scores, found.predicted_scores, found.intervals), drawn
        )
        labelled, guessed, frames, stated = repeated(
            (found.true_transitions, found.predicted_transitions, found.num_frames, found.confidences), drawn
        )
        known = ~np.isnan(labelled[:, 0])
        labelled, guessed, frames, stated = (a[known] for a in (labelled, guessed, frames, stated))
        with_interval = ~np.isnan(intervals[:, 0])
        iou, stage_iou = interval_iou(labelled, guessed), mean_stage_iou(labelled, guessed, frames)
        expected = {
            "srcc": scipy.stats.spearmanr(truth, predicted).statistic,
            "kendall": scipy.stats.kendalltau(truth, predicted).statistic,
            "rl2x100": 100 * np.mean(((truth - predicted) / span) ** 2),
            "mae": mae(truth, predicted),
            "aiou50": aiou(iou, 0.5),
            "aiou75": aiou(iou, 0.75),
            "aiou50_stages": aiou(stage_iou, 0.5),
            "aiou75_stages": aiou(stage_iou, 0.75),
            "interval_coverage": coverage(truth[with_interval], intervals[with_interval]),
            "interval_width": 16.0,
            "ece": expected_calibration_error(stated.ravel(), (np.abs(guessed - labelled) <= 3).ravel()),
        }
        expected |= number_figures(np.repeat(np.array(found.dives, dtype=object), drawn).tolist())
        for k, name in enumerate(("first", "last")):
            expected[f"{name}_error_frames"] = mae(labelled[:, k], guessed[:, k])
            expected[f"{name}_median_error_frames"] = median_error(labelled[:, k], guessed[:, k])
            expected[f"{name}_bias_frames"] = bias(labelled[:, k], guessed[:, k])
        assert expected.keys() == FIGURES.keys()
        for name, value in expected.items():
            assert resampled[name][row] == pytest.approx(value, abs=1e-9), name


def test_each_dive_drawn_once_gives_the_figure_itself():
    found = outcomes()
    for name, figure in FIGURES.items():
        assert figure.resampled(found, np.ones((1, 60)))[0] == pytest.approx(figure.value(found)), name
    assert FIGURES["srcc"].value(found) == srcc(found.true_scores, found.predicted_scores)
    assert FIGURES["kendall"].value(found) == kendall(found.true_scores, found.predicted_scores)
    assert FIGURES["rl2x100"].value(found) == rl2x100(found.true_scores, found.predicted_scores)


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    found = outcomes(400)
    errors = np.abs(found.predicted_scores - found.true_scores)
    half = 1.96 * errors.std() / math.sqrt(400)
    figure = measured(found, "mae")
    assert figure.value == pytest.approx(errors.mean())
    assert figure.low == pytest.approx(errors.mean() - half, abs=0.1 * half)
    assert figure.high == pytest.approx(errors.mean() + half, abs=0.1 * half)


def test_intervals_hold_the_figure_of_the_population():
    """95 % intervals of SRCC and mean bias from 150 normal samples hold the known figure about 95 times in 100."""
    held = {"srcc": 0, "mae": 0}
    correlation = 0.8
    figures = {
        "srcc": 6 / math.pi * math.asin(correlation / 2),
        "mae": math.sqrt(2 / math.pi) * math.sqrt(2 - 2 * correlation),
    }
    random = np.random.default_rng(5)
    for _ in range(150):
        true = random.normal(size=80)
        predicted = correlation * true + math.sqrt(1 - correlation**2) * random.normal(size=80)
        sample = Outcomes(
            tuple(
                Outcome(
                    dive_id=str(k),
                    dive_number=None,
                    difficulty=None,
                    true_score=float(a),
                    predicted_score=float(b),
                    num_frames=96,
                )
                for k, (a, b) in enumerate(zip(true, predicted, strict=True))
            )
        )
        for name, value in figures.items():
            figure = measured(sample, name, resamples=400)
            held[name] += figure.low <= value <= figure.high
    assert all(0.88 * 150 <= count <= 0.99 * 150 for count in held.values()), held


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    found = outcomes()
    assert measured(found, "srcc", seed=3) == measured(found, "srcc", seed=3)
    assert measured(found, "srcc", seed=3).low != measured(found, "srcc", seed=4).low
    again = Outcomes(found.dives)
    bootstrap._counts.cache_clear()
    assert measured(again, "srcc", seed=3) == measured(found, "srcc", seed=3)


def test_figures_that_are_undefined_are_nan_without_a_warning():
    bare = Outcomes(
        tuple(
            replace(
                dive,
                predicted_score=50.0,
                interval=None,
                true_transitions=None,
                confidences=None,
            )
            for dive in outcomes(20).without_numbers()
        )
    )
    for name in FIGURES.keys() - {"mae", "rl2x100"}:
        figure = measured(bare, name, resamples=50)
        assert all(map(math.isnan, (figure.value, figure.low, figure.high))), name
    assert figure.as_json() == {"value": None, "low": None, "high": None}
    assert measured(bare, "mae", resamples=50).low > 0
    nobody = Outcomes(())
    assert all(math.isnan(measured(nobody, name, resamples=50).value) for name in FIGURES)


def test_resamples_without_the_few_labelled_dives_are_left_out():
    found = outcomes(10, masked=1.0)
    labelled = replace(found.dives[0], true_transitions=(30.0, 60.0), predicted_transitions=(32.0, 60.0))
    few = Outcomes((labelled, *found.dives[1:]))
    for name in ("first_error_frames", "first_median_error_frames"):
        figure = measured(few, name, resamples=200)
        assert (figure.value, figure.low, figure.high) == (2.0, 2.0, 2.0)


def test_a_better_model_is_better_in_nearly_all_resamples():
    good, bad = outcomes(200, noise=4.0), outcomes(200, noise=8.0)
    bad = Outcomes(
        tuple(
            replace(dive, predicted_score=other.predicted_score)
            for dive, other in zip(good, bad, strict=True)
        )
    )
    for figure in ("srcc", "kendall", "mae", "rl2x100"):
        found = paired_difference(good, bad, figure)
        assert found.share_better > 0.99, figure
        backwards = paired_difference(bad, good, figure)
        assert backwards.share_better < 0.01
        assert backwards.difference.value == -found.difference.value
        assert backwards.difference.low == pytest.approx(-found.difference.high)
        sign = 1 if FIGURES[figure].better == "higher" else -1
        assert sign * found.difference.value > 0
        assert (found.difference.low > 0) == (found.difference.high > 0)


def test_a_model_is_not_better_than_itself():
    found = paired_difference(outcomes(), outcomes(), "srcc")
    assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)
    assert found.share_better == 0.0


def test_pairing_tells_more_than_two_intervals():
    """Errors that two models share drop out of their difference."""
    found = outcomes(200, noise=10.0)
    shifted = Outcomes(
        tuple(
            replace(d, predicted_score=d.predicted_score + 0.2 * (d.predicted_score - d.true_score))
            for d in found
        )
    )
    a, b = measured(found, "mae"), measured(shifted, "mae")
    assert a.high > b.low  # apart, the two cannot be told from each other
    assert paired_difference(found, shifted, "mae").share_better == 1.0


def test_only_like_can_be_compared():
    found = outcomes(20)
    with pytest.raises(DataError, match="other dives"):
        paired_difference(found, Outcomes(found.dives[::-1]), "srcc")
    with pytest.raises(DataError, match="neither more nor less"):
        paired_difference(found, found, "first_bias_frames")
