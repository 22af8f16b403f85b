"""Hand-marked stages become FineDiving's, and how well they agree is measured."""

import makers
import numpy as np
import pytest

from stagescore.data import unlv_dive
from stagescore.data.protocols import sealed_ids
from stagescore.data.unlv_stages import (
    FITTED,
    FlightMap,
    agreement,
    finediving_transitions,
    fit_flight_map,
    hand_transitions,
    labelled_twice,
    marks_problem,
)
from stagescore.errors import DataError

MARKS = (20, 29, 59, 68)


def test_the_mapped_flight_begins_at_the_jump_and_has_the_fitted_length():
    first, last = finediving_transitions(MARKS)
    assert first == 19  # the last frame before the jump
    assert last - first == round(13.26 + 0.70 * 9 + 0.57 * 30 + 0.42 * 9)
    assert hand_transitions(MARKS) == (19, 58)


@pytest.mark.parametrize(
    "marks", [(32, 28, 55, 73), (43, 50, 45, 87), (20, 20, 40, 50), (20, 30, 40), (), (0, 9, 30, 40)]
)
def test_marks_that_cannot_be_used_give_no_stages(marks):
    assert marks_problem(marks)
    assert finediving_transitions(marks) is None
    assert hand_transitions(marks) is None


def test_a_known_map_is_found_again_in_spite_of_a_wild_label():
    generator = np.random.default_rng(0)
    marks = [tuple(np.cumsum(generator.integers(5, 40, 4)).tolist()) for _ in range(60)]
    true = FlightMap(constant=10.0, per_jump=0.5, per_drop=0.8, per_entry=0.2)
    flights = [true.flight_frames(mark) for mark in marks]
    flights[3] += 30
    found = fit_flight_map(marks, flights)
    assert found.constant == pytest.approx(10.0, abs=0.3)
    assert (found.per_jump, found.per_drop, found.per_entry) == pytest.approx((0.5, 0.8, 0.2), abs=0.01)


def test_too_few_dives_are_refused():
    with pytest.raises(DataError, match="3 dives with hand marks"):
        fit_flight_map([MARKS] * 3, [40.0] * 3)
    with pytest.raises(DataError, match="no dive is labelled in both ways"):
        agreement(np.array([]), np.array([]))


def test_agreement_is_that_of_intervals_moved_to_where_they_fit_best():
    theirs, ours = np.array([40.0, 40.0, 40.0]), np.array([40.0, 32.0, 16.0])
    found = agreement(theirs, ours)
    assert (found.num_dives, found.length_ratio) == (3, 1.25)
    assert found.aiou75 == pytest.approx(100 * 2 / 3)
    # Written out: the best of all shifts.
    best = [
        max(max(min(40, shift + b) - max(0, shift), 0) / (max(40, shift + b) - min(0, shift)) for shift in range(-60, 60))
        for b in (40, 32, 16)
    ]  # fmt: skip
    assert found.mean_iou == pytest.approx(np.mean(best))


def test_only_dives_that_both_label_are_paired():
    ours = [
        makers.dive(1, recording="mtl-aqa/1/1", hand_marks=MARKS),
        makers.dive(2, recording="mtl-aqa/1/2", hand_marks=(32, 28, 55, 73)),
        makers.dive(3, recording="mtl-aqa/1/3", hand_marks=MARKS),
        makers.dive(4, recording="mtl-aqa/1/4", hand_marks=MARKS),
    ]
    theirs = [
        makers.dive(1, recording="mtl-aqa/1/1", transitions=(10, 25, 50)),
        makers.dive(2, recording="mtl-aqa/1/2", transitions=(10, 50)),
        makers.dive(3, recording="mtl-aqa/1/3", transitions=(-1, 50)),
    ]
    assert [(dive.number, flight) for dive, flight in labelled_twice(ours, theirs)] == [(1, 40)]


def test_the_constants_are_those_that_the_real_labels_give(shared, real_finediving):
    folder = shared / "data" / "unlv_dive"
    if not (folder / unlv_dive.TABLE).is_file():
        pytest.skip("no real UNLV-Dive beside the project")
    dives = unlv_dive.load(folder)[0].manifest.dives
    sealed = sealed_ids(dives)
    pairs = labelled_twice(dives, real_finediving.manifest.dives)
    fitted = [pair for pair in pairs if pair[0].dive_id not in sealed]
    assert (len(pairs), len(fitted)) == (282, 229)
    again = fit_flight_map([dive.hand_marks for dive, _ in fitted], [float(f) for _, f in fitted])
    for name in ("constant", "per_jump", "per_drop", "per_entry"):
        assert getattr(again, name) == pytest.approx(getattr(FITTED, name), abs=0.005)
    held_out = [pair for pair in pairs if pair[0].dive_id in sealed]
    lengths = np.array([float(flight) for _, flight in held_out])
    mapped = np.array([float(round(FITTED.flight_frames(dive.hand_marks))) for dive, _ in held_out])
    marked = np.array([float(dive.hand_marks[2] - dive.hand_marks[0]) for dive, _ in held_out])
    assert agreement(lengths, mapped).mean_iou > agreement(lengths, marked).mean_iou + 0.05
    assert agreement(lengths, mapped).aiou75 >= 98
