"""The flight in one picture: the diver at equal times before the hall as it stands still."""

from stagescore.report.pictures import CaptionedPicture, Pictures, data_uri
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence
from stagescore.scoring.result import Result

FIELDS = (
    *("events.first_airborne_frame", "events.first_water_contact_frame"),
    *("stages[].start_frame", "stages[].end_frame", "input.slowmo"),
)
"""What says where the flight is, and how fast it is shown."""


def build(result: Result, pictures: Pictures) -> Content | None:
    """The picture and what it is made of; nothing where it could not be made."""
    if pictures.strobe is None:
        return None
    caption = Sentence(pictures.strobe.told(result.input.slowmo), FIELDS)
    shot = CaptionedPicture(
        data_uri(pictures.strobe.picture), "The diver at equal times in one picture", caption
    )
    return {"shots": [shot]}


SECTION = Section(
    order=55,
    title="The flight in one picture",
    reads=("events", "stages", "input"),
    build=build,
    printed=False,
)
