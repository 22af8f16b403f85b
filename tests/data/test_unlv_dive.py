"""UNLV-Dive in both forms: films with a table, and the published arrays with padded AVIs."""

import numpy as np
import pytest
import unlv_makers
from unlv_makers import MARKS

from stagescore.data import unlv_dive
from stagescore.data.clip_store import ClipStore
from stagescore.data.preprocessing import Preprocessing
from stagescore.errors import DataError


def other(fine=None):
    return unlv_dive.OtherLabels(mtl=unlv_makers.mtl_dives(), finediving=fine or {})


def attach(labels, folder):
    return unlv_dive.attach_films(labels, folder, lambda what, done, total: None)


def found(labels, kind):
    return [(f.dive_id, f.what) for f in labels.findings if f.kind == kind]


@pytest.fixture
def folder(tmp_path):
    """The arrays, and a table of four films."""
    rows = [unlv_makers.row(film) for film in (254, 2, 80, 300)]
    return unlv_makers.table(unlv_makers.arrays(tmp_path / "unlv"), *rows)


def test_a_table_is_read_with_every_column(folder):
    labels, warnings = unlv_dive.load(folder)
    assert warnings == ()
    assert labels.findings == ()
    assert [dive.dive_id for dive in labels.manifest] == [
        "final/2",
        "semi-final/80",
        "heats/254",
        "heats/300",
    ]
    dive = labels.manifest["heats/254"]
    assert dive.recording == "mtl-aqa/1/76"  # two heats dives before it have no film
    assert (dive.dataset, dive.split, dive.height_m, dive.height_source) == (
        "unlv-dive",
        "train",
        10.0,
        "named",
    )
    assert (dive.score, dive.difficulty, dive.dive_number) == (unlv_makers.scores()[254], 3.2, "407C")
    assert (dive.marks, dive.hand_marks, dive.transitions) == ((7.0,) * 7, MARKS, (19, 59))
    assert dive.athlete is not None
    assert labels.manifest["semi-final/80"].split == "test"


def test_both_forms_say_the_same_of_the_same_films(folder, tmp_path):
    published = unlv_dive.load(unlv_makers.arrays(tmp_path / "published"), other())[0].manifest
    assert len(published) == 370
    assert len(published.select("test")) == len(unlv_makers.TEST_FILMS)
    for dive in unlv_dive.load(folder)[0].manifest:
        same = published[dive.dive_id].with_changes(dive_number=dive.dive_number)
        assert same == dive


def test_films_are_found_in_mtl_aqa_by_the_order_of_their_scores():
    linked = unlv_dive.link_films(unlv_makers.scores(), unlv_makers.mtl_dives())
    assert linked == {film: number for film, number in unlv_makers.mtl_ids().items() if film != 73}


def test_without_the_scores_of_all_films_the_athletes_are_unknown(tmp_path):
    labels, (warning,) = unlv_dive.load(unlv_makers.table(tmp_path, unlv_makers.row(2)))
    assert labels.manifest["final/2"].athlete is None
    assert "athletes are unknown" in warning
    assert "--other" in unlv_dive.load(unlv_makers.arrays(tmp_path / "b"))[1][0]


def test_every_kind_of_odd_row_is_named_and_kept(tmp_path):
    rows = [
        unlv_makers.row(32, jump_begins=32, drop_begins=28),
        unlv_makers.row(217, dive_number="626C", armstand=1, rotation_type=3, half_somersaults=6),
        unlv_makers.row(73, dive_number="", position="", armstand="", marks="", mtl_event="", mtl_id=""),
        unlv_makers.row(75, dive_number=""),
        unlv_makers.row(23, difficulty=3.3),
    ]
    folder = unlv_makers.table(unlv_makers.arrays(tmp_path), *rows)
    fine = unlv_makers.mtl_dives()
    labels, _ = unlv_dive.load(
        folder, other({name: dive for name, dive in fine.items() if name.startswith("mtl-aqa/3")})
    )
    assert [name for name, _ in found(labels, "transitions")] == ["final/32"]
    ((name, what),) = found(labels, "dive_number_disagreements")
    assert name == "heats/217"
    assert "636C" in what
    assert "626C" in what
    assert [name for name, _ in found(labels, "missing_labels")] == ["semi-final/73"]
    assert found(labels, "difficulty_disagreements") == [
        ("final/23", "407C has difficulty 3.3, FineDiving has 3.2")
    ]
    assert "difficulty: 3.3 in films.csv" in found(labels, "file_disagreements")[0][1]
    manifest = labels.manifest
    assert len(manifest) == 5
    assert (manifest["final/32"].transitions, manifest["final/32"].hand_marks) == ((), (32, 28, 59, 68))
    assert manifest["heats/217"].dive_number == "626C"
    assert manifest["semi-final/73"].dive_number is None
    assert manifest["semi-final/73"].recording == "unlv-dive/semi-final/73"
    assert manifest["semi-final/75"].dive_number == "407C"  # from the codes


