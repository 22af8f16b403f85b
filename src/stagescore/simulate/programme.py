"""A flight as the diver intends it: postures in time, and the angular momentum to start with."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stagescore.simulate.body import nodes_of
from stagescore.simulate.choreography import (
    OVERHEAD,
    Key,
    Posture,
    Timing,
    changed,
    entry_posture,
    opening_keys,
    posed,
    shape_in_flight,
)
from stagescore.simulate.flight import ShapeDynamics, planar_turn, turn
from stagescore.simulate.launch import Launch
from stagescore.simulate.types import DivePlan, Faults


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Programme:
    """Everything that decides a flight.

    Attributes:
        keys: Postures until the opening begins.
        shape: Posture that is opened.
        faults: Faults of the opening and the entry.
        timing: Times at which the shape changes.
        shaped_s: Earliest time at which the opening can begin, in seconds since leaving the board.
        late_arm_deg: Degrees by which one arm comes up sideways, as `opening_keys` takes them.
        momentum: Angular momentum in world axes, in kg m2/s.
        start: Rotation from body to world axes where the board is left.
        scale: Size of the body, 1 for the average adult.
        step_s: Seconds between steps.
        twist_end_s: Time at which the twisting stops, in seconds since leaving the board; None without twist.
        arms_overhead: Whether the arms are up already when the opening begins, and stay there.
    """

    keys: tuple[Key, ...]
    shape: Posture
    faults: Faults
    timing: Timing
    shaped_s: float
    momentum: Float[np.ndarray, "3"]
    start: Float[np.ndarray, "3 3"]
    scale: float
    step_s: float
    late_arm_deg: float = 0.0
    twist_end_s: float | None = None
    arms_overhead: bool = False

    def opened_at(self, open_s: float) -> "Programme":
        """The same programme, opened earlier or later."""
        return replace(self, timing=self.timing.opened_at(open_s))

    def postures(self) -> Float[np.ndarray, "steps angles"]:
        """Joint angles at each step."""
        times = np.arange(round(self.timing.contact_s / self.step_s) + 1) * self.step_s
        keys = [key for key in self.keys if key.time_s < self.timing.open_s]
        if self.arms_overhead:
            entry = changed(entry_posture(self.faults), shoulder=0, side=OVERHEAD)
            opening = [Key(self.timing.open_s, self.shape), Key(self.timing.straight_s, entry)]
        else:
            opening = opening_keys(self.timing, self.shape, self.faults, self.late_arm_deg)
        return posed([*keys, *opening], times)

    def turn(
        self, first: int, before: Float[np.ndarray, "steps 3 3"] | None = None
    ) -> Float[np.ndarray, "steps 3 3"]:
        """Orientation at each step.

        Args:
            first: Step from which on the orientation is integrated.
            before: Orientation at each step up to `first`, at least; needed unless `first` is 0.
        """
        shape = ShapeDynamics.of(nodes_of(self.postures()[first:], self.scale)[None], self.step_s)
        start = self.start if before is None else before[first]
        turned = turn(shape, start[None], self.momentum[None])[0]
        return turned if before is None else np.concatenate([before[:first], turned])


def plain_programme(plan: DivePlan, start: Launch, timing: Timing, step_s: float) -> Programme:
    """A dive without twist: take the shape, hold it, open; the momentum makes it come out upright."""
    shape = shape_in_flight(plan.number.position, plan.faults)
    programme = Programme(
        keys=(Key(0.0, start.posture), Key(timing.shaped_s, shape)),
        shape=shape,
        faults=plan.faults,
        timing=timing,
        shaped_s=timing.shaped_s + 0.05,
        momentum=np.zeros(3),
        start=start.orientation(np.array([start.lean]))[0],
        scale=plan.body_scale,
        step_s=step_s,
    )
    goal = plan.number.half_somersaults * np.pi - start.lean
    dynamics = ShapeDynamics.of(nodes_of(programme.postures(), plan.body_scale), step_s)
    _, momentum = planar_turn(dynamics, start.body_sign * goal)
    return replace(programme, momentum=np.array([0.0, start.direction * abs(momentum), 0.0]))
