"""Why there is no score, or why to look before believing it."""

from stagescore.report.pictures import Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence, status, whole
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import Reason


def build(result: Result, pictures: Pictures) -> Content | None:
    """The status and the reasons; nothing for a dive that is `ok`."""
    if result.status == "ok":
        return None
    verdict = None if result.score is not None else Sentence("No score", ("score",))
    return {"verdict": verdict, "heading": status(result), "reasons": reasons(result)}


def reasons(result: Result) -> list[Sentence]:
    """What was seen, and in which frames."""
    return [_reason(reason, f"reasons[{k}]") for k, reason in enumerate(result.reasons)]


def _reason(reason: Reason, field: str) -> Sentence:
    told, first = whole(reason.text), reason.start_frame
    if first is None:
        return Sentence(told, (f"{field}.text",))
    last = first if reason.end_frame is None else max(reason.end_frame - 1, first)
    where = f"Frames {first} to {last}." if last > first else f"Frame {first}."
    return Sentence(f"{told} {where}", (f"{field}.text", f"{field}.start_frame", f"{field}.end_frame"))


SECTION = Section(order=10, title=None, reads=("status", "reasons", "score"), build=build)
