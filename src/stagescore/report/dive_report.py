"""The report on one dive: a page that needs no network, no script and nothing beside it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from stagescore.report import charts, moments
from stagescore.report import number_sentences as number
from stagescore.report import sentences as say
from stagescore.report.balance import Balance, balance_of
from stagescore.report.charts import Table
from stagescore.report.pictures import Pictures
from stagescore.report.sentences import Sentence
from stagescore.scoring.result import Result


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture with its words.

    Attributes:
        uri: JPEG as a data URI; None where there is no picture, and the words stand alone.
        alt: what it shows, for those who cannot see it.
        caption: under the picture.
    """

    uri: str | None
    alt: str
    caption: Sentence


def dive_report(result: Result, pictures: Pictures) -> str:
    """The page about a dive.

    Args:
        result: what scoring gave.
        pictures: what there is to show; `moments.frames_wanted(result)` names the frames.

    Raises:
        DataError: the score is not the sum of its parts to 1e-6.
    """
    adds_up = result.score is not None and result.exemplars and result.stages
    balance = balance_of(result) if adds_up else None
    return render(
        "dive.html.j2",
        result=result,
        say=say,
        number=number,
        head=_head(result, pictures, balance),
        stages=_stages(result, pictures),
        points=_points(result, balance),
        beside=_beside(result, pictures) if balance is not None else None,
        skeleton=_skeleton(result, pictures),
        angles=charts.angle_curves(result),
        attention=charts.attention_bars(result),
        panel=_panel(result),
    )


def _head(result: Result, pictures: Pictures, balance: Balance | None) -> dict[str, Any]:
    """The first screen."""
    stage = moments.telling_stage(result)
    frames = () if stage is None else moments.telling_frames(result, stage)
    if not result.stages:
        frames = moments.seen_frames(result)
    shots = []
    for frame, uri in pictures.strip(frames, height_px=320).items():
        index = moments.stage_at(result, frame)
        name = "dive" if index is None else result.stages[index].name
        fields = (
            ("input.start_frame", "input.end_frame")
            if index is None
            else (f"stages[{index}].name", f"stages[{index}].start_frame")
        )
        caption = Sentence(_short(result, frame), fields)
        shots.append(Shot(uri, f"The {name} at {say.moment(result, frame)}", caption))
    return {
        "most": stage,
        "strip": charts.standing_strip(result),
        "shots": shots,
        "shots_note": None if stage is None or not shots else say.telling_pictures(result, stage, frames),
        "printed": _printed_score(result, balance),
    }


def _printed_score(result: Result, balance: Balance | None) -> str | None:
    """The score with two digits; None without a score."""
    if balance is not None:
        return f"{balance.printed_total}"
    return None if result.score is None else say.points(result.score)


def _stages(result: Result, pictures: Pictures) -> dict[str, Any] | None:
    if not result.stages:
        return None
    shown = moments.timeline_moments(result)
    uris = pictures.strip(moment.frame for moment in shown)
    shots = []
    for moment in shown:
        name = f"{moment.name[:1].upper()}{moment.name[1:]}"
        caption = Sentence(f"{name}, {_short(result, moment.frame)}", (moment.field,))
        shots.append(Shot(uris.get(moment.frame), f"{name}, {say.moment(result, moment.frame)}", caption))
    return {"timeline": charts.timeline(result), "shots": shots if uris else []}


def _points(result: Result, balance: Balance | None) -> dict[str, Any] | None:
    if balance is None:
        return None
    return {
        "steps": charts.steps(balance, len(result.exemplars)),
        "branches": charts.branch_bars(result),
        "votes": charts.votes(result),
    }


def _beside(result: Result, pictures: Pictures) -> dict[str, Any] | None:
    """Query and nearest exemplar, aligned by stage."""
    index = moments.nearest_exemplar(result)
    if index is None:
        return None
    exemplar = result.exemplars[index]
    bars = charts.aligned_bars(result, exemplar, index)
    if bars is None:
        return None
    pairs = moments.aligned_pairs(result, exemplar)
    query = pictures.strip(pair.query_frame for pair in pairs)
    other = pictures.exemplar_strip(pair.exemplar_frame for pair in pairs)
    rows = []
    for k, stage in enumerate(result.stages):
        shots = []
        for pair in (pair for pair in pairs if pair.stage == k):
            share = f"{pair.share:.0%} into the {stage.name}"
            mine = Sentence(
                f"This dive, {_short(result, pair.query_frame)}",
                tuple(f"stages[{k}].{name}" for name in ("start_frame", "end_frame", "shown_frames")),
            )
            if pair.query_frame in query:
                shots.append(Shot(query[pair.query_frame], f"This dive, {share}", mine))
            if pair.exemplar_frame in other:
                theirs = Sentence(
                    f"Exemplar, frame {pair.exemplar_frame} of {exemplar.edges[-1]} shown to the network",
                    (f"exemplars[{index}].edges",),
                )
                shots.append(Shot(other[pair.exemplar_frame], f"The exemplar, {share}", theirs))
        rows.append((stage.name, shots))
    return {
        "bars": bars,
        "rows": rows if query else [],
        "paired": bool(other),
        "note": None if other else say.no_exemplar_pictures(index),
    }


def _skeleton(result: Result, pictures: Pictures) -> dict[str, Any]:
    frames = moments.skeleton_frames(result)
    uris = pictures.strip(frames, skeleton=True)
    shots = []
    for frame, uri in uris.items():
        index = moments.stage_at(result, frame)
        field = f"stages[{index or 0}].start_frame"
        caption = Sentence(_short(result, frame), (field, "poses.source"))
        shots.append(Shot(uri, f"Joints drawn over {say.moment(result, frame)}", caption))
    return {"shots": shots, "note": say.joints(result)}


def _panel(result: Result) -> dict[str, Any] | None:
    if result.judging is None or result.score is None:
        return None
    panel = result.judging
    dropped = set(panel.dropped)
    marks = [(f"{mark:.1f}", place in dropped) for place, mark in enumerate(panel.marks)]
    rows = [[f"{place + 1}", mark, "dropped" if out else "counts"] for place, (mark, out) in enumerate(marks)]
    table = Table(
        title="A plausible panel",
        head=("judge", "mark", "counts or dropped"),
        rows=rows,
        fields=("judging.marks", "judging.dropped"),
    )
    return {"marks": marks, "sentences": say.judging(result), "table": table}


def _short(result: Result, frame: int) -> str:
    time = moments.seconds_at(result, frame)
    return f"frame {frame}" if time is None else f"{time:.2f}\u00a0s"


def render(name: str, **content: Any) -> str:
    """A page of this package's templates.

    Args:
        name: of the template.
        content: what it shows; markup in it is escaped.
    """
    return str(_environment().get_template(name).render(**content))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("stagescore.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
