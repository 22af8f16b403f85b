"""A pool session as a camera on a tripod films it: one venue, one picture, divers one after another, and people between.

Dives are drawn as for a broadcast, by a camera that stands still and is wide enough for board and water. Between them the same
pool is shown without a diver. People who walk, climb stairs or swim go on all the time: drawn once and moved about, which is cheap
enough for hours. Source: none; everything is set by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.hashing import hash_u64, hash_unit
from stagescore.simulate.appearance import Appearance, draw_appearance
from stagescore.simulate.camera import CameraView, follow
from stagescore.simulate.dataset import make_splash
from stagescore.simulate.motion import simulate
from stagescore.simulate.people import Sprite, draw_person, paste
from stagescore.simulate.render import render
from stagescore.simulate.sampling import draw_plan
from stagescore.simulate.types import BodyMotion, DivePlan, Splash
from stagescore.simulate.world import DECK_M, Canvas

RATE = 25.0
"""Frames per second of sessions."""
_BELOW_M, _ABOVE_M = 0.8, 3.6
"""Metres below the water and above the board that the picture covers."""
_AIM_X_M = 1.0
_EMPTY_FRAMES = 20
"""Different pictures of the pool without a diver, which are shown forwards and backwards."""
_STANDS_S = (0.8, 4.0)
"""Seconds for which a diver stands on the board before the clip of the dive begins."""
_FADE_FRAMES = 10
_AWAY_M = (-80.0, 0.0, -30.0)
_NEVER = 10**6


@dataclass(frozen=True, slots=True)
class SessionDive:
    """A dive of a session.

    Attributes:
        takeoff: First airborne frame, in frames of the session.
        contact: First frame that touches the water, in frames of the session.
    """

    takeoff: int
    contact: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrder:
    """Which session is wanted.

    Attributes:
        seed: Seed of everything that is drawn.
        num_dives: Number of dives.
        pause_s: Shortest and longest time between two dives, in seconds.
        size_px: Width and height of the pictures, in pixels.
        people: Number of people who move about.
    """

    seed: int
    num_dives: int
    pause_s: tuple[float, float] = (4.0, 20.0)
    size_px: tuple[int, int] = (320, 180)
    people: int = 4


class TripodSession:
    """A session that is drawn when its pictures are asked for.

    Args:
        order: Order of the session.
    """

    def __init__(self, order: SessionOrder) -> None:
        self.order = order
        self.height_m = 10.0 if hash_unit(order.seed, "height") < 0.5 else 3.0
        self.appearance = draw_appearance(hash_u64(order.seed, "look"), self.height_m)
        self.dives: list[SessionDive] = []

    def pictures(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """All pictures of the session, in their order; `dives` grows while they are drawn."""
        self.dives.clear()
        done = 0
        people: _People | None = None
        empty: list[np.ndarray] = []
        for plan, motion in self._motions():
            look = tripod(self.appearance, motion)
            if people is None:
                view = follow(motion, look, self.order.size_px).view(0)
                people = _People(self.order, look, view)
                empty = self._empty(motion, make_splash(plan, motion), look)
            splash = make_splash(plan, motion)
            clip = (one.image for one in render(motion, splash, look, self.order.size_px))
            first = next(clip)
            about = self.order.seed, "pause", len(self.dives)
            pause = round(RATE * _between(self.order.pause_s, hash_unit(*about)))
            stands = round(RATE * _between(_STANDS_S, hash_unit(*about, "stands")))
            for step in range(pause + stands):
                shown = first if step >= pause else empty[_to_and_fro(done, len(empty))]
                if 0 <= (share := (step - pause) / _FADE_FRAMES) < 1:
                    shown = cv2.addWeighted(first, share, empty[0], 1 - share, 0)
                yield people.over(shown, done)
                done += 1
            self.dives.append(
                SessionDive(
                    done + motion.first_airborne_frame - 1, done + motion.first_water_contact_frame - 1
                )
            )
            last = first
            for last in clip:
                yield people.over(last, done)
                done += 1
            for step in range(_FADE_FRAMES):
                share = (step + 1) / (_FADE_FRAMES + 1)
                yield people.over(cv2.addWeighted(empty[0], share, last, 1 - share, 0), done)
                done += 1

    def _motions(self) -> Iterator[tuple[DivePlan, BodyMotion]]:
        """Dives from the session's board."""
        found = 0
        for index in count():
            if found == self.order.num_dives:
                return
            plan = draw_plan(self.order.seed, index)
            if plan.height_m == self.height_m:
                found += 1
                plan = replace(plan, frame_rate=RATE)
                yield plan, simulate(plan)

    def _empty(
        self, motion: BodyMotion, splash: Splash, look: Appearance
    ) -> list[UInt8[np.ndarray, "height width 3"]]:
        """The pool without a diver: one who is far outside of the picture."""
        num = _EMPTY_FRAMES
        away = np.array(_AWAY_M)
        gone = replace(
            motion,
            joints_m=np.repeat(motion.joints_m[:1] + away, num, 0),
            toes_m=np.repeat(motion.toes_m[:1] + away, num, 0),
            fingers_m=np.repeat(motion.fingers_m[:1] + away, num, 0),
            centre_of_mass_m=np.repeat(motion.centre_of_mass_m[:1], num, 0),
            angular_momentum=np.zeros((num, 3)),
        )
        pictures = render(gone, replace(splash, first_frame=_NEVER), look, self.order.size_px)
        return [one.image for one in pictures]


