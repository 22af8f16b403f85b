"""Every section alone: what it shows, what it leaves out, and that it is made from the fields that it declares.

The section of docs/add_a_report_section.md goes through the same checks, from a folder beside the others.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_results import broken, made_dives, made_pictures, made_result, partial, refused
from pages import HEADINGS, Element, places, read_page

from stagescore.errors import DataError
from stagescore.report import sections
from stagescore.report.dive_report import dive_report, frames_wanted
from stagescore.report.pictures import Pictures
from stagescore.report.rendering import render_section
from stagescore.report.sections import (
    Section,
    all_sections,
    attention,
    body,
    changes,
    points,
    provenance,
    score,
    stages,
)
from stagescore.report.sections import trust as trusted
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import EventResult, Events, PoseShares, Reason

DOCUMENTED = "air_time"
NAMES = [*all_sections(), DOCUMENTED]
DIVES = made_dives()
NO_PICTURES = Pictures()


@pytest.fixture(scope="module", autouse=True)
def _documented_section(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The two files that the page of the documentation has, where sections are looked for."""
    page = (Path(__file__).parents[2] / "docs" / "add_a_report_section.md").read_text()
    folder = tmp_path_factory.mktemp("sections")
    for language, ending in (("python", "py"), ("jinja", "html.j2")):
        (block,) = re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)
        (folder / f"{DOCUMENTED}.{ending}").write_text(block)
    sections.__path__.append(str(folder))
    yield
    sections.__path__.remove(str(folder))
    sys.modules.pop(f"{sections.__name__}.{DOCUMENTED}")
    delattr(sections, DOCUMENTED)


def shown(name: str, result: Result, pictures: Pictures = NO_PICTURES) -> Element | None:
    """A section by itself, as a browser reads it; None where it has nothing to show."""
    section = all_sections()[name]
    content = section.build(result, pictures)
    if content is None:
        return None
    part = render_section(name, section.title, content)
    return read_page(f"<section><style>{part.style}</style>{part.body}</section>")


def pictures_of(name: str, result: Result) -> Pictures:
    wanted = {frame for frame in all_sections()[name].frames(result) if 0 <= frame < result.input.num_frames}
    return made_pictures(result, sorted(wanted), exemplar=True)


class WatchedResult(Result):
    """A result that notes which of its fields are asked for."""

    def __getattribute__(self, name: str) -> object:
        if name in Result.model_fields:
            object.__getattribute__(self, "__dict__").setdefault("_asked", set()).add(name)
        return super().__getattribute__(name)

    @classmethod
    def of(cls, result: Result) -> "WatchedResult":
        watched = cls.model_validate(result.model_dump())
        watched.__dict__["_asked"] = set()
        return watched

    @property
    def asked(self) -> set[str]:
        return self.__dict__["_asked"]


def named_in(element: Element | None) -> set[str]:
    """The fields of the result that a section's sentences, tables and pictures name, without what is inside them."""
    attributes = [] if element is None else [part.attributes for part in element.everything]
    paths = [path for one in attributes for path in one.get("data-field", "").split()]
    return {re.split(r"[.\[]", path)[0] for path in paths}


@pytest.mark.parametrize("name", NAMES)
def test_a_section_reads_the_fields_that_it_declares_and_no_others(name: str) -> None:
    section, asked, named = all_sections()[name], set(), set()
    for result in DIVES.values():
        watched = WatchedResult.of(result)
        section.build(watched, pictures_of(name, result))
        section.frames(watched)
        asked |= watched.asked
        named |= named_in(shown(name, result, pictures_of(name, result)))
    assert asked <= set(section.reads)
    assert asked | named == set(section.reads)  # some are only spoken of, as being estimated


