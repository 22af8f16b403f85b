"""The first screen: the score and how sure it is, the stage that decided it, and pictures of that stage."""

from itertools import pairwise

from stagescore.inference.exemplar_bank import PICTURED_SHARES, frame_within
from stagescore.report import sentences as say
from stagescore.report.keyframes import contact_frame, decisive_stage, seconds_at, stage_at
from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.score_breakdown import adds_up, printed_score
from stagescore.report.sections import Content, Section
from stagescore.report.sections.measures import value_words
from stagescore.report.sentences import TIMES, Sentence, counted, points, signed
from stagescore.scoring.result import Result

_NOTHING = 0.05
"""Points below which a stage counts as neither lost nor won. Set by hand."""
_NUM_MEASURES = 3
_NUM_PICTURES = 3
"""Pictures of the stage that decided the score, one from each third. Set by hand."""
_SPLASH_S = 0.4
"""Seconds after the first water contact until which a stage is shown. Of eighteen films of UNLV-Dive that were looked at, the
pictures until then show the body at the water and, last, the splash in fifteen, and its edge in three; until 0.5 seconds the
last one was foam or the diver under water in four."""


def build(result: Result, pictures: Pictures) -> Content:
    """Pictures with and without a score; with one, the score and the stage that decided it as well."""
    shots = _shots(result, pictures)
    known = {
        **{"score": None, "trust": None, "shots": shots, "shots_note": None, "differences": []},
        "measures": [measure_tile(result, place) for place in telling_measures(result)],
        "change": first_change(result),
    }
    return known if result.score is None else known | _scored(result, pictured=bool(shots))


def _scored(result: Result, *, pictured: bool) -> dict[str, object]:
    """What only a dive with a score has."""
    stage = decisive_stage(result)
    return {
        "score": Sentence(printed_score(result) or "", ("score",)),
        "interval": interval(result),
        "trust": trust(result),
        "telling": telling(result),
        "shots_note": None if stage is None or not pictured else telling_pictures(result, stage),
        "differences": _differences(result) if adds_up(result) else [],
        "decisive": stage,
    }


def telling_measures(result: Result) -> list[int]:
    """Places of the three measures that say most: those to correct, then those that go with the marks, then the surest; one a rule."""
    known = [k for k, one in enumerate(result.measures) if one.value is not None]
    to_correct = [one.measure for one in result.corrections]

    def rank(place: int) -> tuple[float, ...]:
        one = result.measures[place]
        aside = 0.0 if one.percentile is None else abs(one.percentile.value - 50)
        return (one.name not in to_correct, not one.usable, -aside * one.confidence, place)

    chosen = {result.measures[place].rule or place: place for place in sorted(known, key=rank, reverse=True)}
    return sorted(sorted(chosen.values(), key=rank)[:_NUM_MEASURES])


def measure_tile(result: Result, place: int) -> tuple[Sentence, Sentence, Sentence | None]:
    """Title of a measure, its value, and where it stands among measured dives."""
    one, field = result.measures[place], f"measures[{place}]"
    title = Sentence(one.title, (f"{field}.title",))
    value = Sentence(value_words(one), (f"{field}.value", f"{field}.unit"))
    if one.percentile is None:
        return title, value, None
    words = f"more than in {one.percentile.value:.0f}\u00a0% of measured dives"
    return title, value, Sentence(words, (f"{field}.percentile.value",))


def first_change(result: Result) -> tuple[Sentence, Sentence] | None:
    """The first thing to change, and what happened; that nothing stands out, or that what advice rests on was not seen; nothing without measures."""
    if result.corrections:
        first = result.corrections[0]
        return (
            Sentence(first.change, ("corrections[0].change",)),
            Sentence(
                " ".join(part for part in (first.happened, first.costs) if part),
                ("corrections[0].happened", "corrections[0].costs"),
            ),
        )
    if not any(one.value is not None for one in result.measures):
        return None
    if not any(one.usable for one in result.measures):
        return (
            Sentence("Nothing can be said.", ("corrections",)),
            Sentence(
                "What goes with the judges' marks, such as the splash, was not measured surely in this film.",
                ("corrections", "measures"),
            ),
        )
    return (
        Sentence("Nothing stands out.", ("corrections",)),
        Sentence(
            "Nothing that was measured surely, and goes with the judges' marks, was worse than in most measured dives.",
            ("corrections", "measures"),
        ),
    )


