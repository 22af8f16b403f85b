"""The page about a batch."""

from made_results import made_result, refused
from pages import places, read_page

from stagescore.report.summary import summary_page


def test_every_dive_has_its_score_or_its_reasons_and_a_link():
    dives = [
        ("good dive", made_result(1)),
        ("other", made_result(2)),
        ("pair", refused()),
        ("broken", refused("failed", text="the file holds no film")),
    ]
    page = read_page(summary_page(dives))
    rows = page.find("ul", class_="list")[0].children
    assert [row.find("a")[0].attributes["href"] for row in rows] == [
        "good%20dive/report.html",
        "other/report.html",
        "pair/report.html",
        "broken/report.html",
    ]
    for row, (name, result) in zip(rows, dives, strict=True):
        assert name in row.text
        assert (f"{result.score:.2f}" if result.score else result.reasons[0].text[1:]) in row.text
        for element in row.everything:
            for field in element.attributes.get("data-field", "").split():
                places(result.model_dump(mode="json"), field)
    assert "2 scored, 1 to be reviewed, 1 failed." in page.text
    assert "Not validated on real dives" in page.text
    assert len(page.find("circle")) == 2


def test_a_batch_of_nothing_is_a_page():
    assert "0 dives" in summary_page([])
