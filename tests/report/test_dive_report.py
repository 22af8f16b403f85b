"""The page about a dive: whole, honest, readable without colour, pictures, scripts or a network."""

import re
from decimal import Decimal

import numpy as np
import pytest
from made_results import broken, made_pictures, made_result, made_validation, partial, refused, windowed
from pages import HEADINGS, places, read_page

from stagescore.report.dive_report import dive_report, frames_wanted
from stagescore.report.keyframes import aligned_pairs, nearest_exemplar
from stagescore.report.pictures import Pictures
from stagescore.report.sections.beside import aligned_bars
from stagescore.scoring.result import Result


def page_of(result, exemplar=False):
    return dive_report(result, made_pictures(result, frames_wanted(result), exemplar))


RESULTS = {
    "scored": made_result(3),
    "refused": refused(),
    "partial": partial(),
    "broken": broken(),
    "windowed": windowed(made_result(3), (14, 85)),
}


@pytest.mark.parametrize("name", RESULTS)
def test_every_sentence_names_fields_that_are_in_the_result(name):
    result = RESULTS[name]
    content = result.model_dump(mode="json")
    page = read_page(page_of(result))
    for element in page.everything:
        for field in element.attributes.get("data-field", "").split():
            places(content, field)
        loose = [text for text in element.texts if isinstance(text, str) and text.strip()]
        if not loose or element.tag == "":
            continue
        assert any(
            "data-field" in e.attributes or e.tag in HEADINGS or e.attributes.get("class") == "skip"
            for e in element.chain
        ), loose


def test_the_printed_parts_and_the_digits_behind_them_add_up_to_the_printed_score():
    for seed in range(4):
        result = made_result(seed)
        page = read_page(dive_report(result, Pictures()))
        head = page.find("p", class_="score")[0].text
        table = next(t for t in page.find("table") if "add up" in t.find("caption")[0].text)
        *parts, total = table.rows[1:]
        printed = [Decimal(row[1].replace("−", "-")) for row in parts]
        exact = [float(row[2]) for row in parts if row[2]]
        assert head == f"{total[1]}points"
        assert sum(printed) == Decimal(total[1]) == Decimal(f"{result.score:.2f}")
        assert abs(sum(exact) - result.score) < 1e-6
        assert float(total[2]) == result.score
        assert ("Rounding" in parts[-1][0]) == (len(parts) == 5)


def test_the_first_screen_has_score_interval_standing_words_stage_and_its_frames_and_the_warning_of_simulation():
    result = made_result(lean=(0.2, -4.0, 0.3))
    first, _ = page_of(result).split("<section", 1)
    page = re.sub(r"<style>.*</style>", "", first, flags=re.S)
    for words in (
        "Forward three and a half somersaults",
        f"{result.score:.2f}",
        "prediction interval",
        "exemplars",
        "Biggest loss: flight",
    ):
        assert words in page
    assert "Not validated on real dives" in page
    flight = result.stages[1]
    times = [float(t) for t in re.findall(r'alt="The flight at ([\d.]+)', page)]
    assert len(times) == 3
    assert all(flight.start_s <= time < flight.end_s for time in times)


def test_a_validated_bank_says_how_large_its_error_is_on_how_many_dives_and_what_the_film_adds():
    page = page_of(made_result(validated=True, validation=made_validation(5.25, 3.0)))
    assert "12 dives of your own" in page
    assert "5.25 points" in page
    assert (
        "The film adds 3.00 points of accuracy (95 % interval 1.00 to 5.00) over the mean of the scores"
        in page
    )
    assert "Not validated" not in page


@pytest.mark.parametrize(
    ("points", "words"), [(-0.5, "no better than the mean of the scores"), (1.0, "not surely better")]
)
def test_a_bank_that_does_not_beat_the_mean_says_so(points, words):
    page = page_of(made_result(validation=made_validation(5.25, points)))
    assert f"Not validated: {words}" in page
    assert "if this dive is like those of your bank" in page


@pytest.mark.parametrize("name", ["refused", "partial", "broken"])
def test_without_a_score_the_reasons_come_first_and_no_number_is_made_up(name):
    page = read_page(page_of(RESULTS[name]))
    main = page.find("main")[0]
    refusal = main.children[1]
    assert refusal.attributes["class"] == "refusal"
    assert "No score" in refusal.text
    assert not page.find("p", class_="score")
    assert not [e for e in page.everything if "points" in e.text and e.tag in ("p", "li", "table")]
    fields = " ".join(e.attributes.get("data-field", "") for e in main.everything)
    assert "judging" not in fields
    assert "exemplars" not in fields