def test_films_are_attached_and_labels_moved_past_black_frames(folder, tmp_path):
    films = tmp_path / "films"
    unlv_makers.film(films / "002.mp4", stray=1)
    unlv_makers.film(films / "254.avi", black=61)  # as published: 151 frames
    unlv_makers.film(films / "080.mp4", num_frames=60)
    labels, (warning,) = attach(unlv_dive.load(folder)[0], films)
    assert "1 films begin or end with black frames" in warning
    plain, padded = labels.manifest["final/2"], labels.manifest["heats/254"]
    assert (plain.num_frames, plain.hand_marks, plain.transitions) == (90, MARKS, (19, 59))
    assert padded.num_frames == 151
    assert padded.hand_marks == tuple(61 + mark for mark in MARKS)
    assert padded.transitions == (61 + 19, 61 + 59)
    assert padded.stages().edges == (0, 81, 121, 151)
    assert padded.frames_path == str((films / "254.avi").resolve())
    assert found(labels, "other_shots") == [("final/2", "the film begins with 1 frame of another shot")]
    assert found(labels, "missing_frames") == [("heats/300", f"no film 300 in {films}")]
    assert [name for name, _ in found(labels, "frame_problems")] == ["semi-final/80"]


def test_a_stored_clip_holds_no_black_frame_and_its_stages_fit(folder, tmp_path):
    films = tmp_path / "films"
    for name, black in (("002.mp4", 0), ("254.avi", 61)):
        unlv_makers.film(films / name, black=black)
    manifest = attach(unlv_dive.load(folder)[0], films)[0].manifest
    dives = [manifest["final/2"], manifest["heats/254"]]
    preprocessing = Preprocessing(num_frames=45, width=32, height=24, crop_width=24, crop_height=24)
    store = ClipStore.build(dives, tmp_path / "clips", preprocessing, workers=1)
    plain, padded = (store.frames[store[dive.dive_id].row] for dive in dives)
    assert padded.min() > 60
    assert np.abs(padded.astype(int) - plain.astype(int)).max() < 12
    assert store.indices("heats/254") == tuple(61 + index for index in store.indices("final/2"))
    assert store.stages(dives[0]) == store.stages(dives[1])
    again = ClipStore.open(tmp_path / "clips", preprocessing)
    assert again.indices("heats/254") == store.indices("heats/254")


def test_a_damaged_film_is_named_and_stops_nothing(folder, tmp_path):
    films = tmp_path / "films"
    unlv_makers.film(films / "002.mp4")
    (films / "254.mp4").write_bytes(b"no film")
    labels, _ = attach(unlv_dive.load(folder)[0], films)
    assert [name for name, _ in found(labels, "frame_problems")] == ["heats/254"]
    assert labels.manifest["heats/254"].frames_path is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": 371}, "film 371"),
        ({"id": "x"}, "the id is 'x'"),
        ({"final_score": "nan"}, "final_score is 'nan'"),
        ({"final_score": -3}, "score is -3"),
        ({"jump_begins": 1.5}, "jump_begins is 1.5"),
        ({"dive_number": "9999Z"}, "is no dive number"),
        ({"marks": "7 x"}, "marks are"),
        ({"difficulty": ""}, "difficulty is ''"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_row(tmp_path, changes, words):
    folder = unlv_makers.table(tmp_path, unlv_makers.row(2, **changes))
    with pytest.raises(DataError, match=words) as caught:
        unlv_dive.load(folder)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"final_score": np.zeros(3)}, "shapes"),
        ({"final_score": np.array([object()] * 370)}, "cannot read"),
        ({"test_id": np.array([1])}, "every film on one side"),
        ({"stage_ends": np.zeros((370, 3), int)}, "shapes"),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path, changes, words):
    with pytest.raises(DataError, match=words):
        unlv_dive.load(unlv_makers.arrays(tmp_path, changes))


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / unlv_dive.ARRAYS).write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot read the labels"):
        unlv_dive.load(tmp_path)


