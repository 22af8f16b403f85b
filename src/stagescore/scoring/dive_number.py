"""The dive number that a film shows: which numbers are likely, whether one is sure, and whether a given one is wrong."""

from dataclasses import dataclass

from stagescore.inference.dive_numbers import recognise_number
from stagescore.models.recognition import candidate_numbers
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.scoring.result_parts import LikelyNumber
from stagescore.scoring.scoring_network import ScoringNetwork

SURE = 0.9
"""Probability from which the likeliest number is taken for the number: as sure as a 90 % interval. Not fitted."""
UNLIKELY, CONTRADICTING = 0.05, 0.8
"""A given number is called wrong where it is less probable than the first and another at least as probable as the second:
one time in twenty would be luck, and four times in five is no tie between similar dives. Not fitted."""
NUM_LIKELIEST = 3
"""Numbers that a result names. Set by hand; `tower` has the right one among them in 98 % of 300 films (docs/scoring.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One thing that a dive may be.

    Attributes:
        options: What is known of the dive if it is that.
        probability: Probability that the dive is that, 0 to 1.
        difficulty: Degree of difficulty if it is that; None where it is not known.
    """

    options: ScoreOptions
    probability: float
    difficulty: float | None

    @classmethod
    def of(cls, options: ScoreOptions, probability: float = 1.0) -> "Hypothesis":
        """A hypothesis with the difficulty that is given, or usual for the number and the height."""
        return cls(options=options, probability=probability, difficulty=options.known_difficulty)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedNumber:
    """What a film says of the dive number.

    Attributes:
        options: What is known of the dive beside the film, perhaps the number itself.
        probabilities: (dive number, calibrated probability) of all numbers that come into question, the likeliest first.
    """

    options: ScoreOptions
    probabilities: tuple[tuple[str, float], ...]

    @property
    def sure(self) -> str | None:
        """The number, where no number is given and one is as probable as `SURE`; else None."""
        code, probability = self.probabilities[0]
        return code if self.options.dive_number is None and probability >= SURE else None

    @property
    def known(self) -> ScoreOptions:
        """What is known of the dive: as given, and with the recognised number where that is sure."""
        return self.options if self.sure is None else self._if_it_is(self.sure)

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Everything that the dive may be: the known number alone, else all numbers that come into question."""
        if self.known.dive_number is not None:
            return (Hypothesis.of(self.known),)
        return tuple(Hypothesis.of(self._if_it_is(code), p) for code, p in self.probabilities)

    @property
    def likeliest(self) -> list[LikelyNumber]:
        """The likeliest numbers as the result has them, at most `NUM_LIKELIEST`."""
        return [
            LikelyNumber(
                dive_number=code,
                probability=min(probability, 1.0),
                difficulty=self._if_it_is(code).known_difficulty,
            )
            for code, probability in self.probabilities[:NUM_LIKELIEST]
        ]

    @property
    def disagrees(self) -> bool:
        """Whether a number is given and the film shows another one (`UNLIKELY`, `CONTRADICTING`)."""
        return self._of_given is not None and (
            self._of_given < UNLIKELY and self.probabilities[0][1] >= CONTRADICTING
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a score has to know: a given number that the film contradicts."""
        if not self.disagrees or self._of_given is None:
            return ()
        given = LikelyNumber(dive_number=self._given or "", probability=self._of_given)
        return (
            f"The film looks like {self.likeliest[0].words}, not like {given.words}: check the dive number.",
        )

    @property
    def _given(self) -> str | None:
        number = self.options.number
        return None if number is None else number.code

    @property
    def _of_given(self) -> float | None:
        """Probability of the given number; None without one."""
        return next((probability for code, probability in self.probabilities if code == self._given), None)

    def _if_it_is(self, code: str) -> ScoreOptions:
        return self.options.model_copy(update={"dive_number": code})


def recognised_number(
    network: ScoringNetwork, encoding: QueryEncoding, options: ScoreOptions, unfamiliarity: float | None
) -> RecognisedNumber | None:
    """What a film says of the dive number.

    The probabilities were calibrated on films like the training films. Beyond distance 1 their temperature grows with the
    distance, as the width of the score's interval does: a stranger film makes no number surer.

    Args:
        network: The network that speaks.
        encoding: What the network made of the film.
        options: What is known of the dive beside the film. A given number always comes into question.
        unfamiliarity: Distance of the film from the training films; None where it is not known.

    Returns:
        None for a network that does not recognise numbers or was not calibrated for it, and for joints without a film, for
        which it was not calibrated either.
    """
    calibration = network.number_calibration
    if not network.model.recognises or calibration is None or "video" not in encoding.modalities:
        return None
    candidates = {*candidate_numbers(options.height_m, network.films)}
    if options.number is not None:
        candidates.add(options.number.code)
    views = [encoding.stages] if encoding.mirrored is None else [encoding.stages, encoding.mirrored]
    temperature = calibration.temperature * max(unfamiliarity or 0.0, 1.0)
    return RecognisedNumber(
        options=options,
        probabilities=recognise_number(views, sorted(candidates), temperature),
    )
