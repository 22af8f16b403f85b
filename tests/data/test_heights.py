import makers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.data.heights import (
    derive_difficulties,
    difficulty_problem,
    height_from_name,
    learn_difficulties,
    with_heights,
)
from stagescore.diving import usual_difficulties

TABLE = {
    ("205B", 3.0): 3.0,
    ("205B", 10.0): 2.9,
    ("107B", 3.0): 3.1,
    ("107B", 10.0): 3.0,
    ("301B", 3.0): 2.0,
    ("301B", 10.0): 2.0,
}


@pytest.mark.parametrize(
    ("event", "height"),
    [
        ("FINADivingWorldCup2021_Women3m_semifinal_r3", 3.0),
        ("FINAWorldChampionships2019_Men10mSynchronised_final_r4", 10.0),
        ("Mixed3m10m", None),
        ("17", None),
        ("13m", None),
        ("3min", None),
        ("0.3m", None),
        ("", None),
    ],
)
def test_the_height_in_a_name(event, height):
    assert height_from_name(event) == height


@given(st.text())
def test_any_name_has_a_height_or_none(event):
    assert height_from_name(event) in (None, 3.0, 10.0)


def _event(difficulties, event="17", **changes):
    return [makers.dive(n, event=event, difficulty=d, **changes) for n, d in enumerate(difficulties)]


@pytest.mark.parametrize(
    ("difficulties", "height", "source"),
    [
        ([3.0] * 3, 3.0, "inferred"),
        ([2.9] * 3, 10.0, "inferred"),
        ([3.0] * 2, None, "unknown"),
        ([3.0] * 9 + [2.9], 3.0, "inferred"),
        ([3.0] * 8 + [2.9], None, "unknown"),
        ([1.7] * 5, None, "unknown"),
    ],
)
def test_an_events_difficulties_tell_its_height(difficulties, height, source):
    for dive in with_heights(_event(difficulties), TABLE):
        assert (dive.height_m, dive.height_source) == (height, source)


def test_a_name_is_believed_before_difficulties():
    for dive in with_heights(_event([2.9] * 5, event="Women3m"), TABLE):
        assert (dive.height_m, dive.height_source) == (3.0, "named")


def test_pairs_and_dives_that_are_alike_at_both_heights_tell_nothing():
    assert with_heights(_event([3.0] * 5, synchronised=True), TABLE)[0].height_source == "unknown"
    assert with_heights(_event([2.0] * 5, dive_number="301B"), TABLE)[0].height_source == "unknown"


def test_the_most_common_difficulty_is_learned_and_ties_take_the_lower():
    dives = _event([3.0, 3.0, 2.0, 2.9, 2.9], height_m=3.0)
    assert learn_difficulties(dives) == {("205B", 3.0): 2.9}
    assert learn_difficulties(_event([3.0] * 5)) == {}
    assert learn_difficulties(_event([3.0] * 5, height_m=3.0, synchronised=True)) == {}


def test_a_difficulty_is_held_against_its_height_or_any():
    def problem(difficulty, **changes):
        return difficulty_problem(makers.dive(difficulty=difficulty, **changes), TABLE)

    assert problem(3.0, height_m=3.0) is None
    assert "usual is 3 at 3 m" in problem(2.9, height_m=3.0)
    assert problem(2.9) is None
    assert problem(2.5) is not None
    assert problem(2.5, dive_number="101A") is None
    assert problem(None) is None
    assert problem(2.0, synchronised=True, height_m=3.0) is None
    assert problem(2.1, synchronised=True, height_m=3.0) is not None


def test_the_shipped_table_is_what_the_labels_give(real_finediving):
    assert derive_difficulties(real_finediving.manifest.dives) == usual_difficulties()


def test_real_heights_that_are_inferred_agree_with_nearly_all_individual_dives(real_finediving):
    table = usual_difficulties()
    inferred = [
        d
        for d in real_finediving.manifest
        if d.height_source == "inferred" and (d.dive_number, d.height_m) in table
    ]
    right = sum(table[d.dive_number, d.height_m] == d.difficulty for d in inferred)
    assert len(inferred) > 1200
    assert right / len(inferred) > 0.97
