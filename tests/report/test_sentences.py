"""Every sentence depends on the fields it names, and on nothing else."""

import copy

import pytest
from made_results import made_result, refused, windowed
from pages import places, read_page

from stagescore.report import number_sentences as number
from stagescore.report import sentences as say
from stagescore.report.dive_report import dive_report
from stagescore.report.moments import nearest_exemplar, telling_frames, telling_stage
from stagescore.report.pictures import Pictures
from stagescore.scoring.result import LikelyNumber, PoseShares, Reason, Result, Validation


def told(result):
    """All that a page can say."""
    found = [
        say.status(result),
        say.words(result),
        say.height(result),
        say.interval(result),
        say.trust(result),
        number.dive_number(result),
        number.execution(result),
    ]
    found += [say.standing(result), say.telling(result), *say.reasons(result), *say.warnings(result)]
    found += [
        say.shown_part(result),
        say.joints(result),
        *say.angles(result),
        *say.attention(result),
        *say.judging(result),
    ]
    found += [*say.measured(result), *say.estimated(result), *say.doubtful(result), *say.provenance(result)]
    if result.stages:
        found += [
            say.stage_times(result),
            say.stage_confidence(result),
            *say.events(result),
            say.branches(result),
        ]
    if result.score is not None:
        stage, index = telling_stage(result), nearest_exemplar(result)
        found += [say.telling_pictures(result, stage, telling_frames(result, stage))]
        found += [
            say.interval(result),
            say.nearest(result),
            say.against(result, index),
            say.no_exemplar_pictures(index),
        ]
    return [sentence for sentence in found if sentence is not None]


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


LIKELY = [
    LikelyNumber(dive_number=code, probability=probability, difficulty=difficulty)
    for code, probability, difficulty in (("107B", 0.61, 3.0), ("107C", 0.3, 2.7), ("109C", 0.05, None))
]
UNSURE = {"dive_number": None, "words": None, "recognised": LIKELY}

RESULTS = {
    "recognised": made_result(dive_number_source="recognised", recognised=LIKELY),
    "given": made_result(dive_number_source="given", recognised=LIKELY),
    "contradicted": made_result(
        dive_number="205B", dive_number_source="given", recognised=LIKELY, disagrees=True
    ),
    "unsure": made_result(**UNSURE, difficulty=2.88, judging=None),
    "execution alone": refused(code="unknown-difficulty", **UNSURE, execution=22.414),
    "scored": made_result(warnings=["the film is short"]),
    "doubtful": made_result(5, poses=PoseShares(source="given", measured=0.7, filled=0.1, doubtful=0.2)),
    "joints alone": made_result(
        modalities=["skeleton"], interval=None, poses=PoseShares(source="given", measured=0.9, doubtful=0.1)
    ),
    "refused": refused(),
    "seen in part": windowed(made_result(), (14, 85)),
    "known error": made_result(validated=True, unfamiliarity=0.7),
    "unlike films": made_result(validated=True, unfamiliarity=1.7),
    "checked": made_result(
        validated=True, validation=Validation(num_dives=12, mean_absolute_error=4.2, slope=0.9)
    ),
}


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
        texts = {s.text for s in _told_leniently(Result.model_validate(mixed))}
        assert sentence.text in texts, (position, sentence)


def _told_leniently(result):
    """A mixed dive does not add up, so only what each function makes of it counts."""
    found = []
    for function in (
        *(say.status, say.words, say.height, say.interval, say.trust, say.standing, say.telling, say.reasons),
        *(say.warnings, say.joints, say.angles, say.attention, say.judging, say.measured, say.estimated),
        *(say.doubtful, say.provenance, say.stage_times, say.stage_confidence, say.events, say.branches),
        *(say.spread, say.nearest, say.shown_part, number.dive_number, number.execution),
    ):
        if function is say.spread and not result.exemplars:
            continue
        made = function(result)
        found += made if isinstance(made, list) else [made]
    if result.exemplars:
        for index in range(len(result.exemplars)):
            found += [say.against(result, index), say.no_exemplar_pictures(index)]
    for k in range(len(result.stages)):
        found.append(say.telling_pictures(result, k, telling_frames(result, k)))
    return [sentence for sentence in found if sentence is not None]


@pytest.mark.parametrize(
    ("lean", "text"),
    [
        ((0.1, 0.2, -6.0), "The entry cost most: "),
        ((0.1, -5.0, 0.3), "The flight cost most: "),
        ((0.1, 6.0, -0.3), "The flight won most: "),
        ((-6.0, 0.2, 0.3), "The take-off cost most: "),
    ],
)
def test_the_stage_that_made_the_difference_is_blamed(lean, text):
    assert say.telling(made_result(lean=lean)).text.startswith(text)


def test_no_stage_is_blamed_for_nothing():
    result = made_result()
    stages = [stage.model_copy(update={"difference": 0.01}) for stage in result.stages]
    assert "No stage stands out" in say.telling(result.model_copy(update={"stages": stages})).text


def test_unsure_stages_and_damaged_files_are_not_to_be_trusted():
    result = made_result()
    unsure = result.stages[1].model_copy(update={"confidence": 0.31})
    damaged = result.input.model_copy(update={"condition": "partial"})
    changed = {
        "stages": [result.stages[0], unsure, result.stages[2]],
        "input": damaged,
        "warnings": ["It is dark."],
    }
    text = " ".join(sentence.text for sentence in say.doubtful(result.model_copy(update=changed)))
    for word in ("flight", "0.31", "damaged", "It is dark."):
        assert word in text
    assert "Not validated on real dives" in say.trust(result).text


@pytest.mark.parametrize(
    "result", [made_result(), refused(warnings=["It is dark."])], ids=["scored", "refused"]
)
def test_a_page_says_each_warning_once(result):
    page = read_page(dive_report(result, Pictures()))
    for warning in result.warnings:
        assert page.text.count(warning.rstrip(".")) == 1, warning


def test_where_a_reason_was_seen_is_told_in_frames_that_are_included():
    one = Reason(code="cut", text="the picture changes", start_frame=12, end_frame=13)
    assert say.reasons(refused(reasons=[one]))[0].text == "The picture changes. Frame 12."
    whole = Reason(code="still", text="nothing moves.")
    assert say.reasons(refused(reasons=[whole]))[0].text == "Nothing moves."


def test_an_error_that_is_known_from_other_films_is_not_said_to_be_known_here():
    assert "is known from real dives." in say.trust(RESULTS["known error"]).text
    assert "this one is unlike" in say.trust(RESULTS["unlike films"]).text
    unsure = {
        "recognised": [{"dive_number": "107B", "probability": 0.6, "difficulty": 3.0}],
        "dive_number": None,
    }
    known = type(RESULTS["known error"]).model_validate({**RESULTS["known error"].model_dump(), **unsure})
    assert "of this one the number is not known" in say.trust(known).text
    assert "if this dive is like those" not in say.interval(RESULTS["known error"]).text
    assert "if this dive is like those" in say.interval(RESULTS["unlike films"]).text
