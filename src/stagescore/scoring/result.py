"""What scoring a dive gives: the one thing that `result.json`, the report and Python callers share.

Its form is versioned; docs/result-schema.json is made from these classes. Frames are frames of the input file,
counted from 0; spans are half-open; seconds are those of the file.
"""

import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from stagescore.config import Config
from stagescore.extras import from_extra
from stagescore.types import Modality

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SCHEMA_VERSION: Literal[1] = 1


def printable(text: str) -> str:
    r"""A text that can be written as UTF-8.

    The name of a file may hold bytes that are no UTF-8, as archives from elsewhere leave them; Python has them as lone surrogates,
    which no JSON, table or page can hold.

    >>> printable("plong\udce9on")
    'plong?on'
    """
    return text.encode(errors="replace").decode()


Text = Annotated[str, BeforeValidator(printable)]
"""A text that may have the name of a file in it."""
Status = Literal["ok", "needs_review", "failed"]
StageName = Literal["take-off", "flight", "entry"]


class Reason(Config):
    """Why a dive was not scored, or should be looked at.

    Attributes:
        code: one of a fixed list, such as `two-divers`, `cut`, `replay`, `still`, `partial`, `too-short`.
        text: the same in words, with what was measured.
        start_frame: where in the input it was seen; None for the whole.
        end_frame: likewise.
    """

    code: str
    text: Text
    start_frame: int | None = None
    end_frame: int | None = None


class InputFile(Config):
    """What was scored.

    Attributes:
        name: the file's name without its ending, or the folder's.
        path: as given.
        sha256: of the file; of all images of a folder, one after the other.
        num_frames: that can be decoded.
        width_px: of the picture.
        height_px: likewise.
        duration_s: of the whole.
        frame_rate: mean frames per second.
        condition: `ok`, `partial` or `unreadable`.
        start_frame: first frame that was used.
        end_frame: frame after the last that was used.
        slowmo: the film is slowed down by this factor.
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
        weights: name of the weights that the score is from; of several networks, the one whose training films are
            most like this one.
        weights_sha256: hash of the network.
        bank_sha256: hash of the exemplar bank; None without one.
        trained_on: in words, from the card.
        shown_on: kind of film that the network has been shown to work on, likewise; empty where it was not measured on
            real films.
        asked: `unfamiliarity` of the film to each scoring network that has seen it, by name; None where it is not known.
        detector: that found the diver; None where poses were given or none were found.
        estimator: that found the joints; likewise.
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
        name: take-off, flight or entry, in FineDiving's meaning.
        start_frame: of the input file.
        end_frame: frame after the last.
        start_s: seconds.
        end_s: seconds.
        confidence: that its boundaries are right, 0 to 1.
        difference: points against the mean exemplar, all branches together; None without a score.
        shown_frames: the part of the stage that the network was shown, half-open like the stage; networks with a window
            see the flight and little before and after it. None in results made before this was noted.
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
        frame: of the input file, from 0.
        confidence: 0 to 1.
    """

    frame: int
    confidence: float = Field(ge=0, le=1)


class Events(Config):
    """Physical events; None where they do not lie in the clip or were not seen.

    Attributes:
        first_airborne_frame: nothing touches the board any more.
        first_water_contact_frame: the first touch of the water.
    """

    first_airborne_frame: EventResult | None = None
    first_water_contact_frame: EventResult | None = None


class ExemplarVote(Config):
    """One exemplar's say.

    Attributes:
        dive_id: which exemplar.
        dive_number: of it.
        score: its true score, in points.
        delta: predicted difference, query minus exemplar; the vote is `score + delta`.
        stage_deltas: its parts by stage and branch (`branches` of the result); they add up to `delta`.
        edges: stage edges of the exemplar on the frames that the network was shown of it; they are numbered from 0 and
            evenly spread over its clip, or over the part around its flight for networks with a window.
    """

    dive_id: str
    dive_number: str | None
    score: float
    delta: float
    stage_deltas: list[list[float]]
    edges: list[int]

    @property
    def vote(self) -> float:
        """The score that this exemplar speaks for."""
        return self.score + self.delta


class Judging(Config):
    """How judges might have arrived there; plausible, not predicted.

    Attributes:
        difficulty: degree of difficulty, given or usual for the dive number.
        execution: score / difficulty, 0 to 30.
        marks: seven plausible marks in halves.
        dropped: places of the four that do not count.
        total: sum of the three that count.
        score: total x difficulty, near the predicted score.
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
        frames: of the input file.
        knee: angle at the knees, 180 stretched (mean of both).
        hip: angle at the hips, 180 stretched.
        trunk: of the trunk to the vertical, 0 upright, 180 upside down.
        trunk_at_entry: at the first water contact, from the vertical line through the water, 0 is a straight entry.
    """

    frames: list[int]
    knee: list[float | None]
    hip: list[float | None]
    trunk: list[float | None]
    trunk_at_entry: float | None = None


class PoseShares(Config):
    """How far the joints can be trusted.

    Attributes:
        source: networks, a file given by the user, or none.
        measured: share of joints that were seen, 0 to 1.
        filled: share that was interpolated.
        doubtful: share whose sides or places are doubtful.
    """

    source: Literal["estimated", "given", "none"]
    measured: float = 0.0
    filled: float = 0.0
    doubtful: float = 0.0


