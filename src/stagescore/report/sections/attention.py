"""Where the network looked: the attention of its fusion, frame by frame."""

from stagescore.report.charts import Chart, Table, place_of_name, stage_style
from stagescore.report.keyframes import stage_at
from stagescore.report.pictures import Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import TIMES, Sentence, moment, short_moment
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result


def build(result: Result, pictures: Pictures) -> Content | None:
    """The bars; nothing for networks without attention."""
    bars = attention_bars(result)
    return None if bars is None else {"bars": bars}


def peak_attention_frame(result: Result, stage: int) -> int | None:
    """The frame of a stage with most attention; None without attention."""
    weights = zip(result.attention_frames or [], result.attention or [], strict=False)
    inside = [(weight, -frame) for frame, weight in weights if stage_at(result, frame) == stage]
    return -max(inside)[1] if inside else None


def attention(result: Result) -> list[Sentence]:
    """Where the fusion looked most, stage by stage."""
    found = []
    for k, stage in enumerate(result.stages):
        frame = peak_attention_frame(result, k)
        if frame is not None:
            text = f"In the {stage.name} the network looked most at {moment(result, frame)}."
            found.append(Sentence(text, ("attention", "attention_frames", f"stages[{k}].name", *TIMES)))
    return found


def even_attention() -> Sentence:
    """How the bars are to be read."""
    return Sentence(
        "Each stage by itself: the line marks an even look at all of its frames.",
        ("attention", "attention_frames"),
    )


def attention_bars(result: Result) -> Chart | None:
    """Attention of the fusion over the sampled frames; None without attention or stages."""
    if not result.attention or not result.attention_frames or not result.stages:
        return None
    frames, weights = result.attention_frames, result.attention
    axis = Axis(frames[0], frames[-1] + 1)
    stages = [stage_at(result, frame) for frame in frames]
    evenly = [weight * stages.count(stage) for weight, stage in zip(weights, stages, strict=True)]
    top = max(*evenly, 1.0)
    captions = [*attention(result), even_attention()]
    drawing = Drawing(132, " ".join(caption.text for caption in captions))
    for stage in result.stages:
        left, right = max(axis.at(stage.start_frame), 0), min(axis.at(stage.end_frame), 100)
        drawing.rect(left, right, 22, 90, stage_style("wash", stage))
        x, anchor = place_of_name(left, right)
        drawing.text(x, 14, stage.name, "", anchor)
    width = 70 / len(frames)
    for frame, times in zip(frames, evenly, strict=True):
        x, height = axis.at(frame), 88 * times / top
        drawing.rect(x, x + width, 112 - height, height, "bar")
    drawing.line(0, 112 - 88 / top, 100, 112 - 88 / top, "zero")
    drawing.line(0, 112, 100, 112, "axis")
    drawing.text(0, 128, short_moment(result, frames[0]), "quiet")
    drawing.text(100, 128, short_moment(result, frames[-1]), "quiet", "end")
    rows = [
        [f"{frame}", f"{weight:.4f}", f"{times:.2f}"]
        for frame, weight, times in zip(frames, weights, evenly, strict=True)
    ]
    table = Table(
        title="Attention, adding up to 1 in each stage",
        head=("frame", "attention", "times an even look"),
        rows=rows,
        fields=("attention", "attention_frames"),
    )
    return Chart(drawing=drawing.markup(), captions=captions, table=table)


SECTION = Section(
    order=70,
    title="Where the network looked",
    reads=("attention", "attention_frames", "stages"),
    build=build,
    printed=False,
)