def tripod(appearance: Appearance, motion: BodyMotion) -> Appearance:
    """The same surroundings before a camera that stands still and has board and water in its picture.

    Args:
        appearance: Appearance of everything.
        motion: Dive that is filmed.
    """
    covered = appearance.height_m + _ABOVE_M + _BELOW_M
    # An operator who does not swing stays where the first frame begins, apart from the lead.
    x, _, z = motion.centre_of_mass_m[0].tolist()
    lead = (_AIM_X_M - x, covered / 2 - _BELOW_M - z)
    camera = replace(
        appearance.camera,
        view_height_m=covered,
        zoom_share=0.0,
        swing_rad_s=0.0,
        shake=0.0,
        lead=(lead[0] / covered, lead[1] / covered),
    )
    return replace(appearance, camera=camera)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Walker:
    """Somebody who moves about: first and last place in pixels, seconds for the way, and how the body bobs."""

    sprite: Sprite
    places_px: Float[np.ndarray, "2 2"]
    way_s: float
    phase_s: float
    bob_px: float
    swims: bool


class _People:
    """Who walks, climbs and swims before the camera."""

    def __init__(self, order: SessionOrder, look: Appearance, view: CameraView) -> None:
        self._seed = order.seed
        canvas = Canvas(np.zeros((*order.size_px[::-1], 3), np.uint8), view, look.camera.side)
        self._walkers = [self._drawn(canvas, look, number) for number in range(order.people)]

    def _drawn(self, canvas: Canvas, look: Appearance, number: int) -> _Walker:
        about = self._seed, "walker", number
        rng = np.random.default_rng(hash_u64(*about))
        kind = ("walks", "swims", "climbs", "passes")[number % 4]
        edge = look.venue.pool_edge_m
        x = _between((-6.0, 6.0), hash_unit(*about, "x"))
        first, last = {
            "walks": ((-9.0, edge + 2.5, DECK_M), (9.0, edge + 2.0, DECK_M)),
            "swims": ((x, 3.0, -1.55), (x + 7.0, 5.5, -1.55)),
            "climbs": ((-7.2, 2.0, DECK_M), (-7.0, 2.0, look.height_m)),
            # Near the camera, large.
            "passes": ((-9.0, -4.0, -1.0), (10.0, -4.5, -1.0)),
        }[kind]
        speed_m_s = {"walks": 1.3, "swims": 1.2, "climbs": 0.5, "passes": 1.4}[kind]
        way_m = float(np.linalg.norm(np.subtract(last, first)))
        scale = canvas.scale(first[1], first[2])
        return _Walker(
            sprite=draw_person(rng, scale, seated=False),
            places_px=canvas.project([first, last]),
            way_s=way_m / (speed_m_s * _between((0.7, 1.4), hash_unit(*about, "speed"))),
            phase_s=60 * hash_unit(*about, "phase"),
            bob_px=0.04 * scale,
            swims=kind == "swims",
        )

    def over(
        self, picture: UInt8[np.ndarray, "height width 3"], frame: int
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture with everybody in it.

        Args:
            picture: The pool and the diver.
            frame: Frame of the session.
        """
        picture = picture.copy()
        for number, walker in enumerate(self._walkers):
            time_s = frame / RATE + walker.phase_s
            way = time_s / walker.way_s
            share = way % 2 if way % 2 < 1 else 2 - way % 2
            x, y = (walker.places_px[0] + share * (walker.places_px[1] - walker.places_px[0])).tolist()
            y -= walker.bob_px * abs(np.sin(2 * np.pi * 0.9 * time_s))
            surface = picture.copy() if walker.swims else None
            paste(picture, walker.sprite, (x, y), 0.9)
            if surface is not None:
                # Only head and shoulders are above the water, and what the arms throw up.
                line = round(y - 0.82 * walker.sprite.colour.shape[0])
                picture[max(line, 0) :] = surface[max(line, 0) :]
                stroke = hash_u64(self._seed, "stroke", number, frame // 3)
                radius = max(walker.sprite.colour.shape[0] // 12, 1)
                place = round(x) + stroke % (4 * radius + 1) - 2 * radius, line
                cv2.circle(picture, place, radius, (226, 236, 240), -1)
        return picture


def _between(span: tuple[float, float], share: float) -> float:
    return span[0] + (span[1] - span[0]) * share


def _to_and_fro(step: int, num: int) -> int:
    place = step % (2 * num - 2)
    return place if place < num else 2 * num - 2 - place
