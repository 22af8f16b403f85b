"""What is known of one dive while it is scored: the state that the steps of `pipeline` hand on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stagescore.measures.measure import Measure
from stagescore.media.source import Media
from stagescore.pose.background_path import BackgroundPath
from stagescore.scoring.dive_number import RecognisedNumber
from stagescore.scoring.estimate import Estimate
from stagescore.scoring.events import Flight
from stagescore.scoring.first_look import FirstLook
from stagescore.scoring.motion_scan import MotionScan
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import Poses
from stagescore.scoring.query_encoding import QueryEncoding
from stagescore.scoring.result_parts import Reason
from stagescore.scoring.scoring_network import ScoringNetwork


@dataclass(slots=True)
class Timings:
    """Seconds of the steps, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what is done inside."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - begin, 6)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speaker:
    """The network whose score is taken: that to whose training films the film is nearest.

    Attributes:
        network: The network whose score is taken.
        encoding: What the network made of the film.
        unfamiliarity: Distance of the film from its training films (`ScoringNetwork.unfamiliarity`); None where it is not known.
    """

    network: ScoringNetwork
    encoding: QueryEncoding
    unfamiliarity: float | None

    @property
    def film_share(self) -> float | None:
        """How much of the score comes from the film, 0 to 1; None where nothing is mixed with the prior."""
        return self.network.film_share(self.unfamiliarity)


@dataclass(slots=True, kw_only=True)
class ScoringState:
    """One dive on its way from a file to a result. Each step fills in what it finds; what is not yet known is None or empty.

    Attributes:
        path: Path of the film.
        name: Name of the result, as its folder is called.
        options: What the user says of the dive.
        first_look: What was seen of the film before (`first_look`); None where nobody looked yet.
        sha256: SHA-256 of the film, in hexadecimal.
        media: The film, once it is open.
        working: The film in the size that the steps work in, once it is known which frames are used; its pictures stay in memory
            where they fit.
        start: First frame that is used.
        end: Frame after the last that is used.
        begins_at_cut: Whether frames of another shot, or a still image, were left out before `start` without a whole dive being
            seen after it.
        scan: What moves in the frames that are used; None for joints without a film.
        poses: The joints in the frames that are used.
        flight: The flight, counted from `start`; None where nobody falls.
        encodings: What each scoring network made of the film, for those that could look at it.
        speaker: The network whose score is taken.
        assumed_height_m: Height of the board in metres that is assumed, since none is given; None where none is assumed.
        recognised: What the film says of the dive number; None where no network was asked.
        estimate: The score, as far as there is one.
        measures: What was measured on the dive.
        reasons: What speaks against a score.
        warnings: What to know even so, in whole sentences.
        aborted: Whether nothing more can be done.
        timings: Seconds of the steps until now.
    """

    path: Path
    name: str
    options: ScoreOptions
    first_look: FirstLook | None = None
    sha256: str = ""
    media: Media | None = None
    working: Media | None = None
    start: int = 0
    end: int = 0
    begins_at_cut: bool = False
    scan: MotionScan | None = None
    poses: Poses | None = None
    flight: Flight | None = None
    encodings: list[tuple[ScoringNetwork, QueryEncoding]] = field(default_factory=list)
    speaker: Speaker | None = None
    assumed_height_m: float | None = None
    recognised: RecognisedNumber | None = None
    estimate: Estimate | None = None
    measures: list[Measure] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    aborted: bool = False
    timings: Timings = field(default_factory=Timings)

    @property
    def told(self) -> ScoreOptions:
        """What is known of the dive beside the film: what the user says, and the height that is assumed where none is given."""
        if self.assumed_height_m is None:
            return self.options
        return self.options.model_copy(update={"height_m": self.assumed_height_m})

    @property
    def known(self) -> ScoreOptions:
        """What is known of the dive: what is told beside the film, and the number that the film surely shows."""
        return self.told if self.recognised is None else self.recognised.known

    @property
    def background(self) -> BackgroundPath | None:
        """Where the background lies in the frames that are used, in pixels of the film; None where nobody looked."""
        if self.scan is None or self.working is None:
            return None
        return self.scan.background(self.start).scaled(1 / self.working.scale)

    @property
    def num_frames(self) -> int:
        """Number of frames that are used."""
        return self.end - self.start

    def abort(self, reason: Reason | None) -> bool:
        """Note a reason that ends the work; says whether there was one, now or before."""
        if reason is not None:
            self.reasons.append(reason)
            self.aborted = True
        return self.aborted

    def flag_for_review(self, *reasons: Reason | None) -> None:
        """Note reasons for which a score would be made up."""
        self.reasons += [reason for reason in reasons if reason is not None]
