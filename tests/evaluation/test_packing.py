"""Which dives become exemplars of weights that ship."""

from dataclasses import replace

import pytest
import stored_dives

from stagescore.evaluation.packing import choose_bank
from stagescore.types import Dive


@pytest.fixture(scope="module")
def dive(tmp_path_factory: pytest.TempPathFactory) -> Dive:
    return stored_dives.dives(tmp_path_factory)[0]


def made(dive: Dive, **counts: int) -> list[Dive]:
    """So many dives of every dive number; names begin with "d"."""
    return [
        replace(
            dive, event=f"{number}", number=k + 1, dive_number=number[1:], split="train", validation=False
        )
        for number, times in counts.items()
        for k in range(times)
    ]


def test_every_dive_number_is_held_twice_or_left_out(dive: Dive) -> None:
    fitted = made(dive, d107B=12, d5233D=1, d5355B=1)
    kept, left_out = choose_bank(fitted)
    assert left_out == ["5233D", "5355B"]
    assert [one.dive_number for one in kept] == ["107B"] * 10
    drills = [
        one.with_changes(event="drill", validation=True) for one in made(dive, d107B=5, d5233D=3, d614B=2)
    ]
    kept, left_out = choose_bank(fitted, drills)
    assert left_out == ["5355B"]
    assert sorted(str(one.dive_number) for one in kept) == ["107B"] * 10 + ["5233D"] * 4 + ["614B"] * 2
    # Drills stand in where dives are wanting and nowhere else, and count as what training saw.
    assert {one.dive_number for one in kept if one.event == "drill"} == {"5233D", "614B"}
    assert {(one.split, one.validation) for one in kept} == {("train", False)}


def test_the_choice_hangs_on_the_seed_and_not_on_the_order(dive: Dive) -> None:
    fitted = made(dive, d107B=12)
    assert choose_bank(fitted, per_number=4) == choose_bank(fitted[::-1], per_number=4)
    assert choose_bank(fitted, per_number=4) != choose_bank(fitted, per_number=4, seed=1)