def test_a_partial_clip_still_shows_stages_and_the_joints():
    page = read_page(page_of(partial()))
    headings = [h.text for h in page.find("h2")]
    assert {"The stages", "The body"} <= set(headings)
    assert [i for i in page.find("img") if i.attributes["alt"].startswith("Joints drawn over")]
    assert not [i for i in page.find("img") if "Take-off begins" in i.attributes["alt"]]


def test_a_score_that_needs_review_stands_below_its_reasons():
    page = page_of(made_result(status="needs_review", reasons=refused().reasons))
    assert page.index("Two people fall") < page.index('class="score"')
    assert "no score" not in page


def test_nothing_is_fetched_and_nothing_is_run():
    page = page_of(RESULTS["scored"])
    root = read_page(page)
    assert not root.find("script")
    assert not root.find("link")
    assert not [e for e in root.everything for key in e.attributes if key.startswith("on")]
    links = [e.attributes[key] for e in root.everything for key in ("src", "href") if key in e.attributes]
    assert links
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in links)
    assert "url(" not in page
    assert "@import" not in page
    assert len(page) < 1_500_000


def test_every_drawing_has_words_and_a_table_and_every_picture_an_alternative():
    root = read_page(page_of(RESULTS["scored"], exemplar=True))
    drawings = [svg for svg in root.find("svg") if svg.parent.tag == "figure"]
    assert len(drawings) >= 7
    for svg in drawings:
        assert svg.attributes["role"] == "img"
        assert svg.attributes["aria-label"]
        assert len(svg.parent.find("table")[0].rows) > 1
    images = root.find("img")
    assert len(images) > 20
    assert all(len(image.attributes["alt"]) > 10 for image in images)
    assert root.find("html")[0].attributes["lang"] == "en"
    assert len(root.find("h1")) == 1
    assert all(e.attributes["tabindex"] == "0" for e in root.find("div", class_="scroll"))


def luminance(colour):
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_enough_contrast():
    style = page_of(RESULTS["scored"]) + page_of(RESULTS["broken"])
    colours = dict(re.findall(r"--(\w+): (#\w+)", style))
    colours = {
        name: value if len(value) == 7 else f"#{value[1] * 2}{value[2] * 2}{value[3] * 2}"
        for name, value in colours.items()
    }
    for text in ("ink", "quiet", "accent"):
        for ground in ("paper", "wash", "band"):
            light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
    used = set(re.findall(r"[^-]color: ([^;}]+)", style))
    assert used <= {"var(--ink)", "var(--quiet)", "var(--accent)"}


def test_names_and_words_from_outside_are_text():
    evil = "<script>alert(1)</script>"
    result = made_result(words=evil, warnings=[evil], protocol=f'"{evil}')
    exemplars = [vote.model_copy(update={"dive_id": f"{evil}{k}"}) for k, vote in enumerate(result.exemplars)]
    page = page_of(result.model_copy(update={"exemplars": exemplars}))
    assert "<script" not in page
    assert page.count("&lt;script") > 3


def test_the_page_does_not_depend_on_timings():
    assert page_of(made_result(timings={"score": 1.0})) == page_of(made_result(timings={"score": 2.0}))


def test_the_frames_that_are_wanted_are_enough_and_within_the_film():
    for result in RESULTS.values():
        wanted = frames_wanted(result)
        assert wanted == sorted(set(wanted))
        assert all(0 <= frame < result.input.num_frames for frame in wanted)
        few, all_frames = (
            made_pictures(result, wanted),
            made_pictures(result, list(range(result.input.num_frames))),
        )
        assert dive_report(result, few) == dive_report(result, all_frames)


def test_a_bank_without_pictures_is_said_to_have_none_and_one_with_pictures_shows_them():
    result = RESULTS["scored"]
    assert "No pictures of the exemplar" in page_of(result)
    page = page_of(result, exemplar=True)
    assert "No pictures of the exemplar" not in page
    shown = [
        image for image in read_page(page).find("img") if image.attributes["alt"].startswith("The exemplar")
    ]
    assert len(shown) == 9
    told = [re.search(r"frame (\d+) of", image.parent.text) for image in shown]
    edges = result.exemplars[nearest_exemplar(result)].edges
    assert all(edges[0] <= int(frame[1]) < edges[-1] for frame in told)


