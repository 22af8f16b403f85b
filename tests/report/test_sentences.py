"""Every sentence depends on the fields it names, and on nothing else."""

import copy
import importlib
import inspect
import itertools

import pytest
from made_results import made_dives, made_result, refused
from pages import places, read_page

from stagescore.report import number_sentences as number
from stagescore.report import sentences
from stagescore.report.dive_report import dive_report
from stagescore.report.pictures import Pictures
from stagescore.report.sections import all_sections, refusal, score, trust
from stagescore.report.sentences import Sentence
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import PoseShares, Reason

RESULTS = made_dives()


def sentence_functions() -> list:
    """All public functions that say something, of the shared sentences and of each section."""
    modules = [sentences, number]
    modules += [importlib.import_module(f"stagescore.report.sections.{name}") for name in all_sections()]
    return [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if function.__annotations__["return"] in (Sentence, Sentence | None, list[Sentence])
    ]


NEEDS = {
    "explained": "measures",
    "spread": "exemplars",
    "stage_times": "stages",
    "stage_confidence": "stages",
}
"""What a section asks for before it says these."""


def told(result: Result) -> list[Sentence]:
    """All that a page can say of a dive, of every stage and of every exemplar."""
    arguments = {
        "result": [result],
        "stage": range(len(result.stages)),
        "index": range(len(result.exemplars)),
    }
    found = []
    for function in sentence_functions():
        names = list(inspect.signature(function).parameters)
        if not set(names) <= set(arguments):
            continue  # a sum needs parts that add up, which those of mixed dives do not: test_score_breakdown.py
        if not getattr(result, NEEDS.get(function.__name__, "status")):
            continue
        for call in itertools.product(*(arguments[name] for name in names)):
            made = function(*call)
            found += made if isinstance(made, list) else [made]
    return [sentence for sentence in found if sentence is not None]


def test_the_sentences_of_all_sections_are_looked_at() -> None:
    names = {function.__name__ for function in sentence_functions()}
    assert {"status", "interval", "telling_pictures", "events", "against", "angles", "measured"} <= names
    assert len(told(RESULTS["scored"])) > 40


def other(result):
    """A dive that differs in everything."""
    base = made_result(
        2,
        edges=(0, 29, 70, 98),
        lean=(-0.2, -2.5, 1.4),
        dive_number="205C",
        words="back two and a half somersaults, tuck",
        height_m=3.0,
        warnings=["the picture is dark"] * len(result.warnings),
        protocol="10 exemplars of any number",
        poses=PoseShares(source="estimated", measured=0.5, filled=0.2, doubtful=0.3),
    )
    networks = base.networks.model_copy(update={"trained_on": "900 dives", "weights": "own"})
    shape = {
        "start_frame": 2,
        "end_frame": 97,
        "num_frames": 120,
        "duration_s": 4.8,
        "width_px": 640,
        "height_px": 360,
        "frame_rate": 50.0,
        "path": "b.mp4",
        "sha256": "99" * 32,
    }
    same_kind = {"reasons": [r.model_copy(update={"text": "seen twice"}) for r in result.reasons]}
    if result.validation is not None:
        same_kind["validation"] = result.validation.model_copy(
            update={"num_dives": 99, "mean_absolute_error": 1.1}
        )
    if result.stages:
        same_kind["stages"] = base.stages[-len(result.stages) :]
    if result.prior is not None:
        group = {"score": 61.0, "sd": 5.5, "num_dives": 3, "group": "205C, 3 m, women"}
        same_kind |= {"prior": result.prior.model_copy(update=group), "film_share": 0.2}
    if result.score is None:
        same_kind |= {
            "status": result.status,
            "score": None,
            "interval": None,
            "exemplars": [],
            "judging": None,
        }
    return base.model_copy(
        update={"networks": networks, "input": base.input.model_copy(update=shape), **same_kind}
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("recognised", "Dive number: 107B (recognised, 61\u00a0%)."),
        (
            "given",
            "Dive number: 107B (given); by the film alone most likely 107B (61\u00a0%), 107C (30\u00a0%) or 109C (5\u00a0%).",
        ),
        ("contradicted", "Dive number: 205B (given), but the film looks like 107B (61\u00a0%)."),
        (
            "unsure",
            "Dive number: most likely 107B (61\u00a0%), 107C (30\u00a0%) or 109C (5\u00a0%). The score is the mean over all "
            "numbers that it may be, by their probability; their mean difficulty is 2.88.",
        ),
        (
            "execution alone",
            "Dive number: most likely 107B (61\u00a0%), 107C (30\u00a0%) or 109C (5\u00a0%).",
        ),
    ],
)
def test_the_dive_number_is_told_in_plain_words(name, text):
    page = read_page(dive_report(RESULTS[name], Pictures()))
    assert number.dive_number(RESULTS[name]).text == text
    assert text.replace("\u00a0", " ") in page.text.replace("\u00a0", " ")
    assert ("Execution: 22.41 of 30" in page.text) == (name == "execution alone")
    assert number.dive_number(made_result()) is None


