"""Look at the water after the contact in the pictures of a film."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from stagescore.measures.facts import DiveFacts
from stagescore.measures.splash_trace import (
    LEAST_AFTER,
    MOST_PICTURES,
    NUM_BEFORE,
    SECONDS,
    WaterView,
    trace_splash,
)
from stagescore.media.source import Media
from stagescore.skeleton import MPII_16

_BACK = 3
"""Rows before the contact in which the body is looked for where the joints of the contact itself are not known."""
_ARMS = 0.25
"""Body lengths from the top of the head to the hands of stretched arms."""


def with_splash(facts: DiveFacts, media: Media) -> DiveFacts:
    """The same facts with what the water does after the contact, or why that is not known.

    Args:
        facts: What is known of the dive, in pixels of the film's pictures.
        media: The film.

    Raises:
        DataError: The film cannot be read any more.
    """
    view = water_view(facts)
    if isinstance(view, str):
        return replace(facts, no_splash=view)
    wanted = [facts.start_frame + row for row in view.rows]
    pictures = [image for _, image in media.frames(wanted)]
    trace = trace_splash(pictures, view)
    if trace is None:
        return replace(facts, no_splash="The place where the body enters the water is not in the picture.")
    return replace(facts, splash=trace)


def water_view(facts: DiveFacts) -> WaterView | str:
    """Where and when to look at the water, or why that is not known, as a sentence."""
    contact, to_common = facts.contact, facts.to_common
    if contact is None:
        return "The water contact is not known."
    if to_common is None:
        return "The motion of the camera is not known."
    until = facts.times_s[min(contact, facts.num_rows - 1)] + SECONDS
    after = [row for row in range(contact, facts.num_rows) if facts.times_s[row] <= until]
    before = list(range(max(contact - NUM_BEFORE, 0), contact))
    if len(after) < LEAST_AFTER or len(before) < NUM_BEFORE:
        return "The film ends too soon after the contact."
    places = np.linspace(0, len(after) - 1, min(len(after), MOST_PICTURES - NUM_BEFORE))
    rows = (*before, *(after[round(place)] for place in places))
    to_contact = np.linalg.inv(to_common[contact]) @ to_common
    size = facts.body_px(contact)
    for row in range(contact, max(contact - _BACK, -1), -1):
        lowest = None if size is None else _lowest(facts, row, size / float(facts.zoom[row]))
        if size is not None and lowest is not None:
            return WaterView(
                rows=rows,
                num_before=len(before),
                to_contact=to_contact[list(rows)],
                place_px=(to_contact[row] @ (*lowest, 1.0))[:2],
                body_px=size / float(facts.zoom[contact]),
            )
    return "The body is not seen where it touches the water."


def _lowest(facts: DiveFacts, row: int, body_px: float) -> Float[np.ndarray, "2"] | None:
    """Where the body ends below in a row: hands of arms that are not seen lie beyond the head."""
    joints = facts.joints[row]
    known = np.flatnonzero(np.isfinite(joints).all(1))
    if not len(known):
        return None
    lowest = int(known[joints[known, 1].argmax()])
    head, pelvis = (joints[MPII_16.index(name)] for name in ("head_top", "pelvis"))
    if lowest not in MPII_16.indices("right_wrist", "left_wrist") and head[1] > pelvis[1]:
        way = head - pelvis
        return np.asarray(head + _ARMS * body_px * way / np.linalg.norm(way))
    return np.asarray(joints[lowest])
