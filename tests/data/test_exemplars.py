import makers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.data.exemplars import choose_exemplars

PROTOCOLS = ["w/ DN", "w/o DN", "w/ DD"]
rows = st.lists(
    st.tuples(
        st.sampled_from(["205B", "107B", None]), st.sampled_from([2.0, 3.0, 3.5, None]), st.integers(0, 20)
    ),
    max_size=40,
)


def _pool(rows):
    return [
        makers.dive(n, dive_number=number, difficulty=difficulty, recording=f"r{recording}")
        for n, (number, difficulty, recording) in enumerate(rows)
    ]


@settings(max_examples=100, deadline=None)
@given(rows, st.sampled_from(PROTOCOLS), st.integers(1, 12), st.integers(0, 3), st.randoms())
def test_an_exemplar_is_never_the_dive_itself_and_never_twice(rows, protocol, num, seed, random):
    pool = _pool(rows)
    query = makers.dive(999, recording="r0", difficulty=3.0)
    choice = choose_exemplars(query, pool, protocol=protocol, num=num, seed=seed)
    recordings = [dive.recording for dive in choice.exemplars]
    assert query.recording not in recordings
    assert len(set(recordings)) == len(recordings)
    assert len(recordings) == min(num, choice.num_candidates)
    assert bool(recordings) == any(dive.recording != query.recording for dive in pool)
    if not choice.fallback:
        for dive in choice.exemplars:
            assert protocol != "w/ DN" or dive.dive_number == query.dive_number
            assert protocol != "w/ DD" or dive.difficulty == query.difficulty


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_choice_does_not_depend_on_the_order_of_the_pool(protocol):
    pool = [makers.dive(n) for n in range(50)]
    query = makers.dive(99)
    choice = choose_exemplars(query, pool, protocol=protocol)
    assert choose_exemplars(query, pool[::-1], protocol=protocol).exemplars == choice.exemplars
    assert choose_exemplars(query, pool, protocol=protocol, seed=1).exemplars != choice.exemplars
    assert choose_exemplars(makers.dive(98), pool, protocol=protocol).exemplars != choice.exemplars
    assert len(choice.exemplars) == 10
    assert choice.num_candidates == 50


def test_more_exemplars_begin_with_the_same_ones():
    pool = [makers.dive(n) for n in range(50)]
    few, many = (choose_exemplars(makers.dive(99), pool, num=n).exemplars for n in (5, 20))
    assert many[:5] == few


def test_with_few_candidates_all_are_used_and_their_number_is_told():
    pool = [makers.dive(n) for n in range(3)] + [makers.dive(9, dive_number="107B")]
    choice = choose_exemplars(makers.dive(99), pool)
    assert len(choice.exemplars) == choice.num_candidates == 3
    assert choice.fallback == ""


def test_with_none_the_nearest_difficulty_is_used_and_said():
    pool = [makers.dive(n, dive_number="107B", difficulty=d) for n, d in enumerate([2.0, 2.8, 3.2, 3.6])]
    choice = choose_exemplars(makers.dive(99, difficulty=3.0), pool)
    assert {dive.difficulty for dive in choice.exemplars} == {2.8, 3.2}
    assert "w/ DN" in choice.fallback
    assert "nearest difficulty is taken (2.8, 3.2 for 3)" in choice.fallback


def test_without_difficulties_any_dive_is_taken_and_said():
    pool = [makers.dive(n, dive_number="107B", difficulty=None) for n in range(3)]
    choice = choose_exemplars(makers.dive(99, difficulty=None), pool)
    assert len(choice.exemplars) == 3
    assert "any dive" in choice.fallback


def test_a_pool_of_nothing_but_the_dive_gives_none():
    query = makers.dive(1)
    choice = choose_exemplars(query, [query])
    assert choice.exemplars == ()
    assert choice.num_candidates == 0


def test_every_real_test_dive_finds_exemplars(real_finediving):
    train = real_finediving.manifest.select("train").dives
    trained = {dive.dive_id for dive in train}
    for query in real_finediving.manifest.select("test").dives[::25]:
        choice = choose_exemplars(query, train)
        assert choice.exemplars
        assert {d.dive_id for d in choice.exemplars} <= trained
        assert choice.fallback or all(d.dive_number == query.dive_number for d in choice.exemplars)
