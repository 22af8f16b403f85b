import makers
import numpy as np
import pytest

from stagescore.data import finediving, mtl_aqa
from stagescore.errors import DataError

MARKS, PLAIN, CAPTIONS = mtl_aqa.WITH_MARKS, mtl_aqa.PLAIN, mtl_aqa.CAPTIONS


def _row(rotation=0, somersaults=5, twists=0, position=1, armstand=0):
    return {
        "rotation_type": rotation,
        "ss_no": somersaults,
        "tw_no": twists,
        "position": position,
        "armstand": armstand,
    }


@pytest.mark.parametrize(
    ("row", "number"),
    [
        (_row(0, 5, 0, 1), "205B"),
        (_row(1, 7, 0, 2), "107C"),
        (_row(2, 7, 0, 2), "407C"),
        (_row(3, 5, 0, 1), "305B"),
        (_row(0, 5, 3, 1), "5253B"),
        (_row(1, 5, 5, 0), "5155D"),
        (_row(0, 4, 0, 0, armstand=1), "624A"),
        (_row(0, 4, 3, 0, armstand=1), "6243D"),
        (_row(1, 0, 0, 1), "101B"),
        (_row(7, 5, 0, 1), None),
        (_row(0, 50, 0, 1), None),
    ],
)
def test_the_labels_amount_to_a_dive_number(row, number):
    assert mtl_aqa.dive_number(row, where="row") == number


def test_every_row_is_read_as_it_was_written(mtl_aqa_folder):
    labels = mtl_aqa.load(mtl_aqa_folder)
    assert labels.findings == ()
    assert [d.dive_id for d in labels.manifest] == ["01/1", "01/2", "26/4", "26/5"]
    assert [d.dive_number for d in labels.manifest] == ["407C", "407C", "5253B", "624A"]
    assert [d.split for d in labels.manifest] == ["train", "test", "train", "test"]
    assert [d.num_frames for d in labels.manifest] == [86, 89, 90, 90]
    first = labels.manifest["01/1"]
    assert first.score == 88.0
    assert first.marks == (9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5)
    assert first.caption == "a dive"
    assert first.recording == "mtl-aqa/1/1"
    assert all(dive.transitions == () for dive in labels.manifest)


def test_without_the_marks_the_plain_annotation_is_read(tmp_path):
    folder = makers.mtl_aqa(tmp_path / "a", lambda t: t.update({MARKS: None, CAPTIONS: None}))
    manifest = mtl_aqa.load(folder).manifest
    assert len(manifest) == 4
    assert all(dive.marks == () and dive.caption == "" for dive in manifest)


def test_shared_dives_get_finedivings_transitions_on_their_own_clip(mtl_aqa_folder, finediving_folder):
    manifest = mtl_aqa.load(mtl_aqa_folder, mtl_aqa.FineDivingRows.read(finediving_folder)).manifest
    fine = finediving.load(finediving_folder).manifest
    # 01/1 begins a frame earlier here, 01/2 at the same frame.
    assert fine["01/1"].transitions == (2, 34)
    assert manifest["01/1"].transitions == (3, 35)
    assert manifest["01/1"].label_changes == (3, 35)
    assert manifest["01/2"].transitions == fine["01/2"].transitions
    assert manifest["01/1"].sub_actions == fine["01/1"].sub_actions
    assert manifest["26/4"].transitions == ()


def test_a_transition_of_minus_one_stays_what_it_is(tmp_path, mtl_aqa_folder):
    def change(tables):
        tables[finediving.FINE][("01", 1)][3] = np.array([-1, 34])

    shared = mtl_aqa.FineDivingRows.read(makers.finediving(tmp_path / "fine", change))
    dive = mtl_aqa.load(mtl_aqa_folder, shared).manifest["01/1"]
    assert dive.transitions == (-1, 35)
    assert dive.stages() is None


