import makers
import numpy as np
import pytest

from stagescore.data import finediving
from stagescore.errors import DataError

FINE, NAMED, COARSE = finediving.FINE, finediving.FINE_NAMED, finediving.COARSE


def _set_row(table, key, index, value):
    def change(tables):
        row = tables[table][key]
        tables[table][key] = [value if i == index else part for i, part in enumerate(row)]

    return change


def test_every_row_is_read_as_it_was_written(finediving_folder):
    labels = finediving.load(finediving_folder)
    assert labels.findings == ()
    assert [(d.event, d.number) for d in labels.manifest] == list(makers.FINEDIVING_ROWS)
    for dive, (number, difficulty, marks, lengths, _, split) in zip(
        labels.manifest, makers.FINEDIVING_ROWS.values(), strict=True
    ):
        assert dive.dive_number == number.upper()
        assert dive.difficulty == difficulty
        assert dive.marks == tuple(marks)
        assert dive.score == makers.points(marks, difficulty)
        assert dive.num_frames == sum(lengths)
        assert dive.transitions == tuple(np.cumsum(lengths)[:-1] - 1)
        assert dive.label_changes == dive.transitions
        assert dive.split == split
        assert dive.sub_actions == (
            ("Inward", "3.5 Soms.Tuck", "Entry")
            if len(lengths) == 3
            else ("Inward", "3.5 Soms.Tuck", "1.5 Twists", "Entry")
        )
    assert [d.synchronised for d in labels.manifest] == [False] * 6 + [True] * 2


@pytest.mark.parametrize("protocol", range(6))
def test_all_pickle_protocols_give_the_same_labels(tmp_path, finediving_folder, protocol):
    folder = makers.finediving(tmp_path / "other", protocol=protocol)
    assert finediving.load(folder) == finediving.load(finediving_folder)


def test_numbered_events_are_mtl_aqas_recordings(finediving_folder):
    manifest = finediving.load(finediving_folder).manifest
    assert manifest["01/3"].recording == "mtl-aqa/1/3"
    assert manifest[f"{makers.EVENT}/1"].recording == f"finediving/{makers.EVENT}/1"


@pytest.mark.parametrize("missing", [[FINE], [NAMED], [COARSE], [NAMED, COARSE]])
def test_one_fine_annotation_is_enough(tmp_path, missing):
    folder = makers.finediving(tmp_path / "a", lambda tables: tables.update(dict.fromkeys(missing)))
    manifest = finediving.load(folder).manifest
    assert len(manifest) == 8
    assert all(bool(dive.marks) == (COARSE not in missing) for dive in manifest)
    assert all(bool(dive.sub_actions) == (NAMED not in missing) for dive in manifest)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ([FINE, NAMED], FINE),
        (["train_split.pkl"], "train_split.pkl"),
        (["test_split.pkl"], "test_split.pkl"),
    ],
)
def test_a_missing_file_is_named(tmp_path, missing, named):
    folder = makers.finediving(tmp_path / "a", lambda tables: tables.update(dict.fromkeys(missing)))
    with pytest.raises(DataError, match=named):
        finediving.load(folder)


