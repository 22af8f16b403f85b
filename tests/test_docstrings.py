"""A docstring entry stands alone: a tooltip shows it without the name of its class, and without the entries around it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "stagescore"
SECTION = re.compile(r"(?:Args|Attributes|Returns|Yields):")
# Words with which an entry leans on something outside of it: "of the film", "likewise", "see there".
LEANING = re.compile(
    r"(?:of|likewise|in|on|at|to|from|by|with|as|see|the same|and|or|per|than|for|between|its|their|into|around|before|after|"
    r"until|since|which|that|there|those|these|this|where|when|so|such|also|too|both|beside|like|under|above|below|within)\b",
    re.IGNORECASE,
)


def entries(docstring: str) -> Iterator[tuple[str, str]]:
    """Name and text of every entry; the name of what is returned is empty."""
    lines = docstring.splitlines()
    for number, line in enumerate(lines):
        if SECTION.fullmatch(line.strip()) is None:
            continue
        indent = len(line) - len(line.lstrip())
        section: list[str] = []
        for below in lines[number + 1 :]:
            if below.strip() and len(below) - len(below.lstrip()) <= indent:
                break
            section += [below] if below.strip() else []
        first = len(section[0]) - len(section[0].lstrip())
        if line.strip() in ("Returns:", "Yields:"):
            yield "", section[0].strip()
            continue
        for entry in section:
            if len(entry) - len(entry.lstrip()) == first:
                name, _, text = entry.strip().partition(": ")
                yield name, text


def test_entries_are_found_in_every_section() -> None:
    docstring = """Do it.

    Args:
        frames: Of the
            film.
        size_px: Width of the picture, in pixels.

    Returns:
        Where it is.
    """
    assert list(entries(docstring)) == [
        ("frames", "Of the"),
        ("size_px", "Width of the picture, in pixels."),
        ("", "Where it is."),
    ]
    assert LEANING.match("Of the") and not LEANING.match("Width of the picture, in pixels.")


@pytest.mark.parametrize(
    "package", sorted(p.name for p in SOURCE.iterdir() if p.is_dir() or p.suffix == ".py")
)
def test_every_entry_stands_alone(package: str) -> None:
    place = SOURCE / package
    found = []
    for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for name, text in entries(ast.get_docstring(node) or ""):
                leans = LEANING.match(text) is not None or len(text.split()) < 2
                if leans and not (name == "" and text.startswith("Where")):
                    found.append(f"{path.relative_to(SOURCE)}: {node.name}: {name}: {text}")
    assert not found, "\n".join(found)
