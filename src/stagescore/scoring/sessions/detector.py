"""Dives in a stream of pictures: `feed` a picture after another and get the dives that are over.

Two looks: a cheap one at everything that moves (`falls`), and one at what falls (`confirming`), at the pictures of the last seconds,
which are kept small. So memory does not grow with the film, and a camera can be watched while it films.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import UInt8

from stagescore.media.scaling import scaled
from stagescore.media.sound import SuddenSounds
from stagescore.pose.motion import EDGE_PX
from stagescore.scoring.checks import cuts
from stagescore.scoring.events import FlightFinder
from stagescore.scoring.motion_scan import small_picture
from stagescore.scoring.sessions.confirming import EventConfirmer
from stagescore.scoring.sessions.dive_span import DiveSpan, Teller
from stagescore.scoring.sessions.falls import Fall, FallStream, PlausibleFall

BEFORE_S, AFTER_S = 5.0, 3.0
"""Seconds before the take-off and after the contact that belong to a dive, as for a long film of one dive (`pipeline`)."""
_APART_S = 0.4
"""Seconds after a dive's water contact that another dive's part may begin, at least. Set by hand."""
_SAME_S = 0.8
"""Seconds between two flights up to which they are of one dive. Set by hand: the two parts of one flight that was found twice were 0.4 s apart; films
of dives put together without a pause have 1.5 s and more."""
_KEPT_S, _LOOKED_S = 14.0, 7.5
"""Seconds of pictures that are kept to find cuts, and to look at falls again: what belongs to a dive, and how late it is told. Set by hand."""
_HEARD_S = 0.3
"""Seconds between the water contact and its sound, at most. Set by hand: the contact is placed to a few frames, and sound takes a tenth of a
second from the far side of a pool."""
_MOST_RATE = 31.0
"""Pictures per second that are kept. Set by hand: a little more than films have, and a half of fast ones."""
_TOLD_LATE_S = 3.5
"""Seconds after its water contact by which a fall has been told, at the latest. Set by hand: `falls` waits 2.6 s and a little more."""


SURELY = PlausibleFall()
PERHAPS = PlausibleFall(duration_s=(0.2, 3.0), gravity=(2.0, 300.0), fallen=1.0, fit=0.0, complete=False)
"""What a fall must be like that only the motion tells, and one that the network sees too: a body that is lost on the way, or whose
background is, has too short or too steep a fall. Set by hand."""
LOST = PlausibleFall(fallen=3.0, fit=0.7, complete=False)
"""What a fall must be like of which an end is not seen, since the body is lost before bright water or a crowd. Set by hand on simulated
sessions: what is none falls two sizes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveRule:
    """What is taken for a dive.

    Attributes:
        surely: What a fall must be like that the network does not see as a dive.
        lost: What a fall must be like that the network does not see as a dive, if an end of it is not seen.
        perhaps: What a fall must be like that the network does see as a dive.
        least_phases: Probability of flight and water from which on the network sees a dive: in a fall that fits at least as well as
            `fits`, and in any other. Set by hand: on sessions that were looked at for it, dives that the fall alone did not tell have
            0.71 and more, and 0.86 where it hardly fits; people who climb, walk and swim 0.45 and less, but for one with 0.79.
        fits: Fit of a fall (`Fall.fit`) from which on the lesser probability is enough.
        least_seen: Confidence of the network's events from which on they are taken, and not those of the fall.
        heard: How much a sudden sound at the water contact tells, 0 to 1. Little: there is no real film with sound to measure it on.
        least: Confidence from which on a fall is a dive.
    """

    surely: PlausibleFall = SURELY
    lost: PlausibleFall = LOST
    perhaps: PlausibleFall = PERHAPS
    least_phases: tuple[float, float] = (0.6, 0.85)
    fits: float = 0.45
    least_seen: float = 0.6
    heard: float = 0.1
    least: float = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    frame: int
    time_s: float
    picture: UInt8[np.ndarray, "height width 3"]