@pytest.mark.parametrize(
    ("index", "value", "words"),
    [
        (0, "9999Z", "no dive number"),
        (0, None, "dive number is missing"),
        pytest.param(0, 10**5000, "dive number", id="huge"),
        (1, float("nan"), "score is nan"),
        (1, np.float64("nan"), "score is nan"),
        (1, float("inf"), "score is inf"),
        (1, 10**400, "score is inf"),
        (1, None, "score is missing"),
        (1, "88", "score is '88'"),
        (1, True, "score is True"),
        (1, -3.0, "score is -3"),
        (2, float("nan"), "difficulty is nan"),
        (2, 0.0, "difficulty is 0"),
        (3, None, "transitions is missing"),
        (3, [1.5, 3], "transition is 1.5"),
        (3, [float("nan"), 3], "transition is nan"),
        (3, [3, 2**62 + 1], "transition is 4.6"),
        (3, np.zeros((2, 2)), "transitions is a ndarray"),
        (4, 7, "frame labels is 7"),
        (4, [], "0 frames"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_row(tmp_path, index, value, words):
    folder = makers.finediving(tmp_path / "a", _set_row(FINE, ("01", 2), index, value))
    with pytest.raises(DataError, match=words) as caught:
        finediving.load(folder)
    line = str(caught.value)
    assert FINE in line
    assert "01/2" in line
    assert "\n" not in line


@pytest.mark.parametrize("length", range(5))
def test_a_row_that_lacks_fields_is_refused(tmp_path, length):
    def change(tables):
        tables[FINE][("01", 2)] = tables[FINE][("01", 2)][:length]

    with pytest.raises(DataError, match=r"01/2.*the row has no "):
        finediving.load(makers.finediving(tmp_path / "a", change))


@pytest.mark.parametrize("row", [None, 7, "text", np.zeros(5)])
def test_a_row_that_is_no_row_is_refused(tmp_path, row):
    with pytest.raises(DataError, match="01/2"):
        finediving.load(makers.finediving(tmp_path / "a", lambda t: t[FINE].update({("01", 2): row})))


@pytest.mark.parametrize("key", ["01", ("01",), ("01", "2"), ("01", 1.5), (1.5, 2), ("01", 2**60)])
def test_a_key_that_is_no_event_and_number_is_refused(tmp_path, key):
    def change(tables):
        tables[FINE][key] = tables[FINE][("01", 2)]

    with pytest.raises(DataError, match=r"\(event, number\)"):
        finediving.load(makers.finediving(tmp_path / "a", change))


@pytest.mark.parametrize("content", [[], {}, None, 7, [1, 2]])
def test_a_file_of_another_form_is_refused(tmp_path, content):
    def change(tables):
        tables[FINE] = content if content is not None else 0

    with pytest.raises(DataError, match=FINE):
        finediving.load(makers.finediving(tmp_path / "a", change))


def test_a_split_that_names_an_unknown_dive_is_refused(tmp_path):
    folder = makers.finediving(tmp_path / "a", lambda t: t["test_split.pkl"].append(("99", 1)))
    with pytest.raises(DataError, match=r"test_split\.pkl: the split names 99/1, which has no labels"):
        finediving.load(folder)


def test_a_split_that_names_a_dive_twice_is_refused(tmp_path):
    folder = makers.finediving(tmp_path / "a", lambda t: t["test_split.pkl"].append(("01", 1)))
    with pytest.raises(DataError, match=r"test_split\.pkl: the split names 01/1 twice"):
        finediving.load(folder)


@pytest.mark.parametrize("number", [10**4400, 2**70], ids=["huge", "large"])
def test_a_split_with_an_endless_number_is_refused(tmp_path, number):
    folder = makers.finediving(tmp_path / "a", lambda t: t["test_split.pkl"].extend([("01", number)] * 2))
    with pytest.raises(DataError, match="event, number"):
        finediving.load(folder)


def test_a_dive_without_a_split_is_refused(tmp_path):
    folder = makers.finediving(tmp_path / "a", lambda t: t["test_split.pkl"].remove(("01", 1)))
    with pytest.raises(DataError, match="01/1 is in neither split"):
        finediving.load(folder)


def test_a_dive_in_both_splits_is_a_test_dive_and_reported(tmp_path):
    folder = makers.finediving(tmp_path / "a", lambda t: t["train_split.pkl"].append(("01", 1)))
    labels = finediving.load(folder)
    assert labels.overlap == ("01/1",)
    assert labels.manifest["01/1"].split == "test"


def test_unusable_transitions_are_kept_and_masked(tmp_path):
    folder = makers.finediving(tmp_path / "a", _set_row(FINE, ("01", 2), 3, np.array([-1, 47])))
    dive = finediving.load(folder).manifest["01/2"]
    assert dive.transitions == (-1, 47)
    assert dive.transitions_problem is not None
    assert dive.stages() is None


def test_disagreements_between_files_are_named(tmp_path):
    def change(tables):
        tables[COARSE][("01", 1)]["difficulty"] = 3.3
        tables[COARSE][("01", 2)]["end_frame"] += 1
        tables[NAMED][("01", 3)]["dive_score"] += 1
        del tables[COARSE][(makers.EVENT, 1)]

    found = finediving.load(makers.finediving(tmp_path / "a", change)).findings
    assert [(f.kind, f.dive_id) for f in found] == [
        ("file_disagreements", "01/1"),
        ("file_disagreements", "01/2"),
        ("file_disagreements", "01/3"),
        ("file_disagreements", f"{makers.EVENT}/1"),
    ]
    assert "3.2" in found[0].what
    assert "3.3" in found[0].what


@pytest.mark.parametrize("event", ["\ud800", "a\udfffb"])
def test_text_that_is_no_unicode_is_refused_in_a_printable_line(tmp_path, event):
    def change(tables):
        tables[FINE][(event, 1)] = tables[FINE][("01", 1)]
        tables["train_split.pkl"].append((event, 1))

    with pytest.raises(DataError, match="Unicode") as caught:
        finediving.load(makers.finediving(tmp_path / "a", change))
    str(caught.value).encode()


def test_the_real_labels(real_finediving):
    manifest = real_finediving.manifest
    assert len(manifest) == 3000
    assert len(manifest.select("train")) == 2251
    assert len(manifest.select("test")) == 749
    assert len({dive.dive_number for dive in manifest}) == 52
    assert len(manifest.select(individual_only=True)) == 2393
    bad = [dive for dive in manifest if dive.transitions_problem]
    assert [dive.dive_id for dive in bad] == ["03/24", "03/67", "03/71", "14/3"]
    assert all(-1 in dive.transitions and dive.stages() is None for dive in bad)
    assert all(dive.stages() is not None for dive in manifest if dive not in bad)
    assert sum(dive.label_changes == dive.transitions for dive in manifest) == 2990
    assert min(dive.num_frames for dive in manifest) == 63
    assert max(dive.num_frames for dive in manifest) == 273