@pytest.mark.parametrize("name", NAMES)
def test_what_a_section_says_names_fields_of_the_result_that_it_declares(name: str) -> None:
    reads, num_shown = set(all_sections()[name].reads), 0
    for result in DIVES.values():
        element = shown(name, result, pictures_of(name, result))
        if element is None:
            continue
        num_shown += 1
        content = result.model_dump(mode="json")
        assert named_in(element) <= reads
        for part in element.everything:
            for field in part.attributes.get("data-field", "").split():
                assert places(content, field)
            loose = [text for text in part.texts if isinstance(text, str) and text.strip()]
            told = any("data-field" in e.attributes or e.tag in HEADINGS for e in part.chain)
            assert told or not loose, loose
    assert num_shown


@pytest.mark.parametrize("name", NAMES)
def test_the_frames_of_a_section_are_all_that_it_shows(name: str) -> None:
    for result in DIVES.values():
        every = made_pictures(result, list(range(result.input.num_frames)), exemplar=True)
        alone, among = shown(name, result, pictures_of(name, result)), shown(name, result, every)
        sources = [[i.attributes["src"] for i in e.find("img")] if e else None for e in (alone, among)]
        assert sources[0] == sources[1]
        assert set(all_sections()[name].frames(result)) & set(range(result.input.num_frames)) <= set(
            frames_wanted(result)
        )


EVIL = "<script>alert('x')</script>"
CHOSEN = {"status", "condition", "source", "dive_number_source", "modalities", "over", "stage", "worse"}
"""Strings of a result that come from fixed lists, like the names of its stages."""


def hostile(content: object, key: str = "", place: str = "") -> object:
    """The same with script in every text that comes from outside."""
    if isinstance(content, dict):
        return {k: hostile(v, k, f"{place}.{k}") for k, v in content.items()}
    if isinstance(content, list):
        return [hostile(value, key, place) for value in content]
    fixed = key in CHOSEN or place.startswith(".stages") or place == ".poses.diver"
    return f"{EVIL}{content}" if isinstance(content, str) and not fixed else content


@pytest.mark.parametrize("name", NAMES)
def test_text_from_outside_stays_text(name: str) -> None:
    section, met = all_sections()[name], False
    for result in DIVES.values():
        evil = Result.model_validate(hostile(result.model_dump(mode="json")))
        content = section.build(evil, pictures_of(name, result))
        if content is not None:
            told = str(render_section(name, section.title, content).body)
            assert "<script" not in told
            met = met or "&lt;script" in told
    says_names = {"title", "refusal", "score", "points", "beside", "trust", "provenance"}
    assert met or name not in says_names


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("refusal", DIVES["scored"]),
        ("stages", refused()),
        ("points", refused()),
        ("beside", refused()),
        ("body", broken()),
        ("attention", DIVES["without attention"]),
        ("panel", DIVES["unsure"]),
        (DOCUMENTED, made_result(events=Events())),
    ],
)
def test_a_section_with_nothing_to_show_is_left_out(name: str, result: Result) -> None:
    assert shown(name, result) is None
    assert shown(name, DIVES["in review"]) is not None
    title = all_sections()[name].title
    page = read_page(dive_report(result, NO_PICTURES))
    assert title is None or title not in [heading.text for heading in page.find("h2")]


def test_sections_stand_in_the_order_of_their_numbers() -> None:
    page = read_page(dive_report(DIVES["scored"], NO_PICTURES))
    headings = [heading.text for heading in page.find("h2")]
    known = [
        "The stages",
        "In the air",
        "Where the points went",
        "Beside the nearest exemplar",
        "The body",
        "Where the network looked",
        "As a judges' panel might put it",
        "What to trust",
    ]
    assert [heading for heading in headings if heading in known] == known
    for section in page.find("section"):
        label = section.attributes["aria-labelledby"]
        assert [e for e in section.everything if e.attributes.get("id") == label]


def test_the_section_of_the_documentation_tells_the_time_between_the_events() -> None:
    result = made_result(
        edges=(0, 24, 60, 98)
    )  # airborne in frame 22, water in frame 68, 25 frames per second
    element = shown(DOCUMENTED, result, pictures_of(DOCUMENTED, result))
    assert "needs 1.84 seconds" in element.text
    assert len(element.find("img")) == 1 and all_sections()[DOCUMENTED].frames(result) == (45,)
    assert ".air { max-width: 320px; }" in dive_report(result, NO_PICTURES)


