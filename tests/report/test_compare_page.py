"""The page about two dives: it says who is ahead, adds up, and shows both dives' angles."""

import pytest
from made_results import made_comparison
from pages import places, read_page

from stagescore.report.compare_page import angle_figure, compare_page, scores, verdict


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
