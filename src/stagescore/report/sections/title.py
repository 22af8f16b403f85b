"""What the page is about: the dive in words, the film's name, the height."""

from stagescore.report.pictures import Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence, capitalized
from stagescore.scoring.result import Result


def build(result: Result, pictures: Pictures) -> Content:
    """The heading of the page, and the film's name and height beside it."""
    name = Sentence(result.input.name, ("input.name",))
    told = words(result)
    return {"heading": told or name, "name": name if told else None, "height": height(result)}


def words(result: Result) -> Sentence | None:
    """The dive in words."""
    if result.words:
        number = f" ({result.dive_number})" if result.dive_number else ""
        return Sentence(f"{capitalized(result.words)}{number}", ("words", "dive_number"))
    if result.dive_number:
        return Sentence(f"Dive {result.dive_number}", ("dive_number",))
    return None


def height(result: Result) -> Sentence | None:
    """The height of the board."""
    return None if result.height_m is None else Sentence(f"{result.height_m:g} m", ("height_m",))


SECTION = Section(order=0, title=None, reads=("words", "dive_number", "height_m", "input"), build=build)