def test_a_field_that_no_result_has_is_refused() -> None:
    with pytest.raises(DataError, match="no field sccore"):
        Section(order=1, title=None, reads=("sccore", "stages"), build=lambda _result, _pictures: None)


@pytest.mark.parametrize(
    ("changes", "heading", "beside"),
    [
        ({}, "Forward three and a half somersaults in pike position (107B)", ["dive", "10 m"]),
        ({"words": None}, "Dive 107B", ["dive", "10 m"]),
        ({"words": None, "dive_number": None, "height_m": None}, "dive", []),
    ],
)
def test_the_title_says_what_is_known_of_the_dive(changes: dict, heading: str, beside: list[str]) -> None:
    element = shown("title", made_result(**changes))
    assert element.find("h1")[0].text == heading
    assert [paragraph.text for paragraph in element.find("p")] == beside


def test_the_refusal_gives_each_reason_with_its_frames() -> None:
    reasons = [
        Reason(code="cut", text="the picture changes", start_frame=12, end_frame=13),
        Reason(code="two-divers", text="two people fall.", start_frame=30, end_frame=61),
        Reason(code="still", text="nothing moves"),
    ]
    element = shown("refusal", refused("failed", reasons=reasons))
    assert element.find("p", class_="verdict")[0].text == "No score"
    assert element.find("h2")[0].text == "Failed"
    assert [item.text for item in element.find("li")] == [
        "The picture changes. Frame 12.",
        "Two people fall. Frames 30 to 60.",
        "Nothing moves.",
    ]
    reviewed = shown("refusal", DIVES["in review"])
    assert reviewed.find("h2")[0].text == "Needs review" and not reviewed.find("p", class_="verdict")


def test_the_score_marks_the_stage_that_decided_it() -> None:
    result = made_result(lean=(0.3, -4.0, 0.2))
    element = shown("score", result, pictures_of("score", result))
    differences = element.find("ul", class_="deltas")[0].find("li")
    assert [d.attributes.get("class") for d in differences] == [None, "most", None]
    assert [d.text.split()[0] for d in differences] == ["take-off", "flight", "entry"]
    assert len(element.find("img")) == 3
    assert all(image.attributes["alt"].startswith("The flight at") for image in element.find("img"))
    strip = shown("standing", result)
    assert len(strip.find("circle")) == len(result.exemplars)


def test_without_a_score_the_first_screen_shows_what_was_seen_and_what_to_know() -> None:
    result = DIVES["execution alone"]
    element = shown("score", result, pictures_of("score", result))
    assert "What was seen" in [heading.text for heading in element.find("h2")]
    assert 30 in score.seen_frames(result)  # where the reason points to
    known = shown("standing", result)
    assert "22.41 of 30" in known.text and "The file ends within the dive." in known.text
    assert "Without the film, 70.2 points are to be expected" in known.text
    assert not element.find("ul", class_="deltas") and "prediction interval" not in element.text
    scored = shown("score", DIVES["scored"])
    assert "The film is short." not in scored.text  # it stands in the section on trust


def test_a_score_from_joints_alone_says_that_its_error_is_not_known() -> None:
    assert "how far it may be off is not known" in shown("score", DIVES["joints alone"]).text


def test_the_timeline_shows_stages_and_events_in_order_and_says_what_was_not_seen() -> None:
    result = made_result()
    moments = stages.timeline_moments(result)
    assert [(m.frame, m.name) for m in moments] == [
        (0, "take-off begins"),
        (22, "leaves the board"),
        (24, "flight begins"),
        (60, "entry begins"),
        (68, "touches the water"),
        (97, "last frame used"),
    ]
    element = shown("stages", result, pictures_of("stages", result))
    assert len(element.find("img")) == len(moments)
    assert element.find("table")[0].rows[1][:4] == ["take-off", "0 to 23", "0.00 to 0.96", "0.93"]
    one = Events(first_airborne_frame=EventResult(frame=22, confidence=0.5))
    text = shown("stages", made_result(events=one)).text
    assert "When the diver touches the water was not seen in this clip." in text
    assert "The diver leaves the board at 0.88\u00a0s" in text.replace("0.88 s", "0.88\u00a0s")


