"""The body: joints drawn over the film, and the joint angles over time."""

from collections.abc import Sequence

from stagescore.inference.exemplar_bank import frame_within
from stagescore.report.charts import Chart, Table, stage_style
from stagescore.report.keyframes import stage_at
from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import TIMES, Sentence, joints, moment, short_moment
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import Angles, StageResult

_SKELETON_SHARES = ((0, 0.8), (1, 0.1), (1, 0.35), (1, 0.6), (1, 0.85), (2, 0.25))
"""Stages, and shares of them, of which skeletons are shown."""
_WELL_KNOWN = 0.9
"""Share of the frames of the flight in which an angle must be known for its smallest value to be told. Limbs of a fold hide each other:
below it estimated joints of real pike dives bend the knees to 28 to 90 degrees, which are at 165 and more (docs/log.md, 30 November, night)."""
_CURVE, _APART = 96, 42
"""Height of a curve in pixels, and the room above it."""


def build(result: Result, pictures: Pictures) -> Content | None:
    """Skeletons and curves; nothing where neither is known."""
    shots, curves = _shots(result, pictures), angle_curves(result)
    if not shots and curves is None:
        return None
    colours = Sentence(
        "Right side red, left side green, middle yellow; thin lines were filled in or are doubtful.",
        ("poses.source",),
    )
    return {"joints": joints(result), "shots": shots, "colours": colours, "angles": curves}


def frames(result: Result) -> tuple[int, ...]:
    """Six frames from the end of the take-off to the entry, to see whether the joints can be believed."""
    if not result.stages:
        return ()
    spans = [(stage.start_frame, stage.end_frame) for stage in result.stages]
    shares = _SKELETON_SHARES if len(spans) == 3 else [(0, share / 6 + 1 / 12) for share in range(6)]
    return tuple(dict.fromkeys(frame_within(*spans[k], share) for k, share in shares))


def smallest(
    values: Sequence[float | None], frames: Sequence[int], start: int, end: int
) -> tuple[int, float] | None:
    """Frame and value of the smallest known value between two frames.

    >>> smallest([170.0, 90.0, None, 120.0], [10, 11, 12, 13], 10, 13)
    (11, 90.0)
    >>> smallest([None], [10], 10, 13) is None
    True
    """
    inside = [(v, f) for v, f in zip(values, frames, strict=True) if v is not None and start <= f < end]
    return (min(inside)[1], min(inside)[0]) if inside else None


def angles(result: Result) -> list[Sentence]:
    """How far hips and knees close in flight, and how straight the entry is."""
    if result.angles is None:
        return []
    found: list[Sentence] = []
    guessed: list[str] = []
    for name, what in (("hip", "The hips close"), ("knee", "The knees bend")):
        values = getattr(result.angles, name)
        low, share = _lowest_in_flight(result, values), _known_in_flight(result, values)
        if low is not None:
            frame, degrees = low
            text = f"{what} furthest in flight at {moment(result, frame)}: about {degrees:.0f}°; 180° is fully extended."
            found.append(Sentence(text, (f"angles.{name}", "angles.frames", *TIMES)))
        elif share:
            guessed.append(f"that at the {name}s in {share:.0%}")
    if guessed:
        text = (
            f"Of the angles in flight, {' and '.join(guessed)} of the frames {'is' if len(guessed) == 1 else 'are'} known: limbs of "
            "a folded body hide each other, and what is found of them is a guess. So no such angle is told."
        )
        found.append(Sentence(text, ("angles.hip", "angles.knee", "angles.frames")))
    if result.angles.trunk_at_entry is not None:
        text = f"At the first touch of the water the trunk is about {abs(result.angles.trunk_at_entry):.0f}° from the vertical; 0° is a straight entry."
        found.append(Sentence(text, ("angles.trunk_at_entry",)))
    return found


