"""Pages and sections made from templates: those of this package, and each section's own beside its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FunctionLoader, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from stagescore.printable import printable
from stagescore.report import sections

_SUFFIX = ".html.j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section as it stands on the page.

    Attributes:
        name: The section's name, which its heading can be linked by.
        title: Heading of the section; None where the template writes its own.
        body: The markup of the section.
        style: CSS that only this section needs; empty without any.
        printed: Whether it is printed.
    """

    name: str
    title: str | None
    body: Markup
    style: Markup
    printed: bool


def render(name: str, **content: Any) -> str:
    """A page of this package's templates.

    Args:
        name: File name of the template.
        content: What the template shows; markup in it is escaped.
    """
    return _environment().get_template(name).render(**content)


def render_section(
    name: str, title: str | None, content: Mapping[str, object], *, printed: bool = True
) -> Part:
    """A section of the template that stands beside the section's file.

    Args:
        name: Name of the section.
        title: Heading of the section; None where the template writes its own.
        content: What the template shows; markup in it is escaped.
        printed: Whether it is printed.
    """
    filled = _environment().get_template(f"sections/{name}{_SUFFIX}").make_module(dict(content))
    style = getattr(filled, "style", Markup())
    body = Markup(filled)  # noqa: S704 - made by a template
    return Part(name=name, title=title, body=body, style=style, printed=printed)


def _section_template(name: str) -> str | None:
    """Text of a template, looked up wherever sections are found, so that a section brings its template along."""
    places = (Path(folder) / name for folder in sections.__path__)
    return next((place.read_text(encoding="utf-8") for place in places if place.exists()), None)


@cache
def _environment() -> Environment:
    return Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("stagescore.report"),
                PrefixLoader({"sections": FunctionLoader(_section_template)}),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    """Values of a template as they may stand on a page; markup is our own."""
    return printable(value, keep="\t\n") if type(value) is str else value
