"""A result as notebooks show it: score, stages, events, and what speaks against it."""

from markupsafe import escape

from stagescore.printable import printable
from stagescore.scoring.result import Result


def result_html(result: Result) -> str:
    """A result in a few lines of HTML, without styles of its own.

    Args:
        result: Any result; whatever comes from outside is escaped.
    """
    if result.score is None:
        head = f"no score ({result.status})"
    else:
        head = f"{result.score:.2f} points"
        if result.interval is not None:
            head += f" ({result.interval[0]:.1f} to {result.interval[1]:.1f})"
    words = "" if result.words is None else f", {result.dive_number}: {result.words}"
    lines = [f"<p><b>{_text(result.input.name)}</b>: {_text(head + words)}</p>"]
    told = [reason.text for reason in result.reasons] + list(result.warnings)
    if told:
        lines.append("<ul>" + "".join(f"<li>{_text(one)}</li>" for one in told) + "</ul>")
    if result.stages:
        rows = "".join(
            f"<tr><td>{stage.name}</td><td>{stage.start_frame}</td><td>{stage.end_frame}</td>"
            f"<td>{stage.confidence:.2f}</td>"
            f"<td>{'' if stage.difference is None else f'{stage.difference:+.2f}'}</td></tr>"
            for stage in result.stages
        )
        head_row = "".join(
            f"<th>{name}</th>" for name in ("stage", "first frame", "end", "confidence", "points")
        )
        lines.append(f"<table><tr>{head_row}</tr>{rows}</table>")
    events = result.events
    seen = [
        f"{name} at frame {event.frame}"
        for name, event in (
            ("first airborne", events.first_airborne_frame),
            ("first water contact", events.first_water_contact_frame),
        )
        if event is not None
    ]
    if seen:
        lines.append(f"<p>{', '.join(seen)}</p>")
    return "\n".join(lines)


def _text(text: str) -> str:
    return str(escape(printable(text)))