def frames(result: Result) -> tuple[int, ...]:
    """Frames of the decisive stage; of a dive without stages, frames of what was seen of it."""
    if not result.stages:
        return seen_frames(result)
    stage = decisive_stage(result)
    return () if stage is None else telling_frames(result, stage)


def seen_frames(result: Result) -> tuple[int, ...]:
    """Where the reasons point to, and three frames of the whole."""
    start, end = result.input.start_frame, result.input.end_frame
    if end <= start:
        return ()
    pointed = [
        r.start_frame for r in result.reasons if r.start_frame is not None and start <= r.start_frame < end
    ]
    return tuple(sorted({*pointed, *(frame_within(start, end, share) for share in PICTURED_SHARES)}))


def pictured_span(result: Result, stage: int) -> tuple[int, int]:
    """The frames of a stage that its pictures are chosen from, half-open: of the entry, those until the splash falls.

    The whole stage where the water contact is not known, or leaves fewer frames than there are pictures.
    """
    start, end = result.stages[stage].start_frame, result.stages[stage].end_frame
    contact = contact_frame(result)
    contact_s = None if contact is None else seconds_at(result, contact)
    if contact_s is None:
        return start, end
    last_s = contact_s + _SPLASH_S * result.input.slowmo
    stop = start + sum((seconds_at(result, frame) or 0.0) <= last_s for frame in range(start, end))
    return (start, stop) if stop - start >= _NUM_PICTURES else (start, end)


