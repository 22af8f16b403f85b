import dataclasses
import json

import makers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.data.manifest import Manifest, dive_from_record, read_manifest, recordings, training_dives
from stagescore.errors import DataError
from stagescore.types import Dive

texts = st.text(st.characters(codec="utf-8"), max_size=12)
positive = st.floats(0.001, 1e6)
records = st.fixed_dictionaries(
    {
        "dataset": texts,
        "event": texts,
        "number": st.integers(-(2**40), 2**40),
        "recording": texts,
        "split": st.sampled_from(["train", "test"]),
        "score": st.floats(0, 1e6),
        "validation": st.booleans(),
        "difficulty": st.none() | positive,
        "dive_number": st.sampled_from([None, "407C", "5253B"]),
        "height_m": st.none() | positive,
        "height_source": st.sampled_from(["named", "inferred", "unknown"]),
        "synchronised": st.booleans(),
        "marks": st.lists(st.floats(-1e6, 1e6), max_size=7).map(tuple),
        "num_frames": st.none() | st.integers(1, 10**6),
        "transitions": st.lists(st.integers(-1, 10**6), max_size=4).map(tuple),
        "label_changes": st.none() | st.lists(st.integers(0, 10**6), max_size=4).map(tuple),
        "sub_actions": st.lists(texts, max_size=4).map(tuple),
        "frames_path": st.sampled_from([None, "/data/frames/01/7"]),
        "poses_path": st.sampled_from([None, "/data/poses/01/pred_comp_7.npz"]),
        "caption": texts,
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(records, min_size=1, max_size=4, unique_by=lambda row: (row["event"], row["number"])))
def test_what_is_written_is_read_again(tmp_path_factory, rows):
    manifest = Manifest(tuple(Dive(**row) for row in rows))
    path = tmp_path_factory.mktemp("m") / "manifest.jsonl"
    path.write_bytes(manifest.to_bytes())
    again = read_manifest(path)
    assert again == manifest
    assert again.to_bytes() == manifest.to_bytes()


def _record(**changes):
    return json.loads(json.dumps({**dataclasses.asdict(makers.dive()), **changes}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"score": None}, "score"),
        ({"score": "5"}, "no float"),
        ({"score": True}, "no float"),
        ({"score": float("nan")}, "no float"),
        ({"score": float("inf")}, "no float"),
        ({"score": 10**400}, "no float"),
        ({"score": -1}, "score is -1"),
        ({"number": 1.0}, "no int"),
        ({"number": True}, "no int"),
        ({"number": 10**400}, "no int"),
        ({"transitions": [10**400, 2]}, "no int"),
        ({"transitions": 3}, "3"),
        ({"transitions": [3, "4"]}, "no int"),
        ({"transitions": None}, "None"),
        ({"split": "dev"}, "dev"),
        ({"split": ["train"]}, "train"),
        ({"validation": 0}, "no bool"),
        ({"event": 5}, "no str"),
        ({"event": "\ud800"}, "Unicode"),
        ({"difficulty": 0}, "difficulty is 0"),
        ({"dive_number": "xyz"}, "no dive number"),
        ({"num_frames": 0}, "0 frames"),
        ({"height_m": -1.0}, "height is -1"),
        ({"scroe": 5}, "did you mean 'score'"),
        ({"zzz": 5}, "the columns are"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "".join(value),
)
def test_a_value_that_cannot_be_is_refused(changes, words):
    with pytest.raises(DataError) as caught:
        dive_from_record(_record(**changes), where="m, line 1")
    assert words in str(caught.value)
    assert "m, line 1" in str(caught.value)


@pytest.mark.parametrize("name", ["dataset", "event", "number", "recording", "split", "score"])
def test_a_missing_column_is_named(name):
    record = _record()
    del record[name]
    with pytest.raises(DataError, match=f"column '{name}' is missing"):
        dive_from_record(record, where="m")


@pytest.mark.parametrize("record", [None, 5, [], "x"])
def test_a_row_that_is_no_object_is_refused(record):
    with pytest.raises(DataError, match="no"):
        dive_from_record(record, where="m")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{", b"\xff\xfe", b"[" * 100_000, b"{}\n", b"null\n", b'{"a": NaN}\n', b"1" * 5000 + b"\n"],
    ids=range(9),
)
def test_a_torn_manifest_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="data import"):
        read_manifest(tmp_path)


def test_the_same_dive_twice_is_refused():
    with pytest.raises(DataError, match="twice"):
        Manifest((makers.dive(1), makers.dive(1)))


def test_an_unknown_dive_names_the_nearest():
    with pytest.raises(DataError, match="did you mean cup/1"):
        Manifest((makers.dive(1),))["cop/1"]


def test_parts_tile_the_manifest():
    manifest = Manifest(
        (
            makers.dive(1),
            makers.dive(2, validation=True),
            makers.dive(3, split="test"),
            makers.dive(4, synchronised=True),
        )
    )

    def ids(part, **options):
        return [dive.number for dive in manifest.select(part, **options)]

    assert ids("all") == [1, 2, 3, 4]
    assert ids("train") == [1, 2, 4]
    assert ids("fit") == [1, 4]
    assert ids("val") == [2]
    assert ids("test") == [3]
    assert ids("all", individual_only=True) == [1, 2, 3]


def test_the_table_has_a_row_a_dive():
    table = Manifest((makers.dive(1), makers.dive(2))).table()
    assert list(table.index) == ["cup/1", "cup/2"]
    assert list(table["score"]) == [61.0, 62.0]


def test_training_on_both_leaves_out_what_either_tests_on():
    one = Manifest((makers.dive(1), makers.dive(2, split="test"), makers.dive(3), makers.dive(5)))
    other = Manifest(
        (
            makers.dive(1, split="test", dataset="b"),
            makers.dive(2, dataset="b"),
            makers.dive(3, dataset="b"),
            makers.dive(4, dataset="b", validation=True),
            makers.dive(5, dataset="b", validation=True),
        )
    )
    assert [(d.dataset, d.number) for d in training_dives([one, other])] == [
        ("tiny", 3),
        ("tiny", 5),
        ("b", 4),
    ]
    assert [(d.dataset, d.number) for d in training_dives([one, other], "fit")] == [("tiny", 3)]


def test_training_on_both_real_data_sets_excludes_both_tests(real_finediving, real_mtl_aqa):
    manifests = [real_finediving.manifest, real_mtl_aqa.manifest]
    chosen = training_dives(manifests)
    tested = recordings(manifests[0].select("test")) | recordings(manifests[1].select("test"))
    assert not recordings(chosen) & tested
    assert len(recordings(chosen)) == len(chosen)
    everything = recordings(manifests[0].select("train")) | recordings(manifests[1].select("train"))
    assert recordings(chosen) == everything - tested
    assert len(recordings(manifests[0].select("train")) & recordings(manifests[1].select("test"))) == 268
    assert len(recordings(manifests[1].select("train")) & recordings(manifests[0].select("test"))) == 249


def test_relative_paths_are_relative_to_the_manifest(tmp_path):
    dive = Dive(
        dataset="d",
        event="e",
        number=1,
        recording="d/e/1",
        split="train",
        score=1.0,
        frames_path="frames/e/1",
    )
    (tmp_path / "manifest.jsonl").write_bytes(Manifest((dive,)).to_bytes())
    assert read_manifest(tmp_path).dives[0].frames_path == str(tmp_path / "frames" / "e" / "1")