def angle_curves(result: Result) -> Chart | None:
    """Knee, hip and trunk over the frames; None where they are not known."""
    if result.angles is None or not result.angles.frames:
        return None
    known = result.angles
    axis = Axis(known.frames[0], max(known.frames[-1], known.frames[0] + 1))
    captions = angles(result)
    bottom = 3 * (_CURVE + _APART)
    drawing = Drawing(bottom + 18, " ".join(caption.text for caption in captions) or "Joint angles over time")
    curves = (
        ("Knees", known.knee, "stretched"),
        ("Hips", known.hip, "stretched"),
        ("Trunk to the vertical", known.trunk, "head down"),
    )
    for k, (name, values, top_means) in enumerate(curves):
        top = k * (_CURVE + _APART) + 26
        drawing.text(0, top - 9, name, "strong")
        for stage in result.stages:
            left, right = axis.at(stage.start_frame), axis.at(min(stage.end_frame, known.frames[-1]))
            drawing.rect(max(left, 0), min(right, 100), top, _CURVE, stage_style("wash", stage))
        xs = [axis.at(frame) for frame in known.frames]
        drawing.curve(xs, [None if v is None else v / 180 for v in values], top, _CURVE, "curve")
        drawing.text(100, top - 9, f"top: 180° {top_means}", "quiet", "end")
        for event in (result.events.first_airborne_frame, result.events.first_water_contact_frame):
            if event is not None:
                drawing.line(axis.at(event.frame), top, axis.at(event.frame), top + _CURVE, "event")
        if k < 2 and len(result.stages) == 3 and (low := _lowest_in_flight(result, values)) is not None:
            at, y = axis.at(low[0]), top + _CURVE * (1 - low[1] / 180)
            drawing.dot(at, y, 4.5, "query")
            beside = y - 10 if low[1] < 90 else y + 20
            drawing.text(at, beside, f"{low[1]:.0f}°", "accent strong", "middle")
    drawing.text(0, bottom + 6, short_moment(result, known.frames[0]), "quiet")
    drawing.text(100, bottom + 6, short_moment(result, known.frames[-1]), "quiet", "end")
    return Chart(drawing=drawing.markup(), captions=captions, table=_angle_table(known))


def _angle_table(angles: Angles) -> Table:
    rows = [
        [f"{frame}", *("–" if v is None else f"{v:.0f}" for v in values)]
        for frame, *values in zip(angles.frames, angles.knee, angles.hip, angles.trunk, strict=True)
    ]
    head = ("frame", "knees", "hips", "trunk")
    return Table(title="Angles in degrees", head=head, rows=rows, fields=("angles",))


def _known_in_flight(result: Result, values: Sequence[float | None]) -> float:
    """Share of the frames of the flight in which an angle is known, 0 to 1; 0 without a flight."""
    flight: StageResult | None = next((s for s in result.stages if s.name == "flight"), None)
    if result.angles is None or flight is None:
        return 0.0
    inside = range(flight.start_frame, flight.end_frame)
    known = sum(
        value is not None and frame in inside
        for value, frame in zip(values, result.angles.frames, strict=True)
    )
    return known / len(inside)


def _lowest_in_flight(result: Result, values: Sequence[float | None]) -> tuple[int, float] | None:
    """Frame and value of the smallest angle in flight; None where too little of it is known."""
    flight: StageResult | None = next((s for s in result.stages if s.name == "flight"), None)
    if result.angles is None or flight is None or _known_in_flight(result, values) < _WELL_KNOWN:
        return None
    return smallest(values, result.angles.frames, flight.start_frame, flight.end_frame)


def _shots(result: Result, pictures: Pictures) -> list[CaptionedPicture]:
    shots = []
    for frame, uri in pictures.strip(frames(result), skeleton=True).items():
        field = f"stages[{stage_at(result, frame) or 0}].start_frame"
        caption = Sentence(short_moment(result, frame), (field, "poses.source"))
        shots.append(CaptionedPicture(uri, f"Joints drawn over {moment(result, frame)}", caption))
    return shots


SECTION = Section(
    order=60,
    title="The body",
    reads=("stages", "events", "angles", "poses"),
    build=build,
    frames=frames,
    printed=False,
)
