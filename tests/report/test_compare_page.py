"""The page about two dives: it says who is ahead, adds up, and shows both dives' angles."""

import pytest
from made_results import made_comparison, made_pictures
from pages import places, read_page

from stagescore.report.compare_page import angle_figure, compare_page, compared_pairs, scores, verdict
from stagescore.report.pictures import Pictures


def test_the_page_says_who_is_ahead_and_where() -> None:
    comparison = made_comparison((1.0, -4.5, 0.5))
    told = verdict(comparison).text
    assert "3.00 points ahead" in told and "flight differs most: −4.50" in told
    root = read_page(compare_page(comparison))
    rows = root.find("table")[0].rows
    assert rows[-1][-1] == "−3.00"
    content = comparison.model_dump(mode="json")
    named = [e.attributes["data-field"] for e in root.everything if "data-field" in e.attributes]
    assert named and all(places(content, path) for field in named for path in field.split())


def test_the_page_gives_both_scores_beside_the_difference() -> None:
    comparison = made_comparison((1.0, -4.5, 0.5))
    told = scores(comparison)
    assert told is not None
    assert comparison.second is not None
    for dive in (comparison.first, comparison.second):
        assert f"{dive.score:.2f}" in told.text
    assert told.text in read_page(compare_page(comparison)).text
    unscored = comparison.model_copy(update={"first": comparison.first.model_copy(update={"score": None})})
    assert scores(unscored) is None


@pytest.mark.parametrize("against", ["a dive", "an exemplar"])
def test_frames_stand_side_by_side_at_the_same_share_of_a_stage(against: str) -> None:
    comparison = made_comparison((1.0, -4.5, 0.5), exemplar=against == "an exemplar")
    pairs = compared_pairs(comparison)
    assert [pair.stage for pair in pairs] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    mine = made_pictures(comparison.first, [pair.query_frame for pair in pairs])
    frames = [pair.exemplar_frame for pair in pairs]
    if comparison.second is None:
        shown = made_pictures(comparison.first, frames).query
        theirs = Pictures(exemplar=shown)
        assert all(comparison.exemplar_edges[0] <= frame < comparison.exemplar_edges[-1] for frame in frames)
    else:
        theirs = made_pictures(comparison.second, frames)
        spans = [(stage.start_frame, stage.end_frame) for stage in comparison.second.stages]
        assert all(spans[p.stage][0] <= p.exemplar_frame < spans[p.stage][1] for p in pairs)
    root = read_page(compare_page(comparison, mine, theirs))
    told = [image.attributes["alt"] for image in root.find("img")]
    assert len(told) == 18
    assert told[0].endswith("17% into the take-off") and told[-1].endswith("83% into the entry")
    content = comparison.model_dump(mode="json")
    named = [e.attributes["data-field"] for e in root.everything if "data-field" in e.attributes]
    assert all(places(content, path) for field in named for path in field.split())
    without = compare_page(comparison, mine)
    assert "Side by side" not in without and "<img" not in without


def test_names_of_films_are_left_as_they_are() -> None:
    comparison = made_comparison((1.0, 0.0, 0.0))
    named = comparison.first.model_copy(
        update={"input": comparison.first.input.model_copy(update={"name": "my dive"})}
    )
    assert verdict(comparison.model_copy(update={"first": named})).text.startswith("my dive is seen")
    assert verdict(made_comparison((-1.0, 0.0, 0.0), exemplar=True)).text.startswith("Exemplar simulated/")


def test_equal_dives_are_called_equal() -> None:
    assert "seen as equal" in verdict(made_comparison((0.01, -0.01, 0.0))).text


def test_angles_of_both_dives_are_drawn_and_tabled() -> None:
    comparison = made_comparison((1.0, 0.0, 0.0))
    figure = angle_figure(comparison)
    assert figure is not None
    assert figure.drawing.count("<path") == 6
    assert len(figure.table.rows) == len(comparison.moments) and len(figure.table.rows[0]) == 7


@pytest.mark.parametrize("against", ["a dive", "an exemplar"])
def test_without_joints_there_is_no_curve(against: str) -> None:
    comparison = made_comparison((1.0, 0.0, 0.0), joints=False, exemplar=against == "an exemplar")
    assert angle_figure(comparison) is None
    assert "Angles, aligned" not in compare_page(comparison)
