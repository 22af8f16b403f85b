import json

import makers
import pytest

from stagescore.data import finediving
from stagescore.data.checks import check, json_bytes, judging_problem
from stagescore.data.findings import Finding, Labels
from stagescore.data.manifest import Manifest


def report(*dives, findings=(), other=None):
    return check(Labels(Manifest(dives), findings), other)


GOOD = makers.dive(marks=(7.0, 7.5, 7.0), score=64.5, difficulty=3.0)


def test_consistent_labels_have_no_findings(finediving_folder):
    found = check(finediving.load(finediving_folder))
    assert found.findings == ()
    assert found.consistent
    assert found.unchecked == ()


@pytest.mark.parametrize(
    ("marks", "difficulty", "score", "synchronised"),
    [
        ((9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5), 3.2, 88.0, False),
        ((7.5, 9.0, 8.0, 8.0, 8.5), 3.3, 81.18, True),
        ((7.5, 9.0, 8.0, 8.0, 8.5), 3.3, 80.85, False),
        ((7.0, 7.5, 7.0), 3.0, 64.5, False),
        ((7.0, 7.5, 8.0, 8.5, 6.5, 7.5), 2.0, 45.0, False),
        ((7.0, 9.0, 6.0, 8.0, 8.0, 9.0, 8.5, 7.0, 7.5), 3.0, 70.2, True),
        ((7.0, 8.0, 6.5, 7.0, 7.0, 7.5, 8.0, 8.5, 8.0, 7.5, 9.0), 3.0, 69.3, True),
    ],
)
def test_the_judging_arithmetic_is_held_to_its_tolerance(marks, difficulty, score, synchronised):
    for offset, wrong in ((0.0, False), (0.05, False), (-0.05, False), (0.06, True), (-0.06, True)):
        dive = makers.dive(
            marks=marks, difficulty=difficulty, score=score + offset, synchronised=synchronised
        )
        found = report(dive)
        assert bool(judging_problem(dive)) is wrong
        assert len(found.judging_errors()[str(len(marks))]) == wrong
        assert found.consistent is not wrong


@pytest.mark.parametrize("changes", [{"marks": ()}, {"marks": (7.0, 7.0)}, {"difficulty": None}])
def test_rows_that_cannot_be_checked_are_named(changes):
    assert report(GOOD.with_changes(**changes)).unchecked == ("cup/1",)


@pytest.mark.parametrize("marks", [(7.25, 7.0, 7.25), (11.0, 5.0, 5.5)])
def test_marks_that_cannot_be_are_named(marks):
    found = report(GOOD.with_changes(marks=marks))
    assert [f.kind for f in found.findings] == ["impossible_marks"]


def test_transitions_that_disagree_with_the_frame_labels_are_named():
    found = report(GOOD.with_changes(label_changes=(30, 65)))
    assert [(f.kind, f.dive_id) for f in found.findings] == [("label_disagreements", "cup/1")]
    assert report(GOOD.with_changes(label_changes=None)).findings == ()


@pytest.mark.parametrize("transitions", [(-1, 65), (65, 29), (29, 29), (29, 95), (29, 400)])
def test_unusable_transitions_are_named_and_the_row_is_kept(transitions):
    found = report(GOOD.with_changes(transitions=transitions, label_changes=None))
    assert [f.kind for f in found.findings] == ["transitions"]
    assert found.manifest["cup/1"].transitions == transitions
    assert found.manifest["cup/1"].stages() is None


def test_an_unusual_difficulty_is_named():
    usual = [
        GOOD.with_changes(number=n, recording=str(n), height_m=3.0, height_source="named") for n in range(3)
    ]
    odd = usual[0].with_changes(number=9, recording="9", difficulty=2.0, score=43.0)
    assert [(f.kind, f.dive_id) for f in report(*usual, odd).findings] == [
        ("difficulty_disagreements", "cup/9")
    ]
    pair = odd.with_changes(synchronised=True)
    assert report(*usual, pair).findings == ()
    assert report(*usual, pair).as_json()["synchronised_compulsory"] == 1


