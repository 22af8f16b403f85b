"""What a report says: every sentence is made from named fields of the result, and from nothing else.

How numbers and frames are written, and the sentences that more than one section says. The others stand in the file of
their section (`report.sections`), and the summary takes them from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stagescore.report.keyframes import seconds_at
from stagescore.scoring.result import Result

TIMES = ("stages[].start_frame", "stages[].end_frame", "stages[].start_s", "stages[].end_s")
"""The fields that say when a frame is shown."""
_STATUS = {"ok": "Scored", "needs_review": "Needs review", "failed": "Failed"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the fields of the result that it was made from.

    Attributes:
        text: The sentence in plain words.
        fields: Paths such as `stages[2].difference`; `exemplars[].score` means that field of all exemplars.
    """

    text: str
    fields: tuple[str, ...]

    @property
    def data_field(self) -> str:
        """The fields as the attribute `data-field` has them."""
        return " ".join(self.fields)


def points(value: float, digits: int = 2) -> str:
    """A number of points.

    >>> points(68.7), points(-3.006, 1)
    ('68.70', '−3.0')
    """
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; none where nothing is left after rounding.

    >>> signed(0.3), signed(-3.6), signed(-0.001)
    ('+0.30', '−3.60', '0.00')
    """
    text = f"{value:+.{digits}f}".replace("-", "−")
    return text if any(digit in "123456789" for digit in text) else text[1:]


def counted(count: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "exemplar"), counted(10, "exemplar")
    ('1 exemplar', '10 exemplars')
    """
    return f"{count} {noun if count == 1 else noun + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Parts as one enumeration.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def capitalized(text: str) -> str:
    """The text with a capital letter at its beginning; the rest keeps its case.

    >>> capitalized("take-off 0.96 s of the London film")
    'Take-off 0.96 s of the London film'
    """
    return f"{text[:1].upper()}{text[1:]}"


def whole(text: str) -> str:
    """The text as a sentence, with a capital letter and a full stop.

    >>> whole("two people fall")
    'Two people fall.'
    """
    return f"{capitalized(text.strip()).rstrip('.')}."


def moment(result: Result, frame: int) -> str:
    """A frame with its time where that is known."""
    time = seconds_at(result, frame)
    return f"frame {frame}" if time is None else f"{time:.2f}\u00a0s (frame {frame})"


def short_moment(result: Result, frame: int) -> str:
    """The time of a frame, or its number where the time is not known."""
    time = seconds_at(result, frame)
    return f"frame {frame}" if time is None else f"{time:.2f}\u00a0s"


def status(result: Result) -> Sentence:
    """Whether the dive was scored, in one or two words."""
    return Sentence(_STATUS[result.status], ("status",))


def prior(result: Result) -> list[Sentence]:
    """What the labels alone say of the score, and how much of the score that is."""
    if result.prior is None or result.film_share is None:
        return []
    known = result.prior
    rests_on = f", from {counted(known.num_dives, 'dive')}" if known.num_dives else ""
    expected = Sentence(
        f"Without the film, {points(known.score, 1)} points are to be expected "
        f"(standard deviation {points(known.sd, 1)}; {known.group}{rests_on}).",
        ("prior.score", "prior.sd", "prior.group", "prior.num_dives"),
    )
    if result.score is None:
        return [expected]
    share = Sentence(
        f"{result.film_share:.0%} of the score comes from the film, {1 - result.film_share:.0%} from what is to be expected "
        "without it.",
        ("film_share", "score"),
    )
    return [share, expected]


def joints(result: Result) -> Sentence:
    """Where the joints come from and how far they can be trusted."""
    poses = result.poses
    if poses.source == "none":
        return Sentence("No joints are known of this dive.", ("poses.source",))
    origin = "were given by you" if poses.source == "given" else "were found by a network"
    return Sentence(
        f"The joints {origin}. Of all joints in all frames {poses.measured:.0%} were seen and believed and {poses.filled:.0%} were "
        f"interpolated between frames; {poses.doubtful:.0%} of all are doubtful.",
        ("poses.source", "poses.measured", "poses.filled", "poses.doubtful"),
    )


def warnings(result: Result) -> list[Sentence]:
    """What to know although the dive was scored."""
    return [Sentence(whole(text), (f"warnings[{k}]",)) for k, text in enumerate(result.warnings)]