@pytest.mark.parametrize("name", RESULTS)
def test_a_sentence_stays_when_every_field_changes_but_those_it_names(name):
    result = RESULTS[name]
    own, foreign = result.model_dump(mode="json"), other(result).model_dump(mode="json")
    for position, sentence in enumerate(told(result)):
        assert sentence.fields, sentence.text
        mixed = copy.deepcopy(foreign)
        for field in (*sentence.fields, "poses.source"):  # which kind of sentence, not what it says
            for (source, key), (target, _) in zip(places(own, field), places(mixed, field), strict=True):
                target[key] = copy.deepcopy(source[key])
        texts = {s.text for s in told(Result.model_validate(mixed))}
        assert sentence.text in texts, (position, sentence)


@pytest.mark.parametrize(
    ("lean", "text"),
    [
        ((0.1, 0.2, -6.0), "Biggest loss: entry, "),
        ((0.1, -5.0, 0.3), "Biggest loss: flight, "),
        ((0.1, 6.0, -0.3), "Biggest gain: flight, "),
        ((-6.0, 0.2, 0.3), "Biggest loss: take-off, "),
    ],
)
def test_the_stage_that_made_the_difference_is_blamed(lean, text):
    assert score.telling(made_result(lean=lean)).text.startswith(text)


def test_no_stage_is_blamed_for_nothing():
    result = made_result()
    stages = [stage.model_copy(update={"difference": 0.01}) for stage in result.stages]
    assert "No stage stands out" in score.telling(result.model_copy(update={"stages": stages})).text


def test_unsure_stages_and_damaged_files_are_not_to_be_trusted():
    result = made_result()
    unsure = result.stages[1].model_copy(update={"confidence": 0.31})
    damaged = result.input.model_copy(update={"condition": "partial"})
    changed = {
        "stages": [result.stages[0], unsure, result.stages[2]],
        "input": damaged,
        "warnings": ["It is dark."],
    }
    text = " ".join(sentence.text for sentence in trust.doubtful(result.model_copy(update=changed)))
    for word in ("flight", "0.31", "damaged", "It is dark."):
        assert word in text
    assert "Not validated on real dives" in score.trust(result).text


@pytest.mark.parametrize(
    "result", [made_result(), refused(warnings=["It is dark."])], ids=["scored", "refused"]
)
def test_a_page_says_each_warning_once(result):
    page = read_page(dive_report(result, Pictures()))
    for warning in result.warnings:
        assert page.text.count(warning.rstrip(".")) == 1, warning


def test_where_a_reason_was_seen_is_told_in_frames_that_are_included():
    one = Reason(code="cut", text="the picture changes", start_frame=12, end_frame=13)
    assert refusal.reasons(refused(reasons=[one]))[0].text == "The picture changes. Frame 12."
    whole = Reason(code="still", text="nothing moves.")
    assert refusal.reasons(refused(reasons=[whole]))[0].text == "Nothing moves."


def test_an_error_that_is_known_from_other_films_is_not_said_to_be_known_here():
    assert "is known from real dives." in score.trust(RESULTS["known error"]).text
    assert "this one is unlike" in score.trust(RESULTS["unlike films"]).text
    unsure = {
        "recognised": [{"dive_number": "107B", "probability": 0.6, "difficulty": 3.0}],
        "dive_number": None,
    }
    known = type(RESULTS["known error"]).model_validate({**RESULTS["known error"].model_dump(), **unsure})
    assert "of this one the number is not known" in score.trust(known).text
    assert "if this dive is like those" not in score.interval(RESULTS["known error"]).text
    assert "if this dive is like those" in score.interval(RESULTS["unlike films"]).text