def test_one_recording_in_both_splits_is_overlap():
    train, test = GOOD, GOOD.with_changes(number=2, split="test")
    found = report(train, test)
    assert found.overlap == ("cup/2",)
    assert not found.consistent
    document = found.as_json()
    assert document["overlap"] == 1
    assert document["rows"]["overlap"] == ["cup/2"]


def test_a_dive_that_both_split_files_name_is_overlap(tmp_path):
    folder = makers.finediving(tmp_path / "a", lambda t: t["train_split.pkl"].append(("01", 1)))
    assert check(finediving.load(folder)).overlap == ("01/1",)


def test_the_loaders_findings_are_kept():
    finding = Finding("missing_frames", "cup/1", "no folder")
    assert report(GOOD, findings=(finding,)).findings == (finding,)


def test_every_figure_has_its_rows():
    bad = GOOD.with_changes(number=2, recording="2", score=1.0, transitions=(-1, 5), marks=(7.25, 7.0, 7.0))
    found = report(GOOD, bad, GOOD.with_changes(number=3, recording="3", marks=()))
    document = found.as_json()
    rows = document["rows"]
    for name, count in document["judging_errors"].items():
        assert count == len(rows["judging_errors"][name])
    for name in rows.keys() - {"judging_errors", "cross_dataset_overlap", "transitions"}:
        assert document[name] == len(rows[name]), name
    assert document["transitions"]["unusable"] == len(rows["transitions"]) == 1
    assert document["unchecked"] == 1
    assert json.loads(json_bytes(document)) == document


def test_the_overlap_with_another_data_set_goes_both_ways():
    mine = Manifest((makers.dive(1), makers.dive(2, split="test"), makers.dive(3)))
    other = Manifest(
        (makers.dive(1, split="test", dataset="b"), makers.dive(2, dataset="b"), makers.dive(4, dataset="b"))
    )
    cross = check(Labels(mine), other).cross_dataset_overlap
    assert cross.other == "b"
    assert cross.shared == ("cup/1", "cup/2")
    assert cross.train_in_other_test == ("cup/1",)
    assert cross.test_in_other_train == ("cup/2",)


def _by_hand(dive):
    marks = sorted(dive.marks)
    if len(marks) == 7:
        total = marks[2] + marks[3] + marks[4]
    elif len(marks) == 5:
        total = 0.0
        for mark in marks:
            total += 0.6 * mark
    else:
        total = marks[0] + marks[1] + marks[2]
    return abs(total * dive.difficulty - dive.score) <= 0.051


def test_the_real_judging_errors_are_those_of_a_plain_loop(real_finediving):
    found = check(real_finediving)
    expected = {"7": [], "5": [], "3": []}
    for dive in real_finediving.manifest:
        if not _by_hand(dive):
            expected[str(len(dive.marks))].append(dive.dive_id)
    named = {n: [f.dive_id for f in rows] for n, rows in found.judging_errors().items()}
    assert named == expected
    assert found.unchecked == ()
    assert {n: sum(len(d.marks) == int(n) for d in found.manifest) for n in expected} == {
        "7": 1369,
        "5": 607,
        "3": 1024,
    }
    # A rule is right when nearly all rows agree with it.
    assert {n: len(rows) for n, rows in named.items()} == {"7": 99, "5": 8, "3": 13}


def test_the_real_disagreements(real_finediving, real_mtl_aqa):
    document = check(real_finediving, real_mtl_aqa.manifest).as_json()
    assert document["label_disagreements"] == 10
    assert document["overlap"] == 0
    assert document["cross_dataset_overlap"] == {
        "other": "mtl-aqa",
        "shared": 1369,
        "test_in_other_train": 249,
        "train_in_other_test": 268,
    }
    assert [row["dive"] for row in document["rows"]["transitions"]] == ["03/24", "03/67", "03/71", "14/3"]
