"""What the user says of a dive that is to be scored."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from stagescore.config import Config
from stagescore.data.score_prior import Sex
from stagescore.diving import DiveNumber, usual_difficulties
from stagescore.errors import StagescoreError
from stagescore.pose.tracking import Pointed
from stagescore.skeleton import Skeleton, skeleton_called


class ScoreOptions(Config):
    """What the user says of a dive.

    Attributes:
        dive_number: Dive number, such as `107B`; without it exemplars of any dive vote.
        difficulty: Degree of difficulty; the usual one of dive number and height by default.
        height_m: Height of board or platform, in metres.
        sex: Sex of the competition's divers, which the expected score depends on; None if unknown.
        start: First frame that is used, from 0, or `auto` to find the dive in a longer film; the film's first by
            default.
        end: Last frame that is used, included; the film's last by default.
        edges: First frame of the flight and of the entry, in frames of the film; the network cuts the stages by default.
        diver: Place of the diver, in pixels of the film: a point and a frame (`410,220@35`) or a box and a frame
            (`380,160,440,280@35`); the one who falls is found by default.
        slowmo: Factor by which the film is slowed down: real seconds are seconds of the film / `slowmo`.
        frame_rate: Frames per second of a folder of images or of joints, which do not say it themselves; of a film it
            replaces the file's own.
        poses: File or folder with the joints; the networks look for them by default.
        skeleton: Name of the skeleton of these joints, such as `coco-17`; told by their names or number by default.
        size_px: Width and height of the picture in pixels, where joints are scored without their film.
        exemplars: Number of exemplars that vote; 10 as in the paper.
    """

    dive_number: str | None = None
    difficulty: float | None = Field(default=None, gt=0)
    height_m: float | None = Field(default=None, gt=0)
    sex: Sex | None = None
    start: int | Literal["auto"] | None = None
    end: int | None = None
    edges: tuple[int, int] | None = None
    diver: str | None = None
    slowmo: float = Field(default=1.0, gt=0)
    frame_rate: float | None = Field(default=None, gt=0)
    poses: Path | None = None
    skeleton: str | None = None
    size_px: tuple[int, int] | None = None
    exemplars: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _known(self) -> "ScoreOptions":
        try:
            if self.dive_number is not None:
                DiveNumber.parse(self.dive_number)
            if self.skeleton is not None:
                skeleton_called(self.skeleton)
            if self.diver is not None:
                Pointed.parse(self.diver)
        except StagescoreError as error:
            raise ValueError(str(error)) from None
        if self.start == "auto" and self.end is not None:
            raise ValueError("--start auto finds the end too; leave --end out")
        if self.diver is not None and self.poses is not None:
            raise ValueError("--diver: --poses says already who the diver is; leave one of the two out")
        if self.edges is not None and not 0 < self.edges[0] < self.edges[1]:
            raise ValueError(
                "--edges: the flight begins after the first frame, and the entry after the flight"
            )
        return self

    @property
    def number(self) -> DiveNumber | None:
        """The dive number, read."""
        return None if self.dive_number is None else DiveNumber.parse(self.dive_number)

    @property
    def pointed(self) -> Pointed | None:
        """Where the user points at the diver, read."""
        return None if self.diver is None else Pointed.parse(self.diver)

    @property
    def skeleton_of_poses(self) -> Skeleton | None:
        """What the joints of `poses` are, as the user says."""
        return None if self.skeleton is None else skeleton_called(self.skeleton)

    @property
    def known_difficulty(self) -> float | None:
        """Difficulty as given, or the usual one of the dive at its height, or at any height where they agree.

        >>> ScoreOptions(dive_number="407C", height_m=10).known_difficulty
        3.2
        """
        number = self.number
        if self.difficulty is not None or number is None:
            return self.difficulty
        usual = {
            value
            for (code, height), value in usual_difficulties().items()
            if code == number.code and self.height_m in (None, height)
        }
        return usual.pop() if len(usual) == 1 else None