class Validation(Config):
    """The error on dives of the user's own, each predicted from the others.

    Attributes:
        num_dives: how many.
        mean_absolute_error: in points.
        slope: what the network's differences are multiplied by, fitted on these dives.
    """

    num_dives: int
    mean_absolute_error: float
    slope: float


class Prior(Config):
    """What the labels alone say of the score, without the film.

    Attributes:
        score: expected of the dive number at this height and difficulty, in points.
        sd: standard deviation of such scores around it.
        num_dives: dives of the narrowest group that it rests on; 0 where no dive of this number is known.
        group: that group, such as `107B, 10 m, men`.
        part: points that it adds to the network's score; 0 where the film is familiar, or the score is never mixed.
    """

    score: float
    sd: float
    num_dives: int
    group: str
    part: float = 0.0


class LikelyNumber(Config):
    """A dive number that a film may show.

    Attributes:
        dive_number: such as `107B`.
        probability: that the film shows it, from 0 to 1.
        difficulty: its degree of difficulty, given or usual at the height; None where it is not known.
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


class Result(Config):
    """Everything about one scored dive.

    Attributes:
        schema_version: of this form.
        status: `ok`, `needs_review` (look before you believe) or `failed`.
        reasons: why it is not `ok`; empty for `ok`.
        warnings: what to know even so.
        score: in points, mean of the votes (or what the network itself says) plus what the prior adds (`prior.part`); None where it would be made up.
        interval: in which the score lies in 90 of 100 cases.
        execution: score / difficulty, from 0 to 30; given without a score where only the difficulty is missing. Of a mean
            over several numbers it is the mean of their executions. None where it is not known.
        difficulty: that execution was multiplied by: given, usual for the number, or the mean over several numbers by
            their probability; None without a score, and for a network that predicts points.
        unfamiliarity: how unlike the training films of the network this film is, in its features; 1 is as far as the
            farthest 5 % of the dives that were held out of training, below that a film is like them. None where it is
            not known, or there is no film.
        film_share: how much of the score comes from the film, 0 to 1; the rest comes from the prior. None for networks
            whose score is never mixed with it.
        prior: what the labels alone say; None without a difficulty.
        validated: whether the error on real dives is known.
        validation: that error, of a bank fitted on the user's own dives; None otherwise.
        protocol: how exemplars were chosen, in words; empty where none vote.
        dive_number: given by the user, or surely recognised in the film; None otherwise, and then the score is the
            mean over all numbers by their probability where the network recognises numbers.
        dive_number_source: `given` or `recognised`; None without a number.
        recognised: the likeliest numbers by the film alone, at most three, the likeliest first; empty where no network
            recognised one.
        disagrees: a number is given, and the film shows another one.
        words: the dive in words, such as "forward three and a half somersaults in pike position".
        height_m: of board or platform, given or None.
        input: what was scored.
        modalities: what the network has seen of it: a video, a skeleton, or both; empty where it saw nothing.
        networks: which networks looked.
        stages: empty where they could not be seen.
        events: physical events.
        branches: names of the last axis of `stage_deltas`, in order: fused, static.
        exemplars: who voted, in the order of their ids; empty without a score, and where the network predicts the score itself.
        judging: None without a score or difficulty.
        angles: None without poses.
        poses: how far the joints can be trusted.
        attention: of the fusion: weight of each sampled frame, adding up to 1 in each stage; None without.
        attention_frames: the frames of the input file that `attention` speaks of.
        timings: seconds by step; the only part that differs from run to run.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    status: Status
    reasons: list[Reason] = Field(default_factory=list)
    warnings: list[Text] = Field(default_factory=list)
    score: float | None = None
    interval: tuple[float, float] | None = None
    execution: float | None = None
    difficulty: float | None = None
    unfamiliarity: float | None = None
    film_share: float | None = Field(default=None, ge=0, le=1)
    prior: Prior | None = None
    validated: bool = False
    validation: Validation | None = None
    protocol: str = ""
    dive_number: str | None = None
    dive_number_source: Literal["given", "recognised"] | None = None
    recognised: list[LikelyNumber] = Field(default_factory=list)
    disagrees: bool = False
    words: str | None = None
    height_m: float | None = None
    input: InputFile
    modalities: list[Modality] = Field(default_factory=list)
    networks: Networks | None = None
    stages: list[StageResult] = Field(default_factory=list)
    events: Events = Events()
    branches: list[str] = Field(default_factory=list)
    exemplars: list[ExemplarVote] = Field(default_factory=list)
    judging: Judging | None = None
    angles: Angles | None = None
    poses: PoseShares = PoseShares(source="none")
    attention: list[float] | None = None
    attention_frames: list[int] | None = None
    timings: dict[str, float] = Field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The content of `result.json`."""
        return (self.model_dump_json(indent=1) + "\n").encode()

    def table(self) -> "pd.DataFrame":
        """A row a stage: where it lies, how sure that is, and what it brought."""
        from_extra("pandas", "a table of a result")
        from stagescore.scoring.result_views import stage_table  # noqa: PLC0415 - pandas takes a second to load

        return stage_table(self)

    def plot(self) -> "Figure":
        """Stages, events, angles and attention over time, as a figure of matplotlib."""
        from_extra("matplotlib", "a figure of a result")
        from stagescore.scoring.result_views import stage_figure  # noqa: PLC0415 - likewise

        return stage_figure(self)


def schema_bytes() -> bytes:
    """The JSON Schema of `result.json`, as it stands in docs/result-schema.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Result.model_json_schema()}
    return (json.dumps(schema, indent=1) + "\n").encode()
