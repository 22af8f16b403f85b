"""Where values stand among real dives, and the table that ships."""

import json

import pytest

from stagescore.errors import DataError
from stagescore.measures.kinds import KINDS
from stagescore.measures.reference import SHRINKAGE, Agreement, Reference


def made(values: dict[str, tuple[float, ...]]) -> Reference:
    rows = [("knee_bend", code, value) for code, some in values.items() for value in some]
    return Reference.of(
        "made-up dives", rows, {"knee_bend": Agreement(-0.3, -0.4, -0.2, 30)}, {}, ("knee_bend",)
    )


def test_a_number_with_many_dives_speaks_for_itself_and_one_with_few_hardly() -> None:
    many = made({"107B": tuple(float(k) for k in range(1000)), "407C": (-5.0,) * 10})
    found = many.percentile("knee_bend", 500.0, "107B")
    assert found is not None and found.num_dives == 1000
    assert found.value == pytest.approx(50.0, abs=0.2)
    few = made({"107B": (100.0,), "105B": (0.0, 1.0, 2.0, 3.0), "407C": (50.0,) * 5})
    told = few.percentile("knee_bend", 60.0, "107B")
    # All: 9 of 10 below; forward pike: 4 of 5; 107B: none of 1.
    share = 0.9
    for own, count in ((0.8, 5), (0.0, 1)):
        share += count / (count + SHRINKAGE) * (own - share)
    assert told is not None and told.value == pytest.approx(100 * share, abs=0.06)
    assert told.group.startswith("1 of 107B, 5 forward pike, 10 of all numbers") and "made-up" in told.group


def test_unknown_numbers_stand_among_all_and_unmeasured_measures_nowhere() -> None:
    one = made({"107B": (1.0, 2.0, 3.0, 4.0)})
    found = one.percentile("knee_bend", 2.5, None)
    assert found is not None and (found.value, found.num_dives) == (50.0, 0)
    assert one.percentile("leg_split", 2.5, None) is None


def test_a_table_comes_back_as_it_was_written_and_a_torn_one_is_refused() -> None:
    one = made({"107B": (1.0, 2.0), "5253B": (3.0,)})
    assert Reference.from_json(json.loads(one.to_text())) == one
    with pytest.raises(DataError, match="lacks"):
        Reference.from_json({"dives": "none"})


def test_the_table_that_ships_calls_usable_what_its_own_intervals_say() -> None:
    shipped, kinds = Reference.shipped(), {kind.name: kind for kind in KINDS}
    assert set(shipped.values) <= set(kinds) and shipped.values
    for name, kind in kinds.items():
        within = shipped.within.get(name)
        wanted = {"higher": -1, "lower": 1}.get(kind.worse or "")
        sure = within is not None and within.sign != 0 and wanted in (None, within.sign)
        assert shipped.is_usable(name) == sure, name


def test_dives_from_another_height_are_not_compared() -> None:
    shipped = Reference.shipped()
    assert shipped.height_m == 10.0
    assert [shipped.covers(height) for height in (None, 10.0, 10, 3.0)] == [True, True, True, False]
    assert Reference.from_json(json.loads(shipped.to_text())) == shipped