def telling_frames(result: Result, stage: int) -> tuple[int, ...]:
    """One frame from each third of a stage: the one with most attention, or the middle one without attention."""
    start, end = pictured_span(result, stage)
    edges = [start + round(third * (end - start) / _NUM_PICTURES) for third in range(_NUM_PICTURES + 1)]
    weights = dict(zip(result.attention_frames or [], result.attention or [], strict=False))
    chosen = []
    for low, high in pairwise(edges):
        inside = [frame for frame in weights if low <= frame < high]
        middle = min((low + high) // 2, end - 1)
        chosen.append(max(inside, key=lambda frame: (weights[frame], -frame)) if inside else middle)
    return tuple(dict.fromkeys(chosen))


def interval(result: Result) -> Sentence | None:
    """How sure the score is."""
    if result.score is not None and result.modalities == ["skeleton"] and result.interval is None:
        return Sentence(
            "It comes from the joints alone, without the film: how far it may be off is not known.",
            ("score", "modalities", "interval"),
        )
    if result.interval is None:
        return None
    low, high = result.interval
    among = "" if _error_is_known(result) else f", if this dive is like those {_fitted_to(result)}"
    return Sentence(
        f"90\u00a0% prediction interval: {points(low, 1)} to {points(high, 1)}{among}.",
        ("interval", "validated", "unfamiliarity", "validation"),
    )


def _fitted_to(result: Result) -> str:
    """What dives the interval was fitted to."""
    return "that the weights were trained on" if result.validation is None else "of your bank"


def _error_is_known(result: Result) -> bool:
    """Whether such scores were checked on real dives, in films like this one."""
    return result.validated and (result.unfamiliarity is None or result.unfamiliarity <= 1)


def trust(result: Result) -> Sentence:
    """Whether the error on real dives is known."""
    if known := result.validation:
        return Sentence(
            f"Checked on {counted(known.num_dives, 'dive')} of your own: the mean error is {points(known.mean_absolute_error)} points. "
            f"{known.gain_words}",
            (
                *("validation.num_dives", "validation.mean_absolute_error", "validation.slope"),
                *(f"validation.gains[].{name}" for name in ("over", "points", "interval")),
            ),
        )
    if result.dive_number is None and result.validated and result.recognised:
        return Sentence(
            "The error is known from real dives whose number was given; of this one the number is not known, and such scores are "
            "farther off.",
            ("validated", "recognised", "dive_number"),
        )
    if _error_is_known(result):
        return Sentence("The error of such scores is known from real dives.", ("validated", "unfamiliarity"))
    if result.validated:
        return Sentence(
            "The error of such scores is known from real dives, but in films that this one is unlike.",
            ("validated", "unfamiliarity"),
        )
    if result.networks is None:
        return Sentence("Not validated on real dives.", ("validated", "networks"))
    trained_on = result.networks.trained_on.rstrip(".")
    return Sentence(
        f"Not validated on real dives. The weights were trained on: {trained_on}.",
        ("validated", "networks.trained_on"),
    )


def telling(result: Result) -> Sentence | None:
    """The stage that lost or won most."""
    stage = decisive_stage(result)
    if stage is None:
        return None
    name, difference = result.stages[stage].name, result.stages[stage].difference or 0.0
    fields = tuple(f"stages[{k}].difference" for k in range(len(result.stages)))
    if abs(difference) < _NOTHING:
        return Sentence("No stage stands out: each is as good as the exemplars' mean.", fields)
    what, where = ("loss", "below") if difference < 0 else ("gain", "above")
    return Sentence(
        f"Biggest {what}: {name}, {points(abs(difference))} points {where} the exemplars' mean.", fields
    )


def telling_pictures(result: Result, stage: int) -> Sentence:
    """How the pictures of the decisive stage were chosen."""
    name, end = result.stages[stage].name, result.stages[stage].end_frame
    until = f" until {_SPLASH_S:g}\u00a0s after the first touch of the water"
    what = f"The {name}{until if pictured_span(result, stage)[1] < end else ''}"
    shown = ", ".join(f"{frame}" for frame in telling_frames(result, stage))
    fields = (
        *(f"stages[{stage}].{key}" for key in ("name", "start_frame", "end_frame")),
        *("attention", "attention_frames", "events.first_water_contact_frame", "input.slowmo"),
        *TIMES,
    )
    if result.attention:
        return Sentence(f"{what}: highest-attention frame of each third (frames {shown}).", fields)
    return Sentence(f"{what}: middle frame of each third (frames {shown}).", fields)


def _differences(result: Result) -> list[tuple[str, Sentence]]:
    """Name of each stage, and how many points it lost or won."""
    return [
        (
            stage.name,
            Sentence(signed(stage.difference or 0.0), (f"stages[{k}].name", f"stages[{k}].difference")),
        )
        for k, stage in enumerate(result.stages)
    ]


def _shots(result: Result, pictures: Pictures) -> list[CaptionedPicture]:
    return [_shot(result, frame, uri) for frame, uri in pictures.strip(frames(result), height_px=320).items()]


def _shot(result: Result, frame: int, uri: str) -> CaptionedPicture:
    index = stage_at(result, frame)
    if index is None:
        name, fields = "dive", ("input.start_frame", "input.end_frame")
    else:
        name, fields = result.stages[index].name, (f"stages[{index}].name", f"stages[{index}].start_frame")
    caption = Sentence(say.short_moment(result, frame), fields)
    return CaptionedPicture(uri, f"The {name} at {say.moment(result, frame)}", caption)


SECTION = Section(
    order=20,
    title=None,
    reads=(
        *("score", "interval", "modalities", "validated", "validation", "unfamiliarity", "networks"),
        *("recognised", "dive_number", "reasons", "input"),
        *("stages", "events", "exemplars", "attention", "attention_frames", "measures", "corrections"),
    ),
    build=build,
    frames=frames,
)