def test_a_film_that_stands_twice_and_a_missing_column_are_refused(tmp_path):
    with pytest.raises(DataError, match="film 2 stands twice"):
        unlv_dive.load(unlv_makers.table(tmp_path, unlv_makers.row(2), unlv_makers.row(2)))
    (tmp_path / "films.csv").write_text("id,final_score\n1,50\n")
    with pytest.raises(DataError, match="no column 'difficulty'"):
        unlv_dive.load(tmp_path)
    with pytest.raises(DataError, match="point --annotations"):
        unlv_dive.load(tmp_path / "none")


@pytest.fixture(scope="module")
def real(shared, real_finediving, real_mtl_aqa):
    """Real labels in both forms, and where they lie."""
    folder = shared / "data" / "unlv_dive"
    if not (folder / unlv_dive.TABLE).is_file():
        pytest.skip("no real UNLV-Dive beside the project")
    known = unlv_dive.OtherLabels(
        mtl={dive.recording: dive for dive in real_mtl_aqa.manifest},
        finediving={dive.recording: dive for dive in real_finediving.manifest},
    )
    return unlv_dive.load(folder, known)[0], known, folder


def test_the_real_labels(real):
    labels, known, _ = real
    manifest = labels.manifest
    assert (len(manifest), len(manifest.select("train"))) == (300, 300)
    assert {dive.athlete for dive in manifest} == {str(n) for n in range(1, 33)}
    assert found(labels, "file_disagreements") == []
    assert {name for name, _ in found(labels, "dive_number_disagreements")} == {"heats/217", "heats/246"}
    assert {name for name, _ in found(labels, "transitions")} == {"final/32", "semi-final/95"}
    assert {name for name, _ in found(labels, "missing_labels")} == {"semi-final/73"}
    assert len(found(labels, "difficulty_disagreements")) == 47
    assert [dive.number for dive in manifest if dive.dive_number is None] == [73]
    for dive in manifest:
        if dive.recording in known.mtl:
            assert known.mtl[dive.recording].score == dive.score


def test_the_real_published_form_says_the_same(real, tmp_path):
    labels, known, folder = real
    (tmp_path / unlv_dive.ARRAYS).write_bytes((folder / unlv_dive.ARRAYS).read_bytes())
    published = unlv_dive.load(tmp_path, known)[0].manifest
    assert (len(published.select("train")), len(published.select("test"))) == (300, 70)
    assert [published[dive.dive_id] for dive in labels.manifest] == list(labels.manifest)


@pytest.mark.slow
def test_the_real_films(real):
    labels, warnings = attach(real[0], real[2] / unlv_dive.FILMS)
    assert warnings == ()
    assert found(labels, "missing_frames") == found(labels, "frame_problems") == []
    assert len(found(labels, "other_shots")) == 92
    assert sum(dive.stages() is not None for dive in labels.manifest) == 298


@pytest.mark.parametrize("change", [{"flag": 1}, {"method": 99}], ids=["encrypted", "unknown method"])
def test_arrays_that_nobody_can_unpack_are_one_line(tmp_path, change):
    path = unlv_makers.arrays(tmp_path / "unlv") / unlv_dive.ARRAYS
    content = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(mark)
        content[at + flags] |= change.get("flag", 0)
        content[at + flags + 2] = change.get("method", content[at + flags + 2])
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="cannot read the labels") as caught:
        unlv_dive.load(path.parent)
    assert "\n" not in str(caught.value)
