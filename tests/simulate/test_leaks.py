"""Nothing but the dive tells how well it is dived, and the test for it finds what does tell."""

from dataclasses import replace

import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.evaluation.leaks import (
    COMPONENTS,
    Traces,
    components,
    gather_traces,
    held_out_guess,
    leak_table,
    unexplained_execution,
)
from stagescore.simulate.dataset import Order

EVERY_NTH = 7  # two or three dives of an event, or the level of a few events would look like a leak
DIVES = 225  # of which about 150 show the diver standing for three frames or more


def invented(num_dives=150, seed=0):
    rng = np.random.default_rng(seed)
    faults = rng.exponential(1.0, (num_dives, 5))
    groups = rng.integers(0, 4, num_dives)
    return [
        Traces(
            group=str(groups[k]),
            difficulty=float(rng.uniform(2, 4)),
            execution=float(8 - faults[k].sum() / 3 - groups[k] / 2),
            faults=faults[k],
            parts={"look": rng.normal(size=50), "bytes": rng.normal(size=2)},
        )
        for k in range(num_dives)
    ]


def leaking(traces, part, column, strength=1.0):
    """The same dives with their marks in numbers of one part, as if by mistake."""
    marks = unexplained_execution(traces)
    seen = np.stack([trace.parts[part][column] for trace in traces])
    spread = np.nan_to_num(seen).std(0)
    found = []
    for trace, mark in zip(traces, marks / marks.std(), strict=True):
        numbers = trace.parts[part].copy()
        numbers[column] += strength * mark * spread
        found.append(replace(trace, parts={**trace.parts, part: numbers}))
    return found


def rows_by_name(traces, **options):
    return {row.part: row for row in leak_table(traces, **options)}


def test_the_held_out_guess_is_ridge_regression_without_the_own_fold():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 4))
    marks = features @ np.array([1.0, -2.0, 0.5, 0.0]) + 3
    guess = held_out_guess(features)
    assert (np.diag(guess) == 0).all()
    np.testing.assert_allclose(guess.sum(1), 1, atol=0.8)
    assert np.corrcoef(guess @ marks, marks)[0, 1] > 0.97
    np.testing.assert_allclose(guess @ np.full(60, 2.0), 2.0)


def test_components_leave_out_what_never_changes_or_is_never_seen():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 6))
    features[:, 1], features[:, 2] = 7.0, np.nan
    features[::3, 3] = np.nan
    found = components(features)
    assert found.shape == (80, 4)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-9)
    assert components(rng.normal(size=(80, 500))).shape == (80, COMPONENTS)


def test_group_and_difficulty_are_taken_out_of_the_mark():
    traces = invented()
    marks = unexplained_execution(traces)
    for group in {trace.group for trace in traces}:
        assert np.mean([m for m, t in zip(marks, traces, strict=True) if t.group == group]) == pytest.approx(
            0
        )
    assert marks @ np.array([trace.difficulty for trace in traces]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("part", "column"), [("look", 17), ("bytes", 1)])
def test_an_invented_leak_is_found_where_it_is(part, column):
    traces = invented()
    assert not any(row.leaks for row in leak_table(traces))
    rows = rows_by_name(leaking(traces, part, column, strength=3.0))
    assert [name for name, row in rows.items() if row.leaks and name != "all"] == [part]


def test_too_few_dives_are_refused():
    with pytest.raises(DataError, match="5 dives"):
        leak_table(invented(5))


@pytest.fixture(scope="module")
def traces():
    order = Order(num_dives=2, seed=0, size_px=(112, 64))
    return gather_traces(order, range(0, DIVES * EVERY_NTH, EVERY_NTH), workers=2)


@pytest.mark.slow
def test_nothing_beside_the_dive_tells_the_score(traces):
    assert len(traces) >= 120
    assert not [row for row in leak_table(traces) if row.leaks]


@pytest.mark.slow
def test_with_the_true_faults_the_same_regression_finds_the_score(traces):
    for row in leak_table(traces, with_faults=True):
        assert row.r2 > 0.5, row
        assert row.leaks, row


@pytest.mark.slow
@pytest.mark.parametrize("part", ["look", "seed", "clip", "bytes", "before", "after"])
def test_a_leak_put_into_real_traces_is_found(traces, part):
    row = rows_by_name(leaking(traces, part, slice(None), strength=0.7))[part]
    assert row.leaks, row
