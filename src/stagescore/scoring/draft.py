"""A result while it is made: what is known until now, and what speaks against a score."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stagescore.media.source import Media
from stagescore.scoring.dive_number import RecognisedNumber
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import InputFile, Networks, Reason, Result


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


@dataclass(slots=True, kw_only=True)
class Draft:
    """What is known of a dive so far.

    Attributes:
        path: of the film.
        name: of the result.
        options: what the user says.
        sha256: of the film.
        media: the film, once it is open.
        start: first frame that is used.
        end: the frame after the last.
        begins_at_cut: a few frames of another shot were left out before `start`.
        reasons: that speak against a score.
        warnings: whole sentences.
        recognised: what the film says of the dive number; None where no network was asked.
        failed: whether nothing more can be done.
        timings: of the steps until now.
    """

    path: Path
    name: str
    options: ScoreOptions
    sha256: str = ""
    media: Media | None = None
    start: int = 0
    end: int = 0
    begins_at_cut: bool = False
    reasons: list[Reason] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    recognised: RecognisedNumber | None = None
    failed: bool = False
    timings: Timings = field(default_factory=Timings)

    @property
    def known(self) -> ScoreOptions:
        """What is known of the dive: what the user says, and the number that the film surely shows."""
        return self.options if self.recognised is None else self.recognised.known

    def fail(self, reason: Reason | None) -> bool:
        """Note a reason that ends the work; says whether there was one."""
        if reason is not None:
            self.reasons.append(reason)
            self.failed = True
        return self.failed

    def doubt(self, *reasons: Reason | None) -> None:
        """Note reasons for which a score would be made up."""
        self.reasons += [reason for reason in reasons if reason is not None]

    def result(self, networks: Networks | None, **found: Any) -> Result:
        """The result as far as it goes."""
        info = None if self.media is None else self.media.info
        number, recognised = self.known.number, self.recognised
        return Result(
            status="failed" if self.failed else "needs_review" if self.reasons else "ok",
            reasons=self.reasons,
            warnings=self.warnings,
            dive_number=None if number is None else number.code,
            dive_number_source=None
            if number is None
            else "recognised"
            if self.options.dive_number is None
            else "given",
            recognised=[] if recognised is None else recognised.likeliest,
            disagrees=recognised is not None and recognised.disagrees,
            words=None if number is None else str(number),
            height_m=self.options.height_m,
            input=InputFile(
                name=self.name,
                path=str(self.path),
                sha256=self.sha256,
                num_frames=0 if info is None else info.num_frames,
                width_px=0 if info is None else info.width_px,
                height_px=0 if info is None else info.height_px,
                duration_s=None if info is None else info.duration_s,
                frame_rate=None if info is None else info.frame_rate,
                condition="unreadable" if info is None else info.verdict,
                start_frame=self.start,
                end_frame=self.end,
                slowmo=self.options.slowmo,
            ),
            networks=networks,
            timings=self.timings.seconds,
            **found,
        )
