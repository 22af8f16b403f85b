import json
import math
from dataclasses import replace

import makers
import numpy as np
import pytest

from stagescore.data.manifest import Manifest
from stagescore.errors import DataError
from stagescore.evaluation.bootstrap import FIGURES, Measured, measured
from stagescore.evaluation.evaluation_report import (
    HEADLINE,
    EvaluationReport,
    Row,
    bound_row,
    floor_outcomes,
    measure,
    published_row,
)
from stagescore.evaluation.floors import floors_and_ceilings
from stagescore.evaluation.published import published_on
from stagescore.inference.outcomes import Outcome, Outcomes

NUMBERS = ("107B", "5253B", "407C", "626C")


def dives():
    random = np.random.default_rng(0)
    found = []
    for number in range(1, 81):
        kind = int(random.integers(4))
        found.append(
            makers.dive(
                number,
                recording=f"event/{number}",
                split="train" if number <= 40 else "test",
                dive_number=NUMBERS[kind] if number != 80 else "101A",
                score=float(np.round(50 + 5 * kind + 8 * random.normal(), 2)),
                difficulty=3.0,
                num_frames=100,
                transitions=(int(random.integers(25, 35)), int(random.integers(50, 75))),
            )
        )
    return found


def outcomes_of(test, noise=3.0):
    random = np.random.default_rng(1)
    return Outcomes(
        tuple(
            Outcome(
                dive_id=dive.dive_id,
                dive_number=dive.dive_number,
                difficulty=dive.difficulty,
                true_score=dive.score,
                predicted_score=dive.score + noise * float(random.normal()),
                num_frames=dive.num_frames,
                votes=(dive.score,),
                interval=(dive.score - 5.0, dive.score + 5.0),
                true_transitions=tuple(map(float, dive.transitions)),
                predicted_transitions=tuple(t + float(random.integers(-3, 4)) for t in dive.transitions),
                confidences=(0.9, 0.9),
            )
            for dive in test
        )
    )


@pytest.fixture(scope="module")
def report():
    train, test = dives()[:40], dives()[40:]
    found = outcomes_of(test)
    shared = {"joints": "estimated", "num_dives": 40}
    headline = Row(
        name="full model",
        figures=measure(found, resamples=100),
        protocol="w/ DN",
        column="best on validation",
        **shared,
    )
    blind = Outcomes(tuple(replace(d, predicted_transitions=None, confidences=None) for d in found))
    floors = floors_and_ceilings(Manifest(tuple(train + test)))
    return EvaluationReport(
        headline=headline,
        exemplars="up to 10 of the training split, w/ DN",
        weights_hash="abc123",
        tables={
            "Protocols": [
                headline,
                Row(
                    name="one stage | whole dive",
                    figures=measure(blind, resamples=100),
                    protocol="w/o DN",
                    missing="video",
                    **shared,
                ),
                *map(published_row, published_on("finediving")),
            ],
            "Floors and ceilings": [
                Row(
                    name="labels alone",
                    kind="floor",
                    figures=measure(floor_outcomes(found, train), resamples=100),
                    num_dives=40,
                ),
                *map(bound_row, floors.bounds),
            ],
        },
        notes=("Trained on simulated dives only.",),
    )


def test_measure_gives_every_figure_with_its_interval():
    found = outcomes_of(dives()[40:])
    figures = measure(found, resamples=100, seed=4)
    assert list(figures) == list(FIGURES)
    assert list(FIGURES)[:6] == list(HEADLINE)
    assert figures["mae"] == measured(found, "mae", resamples=100, seed=4)
    for name in HEADLINE:
        assert figures[name].low <= figures[name].value <= figures[name].high
    assert figures["interval_width"].value == pytest.approx(10.0)


def test_the_floor_on_the_same_dives_is_that_of_the_floors():
    everyone = dives()
    floor = floor_outcomes(outcomes_of(everyone[40:]), everyone[:40])
    bounds = {
        b.name: b for b in floors_and_ceilings(Manifest(tuple(everyone))).bounds if b.dives == "all dives"
    }
    figures = measure(floor, resamples=20)
    assert figures["srcc"].value == pytest.approx(bounds["dive_number_mean"].srcc)
    assert figures["rl2x100"].value == pytest.approx(bounds["dive_number_mean"].rl2x100)
    assert figures["aiou50"].value == pytest.approx(bounds["median_transitions"].aiou50)
    assert figures["aiou75"].value == pytest.approx(bounds["median_transitions"].aiou75)
    assert math.isnan(figures["interval_coverage"].value)
    assert math.isnan(figures["ece"].value)
    with pytest.raises(DataError, match="no training dive"):
        floor_outcomes(floor, [])


def test_a_floors_flight_ends_with_the_clip():
    short = replace(outcomes_of(dives()[40:41]).dives[0], num_frames=40, true_transitions=(5.0, 30.0))
    floor = floor_outcomes(Outcomes((short,)), dives()[:40])
    assert floor.dives[0].predicted_transitions[1] == 39


def test_the_json_has_the_headline_its_protocol_and_all_rows(report):
    document = report.as_json()
    text = json.dumps(document, allow_nan=False)  # NaN would raise
    assert json.loads(text) == document
    assert list(document["metrics"]) == list(HEADLINE)
    assert all(set(figure) == {"value", "low", "high"} for figure in document["metrics"].values())
    assert document["metrics"]["srcc"]["value"] == report.headline.figures["srcc"].value
    assert document["protocol"] == {
        "exemplars": "up to 10 of the training split, w/ DN",
        "joints": "estimated",
        "weights_hash": "abc123",
        "dives": 40,
        "column": "best on validation",
    }
    ours, other, *published = document["tables"]["Protocols"]
    assert (ours["published"], ours["column"], ours["protocol"]) == (False, "best on validation", "w/ DN")
    assert other["missing"] == "video"
    assert other["metrics"]["aiou50"] == {"value": None, "low": None, "high": None}
    assert published
    for row in published:
        assert row["published"] is True
        assert row["source"]
        assert all(figure["low"] is None for figure in row["metrics"].values())


def test_the_markdown_is_aligned_and_marks_what_is_published(report):
    text = report.markdown()
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 5  # the headline, and two for each of two titles
    for block in blocks:
        assert len({len(line) for line in block}) == 1
        assert len({line.replace("\\|", "").count("|") for line in block}) == 1
    published = [line for line in text.splitlines() if "arXiv" in line]
    assert len(published) == 12
    assert all("(published)" in line and "[" not in line for line in published)
    (ours,) = [line for line in blocks[1] if line.startswith("| full model")]
    srcc = report.headline.figures["srcc"]
    assert f"{srcc.value:.4f} [{srcc.low:.4f}, {srcc.high:.4f}]" in ours
    assert "one stage \\| whole dive" in text
    assert "nan" not in text
    assert text.rstrip().endswith("Trained on simulated dives only.")


def test_columns_that_nobody_fills_are_left_out(report):
    floors = report.markdown().split("## Floors and ceilings")[1]
    assert "withheld" not in floors
    assert "withheld" in report.markdown()


def test_a_report_needs_its_headline_and_known_figures(report):
    with pytest.raises(DataError, match="lacks srcc"):
        replace(report, headline=replace(report.headline, figures={}))
    strange = Row(name="strange", figures={"accuracy": Measured(1.0)})
    with pytest.raises(DataError, match="accuracy"):
        replace(report, tables={"Rows": [strange]})
