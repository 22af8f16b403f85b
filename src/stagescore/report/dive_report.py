"""The report on one dive: a page that needs no network, no script and nothing beside it."""

from stagescore.report.pictures import Pictures
from stagescore.report.rendering import render, render_section
from stagescore.report.score_breakdown import printed_score
from stagescore.report.sections import all_sections
from stagescore.report.sentences import status
from stagescore.scoring.result import Result


def dive_report(result: Result, pictures: Pictures) -> str:
    """The page about a dive: each section that has something to show, in its order.

    Args:
        result: What scoring gave.
        pictures: What there is to show; `frames_wanted(result)` names the frames.

    Raises:
        DataError: The score is not the sum of its parts to 1e-6.
    """
    built = {name: (section, section.build(result, pictures)) for name, section in all_sections().items()}
    parts = [
        render_section(name, section.title, content, printed=section.printed)
        for name, (section, content) in built.items()
        if content is not None
    ]
    score = printed_score(result)
    told = status(result).text if score is None else f"{score} points"
    return render("dive.html.j2", title=f"{result.input.name}: {told}", parts=parts)


def frames_wanted(result: Result) -> list[int]:
    """All frames of the input file that a report shows, increasing."""
    wanted = {frame for section in all_sections().values() for frame in section.frames(result)}
    return sorted(frame for frame in wanted if 0 <= frame < result.input.num_frames)