@dataclass(slots=True, eq=False)
class SessionDetector:
    """Finds dives while pictures come.

    Attributes:
        confirmer: What looks at a fall again; None to go by the fall alone.
        flights: What finds a flight in heights; by default a piece of a parabola.
        rule: What is taken for a dive.
        sounds: Sudden sounds of the film; None where it has no sound.
        slowmo: Factor by which the film is slowed down.
    """

    confirmer: EventConfirmer | None = None
    flights: FlightFinder | None = None
    rule: DiveRule = field(default_factory=DiveRule)
    sounds: SuddenSounds | None = None
    slowmo: float = 1.0
    _falls: FallStream = field(init=False)
    _looked: deque[_Kept] = field(init=False, default_factory=deque)
    _kept: deque[_Kept] = field(init=False, default_factory=deque)
    _waiting: list[DiveSpan] = field(init=False, default_factory=list)
    _last_end_s: float = field(init=False, default=-np.inf)

    def __post_init__(self) -> None:
        self._falls = FallStream(self.flights)

    def feed(self, picture: UInt8[np.ndarray, "height width 3"], time_s: float, frame: int) -> list[DiveSpan]:
        """Look at the next picture.

        Args:
            picture: RGB picture, of any size, the same for all.
            time_s: Time at which it is shown, in seconds of the film; no earlier than the last.
            frame: Number of the frame in the film, larger than the last.

        Returns:
            Dives that are over, each once, in the order of time.
        """
        now_s = time_s / self.slowmo
        if self._looked and now_s < self._looked[-1].time_s + 1 / _MOST_RATE:
            return []
        scale = min(EDGE_PX / max(picture.shape[:2]), 1.0)
        size_px = max(round(picture.shape[1] * scale), 8), max(round(picture.shape[0] * scale), 8)
        small = scaled(picture, size_px)
        self._looked.append(_Kept(frame, now_s, small))
        self._kept.append(_Kept(frame, now_s, small_picture(small)))
        for kept, seconds in ((self._looked, _LOOKED_S), (self._kept, _KEPT_S)):
            while kept[0].time_s < now_s - seconds:
                kept.popleft()
        self._take(self._falls.feed(small, now_s))
        return self._over(now_s)

    def finish(self) -> list[DiveSpan]:
        """Dives that were not over when the film ended."""
        self._take(self._falls.finish())
        return self._over(np.inf)

    def _take(self, falls: Sequence[Fall]) -> None:
        for fall in falls:
            dive = self._judged(fall)
            if dive is not None:
                self._add(dive)

    def _judged(self, fall: Fall) -> DiveSpan | None:
        """A dive, still without what belongs to it before and after; None where it is none."""
        # Cameras tilt down for other reasons, too.
        surely = not fall.of_camera and (self.rule.surely.holds(fall) or self.rule.lost.holds(fall))
        if not (surely or self.rule.perhaps.holds(fall)):
            return None
        takeoff_s, contact_s = fall.takeoff_s, fall.contact_s
        told: tuple[Teller, ...] = ("motion",)
        sure = fall.fit if surely else 0.0
        times = np.array([kept.time_s for kept in self._looked])
        if self.confirmer is not None:
            seen = self.confirmer.look(fall, times, [kept.picture for kept in self._looked])
            needed = self.rule.least_phases[0 if fall.fit >= self.rule.fits else 1]
            if seen is not None and seen.phases >= needed:
                if seen.confidence >= self.rule.least_seen:
                    takeoff_s, contact_s = seen.takeoff_s, seen.contact_s
                told = ("motion", "events")
                sure = 1 - (1 - sure) * (1 - seen.phases)
        if self.sounds is not None and self.sounds.near(contact_s * self.slowmo, _HEARD_S * self.slowmo):
            told = (*told, "sound")
            sure = 1 - (1 - sure) * (1 - self.rule.heard)
        if sure < self.rule.least:
            return None
        first, stop = (
            min(int(np.searchsorted(times, when)), len(times) - 1) for when in (takeoff_s, contact_s)
        )
        if not first < stop:
            return None
        takeoff, contact = self._looked[first], self._looked[stop]
        return DiveSpan(
            begin=takeoff.frame,
            end=contact.frame,
            takeoff=takeoff.frame,
            contact=contact.frame,
            begin_s=takeoff.time_s,
            end_s=contact.time_s,
            takeoff_s=takeoff.time_s,
            contact_s=contact.time_s,
            confidence=round(sure, 4),
            told=told,
        )

    def _add(self, dive: DiveSpan) -> None:
        """One more dive; two whose flights overlap are a pair, and one dive, and so are parts of a flight that was lost in between."""
        for place, other in enumerate(self._waiting):
            if max(dive.takeoff_s, other.takeoff_s) < min(dive.contact_s, other.contact_s) + _SAME_S:
                self._waiting[place] = max(dive, other, key=lambda one: one.confidence)
                return
        self._waiting.append(dive)
        self._waiting.sort(key=lambda one: one.takeoff_s)

    def _over(self, now_s: float) -> list[DiveSpan]:
        """Dives of which all is known, with what belongs to them."""
        done = []
        while self._waiting and now_s >= self._waiting[0].contact_s + AFTER_S + _TOLD_LATE_S:
            dive = self._waiting.pop(0)
            following_s = self._waiting[0].takeoff_s if self._waiting else np.inf
            done.append(self._with_ends(dive, following_s))
        return done

    def _with_ends(self, dive: DiveSpan, following_s: float) -> DiveSpan:
        """The dive with the approach and the splash, as far as they are in the same shot and of no other dive."""
        begin_s = max(dive.takeoff_s - BEFORE_S, self._last_end_s + _APART_S)
        end_s = max(min(dive.contact_s + AFTER_S, following_s - _APART_S), dive.contact_s)
        self._last_end_s = dive.contact_s
        part = [kept for kept in self._kept if begin_s <= kept.time_s <= end_s]
        inside = [one for one in part if dive.takeoff <= one.frame <= dive.contact]
        if len(inside) < 2:
            return self._in_film_time(dive)
        new_shots = [part[cut] for cut in cuts(np.stack([one.picture for one in part]))]
        first = max((one for one in new_shots if one.frame <= dive.takeoff), key=_by_frame, default=part[0])
        later = [place for place, one in enumerate(part) if one in new_shots and one.frame >= dive.contact]
        last = part[later[0] - 1] if later else part[-1]
        return self._in_film_time(
            replace(
                dive,
                begin=min(first.frame, dive.takeoff),
                end=max(last.frame, dive.contact) + 1,
                begin_s=min(first.time_s, dive.takeoff_s),
                end_s=max(last.time_s, dive.contact_s),
            )
        )

    def _in_film_time(self, dive: DiveSpan) -> DiveSpan:
        times = {
            name: round(getattr(dive, name) * self.slowmo, 4)
            for name in ("begin_s", "end_s", "takeoff_s", "contact_s")
        }
        return replace(dive, **times)


def _by_frame(kept: _Kept) -> int:
    return kept.frame
