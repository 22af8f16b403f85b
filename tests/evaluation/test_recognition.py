"""Figures of recognised dive numbers, and probabilities that hold what they promise."""

from dataclasses import replace

import makers
import numpy as np
import pytest
import torch

from stagescore.diving import NUM_NUMBER_CLASSES
from stagescore.errors import CheckpointError, DataError
from stagescore.evaluation.recognition import (
    LEAST_DIVES,
    calibrated,
    cross_fitted,
    number_note,
    number_tables,
    with_numbers,
)
from stagescore.inference.dive_numbers import NumberCalibration, NumberEvidence, number_evidence
from stagescore.inference.outcomes import Outcome, Outcomes
from stagescore.models.recognition import candidate_numbers, number_log_probabilities

CODES = ("107B", "207C", "407C", "5253B", "626C")


def evidence(fold, num, temperature=1.0, seed=0):
    """Dives whose numbers are drawn with the probabilities that the scores have at a temperature."""
    random = np.random.default_rng(seed)
    found = []
    for k in range(num):
        scores = 4 * random.normal(size=len(CODES))
        weights = np.exp(scores / temperature)
        found.append(
            NumberEvidence(
                dive_id=f"{fold}/{k}",
                dive_number=str(random.choice(CODES, p=weights / weights.sum())),
                num_films=k % 10,
                candidates=CODES,
                scores=tuple(scores.tolist()),
                difficulties=(3.0,) * len(CODES),
            )
        )
    return tuple(found)


def outcomes_of(evidence):
    return Outcomes(
        tuple(
            Outcome(
                dive_id=one.dive_id,
                dive_number=one.dive_number,
                difficulty=3.0,
                true_score=70.0,
                predicted_score=71.0,
                num_frames=96,
            )
            for one in evidence
        )
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_that_with_which_the_labels_were_drawn(temperature):
    fit = NumberCalibration.fit(evidence("a", 1500, temperature))
    assert fit is not None
    assert fit.temperature == pytest.approx(temperature, rel=0.15)
    assert fit.num_dives == 1500
    assert NumberCalibration.from_json(fit.as_json()) == fit


def test_a_temperature_makes_a_network_that_is_too_sure_keep_its_promise():
    some, fit = evidence("a", 1000, 3.0), NumberCalibration.fit(evidence("b", 1000, 3.0, seed=1))
    errors = {}
    for name, calibration in (("as stated", None), ("calibrated", fit)):
        row = number_tables(with_numbers(outcomes_of(some), some, calibration))["Dive number recognised"][0]
        errors[name] = row.figures
    assert errors["calibrated"]["number_ece"].value < 0.08 < errors["as stated"]["number_ece"].value
    assert errors["calibrated"]["number_log_loss"].value < errors["as stated"]["number_log_loss"].value
    for figure in ("number_top1", "number_top3"):
        assert errors["calibrated"][figure] == errors["as stated"][figure]


def test_too_few_dives_and_unlabelled_ones_fit_nothing():
    some = evidence("a", LEAST_DIVES)
    assert NumberCalibration.fit(some) is not None
    for number in (None, "101A"):
        assert NumberCalibration.fit((*some[:-1], replace(some[-1], dive_number=number))) is None


@pytest.mark.parametrize(
    "content", [{}, {"temperature": 0.0, "num_dives": 3}, {"temperature": "x", "num_dives": 3}]
)
def test_a_senseless_calibration_is_refused(content):
    with pytest.raises(CheckpointError):
        NumberCalibration.from_json(content)


def test_the_numbers_of_a_fold_do_not_depend_on_its_own_labels():
    folds = {name: evidence(name, 40, 2.0, seed) for seed, name in enumerate("abc")}
    assert calibrated(folds)
    outcomes = {name: outcomes_of(some) for name, some in folds.items()}
    before = cross_fitted(outcomes, folds)
    lying = {**folds, "a": tuple(replace(one, dive_number="107B") for one in folds["a"])}
    after = cross_fitted(outcomes, lying)
    assert [d.recognised for d in before["a"]] == [d.recognised for d in after["a"]]
    for name in "bc":
        assert all(
            one.recognised != other.recognised for one, other in zip(before[name], after[name], strict=True)
        )
    few = {name: some[:4] for name, some in folds.items()}
    assert not calibrated(few)
    stated = cross_fitted({name: outcomes_of(some) for name, some in few.items()}, few)["a"].dives[0]
    assert stated.recognised == few["a"][0].likeliest(1.0)


def test_numbers_with_few_films_are_measured_apart():
    some = (*evidence("a", 30), replace(evidence("b", 1)[0], dive_number="101A", num_films=0))
    unlabelled = replace(evidence("c", 1)[0], dive_number=None)
    told = with_numbers(outcomes_of((*some, unlabelled)), (*some, unlabelled), None)
    rows = {row.name: row for row in number_tables(told)["Dive number recognised"]}
    assert [row.num_dives for row in rows.values()] == [31, 15, 16]
    each = [one.likeliest(1.0)[0][0] == one.dive_number for one in some]
    assert rows["all dive numbers"].figures["number_top1"].value == pytest.approx(100 * np.mean(each))
    few = [right for right, one in zip(each, some, strict=True) if one.num_films < 5]
    row = rows["numbers with fewer than 5 training films"]
    assert row.figures["number_top1"].value == pytest.approx(100 * np.mean(few))
    assert "1 of 31 dives" in number_note(told, "the other folds")[0]


def test_a_model_that_does_not_recognise_numbers_has_no_table():
    plain = outcomes_of(evidence("a", 3))
    assert with_numbers(plain, (), None) is plain
    assert number_evidence(None, [makers.dive(1)], []) == ()
    assert number_tables(plain) == {} and number_note(plain, "") == []


def test_evidence_of_other_dives_is_refused():
    with pytest.raises(DataError, match="other dives"):
        with_numbers(outcomes_of(evidence("a", 3)), evidence("b", 3), None)


def test_evidence_is_what_the_network_says():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(3, sum(NUM_NUMBER_CLASSES), generator=random)
    dives = [makers.dive(k, dive_number=code, height_m=h) for k, (code, h) in enumerate(
        (("107B", 3.0), ("626C", 10.0), (None, None)), start=1
    )]  # fmt: skip
    films = [makers.dive(k, dive_number="101A", height_m=3.0) for k in range(5, 8)]
    for dive, one, row in zip(dives, number_evidence(logits, dives, films), logits, strict=True):
        assert one.candidates == candidate_numbers(dive.height_m, films)
        assert ("101A" in one.candidates) == (dive.height_m != 10.0)
        expected = number_log_probabilities(row[None], one.candidates, 2.0)[0].tolist()
        assert one.log_probabilities(2.0).tolist() == pytest.approx(expected, abs=1e-5)
        assert one.num_films == 0
