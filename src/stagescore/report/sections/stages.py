"""When the stages begin and end, how sure that is, and the two physical events."""

from dataclasses import dataclass

from stagescore.report.charts import Chart, Table, anchor_at, place_of_name, stage_style
from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import (
    TIMES,
    Sentence,
    capitalized,
    listed,
    moment,
    short_moment,
    signed,
)
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result

_EVENTS = (
    ("first_airborne_frame", "leaves the board"),
    ("first_water_contact_frame", "touches the water"),
)


@dataclass(frozen=True, slots=True)
class TimelineMoment:
    """A frame of the timeline.

    Attributes:
        frame: Frame of the input file.
        name: What happens, in words.
        field: The field of the result that says so.
    """

    frame: int
    name: str
    field: str


def build(result: Result, pictures: Pictures) -> Content | None:
    """The timeline and its pictures; nothing where no stage was seen."""
    if not result.stages:
        return None
    return {"timeline": timeline(result), "shots": _shots(result, pictures)}


def frames(result: Result) -> tuple[int, ...]:
    """Frames of the timeline's moments."""
    return tuple(shown.frame for shown in timeline_moments(result))


def timeline_moments(result: Result) -> tuple[TimelineMoment, ...]:
    """Beginning of each stage, the physical events, and the last frame, in order of time."""
    if not result.stages:
        return ()
    last = len(result.stages) - 1
    moments = [
        *(
            TimelineMoment(stage.start_frame, f"{stage.name} begins", f"stages[{k}].start_frame")
            for k, stage in enumerate(result.stages)
        ),
        TimelineMoment(result.stages[last].end_frame - 1, "last frame used", f"stages[{last}].end_frame"),
    ]
    for name, what in _EVENTS:
        if event := getattr(result.events, name):
            moments.append(TimelineMoment(event.frame, what, f"events.{name}.frame"))
    return tuple(sorted(moments, key=lambda shown: shown.frame))


def stage_times(result: Result) -> Sentence:
    """How long the stages last."""
    spans = [f"{stage.name} {stage.end_s - stage.start_s:.2f}\u00a0s" for stage in result.stages]
    names = ("start_s", "end_s")
    fields = tuple(f"stages[{k}].{name}" for k in range(len(spans)) for name in names)
    return Sentence(
        f"{capitalized(listed(spans))}. The entry begins when the body opens, before the hands touch the water.",
        fields,
    )


def stage_confidence(result: Result) -> Sentence:
    """How sure the edges of the stages are, or that the reader gave them."""
    if result.stages_from == "given":
        return Sentence("Where the flight and the entry begin is what you gave.", ("stages_from",))
    sure = listed([f"{stage.name} {stage.confidence:.2f}" for stage in result.stages])
    return Sentence(
        f"Confidence that these edges are right, from 0 to 1: {sure}.",
        tuple(f"stages[{k}].confidence" for k in range(len(result.stages))),
    )


def events(result: Result) -> list[Sentence]:
    """When the diver leaves the board and touches the water."""
    found = []
    for name, what in _EVENTS:
        event = getattr(result.events, name)
        field = f"events.{name}"
        if event is None:
            found.append(Sentence(f"When the diver {what} was not seen in this clip.", (field,)))
        else:
            sure = f"confidence {event.confidence:.2f}"
            fields = (f"{field}.frame", f"{field}.confidence", *TIMES)
            found.append(Sentence(f"The diver {what} at {moment(result, event.frame)}, {sure}.", fields))
    return found


def timeline(result: Result) -> Chart:
    """The stages, their confidence and the events over time."""
    happened = [(getattr(result.events, name), what) for name, what in _EVENTS]
    places = [event.frame for event, _ in happened if event is not None]
    start, end = min([result.stages[0].start_frame, *places]), max([result.stages[-1].end_frame, *places])
    axis = Axis(start, end)
    spans = ", ".join(f"{s.name} {s.start_s:.2f} to {s.end_s:.2f} seconds" for s in result.stages)
    drawing = Drawing(140, f"Timeline: {spans}")
    for stage in result.stages:
        left, right = axis.at(stage.start_frame), axis.at(stage.end_frame)
        drawing.rect(left, right, 28, 36, stage_style("stage", stage))
        x, anchor = place_of_name(left, right)
        drawing.text(x, 16, stage.name, "strong", anchor)
    for k, (event, what) in enumerate(happened):
        if event is not None:
            at, y = axis.at(event.frame), 88 + 20 * k
            drawing.line(at, 24, at, y - 12, "query")
            drawing.text(at, y, f"{what} {short_moment(result, event.frame)}", "accent", anchor_at(at))
    drawing.line(0, 112, 100, 112, "axis")
    drawing.text(0, 130, short_moment(result, start), "quiet")
    drawing.text(100, 130, short_moment(result, end), "quiet", "end")
    captions = [stage_times(result), stage_confidence(result), *events(result)]
    return Chart(drawing=drawing.markup(), captions=captions, table=_stage_table(result))


def _stage_table(result: Result) -> Table:
    rows = [
        [
            stage.name,
            f"{stage.start_frame} to {stage.end_frame - 1}",
            f"{stage.start_s:.2f} to {stage.end_s:.2f}",
            f"{stage.confidence:.2f}",
            *([] if stage.difference is None else [signed(stage.difference)]),
        ]
        for stage in result.stages
    ]
    points = ["points"] if any(stage.difference is not None for stage in result.stages) else []
    return Table(
        title="Stages",
        head=("stage", "frames", "seconds", "confidence", *points),
        rows=rows,
        fields=("stages",),
    )


def _shots(result: Result, pictures: Pictures) -> list[CaptionedPicture]:
    """A picture of each moment, or the words alone; nothing where there is no picture at all."""
    shown = timeline_moments(result)
    uris = pictures.strip(one.frame for one in shown)
    shots = []
    for one in shown:
        name = capitalized(one.name)
        caption = Sentence(f"{name}, {short_moment(result, one.frame)}", (one.field,))
        shots.append(CaptionedPicture(uris.get(one.frame), f"{name}, {moment(result, one.frame)}", caption))
    return shots if uris else []


SECTION = Section(
    order=30, title="The stages", reads=("stages", "stages_from", "events"), build=build, frames=frames
)