def test_stages_without_a_score_have_no_points() -> None:
    heads = [
        [cell.text for cell in shown("stages", r).find("th", scope="col")] for r in (made_result(), partial())
    ]
    assert heads[0][-1] == "points" and heads[1] == heads[0][:-1]


def test_where_the_points_went_adds_up_by_exemplar_and_by_branch() -> None:
    result = made_result(num_exemplars=4)
    tables = [table.rows for table in shown("points", result).find("table")]
    votes, branches = tables[1][1:], tables[2][1:]
    assert len(votes) == 4
    for row, vote in zip(votes, result.exemplars, strict=True):
        assert float(row[-1]) == pytest.approx(vote.vote, abs=0.006)
    for row, stage in zip(branches, result.stages, strict=True):
        *parts, together = (float(cell.replace("−", "-")) for cell in row[1:])
        assert sum(parts) == pytest.approx(together, abs=0.011)
        assert together == pytest.approx(stage.difference, abs=0.006)


def test_one_exemplar_is_not_called_a_mean_and_one_branch_has_no_figure() -> None:
    exemplar = made_result(num_exemplars=1)
    votes = [
        vote.model_copy(update={"stage_deltas": [[sum(s)] for s in vote.stage_deltas]})
        for vote in exemplar.exemplars
    ]
    result = exemplar.model_copy(update={"branches": ["static"], "exemplars": votes})
    text = shown("points", result).text
    assert "The exemplar has" in text and "on average" not in text and "1 vote, from" in text
    assert points.branch_bars(result) is None and "By branch" not in text


def test_an_exemplar_with_other_stages_is_not_laid_beside_the_dive() -> None:
    result = made_result()
    others = [vote.model_copy(update={"edges": [0, 40, 96]}) for vote in result.exemplars]
    assert shown("beside", result.model_copy(update={"exemplars": others})) is None


def test_the_body_shows_six_skeletons_and_the_smallest_angles_of_the_flight() -> None:
    result = made_result()
    element = shown("body", result, pictures_of("body", result))
    assert len(element.find("img")) == 6
    hips = result.angles.hip[24:60]
    assert (
        f"The hips close furthest in flight at 1.60 s (frame {24 + hips.index(min(hips))})"
        in element.text.replace("\u00a0", " ")
    )
    assert "the trunk is about 10° from the vertical" in element.text
    assert len(element.find("path")) == 3


def test_no_angle_is_told_of_a_fold_whose_limbs_are_guesses() -> None:
    result = made_result()
    knee = [None if 30 <= frame < 42 else value for frame, value in enumerate(result.angles.knee)]
    angles = result.angles.model_copy(update={"knee": knee})
    text = shown("body", result.model_copy(update={"angles": angles})).text
    assert "that at the knees in 67% of the frames is known" in text.replace("\u00a0", "")
    assert "The knees bend" not in text and "The hips close furthest" in text


def test_the_body_says_where_its_joints_come_from_and_draws_no_curve_that_is_not_known() -> None:
    given = shown("body", made_result(poses=PoseShares(source="given", measured=0.9, doubtful=0.1)))
    assert (
        "The joints were given by you. Of all joints in all frames 90% were seen and believed" in given.text
    )
    result = made_result(angles=None)
    element = shown("body", result, pictures_of("body", result))
    assert not element.find("path") and "Joint angles" not in element.text
    assert body.angles(result) == []
    assert shown("body", result) is None  # neither joints nor angles


