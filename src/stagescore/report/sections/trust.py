"""What to trust: what was measured, what networks and formulas estimate, and what is not to be trusted."""

from stagescore.report.pictures import Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence, counted, joints, prior, warnings
from stagescore.scoring.result import Result

_UNSURE = 0.6
"""Confidence below which the edges of a stage are called unsure. Set by hand."""
_MANY_DOUBTFUL = 0.1
"""Share of doubtful joints above which the angles are called doubtful. Set by hand."""


def build(result: Result, pictures: Pictures) -> Content:
    """The three lists."""
    return {"measured": measured(result), "estimated": estimated(result), "doubtful": doubtful(result)}


def measured(result: Result) -> list[Sentence]:
    """What was read from the file and computed from it without a guess."""
    film = result.input
    if not film.num_frames:
        return [Sentence("No frame could be read.", ("input.num_frames",))]
    found = [
        Sentence(
            f"{counted(film.num_frames, 'frame')} of {film.width_px} × {film.height_px} pixels could be read.",
            ("input.num_frames", "input.width_px", "input.height_px"),
        )
    ]
    if film.frame_rate is not None and film.duration_s is not None:
        text = f"{film.duration_s:.2f} s at {film.frame_rate:.4g} frames per second, as the file says."
        found.append(Sentence(text, ("input.duration_s", "input.frame_rate")))
    if film.end_frame > film.start_frame:
        text = f"Frames {film.start_frame} to {film.end_frame - 1} were used."
        found.append(Sentence(text, ("input.start_frame", "input.end_frame")))
    if result.poses.source == "given":
        found.append(Sentence("The joints are those that you gave.", ("poses.source",)))
    if result.poses.diver == "given":
        found.append(Sentence("The diver is the one that you pointed at.", ("poses.diver",)))
    if result.stages and result.stages_from == "given":
        found.append(Sentence("Where the stages begin is what you gave.", ("stages_from", "stages")))
    if result.exemplars:
        found.append(
            Sentence("The exemplars' scores are those of the exemplar bank.", ("exemplars[].score",))
        )
    return found


def estimated(result: Result) -> list[Sentence]:
    """What networks or formulas say."""
    found = []
    if result.stages and result.stages_from == "given":
        found.append(Sentence("When board and water are left and touched.", ("events",)))
    elif result.stages:
        found.append(
            Sentence(
                "Where the stages begin and end, and when board and water are left and touched.",
                ("stages", "events"),
            )
        )
    if result.poses.source == "estimated":
        found.append(joints(result))
    if result.angles is not None:
        found.append(Sentence("Angles are those of the picture, not of the body in space.", ("angles",)))
    if result.score is not None:
        found.append(
            Sentence("Score, differences and interval.", ("score", "interval", "stages[].difference"))
            if result.exemplars
            else Sentence("Score and interval.", ("score", "interval"))
        )
        found += prior(result)
        if result.protocol:
            # The paper's names of protocols say nothing to a coach.
            chosen = result.protocol.replace(" (w/ DN)", "").replace(" (w/o DN)", "")
            found.append(Sentence(f"Exemplars: {chosen.rstrip('.')}.", ("protocol",)))
    return found or [Sentence("Nothing.", ("stages", "angles", "score", "poses.source"))]


def doubtful(result: Result) -> list[Sentence]:
    """What not to trust; without a score the warnings stand at the top of the page, and are not said twice."""
    found = [*_unsure_edges(result), *_unsure_input(result)]
    if result.judging is not None:
        text = "The judges' marks are one panel among many that would give about this score."
        found.append(Sentence(text, ("judging.marks",)))
    if (told := familiarity(result)) is not None:
        found.append(told)
    if result.attention:
        text = "Attention shows where the network looked, not why points were lost."
        found.append(Sentence(text, ("attention",)))
    if result.score is None:
        return found
    return [*found, *warnings(result)] or [
        Sentence(
            "Nothing in particular.",
            ("score", "warnings", "input.condition", "stages[].confidence", "poses.doubtful"),
        )
    ]


def familiarity(result: Result) -> Sentence | None:
    """How unlike the training films this film is; None where it is like them, or where it is not known."""
    if result.unfamiliarity is None or result.unfamiliarity <= 1:
        return None
    return Sentence(
        f"This film is unlike those that the network was trained on: distance {result.unfamiliarity:.2f}, where 95 of 100 "
        "dives held out of the training stay below 1.",
        ("unfamiliarity",),
    )


def _unsure_edges(result: Result) -> list[Sentence]:
    return [
        Sentence(
            f"The edges of the {stage.name} are unsure: confidence {stage.confidence:.2f}.",
            (f"stages[{k}].confidence",),
        )
        for k, stage in enumerate(result.stages)
        if stage.confidence < _UNSURE
    ]


def _unsure_input(result: Result) -> list[Sentence]:
    """What is not to be trusted of the file and of the joints."""
    found = []
    if result.input.condition != "ok":
        what = "damaged: some of it is missing" if result.input.condition == "partial" else "unreadable"
        found.append(Sentence(f"The file is {what}.", ("input.condition",)))
    if result.poses.doubtful > _MANY_DOUBTFUL:
        text = f"{result.poses.doubtful:.0%} of the joints are doubtful, and the angles with them."
        found.append(Sentence(text, ("poses.doubtful",)))
    return found


SECTION = Section(
    order=90,
    title="What to trust",
    reads=(
        "stages_from",
        *("input", "poses", "angles", "stages", "events", "exemplars", "score", "interval", "protocol"),
        *("prior", "film_share", "unfamiliarity", "judging", "attention", "warnings"),
    ),
    build=build,
)
