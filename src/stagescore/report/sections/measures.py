"""What was measured: values with their units, where they stand among real dives, and which rule they touch."""

from stagescore.measures.measure import Measure
from stagescore.report.charts import Chart, Table, stage_style
from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import TIMES, Sentence, capitalized, listed, moment, short_moment
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result

_MOST_SHOTS = 4
_CURVE = "rotation_speed"
_DIGITS = {"seconds": 2, "degrees": 0, "degrees per second": 0}
_HEIGHT, _TOP = 96, 26


def build(result: Result, pictures: Pictures) -> Content | None:
    """A table of the measures, the rotation over time, and pictures of some; nothing where nothing was measured."""
    if not any(one.value is not None for one in result.measures):
        return None
    return {
        "explained": explained(result),
        "table": table(result),
        "rotation": rotation(result),
        "shots": _shots(result, pictures),
        "missing": missing(result),
    }


def frames(result: Result) -> tuple[int, ...]:
    """The frames that show the measures on which most can be built."""
    return tuple(dict.fromkeys(one.frame for _, one in _shown(result) if one.frame is not None))


def value_words(one: Measure) -> str:
    """A value with its unit.

    >>> value_words(Measure(name="knee_bend", title="", value=14.2, unit="degrees", stage="flight"))
    '14 degrees'
    """
    if one.value is None:
        return "not known"
    return f"{one.value:.{_DIGITS.get(one.unit, 2)}f} {one.unit}".replace("-", "−")


def deduction_words(one: Measure) -> str:
    """What judges take off by the rule that a measure touches."""
    if one.rule is None:
        return "no rule"
    if one.rule.least is None or one.rule.most is None:
        return f"{one.rule.name}: no range"
    return f"{one.rule.name}: {one.rule.least:g} to {one.rule.most:g}"


def table(result: Result) -> Table:
    """Every measure that is told."""
    rows = [
        [
            capitalized(one.title),
            value_words(one),
            "–" if one.percentile is None else f"{one.percentile.value:.0f} % ({one.percentile.num_dives})",
            "–" if one.frame is None else short_moment(result, one.frame),
            f"{one.confidence:.2f}",
            "yes" if one.usable else "no",
            deduction_words(one),
        ]
        for one in result.measures
        if one.value is not None
    ]
    head = (
        "measure",
        "value",
        "dives below (of this number)",
        "at",
        "confidence",
        "goes with marks",
        "points by the rules",
    )
    return Table(title="Measures one by one", head=head, rows=rows, fields=("measures", *TIMES))


def explained(result: Result) -> list[Sentence]:
    """What the columns mean, and which dives stand behind them."""
    told = [k for k, one in enumerate(result.measures) if one.percentile is not None]
    found = []
    if told:
        first = result.measures[told[0]].percentile
        group = "" if first is None else f" Of the first measure, these are {first.group}."
        found.append(
            Sentence(
                "“Dives below” is the share of measured real dives with a smaller value: those of the same number, as far as "
                f"there are enough of them, filled up with dives of the same kind.{group}",
                (f"measures[{told[0]}].percentile.group",),
            )
        )
    found.append(
        Sentence(
            "“Goes with marks” says whether the measure was seen to go with the judges' marks among real dives of one number. What does "
            "not is shown all the same, and no advice rests on it. The rules are in our own words.",
            ("measures[].usable", "measures[].rule"),
        )
    )
    return found


def missing(result: Result) -> Sentence | None:
    """What was not measured, and why."""
    unknown = [(k, one) for k, one in enumerate(result.measures) if one.value is None]
    if not unknown:
        return None
    why: dict[str, list[str]] = {}
    for _, one in unknown:
        why.setdefault(one.why_unknown, []).append(one.title)
    text = " ".join(f"{capitalized(listed(titles))}: {reason}" for reason, titles in why.items())
    return Sentence(
        f"Not told: {text}",
        tuple(f"measures[{k}].{name}" for k, _ in unknown for name in ("title", "why_unknown")),
    )


def rotation(result: Result) -> Chart | None:
    """The speed of the somersault over time; None where it is not known."""
    place = next((k for k, one in enumerate(result.measures) if one.name == _CURVE), None)
    one = None if place is None else result.measures[place]
    if one is None or one.frames is None or not one.curve or one.frame is None:
        return None
    first, stop = one.frames
    known = [speed for speed in one.curve if speed is not None]
    most = max([*known, 1.0])
    axis = Axis(first, max(stop - 1, first + 1))
    drawing = Drawing(_TOP + _HEIGHT + 24, "Speed of the rotation over time")
    drawing.text(0, _TOP - 9, "Rotation", "strong")
    drawing.text(100, _TOP - 9, f"top: {most:.0f} degrees per second", "quiet", "end")
    for stage in result.stages:
        left, right = axis.at(stage.start_frame), axis.at(min(stage.end_frame, stop - 1))
        if right > 0 and left < 100:
            drawing.rect(max(left, 0), min(right, 100), _TOP, _HEIGHT, stage_style("wash", stage))
    xs = [axis.at(first + row) for row in range(len(one.curve))]
    drawing.curve(xs, [None if v is None else v / most for v in one.curve], _TOP, _HEIGHT, "curve")
    drawing.text(0, _TOP + _HEIGHT + 18, short_moment(result, first), "quiet")
    drawing.text(100, _TOP + _HEIGHT + 18, short_moment(result, stop - 1), "quiet", "end")
    rows = [
        [f"{first + row}", "–" if speed is None else f"{speed:.0f}"] for row, speed in enumerate(one.curve)
    ]
    fields = (f"measures[{place}]",)
    told = Sentence(
        f"The body turns fastest at {moment(result, one.frame)}: {value_words(one)}.",
        (f"measures[{place}].value", f"measures[{place}].unit", f"measures[{place}].frame", *TIMES),
    )
    numbers = Table(title="Degrees per second", head=("frame", "speed"), rows=rows, fields=fields)
    return Chart(drawing=drawing.markup(), captions=[told], table=numbers)


def _shown(result: Result) -> list[tuple[int, Measure]]:
    """Measures that are shown in pictures: those that go with marks first, then the surest."""
    told = [
        (k, one) for k, one in enumerate(result.measures) if one.value is not None and one.frame is not None
    ]
    best = sorted(told, key=lambda item: (not item[1].usable, -item[1].confidence, item[0]))[:_MOST_SHOTS]
    return sorted(best, key=lambda item: (item[1].frame or 0, item[0]))


def _shots(result: Result, pictures: Pictures) -> list[CaptionedPicture]:
    uris = pictures.strip(frames(result), skeleton=True)
    shots = []
    for place, one in _shown(result):
        if one.frame is None or one.frame not in uris:
            continue
        words = f"{capitalized(one.title)}: {value_words(one)}"
        fields = tuple(f"measures[{place}].{name}" for name in ("title", "value", "unit"))
        shots.append(
            CaptionedPicture(
                uris[one.frame], f"{words}, {moment(result, one.frame)}", Sentence(words, fields)
            )
        )
    return shots


SECTION = Section(
    order=65,
    title="Measures",
    reads=("measures", "stages"),
    build=build,
    frames=frames,
    printed=False,
)
