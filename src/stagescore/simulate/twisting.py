"""Twisting somersaults: one arm is thrown down, and the body tilts and twists.

Nothing is done to the body from outside. Throwing an arm sideways tilts the long axis away from the plane of
the somersault; the constant angular momentum then has a part along that axis, and since a straight body is
easy to turn about it, it twists. The tilt is taken away by the same movement backwards: free turning looks
the same in a mirror when time runs backwards. So if the second half of the movement is the first one reversed,
with left and right exchanged, and the middle falls on an odd quarter twist, the body comes out untilted
after an odd number of half twists; the arms have to be alike on both sides in the middle, wrapped around
the body. If the arms stay in the body's side plane, the mirror can be that plane: nothing is exchanged, the
middle falls on an even quarter, and the twists come out whole. What is left to solve for is when to turn the
movement round, and the angular momentum.

Source: M. R. Yeadon, "The biomechanics of twisting somersaults", parts I to IV, Journal of Sports Sciences
11 (1993): aerial twist by asymmetric movement of the arms.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stagescore.simulate.body import ANGLES, angles, nodes_of
from stagescore.simulate.choreography import (
    FORWARD,
    OVERHEAD,
    Key,
    Posture,
    Timing,
    bent_legs,
    changed,
    shape_in_flight,
)
from stagescore.simulate.flight import ShapeDynamics, planar_turn, turn, turning_of
from stagescore.simulate.launch import Launch
from stagescore.simulate.programme import Programme
from stagescore.simulate.types import DivePlan

# Set by hand: when the first arm is thrown down, and how long the movements of the arms and into the shape take.
THROW_AT_S = 0.08
THROW_S = 0.20
FRONT_S = 0.07
WRAP_S = 0.08
WRAPPED_AT_S = THROW_AT_S + THROW_S + FRONT_S + WRAP_S
SHAPE_S = 0.20
# Set by hand: a miss of the somersault, in radians, that is small enough.
_GOOD = 3e-3

# Set by hand: throws that are tried, the smallest first.
_THROWS = (0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.24)
_SWAP = [
    ANGLES.index(name[:-1] + {"r": "l", "l": "r"}[name[-1]]) if name[-2:] in ("_r", "_l") else index
    for index, name in enumerate(ANGLES)
]


@dataclass(frozen=True, slots=True)
class Twist:
    """How the arms move.

    Attributes:
        throw: How far the first arm is thrown down, 1 from overhead to the side of the body.
        middle_s: Time at which the movement turns round, in seconds since leaving the board.
        shaped: Whether there is time for a pike, or for arms at ease, before the opening.
    """

    throw: float
    middle_s: float
    shaped: bool

    @property
    def end_s(self) -> float:
        """The twisting is over."""
        return 2 * self.middle_s - THROW_AT_S


def twisting_programme(plan: DivePlan, start: Launch, timing: Timing, step_s: float) -> Programme:
    """A twisting dive that comes out upright, straight, and with the twists that its number says."""
    solver = _Solver(plan, start, timing, step_s)
    momentum = solver.planar_momentum(Twist(0.8, 0.55, shaped=True))
    twist = solver.first_twist(momentum)
    momentum = solver.momentum(lambda guess: solver.timed(twist, guess), momentum)
    twist = solver.timed(twist, momentum)
    return solver.programme(twist, momentum)


@dataclass(frozen=True, slots=True)
class _Solver:
    """One dive's equations: what a twist and a momentum come to."""

    plan: DivePlan
    start: Launch
    timing: Timing
    step_s: float

    @property
    def goal(self) -> float:
        """Somersault that is still to be turned, radians, signed."""
        return self.start.direction * (self.plan.number.half_somersaults * np.pi - self.start.lean)

    @property
    def twists(self) -> float:
        """Twist of the whole dive, radians."""
        return self.plan.number.half_twists * np.pi

    @property
    def _earliest_s(self) -> float:
        """The arms have arrived where they are held."""
        return WRAPPED_AT_S if self.plan.number.half_twists % 2 else THROW_AT_S + THROW_S

    def programme(self, twist: Twist, momentum: float) -> Programme:
        """The flight that these amount to."""
        keys, shape = _keys(self.plan, twist), self._shape()
        end, open_s = twist.end_s, self.timing.open_s
        if twist.shaped:
            keys.append(Key(end + FRONT_S + SHAPE_S, shape))
            open_s = max(open_s, end + FRONT_S + SHAPE_S + 0.02)
        else:
            keys = [key for key in keys if key.time_s <= end + 1e-9]
            shape, open_s = keys[-1].posture, max(open_s, end + 0.02)
        return Programme(
            keys=tuple(keys),
            shape=shape,
            faults=self.plan.faults,
            timing=self.timing.opened_at(open_s),
            shaped_s=end + 0.02,
            momentum=np.array([0.0, self.start.direction * momentum, 0.0]),
            start=self.start.orientation(np.array([self.start.lean]))[0],
            scale=self.plan.body_scale,
            step_s=self.step_s,
            twist_end_s=end,
            arms_overhead=not twist.shaped,
        )

    def _shape(self) -> Posture:
        if self.plan.number.position == "pike":
            return shape_in_flight("pike", self.plan.faults)
        return np.asarray(shape_in_flight("free", self.plan.faults) + angles(hip=16, shoulder=40))

    def planar_momentum(self, twist: Twist) -> float:
        """The momentum that would do if the body did not tilt."""
        postures = self.programme(twist, 1.0).postures()
        dynamics = ShapeDynamics.of(nodes_of(postures, self.plan.body_scale), self.step_s)
        return abs(planar_turn(dynamics, self.start.body_sign * abs(self.goal))[1])

    def turned(self, twists: list[Twist], momentum: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Somersault, lean and twist of several movements side by side, radians, from 0."""
        programmes = [self.programme(twist, momentum) for twist in twists]
        postures = np.stack([programme.postures() for programme in programmes])
        shape = ShapeDynamics.of(nodes_of(postures, self.plan.body_scale), self.step_s)
        first = np.stack([programme.start for programme in programmes])
        orientation = turn(shape, first, np.stack([programme.momentum for programme in programmes]))
        somersault, lean, twist = turning_of(orientation, self.start.upright)
        return somersault - somersault[:, :1], lean, np.abs(twist - twist[:, :1])

    def first_twist(self, momentum: float) -> Twist:
        """The smallest throw that leaves time for a pike, or at least for the opening."""
        held = [Twist(throw, self.timing.contact_s, shaped=False) for throw in _THROWS]
        middles = [self._middle(twisted) for twisted in self.turned(held, momentum)[2]]
        with_shape = self.timing.open_s - FRONT_S - SHAPE_S
        wanted = [
            (with_shape - 0.25, True),
            (with_shape - 0.1, True),
            (self.timing.open_s, False),
            (self.timing.contact_s - 0.2, False),
        ]
        for latest, shaped in wanted:
            for throw, middle in zip(_THROWS, middles, strict=True):
                if self._earliest_s < middle and 2 * middle - THROW_AT_S <= latest:
                    return Twist(throw, middle, shaped)
        return Twist(_THROWS[-1], middles[-1], shaped=False)

    def _middle(self, twisted: Float[np.ndarray, " steps"]) -> float:
        """When half of the twist has been turned, with the arms wrapped."""
        reached = np.interp(self.twists / 2, np.maximum.accumulate(twisted), np.arange(len(twisted)))
        return max(float(reached) * self.step_s, self._earliest_s)

    def timed(self, twist: Twist, momentum: float) -> Twist:
        """Turn the movement round when half of the twist has been turned."""
        held = replace(twist, middle_s=self.timing.contact_s)
        return replace(twist, middle_s=self._middle(self.turned([held], momentum)[2][0]))

    def momentum(self, twist_for: Callable[[float], Twist], guess: float) -> float:
        """The momentum that turns the somersault, with the movement that goes with it."""

        def miss(momentum: float) -> float:
            turned = self.turned([twist_for(momentum)], momentum)[0][0, -1]
            return float((turned - self.goal) * self.start.direction)

        low, high = 0.9 * guess, 1.1 * guess
        at_low, at_high = miss(low), miss(high)
        for _ in range(4):  # until the goal lies in between
            if at_low > 0:
                low, at_low = 0.88 * low, miss(0.88 * low)
            elif at_high < 0:
                high, at_high = 1.12 * high, miss(1.12 * high)
        for _ in range(12):
            share = at_low / (at_low - at_high) if at_low != at_high else 0.5
            middle = low + min(max(share, 0.1), 0.9) * (high - low)
            at_middle = miss(middle)
            if abs(at_middle) < _GOOD:
                return middle
            if at_middle < 0:
                low, at_low = middle, at_middle
            else:
                high, at_high = middle, at_middle
        return middle


def _keys(plan: DivePlan, twist: Twist) -> list[Key]:
    """Overhead, throw, wrap, hold; the same backwards; arms to the front."""
    legs = angles(spread=plan.faults.split_legs_deg)
    if plan.number.half_twists % 2:  # in whole twists bent legs would spoil the mirror of front and back
        legs = legs + angles(toes=plan.faults.flexed_toes_deg) + bent_legs(plan.faults)
    leaving = (
        angles(side=OVERHEAD, neck=-22) if plan.number.armstand else angles(side=OVERHEAD, toes=18, hip=6)
    )
    going = (_half_wrapped if plan.number.half_twists % 2 else _half_in_plane)(legs, twist.throw)
    swap = _SWAP if plan.number.half_twists % 2 else slice(None)
    coming = [Key(2 * twist.middle_s - key.time_s, key.posture[swap]) for key in reversed(going)]
    end = twist.end_s
    front = changed(legs + angles(hip=12), shoulder=FORWARD, side=OVERHEAD)
    return [
        Key(0.0, leaving),
        *going,
        *coming,
        Key(end + FRONT_S, front),
        Key(end + FRONT_S + 1e-7, changed(front, side=0)),
    ]


def _half_wrapped(legs: Posture, throw: float) -> list[Key]:
    """From overhead to wrapped: the right arm down sideways, the left one down through the front."""
    down = OVERHEAD * (1 - throw)
    front = changed(legs, side_r=down / 2, shoulder_r=20, elbow_r=50, side_l=OVERHEAD, shoulder_l=FORWARD)
    at = np.cumsum([THROW_AT_S, THROW_S, FRONT_S, WRAP_S])
    return [
        *_half_in_plane(legs, throw),
        Key(at[2], front),
        Key(at[2] + 1e-7, changed(front, side_l=0)),
        Key(at[3], changed(legs, shoulder=30, elbow=115)),
    ]


def _half_in_plane(legs: Posture, throw: float) -> list[Key]:
    """From overhead: the right arm down sideways, the left one stays up."""
    overhead = changed(legs, side=OVERHEAD)
    thrown = changed(overhead, side_r=OVERHEAD * (1 - throw))
    return [Key(THROW_AT_S, overhead), Key(THROW_AT_S + THROW_S, thrown)]
