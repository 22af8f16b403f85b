"""Figure 6: both sums add up as printed, and the file is the same each time."""

import re
from decimal import Decimal

import pytest
from made_results import made_pictures, made_result, refused

from stagescore.errors import DataError
from stagescore.figures.figure6 import write_figure6
from stagescore.report.dive_report import frames_wanted
from stagescore.report.keyframes import nearest_exemplar
from stagescore.report.pictures import Pictures


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_sums_add_up_as_printed(tmp_path, seed):
    result = made_result(seed)
    write_figure6(result, Pictures(), tmp_path / "figure.svg", truth=71.25)
    svg = (tmp_path / "figure.svg").read_text()
    lines = [re.sub(r"<[^>]*>", "", text) for text in re.findall(r"<text.*?</text>", svg, re.S)]
    totals = {}
    for line in lines:
        if "=" in line:
            left, right = line.split("=")
            parts = re.findall(r"[+−]?\d+\.\d\d", left)
            totals[re.search(r"its vote|score", right)[0]] = Decimal(re.search(r"\d+\.\d\d", right)[0])
            assert sum(Decimal(part.replace("−", "-")) for part in parts) == list(totals.values())[-1]
    exemplar = result.exemplars[nearest_exemplar(result)]
    assert totals == {"its vote": Decimal(f"{exemplar.vote:.2f}"), "score": Decimal(f"{result.score:.2f}")}
    text = " ".join(lines)
    assert "judges' score 71.25" in text
    assert "not validated on real dives" in text
    assert exemplar.dive_id in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_dive_gives_the_same_file(tmp_path, suffix):
    result = made_result()
    pictures = made_pictures(result, frames_wanted(result)[:2], exemplar=suffix == "png")
    for name in ("a", "b"):
        write_figure6(result, pictures, tmp_path / f"{name}.{suffix}")
    content = (tmp_path / f"a.{suffix}").read_bytes()
    assert content == (tmp_path / f"b.{suffix}").read_bytes()
    write_figure6(result, Pictures(), tmp_path / f"bare.{suffix}")
    assert content != (tmp_path / f"bare.{suffix}").read_bytes()


def test_no_score_no_figure(tmp_path):
    with pytest.raises(DataError, match="no score"):
        write_figure6(refused(), Pictures(), tmp_path / "figure.png")
    with pytest.raises(DataError, match="gif"):
        write_figure6(made_result(), Pictures(), tmp_path / "figure.gif")
    assert not list(tmp_path.iterdir())
