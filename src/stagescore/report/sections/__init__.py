"""The sections of the page about a dive: a file and a template of the same name each, found by being here.

docs/add_a_report_section.md says how to add one.
"""

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

from stagescore.errors import DataError
from stagescore.report.pictures import Pictures
from stagescore.scoring.result import Result

Content = Mapping[str, object]
"""What a template shows, by the names that it uses."""


def no_frames(result: Result) -> Iterable[int]:
    """The frames of a section without pictures."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the page about a dive.

    Attributes:
        order: Place on the page; sections with small numbers stand first, those of equal numbers by name.
        title: Heading of the section; None where its template writes its own or has none.
        reads: Fields of the result that the section is made from; its sentences may name these, and what is inside
            them, and no others.
        build: Makes what the template shows, from the result and the pictures; None where there is nothing to show.
        frames: Frames of the input file that the section shows pictures of.
        printed: Whether it is printed; paper has two pages, one of them for the first screen.
    """

    order: int
    title: str | None
    reads: tuple[str, ...]
    build: Callable[[Result, Pictures], Content | None]
    frames: Callable[[Result], Iterable[int]] = no_frames
    printed: bool = True

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.reads) - set(Result.model_fields)):
            raise DataError(
                f"a result has no field {', '.join(unknown)}",
                where="Section.reads",
                todo="name fields of stagescore.scoring.result.Result",
            )


def all_sections() -> dict[str, Section]:
    """The sections by name, in the order of the page: the `SECTION` of each file in this folder whose name has no underscore in front."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    found: dict[str, Section] = {name: import_module(f"{__name__}.{name}").SECTION for name in names}
    return dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))
