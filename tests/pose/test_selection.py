from collections import Counter

from stagescore.pose.selection import choose_to_label
from stagescore.types import Dive


def dive(number, code="107B", **more):
    fields = {"num_frames": 100, "transitions": (20, 50, 60)} | more
    return Dive(
        dataset="x",
        event="e",
        number=number,
        recording=str(number),
        split="train",
        score=50.0,
        dive_number=code,
        **fields,
    )


DIVES = [dive(k, "107B") for k in range(20)] + [dive(k, "405C") for k in range(100, 103)]


def test_up_to_so_many_of_each_number_and_the_same_again():
    chosen = choose_to_label(DIVES, 5)
    assert Counter(one.dive.dive_number for one in chosen) == {"107B": 5, "405C": 3}
    assert [one.dive.dive_id for one in choose_to_label(DIVES[::-1], 5)] == [
        one.dive.dive_id for one in chosen
    ]
    assert {one.dive.dive_id for one in choose_to_label(DIVES, 5, seed=1)} != {
        one.dive.dive_id for one in chosen
    }


def test_only_the_frames_between_take_off_and_entry():
    one = choose_to_label(DIVES, 1)[0]
    assert (one.first, one.stop) == (21, 61)


def test_synchronised_unnumbered_and_unusable_dives_are_left_out():
    bad = [dive(1, synchronised=True), dive(2, None), dive(3, transitions=(-1, 60)), dive(4, num_frames=None)]
    assert not choose_to_label(bad)