def test_attention_is_told_by_the_frame_with_most_of_it() -> None:
    result = made_result()
    for k, stage in enumerate(result.stages):
        inside = [
            (weight, frame)
            for frame, weight in zip(result.attention_frames, result.attention, strict=True)
            if stage.start_frame <= frame < stage.end_frame
        ]
        assert attention.peak_attention_frame(result, k) == max(inside)[1]
    element = shown("attention", result)
    assert len(element.find("rect", class_="bar")) == len(result.attention)
    even = [float(row[2]) for row in element.find("table")[0].rows[1:]]
    assert sum(even) / len(even) == pytest.approx(1.0, abs=0.01)


def test_what_to_trust_sorts_what_is_known_into_three_lists() -> None:
    def lists(result: Result) -> dict[str, str]:
        columns = [h.parent for h in shown("trust", result).find("h3")]
        return {column.find("h3")[0].text: column.find("ul")[0].text for column in columns}

    given = lists(DIVES["joints alone"])
    assert "The joints are those that you gave." in given["Measured"]
    estimated = lists(DIVES["unlike films"])
    assert "The joints were found by a network" in estimated["Estimated"]
    assert "60% of the score comes from the film" in estimated["Estimated"]
    assert "distance 1.70" in estimated["Not to be trusted"]
    assert lists(broken()) == {
        "Measured": "No frame could be read.",
        "Estimated": "Nothing.",
        "Not to be trusted": "The file is unreadable.",
    }
    assert "Not to be trusted" not in lists(refused())  # its warnings stand at the top of the page
    sure = made_result(attention=None, attention_frames=None, judging=None)
    assert [sentence.text for sentence in trusted.doubtful(sure)] == ["Nothing in particular."]


def test_the_provenance_names_what_was_used_and_nothing_else() -> None:
    told = [sentence.text for sentence in provenance.provenance(made_result())]
    assert told == [
        f"Input videos/dive.mp4, SHA-256 {'ab' * 32}.",
        f"Weights nano, hash {'cd' * 32}.",
        f"Exemplar bank, hash {'ef' * 32}.",
        "Joints: detector-s and pose-s.",
        "Form of result.json: version 1.",
    ]
    nets = made_result().networks.model_copy(
        update={"bank_sha256": None, "detector": None, "estimator": None}
    )
    assert len(provenance.provenance(made_result(networks=nets))) == 3
    assert [s.text for s in provenance.provenance(broken())][1:] == ["Form of result.json: version 1."]


def test_a_coach_reads_how_exemplars_were_chosen_without_the_names_of_the_papers_protocols() -> None:
    chosen = "10 exemplars with dive number 107B (w/ DN)"
    told = [one.text for one in trusted.estimated(made_result(protocol=chosen))]
    assert "Exemplars: 10 exemplars with dive number 107B." in told


def test_what_to_change_is_shown_where_no_joint_is_known_too() -> None:
    result = made_result()
    (correction,) = result.corrections
    shown = made_pictures(result, frames_wanted(result))
    assert shown.track is not None
    shown.track.joints_px[correction.frame] = float("nan")
    content = changes.SECTION.build(result, shown)
    assert content is not None and len(content["changes"][0]["shots"]) == 1
    bare = changes.SECTION.build(result, Pictures())
    assert bare is not None and bare["changes"][0]["shots"] == []
    assert 'class="plain"' in render_section("changes", None, bare).body


def test_the_first_screen_says_why_there_is_no_advice() -> None:
    whole = made_result()
    unsure = [one.model_copy(update={"usable": False}) for one in whole.measures]
    blank = [one.model_copy(update={"value": None, "usable": False}) for one in whole.measures]
    told = {
        name: score.first_change(whole.model_copy(update={"corrections": [], "measures": measures}))
        for name, measures in (("sure", whole.measures), ("unsure", unsure), ("none", blank))
    }
    assert told["sure"] is not None
    assert told["sure"][0].text == "Nothing stands out."
    assert told["unsure"] is not None
    assert "not measured surely" in told["unsure"][1].text
    assert told["none"] is None
