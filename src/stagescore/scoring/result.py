"""What scoring a dive gives: the one thing that `result.json`, the report and Python callers share.

Its form is versioned; docs/result-schema.json is made from these classes. Frames are frames of the input file,
counted from 0; spans are half-open; seconds are those of the file.
"""

import json
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stagescore.captions.advice import Correction
from stagescore.config import Config
from stagescore.extras import from_extra
from stagescore.measures.measure import Measure
from stagescore.printable import json_spelled
from stagescore.scoring.result_parts import (
    Angles,
    Events,
    ExemplarVote,
    InputFile,
    Judging,
    LikelyNumber,
    Networks,
    PoseShares,
    Prior,
    Reason,
    StageResult,
    Status,
    Text,
    Validation,
)
from stagescore.types import Modality

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SCHEMA_VERSION: Literal[1] = 1


class Result(Config):
    """Everything about one scored dive.

    Attributes:
        schema_version: Version of the form of `result.json`.
        status: Outcome: `ok`, `needs_review` (look before you believe) or `failed`.
        reasons: Why the status is not `ok`; empty for `ok`.
        warnings: What to know of the dive whatever its status, in whole sentences.
        score: Score in points: mean of the votes (or what the network itself says) plus what the prior adds
            (`prior.part`); None where it would be made up.
        interval: Ends of the interval that holds the score in 90 of 100 cases, in points; None where that is not known.
        execution: Execution, which is score / difficulty, from 0 to 30; given without a score where only the difficulty
            is missing. Of a mean over several numbers it is the mean of their executions. None where it is not known.
        difficulty: Degree of difficulty that execution was multiplied by: given, usual for the number, or the mean over
            several numbers by their probability; None without a score, and for a network that predicts points.
        unfamiliarity: How unlike the training films of the network this film is, in its features; 1 is as far as the
            farthest 5 % of the dives that were held out of training, below that a film is like them. None where it is
            not known, or there is no film.
        film_share: How much of the score comes from the film, 0 to 1; the rest comes from the prior. None for networks
            whose score is never mixed with it.
        prior: What the labels alone say of the score; None without a difficulty.
        validated: Whether the error on real dives is known; with a bank of the user's own, whether it is surely smaller than
            without the films.
        validation: Error of a bank fitted on the user's own dives; None for other banks.
        protocol: How exemplars were chosen, in words; empty where none vote.
        dive_number: Dive number, given by the user or surely recognised in the film; None otherwise, and then the score
            is the mean over all numbers by their probability where the network recognises numbers.
        dive_number_source: Origin of the number: `given` or `recognised`; None without a number.
        recognised: The likeliest numbers by the film alone, at most three, the likeliest first; empty where no network
            recognised one.
        disagrees: Whether a number is given and the film shows another one.
        words: The dive in words, such as "forward three and a half somersaults in pike position"; None without a
            number.
        height_m: Height of board or platform in metres, as given; None where none is given.
        input: The film that was scored.
        modalities: What the network has seen of the dive: a video, a skeleton, or both; empty where it saw nothing.
        networks: The networks that looked at the film.
        stages: The stages in the order of the dive; empty where they could not be seen.
        stages_from: Who cut the stages: the network, or the user (`given`).
        events: First airborne frame and first water contact.
        branches: Names of the last axis of `stage_deltas`, in order, such as fused, static.
        exemplars: Vote of each exemplar, in the order of their ids; empty without a score, and where the network
            predicts the score itself.
        judging: Marks that judges might have given; None without a score or difficulty.
        angles: Joint angles over the frames; None without poses.
        measures: What was measured on the dive, known or not, in the order of `measures.kinds`; empty where no flight of one diver was
            seen, and in results made before there were measures.
        corrections: What to change, the plainest fault first; three at most, and none where nothing that was measured surely is worse
            than in most dives.
        poses: Origin of the joints, and how far they can be trusted.
        attention: Weight of each sampled frame in the fusion, adding up to 1 in each stage; None without attention.
        attention_frames: Frames of the input file that `attention` speaks of; None without attention.
        timings: Seconds by step; the only part that differs from run to run.
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
    stages_from: Literal["network", "given"] = "network"
    events: Events = Events()
    branches: list[str] = Field(default_factory=list)
    exemplars: list[ExemplarVote] = Field(default_factory=list)
    judging: Judging | None = None
    angles: Angles | None = None
    measures: list[Measure] = Field(default_factory=list)
    corrections: list[Correction] = Field(default_factory=list)
    poses: PoseShares = PoseShares(source="none")
    attention: list[float] | None = None
    attention_frames: list[int] | None = None
    timings: dict[str, float] = Field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The content of `result.json`."""
        return json_spelled(self.model_dump_json(indent=1) + "\n").encode()

    def table(self) -> "pd.DataFrame":
        """A row a stage: where it lies, how sure that is, and what it brought."""
        from_extra("pandas", "a table of a result")
        from stagescore.scoring.result_views import stage_table  # noqa: PLC0415 - pandas takes a second to load

        return stage_table(self.stages)

    def to_frame(self) -> "pd.DataFrame":
        """A row a frame that was used: its stage, its time in seconds, and the joint angles in degrees; NaN where unknown."""
        from_extra("pandas", "a table of a result")
        from stagescore.scoring.result_views import frame_table  # noqa: PLC0415 - pandas takes a second to load

        return frame_table(self.input, self.stages, self.angles)

    def _repr_html_(self) -> str:
        """The result in a few lines, as notebooks show it."""
        from stagescore.scoring.result_html import result_html  # noqa: PLC0415 - only notebooks need it

        return result_html(self)

    def plot(self) -> "Figure":
        """Stages, events, angles and attention over time, as a figure of matplotlib."""
        from_extra("matplotlib", "a figure of a result")
        from stagescore.scoring.result_views import stage_figure  # noqa: PLC0415 - likewise

        score = "no score" if self.score is None else f"{self.score:.2f} points"
        title = f"{self.input.name}: {score} ({self.status})"
        return stage_figure(title, self.stages, self.events, self.angles)


def schema_bytes() -> bytes:
    """The JSON Schema of `result.json`, as it stands in docs/result-schema.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Result.model_json_schema()}
    return (json.dumps(schema, indent=1) + "\n").encode()