def test_another_score_means_another_dive(tmp_path, mtl_aqa_folder):
    def change(tables):
        tables[finediving.FINE][("01", 1)][1] = 12.0

    shared = mtl_aqa.FineDivingRows.read(makers.finediving(tmp_path / "fine", change))
    labels = mtl_aqa.load(mtl_aqa_folder, shared)
    assert labels.manifest["01/1"].transitions == ()
    assert [(f.kind, f.dive_id) for f in labels.findings] == [("file_disagreements", "01/1")]


def test_another_dive_number_is_named(tmp_path, finediving_folder):
    folder = makers.mtl_aqa(tmp_path / "a", lambda t: t[MARKS][(1, 1)].update(ss_no=5))
    labels = mtl_aqa.load(folder, mtl_aqa.FineDivingRows.read(finediving_folder))
    assert [(f.kind, f.dive_id) for f in labels.findings] == [("dive_number_disagreements", "01/1")]


def test_a_shared_dive_whose_clip_is_unknown_is_named(tmp_path, mtl_aqa_folder):
    folder = makers.finediving(tmp_path / "fine", lambda t: t[finediving.COARSE].pop(("01", 1)))
    labels = mtl_aqa.load(mtl_aqa_folder, mtl_aqa.FineDivingRows.read(folder))
    assert labels.manifest["01/1"].transitions == ()
    assert [(f.kind, f.dive_id) for f in labels.findings] == [("file_disagreements", "01/1")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"final_score": float("nan")}, "score is nan"),
        ({"final_score": None}, "score is missing"),
        ({"difficulty": -1.0}, "difficulty is -1"),
        ({"end_frame": 3}, "runs from frame"),
        ({"start_frame": 1.5}, "first frame is 1.5"),
        ({"judge_scores": np.array([9.0, np.nan])}, "mark is nan"),
        ({"judge_scores": 7}, "judges' marks is 7"),
        ({"rotation_type": "x"}, "rotation_type"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_row(tmp_path, changes, words):
    folder = makers.mtl_aqa(tmp_path / "a", lambda t: t[MARKS][(26, 4)].update(changes))
    with pytest.raises(DataError, match=words) as caught:
        mtl_aqa.load(folder)
    assert MARKS in str(caught.value)
    assert "26/4" in str(caught.value)


@pytest.mark.parametrize("field", ["start_frame", "final_score", "difficulty", "ss_no", "position"])
def test_a_missing_field_is_named(tmp_path, field):
    folder = makers.mtl_aqa(tmp_path / "a", lambda t: t[MARKS][(26, 4)].pop(field))
    with pytest.raises(DataError, match=f"26/4: the row has no {field}"):
        mtl_aqa.load(folder)


def test_a_split_that_names_an_unknown_dive_is_refused(tmp_path):
    folder = makers.mtl_aqa(tmp_path / "a", lambda t: t["train_split_0.pkl"].append((5, 5)))
    with pytest.raises(DataError, match="5/5, which has no labels"):
        mtl_aqa.load(folder)


def test_a_dive_in_both_splits_is_reported(tmp_path):
    folder = makers.mtl_aqa(tmp_path / "a", lambda t: t["train_split_0.pkl"].append((1, 2)))
    assert mtl_aqa.load(folder).overlap == ("01/2",)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="point --annotations"):
        mtl_aqa.load(tmp_path)


def test_the_real_labels(real_mtl_aqa, real_finediving):
    manifest = real_mtl_aqa.manifest
    assert len(manifest) == 1412
    assert (len(manifest.select("train")), len(manifest.select("test"))) == (1059, 353)
    assert all(len(dive.marks) == 7 and dive.caption for dive in manifest)
    fine = {dive.recording: dive for dive in real_finediving.manifest}
    with_transitions = [dive for dive in manifest if dive.transitions]
    assert len(with_transitions) == 1369
    assert all(fine[dive.recording].score == dive.score for dive in with_transitions)
    # Every rule of the labels' codes agrees with FineDiving's dive number but for 33 rows that are named.
    differ = [d for d in with_transitions if fine[d.recording].dive_number != d.dive_number]
    assert len(differ) == 33
    named = [f.dive_id for f in real_mtl_aqa.findings if f.kind == "dive_number_disagreements"]
    assert named == [d.dive_id for d in differ]
