"""The pages in a browser: nothing is fetched, nothing goes wrong, nothing needs scripts, nothing is cut off."""

import re
import shutil
from pathlib import Path

import pytest
from made_results import made_comparison, made_pictures, made_result, refused

from stagescore.report.compare_page import compare_page, compared_pairs
from stagescore.report.dive_report import dive_report, frames_wanted
from stagescore.report.summary import summary_page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("no browser is installed")
    with playwright.sync_playwright() as driver:
        try:
            running = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        except playwright.Error as error:
            pytest.skip(f"the browser does not start: {str(error).splitlines()[0]}")
        yield running
        running.close()


def parse_px(text: str) -> float:
    return float(text.removesuffix("px"))


def compared():
    comparison = made_comparison((0.8, -2.1, -3.4))
    pairs = compared_pairs(comparison)
    return compare_page(
        comparison,
        made_pictures(comparison.first, [pair.query_frame for pair in pairs]),
        made_pictures(comparison.second, [pair.exemplar_frame for pair in pairs]),
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    scored, refusal = made_result(), refused()
    many = made_result(corrections=scored.corrections * 3)
    texts = {
        "scored": dive_report(scored, made_pictures(scored, frames_wanted(scored))),
        "many changes": dive_report(many, made_pictures(many, frames_wanted(many))),
        "refused": dive_report(refusal, made_pictures(refusal, frames_wanted(refusal))),
        "compared": compared(),
        "summary": summary_page([("one", scored), ("two", made_result(2)), ("three", refusal)]),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["scored", "refused", "compared", "summary"])
def test_a_page_needs_no_network_no_script_and_fits_the_screen(browser, pages, name, width):
    size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    context = browser.new_context(viewport=size, java_script_enabled=True)
    page, asked, complaints = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = (pages / f"{name}.html").as_uri()
    page.goto(address)
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('body *')].map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    assert smallest >= 12
    with_scripts = page.inner_text("main")
    context.close()

    context = browser.new_context(viewport=size, java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.inner_text("main") == with_scripts
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["scored", "refused", "compared", "summary"])
def test_axe_finds_nothing_against_the_rules_of_accessibility(browser, pages, name, width):
    """All rules of axe: WCAG 2.1 A and AA, and what its authors call best practice."""
    axe = pytest.importorskip("axe_core_python.base")
    context = browser.new_context(viewport=dict(zip(("width", "height"), WIDTHS[width], strict=True)))
    page = context.new_page()
    page.goto((pages / f"{name}.html").as_uri())
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document)")
    assert len(found["passes"]) > 25, "it has looked"
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]] == []
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scored", "many changes", "refused"])
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_a_report_is_printed_on_two_pages(browser, pages, name, paper):
    page = browser.new_page()
    page.goto((pages / f"{name}.html").as_uri())
    margins = dict.fromkeys(("top", "bottom", "left", "right"), "10mm")
    printed = page.pdf(format=paper, print_background=True, margin=margins)
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", printed)) <= 2
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scored", "refused"])
def test_a_phone_shows_the_score_or_that_there_is_none_and_what_to_change(browser, pages, name):
    width, height = WIDTHS["phone"]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto((pages / f"{name}.html").as_uri())
    big = page.locator(".score" if name == "scored" else ".verdict").first
    assert parse_px(big.evaluate("e => getComputedStyle(e).fontSize")) >= 60, (
        "no score is as large as a score"
    )
    if name == "scored":
        for selector in (".score", ".telling", ".hero img >> nth=2", ".deltas", ".tiles li >> nth=1"):
            box = page.locator(selector).first.bounding_box()
            assert box["y"] + box["height"] <= height, selector
    page.close()


@pytest.mark.slow
def test_the_first_screen_holds_score_stage_and_frames_and_keys_reach_the_tables(browser, pages):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((pages / "scored.html").as_uri())
    first_screen = (
        *(".score", ".telling", ".hero img >> nth=2", ".trust", ".deltas"),
        *(".tiles li >> nth=1", ".change .what"),
    )
    for selector in first_screen:
        box = page.locator(selector).first.bounding_box()
        assert box["y"] + box["height"] <= 900, selector
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").count() == 1
    page.close()
