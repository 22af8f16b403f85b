import re

import pytest

from stagescore.evaluation.bootstrap import FIGURES
from stagescore.evaluation.published import ABLATIONS, COMPARED, PAPER, published_on

ROWS = [*COMPARED, *(row for rows in ABLATIONS.values() for row in rows)]


@pytest.fixture(scope="module")
def paper_numbers(shared):
    """The numbers of each row of the paper's tables, in the paper's order."""
    lines = (shared / "paper" / "hp-mcore.txt").read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("Methods (w/o DN)"))
    end = next(k for k, line in enumerate(lines) if line.startswith("V-C Ablation"))
    rows = [re.findall(r"\b\d+\.\d+", line) for line in lines[start:end] if len(line) < 90]
    return [[float(number) for number in row] for row in rows if any(len(n) >= 6 for n in row)]


def test_every_number_of_the_papers_tables_is_here_in_order(paper_numbers):
    ours = [list(row.figures.values()) for row in ROWS if row.source.startswith(PAPER)]
    assert ours == paper_numbers


def test_every_row_says_that_it_is_published_and_where():
    assert all(row.published is True and row.source for row in ROWS)
    assert all(set(row.figures) <= set(FIGURES) for row in ROWS)
    with pytest.raises(AttributeError):
        ROWS[0].published = False


def test_the_whole_model_is_the_same_in_every_table():
    ours = next(r for r in published_on("finediving") if (r.method, r.protocol) == ("HP-MCoRe", "w/ DN"))
    for table, rows in ABLATIONS.items():
        (whole,) = [row for row in rows if row.ablation == "full"]
        assert whole.srcc == ours.srcc
        assert round(whole.rl2x100, 3) == ours.rl2x100
        assert all(row.source.endswith(f"Table {table}") for row in rows)
    assert list(ABLATIONS) == ["III", "IV", "V", "VI", "VII", "VIII", "IX"]


def test_an_ablation_has_one_name():
    names = [row.ablation for row in ROWS if row.ablation not in ("", "full")]
    assert len(names) == len(set(names)) == 23


def test_rows_stand_only_beside_their_own_data_and_say_their_protocol():
    beside = published_on("finediving")
    assert {row.dataset for row in beside} == {"finediving"}
    assert {row.protocol for row in beside} >= {"w/ DN", "w/o DN"}
    by_protocol = {row.protocol for row in published_on("mtl-aqa") if row.method == "HP-MCoRe"}
    assert by_protocol == {"w/ DD", "w/o DD"}
    assert {row.method for row in published_on("unlv-dive")} >= {"S3D", "TPT", "P3D features by SVR"}
    assert all("300" in row.source for row in published_on("unlv-dive"))
    assert published_on("simulated") == ()
