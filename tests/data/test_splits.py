import json
from collections import Counter

import makers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.data.manifest import Manifest
from stagescore.data.splits import (
    ValidationRule,
    choose_validation,
    read_validation,
    validation_file,
    with_validation,
)
from stagescore.errors import DataError


def _dives(rows):
    return [
        makers.dive(n, dive_number=number, synchronised=pair, split=split)
        for n, (number, pair, split) in enumerate(rows)
    ]


rows = st.lists(
    st.tuples(
        st.sampled_from(["205B", "107B", "407C", None]), st.booleans(), st.sampled_from(["train", "test"])
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(rows, st.floats(0, 0.5), st.integers(0, 3))
def test_only_training_dives_are_held_out_and_never_a_numbers_last(rows, share, seed):
    dives = _dives(rows)
    chosen = choose_validation(dives, ValidationRule(share=share, seed=seed))
    assert len(set(chosen)) == len(chosen)
    by_id = {dive.dive_id: dive for dive in dives}
    assert all(by_id[name].split == "train" for name in chosen)
    trained = Counter(dive.dive_number for dive in dives if dive.split == "train")
    taken = Counter(by_id[name].dive_number for name in chosen)
    assert all(taken[number] < trained[number] for number in taken)
    drawn_from = sum(n for n in trained.values() if n > 1)
    assert abs(len(chosen) - share * drawn_from) <= 1


def test_the_choice_is_the_same_whatever_the_order_and_another_with_another_seed():
    dives = _dives([("205B", False, "train")] * 100)
    assert set(choose_validation(dives)) == set(choose_validation(dives[::-1]))
    assert choose_validation(dives) == choose_validation(dives)
    assert choose_validation(dives) != choose_validation(dives, ValidationRule(seed=1))


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_a_share_that_cannot_be_is_refused(share):
    with pytest.raises(DataError, match="share"):
        ValidationRule(share=share)


def test_marking_goes_both_ways_and_strangers_are_refused():
    manifest = Manifest((makers.dive(1, validation=True), makers.dive(2), makers.dive(3, split="test")))
    assert [d.validation for d in with_validation(manifest, ["cup/2"])] == [False, True, False]
    for name in ("cup/3", "cup/9"):
        with pytest.raises(DataError, match=f"{name} is no training dive"):
            with_validation(manifest, [name])


def test_the_split_file_is_read_again(tmp_path):
    path = tmp_path / "val_split.json"
    path.write_bytes(validation_file(["a/1", "b/2"], ValidationRule(seed=3)))
    assert read_validation(path) == ["a/1", "b/2"]
    assert json.loads(path.read_text())["seed"] == 3


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"dives": [1]}', b"\xff", b"[" * 100_000], ids=range(6)
)
def test_a_torn_split_file_is_refused(tmp_path, content):
    path = tmp_path / "val_split.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="val_split"):
        read_validation(path)
    with pytest.raises(DataError, match="none"):
        read_validation(tmp_path / "none.json")


def test_the_real_validation_split_is_stratified(real_finediving):
    train = real_finediving.manifest.select("train").dives
    chosen = choose_validation(real_finediving.manifest)
    assert len(chosen) == 224
    trained = Counter((d.dive_number, d.synchronised) for d in train)
    held = Counter((d.dive_number, d.synchronised) for d in train if d.dive_id in set(chosen))
    assert all(abs(held[key] - 0.1 * count) <= 1 for key, count in trained.items())
    scores = [d.score for d in train]
    picked = [d.score for d in train if d.dive_id in set(chosen)]
    assert abs(sum(scores) / len(scores) - sum(picked) / len(picked)) < 1