def test_what_stands_beside_the_exemplar_is_what_the_network_was_shown():
    whole, shown = RESULTS["scored"], range(14, 85)
    result = windowed(whole, (shown.start, shown.stop))
    index = nearest_exemplar(result)
    exemplar = result.exemplars[index]
    rows = aligned_bars(result, index).table.rows
    for row, stage, begin, end in zip(
        rows, result.stages, exemplar.edges[:-1], exemplar.edges[1:], strict=True
    ):
        mine = [frame for frame in shown if stage.start_frame <= frame < stage.end_frame]
        theirs = [frame for frame in range(exemplar.edges[-1]) if begin <= frame < end]
        assert row[1] == f"{100 * len(mine) / len(shown):.0f} %"
        assert row[2] == f"{100 * len(theirs) / exemplar.edges[-1]:.0f} %"
    for pair in aligned_pairs(result, exemplar):
        stage = result.stages[pair.stage]
        mine = [frame for frame in shown if stage.start_frame <= frame < stage.end_frame]
        assert pair.query_frame == mine[int(pair.share * len(mine))]
    page = page_of(result, exemplar=True)
    assert "Of this dive the network was shown 0.56\u00a0s (frame 14) to 3.36\u00a0s (frame 84)" in page
    assert f"of {exemplar.edges[-1]} shown to the network" in page
    assert "Of this dive the network was shown" not in page_of(whole, exemplar=True)
    assert "Of this dive the network was shown" not in page_of(windowed(whole, (0, 98)), exemplar=True)


def test_crops_follow_the_diver_and_keep_one_scale():
    result = RESULTS["scored"]
    pictures = made_pictures(result, [0, 50])
    crops = pictures.crops([0, 50], height_px=144)
    diver = np.array([150, 90, 70])
    sizes = []
    for crop in crops.values():
        rows = np.flatnonzero((np.abs(crop.astype(int) - diver).max(-1) < 20).any(1))
        sizes.append(np.ptp(rows))
        assert abs(rows.mean() - 72) < 30
    assert abs(sizes[0] - sizes[1]) <= 3
    whole = Pictures(query=pictures.query).crops([0], height_px=72)[0]
    assert whole.shape == (72, 128, 3)


def test_the_marks_of_the_panel_are_shown_with_those_that_are_dropped():
    result = RESULTS["scored"]
    marks = read_page(page_of(result)).find("ul", class_="marks")[0].find("li")
    assert [
        mark.text.startswith(f"{value:.1f}") for mark, value in zip(marks, result.judging.marks, strict=True)
    ] == [True] * 7
    assert [k for k, mark in enumerate(marks) if "dropped" in mark.text] == result.judging.dropped


def without_exemplars(*, stages: bool) -> Result:
    """The result of a network that predicts the score itself."""
    whole = made_result()
    assert whole.networks is not None
    kept = [stage.model_copy(update={"difference": None}) for stage in whole.stages] if stages else []
    networks = whole.networks.model_copy(update={"bank_sha256": None})
    told = {
        "exemplars": [],
        "branches": [],
        "protocol": "",
        "stages": kept,
        "networks": networks,
        "corrections": [],
    }
    return whole.model_copy(update=told if stages else told | {"attention": None, "attention_frames": None})


@pytest.mark.parametrize("stages", [False, True])
def test_a_score_without_exemplars_is_shown_with_nothing_about_exemplars(stages: bool) -> None:
    result = without_exemplars(stages=stages)
    body = page_of(result).partition("<body")[2]
    assert f"{result.score:.2f}<small>points</small>" in body
    assert "xemplar" not in body and "ifference" not in body
    assert ("The stages" in body) == stages
    assert "Where the points went" not in body and "Joint angles" in body
    heads = [re.findall(r"<th[ >]", row) for row in re.findall(r"<thead>.*?</thead>", body, re.S)]
    cells = [re.findall(r"<t[hd][ >]", row) for row in re.findall(r"<tbody>\s*<tr>(.*?)</tr>", body, re.S)]
    assert [len(row) for row in heads] == [len(row) for row in cells]


def test_a_score_of_a_network_that_cuts_no_stages_stands_among_the_exemplars() -> None:
    result = made_result().model_copy(update={"stages": [], "branches": ["difference"], "attention": None})
    body = page_of(result).partition("<body")[2]
    assert f"{result.score:.2f}<small>points</small>" in body and "among the exemplars" in body
    assert "Where the points went" not in body and "The stages" not in body
