"""The parts of a result (`scoring.result`): its file, its stages and events, its votes, and what else it tells.

Frames are frames of the input file, counted from 0; spans are half-open; seconds are those of the file.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from stagescore.config import Config
from stagescore.printable import writable

Text = Annotated[str, BeforeValidator(writable)]
"""A text that may have the name of a file in it, which may be no UTF-8; whoever shows it sees to the rest (`printable`)."""
Status = Literal["ok", "needs_review", "failed"]
StageName = Literal["take-off", "flight", "entry"]


class Reason(Config):
    """Why a dive was not scored, or should be looked at.

    Attributes:
        code: Code from a fixed list, such as `two-divers`, `cut`, `replay`, `still`, `partial`, `too-short`.
        text: The reason in words, with what was measured.
        start_frame: First frame of the input in which it was seen; None for the whole input.
        end_frame: Frame after the last in which it was seen; None for the whole input.
    """

    code: str
    text: Text
    start_frame: int | None = None
    end_frame: int | None = None


class InputFile(Config):
    """What was scored.

    Attributes:
        name: Name of the file without its ending, or of the folder; with `-2`, `-3`, ... where another clip has it.
        path: Path of the file or folder, as given.
        sha256: SHA-256 of the file, in hexadecimal; of a folder, of all its images one after the other.
        num_frames: Number of frames that can be decoded.
        width_px: Width of the picture, in pixels.
        height_px: Height of the picture, in pixels.
        duration_s: Length of the whole film in seconds; None where it cannot be read.
        frame_rate: Mean number of frames per second; None where it is not known.
        condition: Condition of the file: `ok`, `partial` (damaged) or `unreadable`.
        start_frame: First frame that was used.
        end_frame: Frame after the last that was used.
        slowmo: Factor by which the film is slowed down.
    """

    name: Text
    path: Text
    sha256: str
    num_frames: int
    width_px: int
    height_px: int
    duration_s: float | None
    frame_rate: float | None
    condition: Literal["ok", "partial", "unreadable"]
    start_frame: int
    end_frame: int
    slowmo: float = 1.0


class Networks(Config):
    """Which networks looked.

    Attributes:
        weights: Name of the weights that the score is from; of several networks, the one whose training films are most
            like this one.
        weights_sha256: SHA-256 of the network's weights, in hexadecimal.
        bank_sha256: SHA-256 of the exemplar bank's file, in hexadecimal; None without one.
        trained_on: What the network was trained on, in the words of its card.
        shown_on: Kind of film that the network has been shown to work on, in the words of its card; empty where it was
            not measured on real films.
        asked: Distance (`unfamiliarity`) of the film from the training films of each scoring network that has seen it,
            by name; None where it is not known.
        detector: File name of the network that found the diver; None where poses were given or none were found.
        estimator: File name of the network that found the joints; None where poses were given or none were found.
    """

    weights: str
    weights_sha256: str
    bank_sha256: str | None
    trained_on: str
    shown_on: str = ""
    asked: dict[str, float | None] = Field(default_factory=dict)
    detector: str | None = None
    estimator: str | None = None


class StageResult(Config):
    """One stage.

    Attributes:
        name: Name of the stage in FineDiving's meaning: take-off, flight or entry.
        start_frame: First frame of the stage in the input file.
        end_frame: Frame after the last of the stage.
        start_s: Time at which the stage begins, in seconds of the file.
        end_s: Time at which the stage ends, in seconds of the file.
        confidence: Probability that the stage's boundaries are right, 0 to 1.
        difference: Points against the mean exemplar, all branches together; None without a score.
        shown_frames: Part of the stage that the network was shown, half-open like the stage; networks with a window see
            the flight and little before and after it. None in results made before this was noted.
    """

    name: StageName
    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    confidence: float = Field(ge=0, le=1)
    difference: float | None = None
    shown_frames: tuple[int, int] | None = None


class EventResult(Config):
    """A physical event.

    Attributes:
        frame: Frame of the input file, counted from 0.
        confidence: How sure the event is, 0 to 1.
    """

    frame: int
    confidence: float = Field(ge=0, le=1)


class Events(Config):
    """Physical events; None where they do not lie in the clip or were not seen.

    Attributes:
        first_airborne_frame: First frame in which nothing touches the board any more.
        first_water_contact_frame: First frame in which the water is touched.
    """

    first_airborne_frame: EventResult | None = None
    first_water_contact_frame: EventResult | None = None


class ExemplarVote(Config):
    """One exemplar's say.

    Attributes:
        dive_id: Id of the exemplar.
        dive_number: Dive number of the exemplar; None where it is not known.
        score: True score of the exemplar in points; of a network that predicts execution, at the query's difficulty.
        delta: Predicted difference in points, query minus exemplar; the vote is `score + delta`.
        stage_deltas: Differences in points by stage and branch (`branches` of the result); they add up to `delta`.
        film: Name of the exemplar's film, of a bank of the user's own; None for other banks.
        edges: Edges of the exemplar's stages on the frames that the network was shown of it; they are numbered from 0
            and evenly spread over its clip, or over the part around its flight for networks with a window.
    """

    dive_id: str
    dive_number: str | None
    score: float
    delta: float
    stage_deltas: list[list[float]]
    edges: list[int]
    film: Text | None = None

    @property
    def name(self) -> str:
        """What people call the exemplar: its film, or the id of the dive."""
        return self.film or self.dive_id

    @property
    def vote(self) -> float:
        """The score that this exemplar speaks for."""
        return self.score + self.delta


class Judging(Config):
    """How judges might have arrived there; plausible, not predicted.

    Attributes:
        difficulty: Degree of difficulty, given or usual for the dive number.
        execution: Execution, which is score / difficulty, 0 to 30.
        marks: Seven plausible marks in halves, one per judge.
        dropped: Places in `marks`, from 0, of the four that do not count.
        total: Sum of the three marks that count.
        score: Product of total and difficulty in points, near the predicted score.
    """

    difficulty: float
    execution: float
    marks: list[float]
    dropped: list[int]
    total: float
    score: float


class Angles(Config):
    """Joint angles over the frames that were used, in degrees; None where a joint is unknown.

    Attributes:
        frames: Frames of the input file, one for each angle.
        knee: Angle at the knees, mean of both; 180 is stretched.
        hip: Angle at the hips, mean of both; 180 is stretched.
        trunk: Angle of the trunk to the vertical; 0 is upright, 180 upside down.
        trunk_at_entry: Angle between trunk and vertical at the first water contact, head or feet first; 0 is a straight
            entry. None where the frames before the contact do not agree on it.
    """

    frames: list[int]
    knee: list[float | None]
    hip: list[float | None]
    trunk: list[float | None]
    trunk_at_entry: float | None = None


class PoseShares(Config):
    """How far the joints can be trusted.

    Attributes:
        source: Origin of the joints: networks (`estimated`), a file of the user (`given`), or `none`.
        measured: Share of the joints that were seen, 0 to 1.
        filled: Share of the joints that were interpolated, 0 to 1.
        doubtful: Share of the joints whose sides or places are doubtful, 0 to 1.
        diver: Who chose the diver whose joints they are: the program (`found`), or the user, who pointed (`given`).
    """

    source: Literal["estimated", "given", "none"]
    measured: float = 0.0
    filled: float = 0.0
    doubtful: float = 0.0
    diver: Literal["found", "given"] = "found"


class FilmGain(Config):
    """What the film adds to what is known without it, on dives of the user's own.

    Attributes:
        over: What the bank is compared with, which needs no film: the mean of the other dives' scores, or the mean execution
            of the same dive number times the difficulty.
        mean_absolute_error: Mean absolute error of what needs no film, on the same dives, in points.
        points: Mean absolute error without the film less that of the bank, in points; negative where the bank is worse.
        interval: Ends of the 95 % interval of `points`, over dives.
    """

    over: Literal["mean of the scores", "mean of the dive numbers"]
    mean_absolute_error: float
    points: float
    interval: tuple[float, float]


class Validation(Config):
    """The error on dives of the user's own, each predicted from the others.

    Attributes:
        num_dives: Number of the user's dives.
        mean_absolute_error: Mean absolute error of their scores, in points.
        slope: Factor by which the network's differences are multiplied, fitted on these dives.
        error_interval: Ends of the 95 % interval of the mean absolute error, over dives; None where it was not measured.
        coverage: Share of the dives whose score lies in the 90 % interval that is fitted to the others, 0 to 1; None with
            too few dives for such intervals.
        coverage_interval: Ends of the 95 % interval of the coverage; None without a coverage.
        gains: What the film adds over each thing that is known without it; empty where it was not measured.
    """

    num_dives: int
    mean_absolute_error: float
    slope: float
    error_interval: tuple[float, float] | None = None
    coverage: float | None = None
    coverage_interval: tuple[float, float] | None = None
    gains: list[FilmGain] = Field(default_factory=list)

    @property
    def least_gain(self) -> FilmGain | None:
        """The gain that is least sure; None where none was measured."""
        return min(self.gains, key=lambda gain: gain.interval[0], default=None)

    @property
    def film_counts(self) -> bool:
        """Whether the bank is surely better than everything that needs no film: only then it is called validated."""
        gain = self.least_gain
        return gain is not None and gain.interval[0] > 0 and self.slope > 0

    @property
    def gain_words(self) -> str:
        """What the film adds, in a sentence."""
        gain = self.least_gain
        if gain is None:
            return (
                "Not validated: whether the film adds anything to the mean of the scores was not measured. "
                "Run `stagescore fit-bank` again."
            )
        low, high = gain.interval
        told = f"{gain.points:.2f} points of accuracy (95 % interval {low:.2f} to {high:.2f})"
        if self.film_counts:
            return f"The film adds {told} over the {gain.over}."
        if self.slope == 0 or gain.points <= 0:
            return f"Not validated: no better than the {gain.over}. The film adds {told}."
        return f"Not validated: not surely better than the {gain.over}. The film adds {told}."


class Prior(Config):
    """What the labels alone say of the score, without the film.

    Attributes:
        score: Score in points to be expected of the dive number at this height and difficulty.
        sd: Standard deviation of such scores around it, in points.
        num_dives: Number of dives of the narrowest group that it rests on; 0 where no dive of this number is known.
        group: The narrowest group in words, such as `107B, 10 m, men`.
        part: Points that it adds to the network's score; 0 where the film is familiar, or the score is never mixed.
    """

    score: float
    sd: float
    num_dives: int
    group: str
    part: float = 0.0


class LikelyNumber(Config):
    """A dive number that a film may show.

    Attributes:
        dive_number: Dive number, such as `107B`.
        probability: Probability that the film shows it, from 0 to 1.
        difficulty: Degree of difficulty of this number, given or usual at the height; None where it is not known.
    """

    dive_number: str
    probability: float = Field(ge=0, le=1)
    difficulty: float | None = None

    @property
    def words(self) -> str:
        r"""The number with its probability.

        >>> [LikelyNumber(dive_number="107B", probability=p).words for p in (0.614, 0.997, 0.002)]
        ['107B (61\xa0%)', '107B (more than 99\xa0%)', '107B (less than 1\xa0%)']
        """
        rounded = round(100 * self.probability)
        told = {0: "less than 1", 100: "more than 99"}.get(rounded, f"{rounded}")
        return f"{self.dive_number} ({told}\u00a0%)"
