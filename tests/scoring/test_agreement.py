"""Stages and events never contradict each other in a result, and where they did it says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.scoring.agreement import agreed
from stagescore.scoring.result_parts import EventResult, Events


def events(airborne: int | None, contact: int | None, confidence: float = 0.8) -> Events:
    def of(frame: int | None) -> EventResult | None:
        return None if frame is None else EventResult(frame=frame, confidence=confidence)

    return Events(first_airborne_frame=of(airborne), first_water_contact_frame=of(contact))


SURE = (0.9, 0.95, 0.99)


def test_what_agrees_stays_as_it_is() -> None:
    found = agreed((0, 12, 50, 90), SURE, events(10, 55))
    assert (found.edges, found.confidences, found.contradictions) == ((0, 12, 50, 90), SURE, ())
    assert agreed((0, 12, 50, 90), SURE, events(None, None)).edges == (0, 12, 50, 90)


def test_an_edge_a_little_off_is_moved_without_a_word() -> None:
    found = agreed((0, 11, 53, 90), SURE, events(12, 51))
    assert (found.edges, found.confidences, found.contradictions) == ((0, 12, 51, 90), SURE, ())


def test_where_they_are_far_apart_neither_is_believed() -> None:
    found = agreed((0, 30, 66, 91), SURE, events(37, 76, confidence=0.72))
    assert found.edges == (0, 30, 66, 91)
    assert found.confidences == pytest.approx((0.28, 0.28, 0.99))
    airborne, contact = found.events.first_airborne_frame, found.events.first_water_contact_frame
    assert airborne is not None and contact is not None
    assert (airborne.frame, airborne.confidence) == (37, pytest.approx(0.05))
    assert (contact.frame, contact.confidence) == (76, 0.72)
    assert len(found.contradictions) == 1 and "frame 36" in found.contradictions[0]
    late = agreed((0, 30, 80, 91), SURE, events(20, 60, confidence=0.5))
    assert late.edges == (0, 30, 80, 91)
    assert late.confidences == pytest.approx((0.9, 0.5, 0.5))
    assert "frame 60" in late.contradictions[0]


@given(st.data())
def test_stages_stay_whole_and_hold_their_events_or_it_is_said(data: st.DataObject) -> None:
    end = data.draw(st.integers(4, 200))
    inner = sorted(data.draw(st.sets(st.integers(1, end - 1), min_size=2, max_size=2)))
    both = sorted(data.draw(st.lists(st.integers(0, end - 1), min_size=2, max_size=2, unique=True)))
    shown = data.draw(st.tuples(st.booleans(), st.booleans()))
    airborne, contact = (frame if seen else None for frame, seen in zip(both, shown, strict=True))
    found = agreed((0, *inner, end), SURE, events(airborne, contact))
    assert list(found.edges) == sorted(set(found.edges)) and (found.edges[0], found.edges[-1]) == (0, end)
    # A stage keeps a frame at least, which may be one of the two or three that are meant.
    if airborne is not None and found.edges[1] < airborne:
        assert found.contradictions or found.edges[1] + 1 == found.edges[2]
    if contact is not None and found.edges[2] > contact:
        assert found.contradictions or found.edges[2] == max(found.edges[1] + 1, 2)
    assert all(new <= old for new, old in zip(found.confidences, SURE, strict=True))
    assert found.contradictions or found.confidences == SURE
