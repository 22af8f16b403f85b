import hashlib
import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stagescore.data import finediving
from stagescore.data.attachments import attach
from stagescore.data.legacy_pickle import loads
from stagescore.data.manifest import read_manifest
from stagescore.diving import DiveNumber, score_from_marks
from stagescore.errors import DataError
from stagescore.locking import alone_in
from stagescore.media.sampling import sample_indices
from stagescore.pose.npz_files import read_npz
from stagescore.simulate.dataset import Order, SimulatedFilm, Stage, make_dive, simulate_dataset
from stagescore.simulate.labels import choose_test, sub_actions
from stagescore.simulate.plain_pickle import dumps
from stagescore.simulate.write import npz_bytes, read_record, write_dive

sys.path.insert(0, str(Path(__file__).parent))  # worker processes inherit it

import standins_of_simulation as standins

ORDER = Order(num_dives=16, seed=2, size_px=(48, 32))


def quiet(what: str, done: int, total: int) -> None: ...


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("made") / "dives"
    simulate_dataset(out, ORDER, stage=standins.STAGE)
    return out


def loaded(out: Path):
    labels = finediving.load(out / "annotations")
    return attach(labels, frames=out / "frames", poses=out / "poses", progress=quiet)


# What is written


def test_the_loader_of_finediving_reads_it_without_a_complaint(made: Path) -> None:
    labels = loaded(made)
    assert not labels.findings
    assert len(labels.manifest) == ORDER.num_dives
    for dive in labels.manifest:
        assert dive.stages() is not None
        assert dive.transitions == dive.label_changes
        assert len(dive.sub_actions) == len(dive.transitions) + 1
        assert not dive.synchronised
        assert len(list(Path(dive.frames_path).iterdir())) == dive.num_frames
        assert read_npz(Path(dive.poses_path)).num_frames == 96


def test_the_manifest_says_the_same_and_can_be_moved(made: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(made, moved)
    manifest = read_manifest(moved)
    assert [d.dive_id for d in manifest] == [d.dive_id for d in loaded(moved).manifest]
    assert {d.dataset for d in manifest} == {"simulated"}
    for dive in manifest:
        assert (moved / dive.frames_path / "00000.jpg").is_file()
        assert (moved / dive.poses_path).is_file()
        assert dive.recording == f"simulated/{dive.dive_id}"
    assert len(manifest.select("test")) > 0


def test_what_a_model_must_not_see_is_only_in_truth(made: Path) -> None:
    manifest = (made / "manifest.jsonl").read_text()
    assert '"marks": []' in manifest
    assert "named" not in {dive.height_source for dive in read_manifest(made)}
    assert not (made / "annotations" / finediving.COARSE).exists()
    for path in (made / "annotations").iterdir():
        assert b"judge_scores" not in path.read_bytes()
    coarse = finediving.load_coarse(made / "truth")
    for dive in read_manifest(made):
        row = coarse[dive.event, dive.number]
        assert row.end_frame - row.start_frame + 1 == dive.num_frames
        assert len(row.marks) == 7
        assert score_from_marks(row.marks, row.difficulty) == row.score == dive.score


def test_the_truth_holds_plan_judgement_and_exact_motion(made: Path) -> None:
    dive = make_dive(ORDER, 3, standins.STAGE)
    record = read_record(made, dive.event, dive.number)
    assert record["plan"]["faults"]["low_jump_m"] == dive.plan.faults.low_jump_m
    assert record["plan"]["number"] == dive.plan.number.code
    assert tuple(record["marks"]) == dive.judgement.marks
    assert record["first_airborne_frame"] == dive.motion.first_airborne_frame
    assert record["splash"]["size"] == dive.splash.size
    with np.load(made / "truth" / dive.event / f"{dive.number}.npz") as arrays:
        np.testing.assert_allclose(arrays["joints_m"], dive.motion.joints_m, atol=1e-5)
        pictures = list(dive.pictures)
        np.testing.assert_allclose(arrays["joints_px"], [p.joints_px for p in pictures], atol=1e-2)
        assert arrays["diver_box"].shape == (len(pictures), 4)
        assert np.isnan(arrays["diver_box"][-1]).all()
        np.testing.assert_array_equal(arrays["people_boxes"][:, 0], np.arange(len(pictures)))
        assert arrays["splash_area_px"][0] == 0 < arrays["splash_area_px"][-1]
        exact = arrays["joints_px"]
    track = read_npz(made / "poses" / dive.event / f"pred_comp_{dive.number}.npz")
    sampled = exact[list(sample_indices(0, len(exact) - 1, 96))]
    error = np.linalg.norm(track.joints_px - sampled, axis=-1)
    assert 0 < np.median(error) < 20
    assert track.known.all()


def test_frames_are_the_pictures_with_red_first(made: Path, tmp_path: Path) -> None:
    dive = make_dive(ORDER, 0, standins.STAGE)
    with Image.open(made / "frames" / dive.event / str(dive.number) / "00000.jpg") as image:
        written = np.asarray(image.convert("RGB"), dtype=float)
    drawn = next(iter(dive.pictures)).image.astype(float)
    assert written.shape == drawn.shape
    assert np.abs(written.mean((0, 1)) - drawn.mean((0, 1))).max() < 3


# The same bytes, whatever happens


def test_two_workers_write_the_same_bytes(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    simulate_dataset(out, ORDER, workers=2, stage=standins.STAGE)
    assert digests(out) == digests(made)


def test_resuming_mends_what_is_missing_and_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "resumed"
    shutil.copytree(made, out)
    (out / "manifest.jsonl").unlink()
    first, second, third, fourth = sorted((out / "truth").glob("Sim*/*.json"))[:4]
    first.unlink()  # killed after the frames
    shutil.rmtree(out / "frames" / second.parent.name / second.stem)
    (out / "frames" / third.parent.name / third.stem / "00004.jpg").write_bytes(b"")  # lost by the system
    (out / "poses" / fourth.parent.name / f"pred_comp_{fourth.stem}.npz").unlink()
    part = out / "frames" / second.parent.name / f".{second.stem}.part"
    part.mkdir()
    (part / "00000.jpg").write_bytes(b"torn")
    made_anew = []

    def dive(plan):
        made_anew.append(plan)
        return standins.dive(plan)

    told: list[tuple[int, int]] = []
    simulate_dataset(
        out,
        ORDER,
        resume=True,
        stage=Stage(dive=dive, film=standins.film),
        progress=lambda what, done, total: told.append((done, total)) if what == "dives" else None,
    )
    assert len(made_anew) == 4
    assert told == [(done, 16) for done in range(12, 17)]
    assert digests(out) == digests(made)


def test_a_failure_leaves_whole_dives_and_resuming_goes_on(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "failing"
    seen = []

    def breaking(motion, splash, plan, size_px):
        seen.append(plan)

        def pictures():
            for frame, picture in enumerate(standins.pictures(motion, splash, plan, size_px)):
                if len(seen) == 3 and frame == 20:
                    raise DataError("the disk is full", where=out, todo="free some space")
                yield picture

        return SimulatedFilm(pictures(), 85)

    with pytest.raises(DataError, match="disk is full"):
        simulate_dataset(out, ORDER, stage=Stage(dive=standins.dive, film=breaking))
    assert len(list((out / "truth").glob("Sim*/*.json"))) == 2
    assert not (out / "manifest.jsonl").exists()
    simulate_dataset(out, ORDER, resume=True, stage=standins.STAGE)
    assert digests(out) == digests(made)


def test_a_second_process_waits_for_the_first(made: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        assert what.startswith("waiting")
        raise StopError

    out = shutil.copytree(made, tmp_path / "copy")
    with alone_in(out / "truth"), pytest.raises(StopError):
        simulate_dataset(out, ORDER, resume=True, stage=standins.STAGE, progress=stop)
    simulate_dataset(out, ORDER, resume=True, stage=standins.STAGE)
    assert digests(out) == digests(made)


def test_more_dives_can_be_added(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "more"
    simulate_dataset(out, Order(num_dives=5, seed=2, size_px=(48, 32)), stage=standins.STAGE)
    simulate_dataset(out, ORDER, resume=True, stage=standins.STAGE)
    assert digests(out) == digests(made)


def test_a_folder_begun_before_there_were_fault_augmented_dives_can_be_gone_on_with(
    made: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(made, tmp_path / "old")
    order = json.loads((out / "truth" / "order.json").read_text())
    del order["fault_augmented"]
    (out / "truth" / "order.json").write_text(json.dumps(order))
    simulate_dataset(out, ORDER, resume=True, stage=standins.STAGE)
    assert digests(out) == digests(made)


def test_a_folder_in_use_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not empty"):
        simulate_dataset(made, ORDER, stage=standins.STAGE)
    for other, what in (
        (Order(num_dives=16, seed=3, size_px=(48, 32)), "seed"),
        (Order(num_dives=16, seed=2, size_px=(64, 32)), "size_px"),
        (Order(num_dives=4, seed=2, size_px=(48, 32)), "16 dives"),
        (Order(num_dives=16, seed=2, size_px=(48, 32), fault_augmented=True), "fault_augmented"),
    ):
        with pytest.raises(DataError, match=what):
            simulate_dataset(made, other, resume=True, stage=standins.STAGE)
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(DataError, match="no simulation"):
        simulate_dataset(tmp_path, ORDER, resume=True, stage=standins.STAGE)


@pytest.mark.parametrize("wrong", [{"num_dives": 1}, {"size_px": (8, 8)}])
def test_impossible_orders_are_refused(wrong) -> None:
    with pytest.raises(DataError):
        Order(**{"num_dives": 4, **wrong})


def test_a_film_that_is_too_short_is_refused(tmp_path: Path) -> None:
    def short(motion, splash, plan, size_px):
        return SimulatedFilm(list(standins.pictures(motion, splash, plan, size_px))[:-1], 85)

    with pytest.raises(DataError, match="pictures of"):
        write_dive(make_dive(ORDER, 0, Stage(dive=standins.dive, film=short)), tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_archives_carry_no_time() -> None:
    assert b"\x21\x00" in npz_bytes({"a": np.arange(3)})[:16]  # 1 January 1980
    assert npz_bytes({"a": np.arange(3)}) == npz_bytes({"a": np.arange(3)})


# Labels


@pytest.mark.parametrize(
    ("code", "count", "expected"),
    [
        ("107B", 3, {1: "Forward", 17: "3.5 Soms.Pike", 36: "Entry"}),
        ("407C", 3, {4: "Inward", 25: "3.5 Soms.Tuck", 36: "Entry"}),
        ("301B", 3, {3: "Reverse", 37: "0.5 Som.Pike", 36: "Entry"}),
        ("6243D", 4, {6: "Arm.Back", 31: "1.5 Twists", 14: "2 Soms.Pike", 36: "Entry"}),
        ("612B", 3, {5: "Arm.Forward", 12: "1 Som.Pike", 36: "Entry"}),
        ("5152B", 5, {1: "Forward", 15: "2.5 Soms.Pike", 30: "1 Twist", 36: "Entry"}),
    ],
)
def test_sub_actions_are_numbered_and_named_as_finediving_does(code, count, expected) -> None:
    found = sub_actions(DiveNumber.parse(code), count)
    assert len(found) == count
    assert dict(found) == expected


def test_every_tested_dive_number_is_trained_on() -> None:
    random = np.random.default_rng(0)
    codes = {("e", k): f"{int(random.integers(30) ** 1.5)}" for k in range(400)}
    splits = choose_test(codes, 0)
    test = [key for key, split in splits.items() if split == "test"]
    assert abs(len(test) - 100) < 12
    trained = {codes[key] for key, split in splits.items() if split == "train"}
    assert {codes[key] for key in test} <= trained
    assert choose_test(codes, 0) == splits != choose_test(codes, 1)
    assert sorted(choose_test({("e", 1): "107B", ("e", 2): "207C"}, 0).values()) == ["test", "train"]
    assert list(choose_test(codes, 0, share=0.02).values()).count("test") == pytest.approx(8, abs=2)
    assert list(choose_test(codes, 0, share=0.0).values()).count("test") == 1


# Pickles


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, 255, 256, -1, 2**31, -(2**40), 2**62, 0.1, -0.0, "", "grüß\n", (), (1,), [], {},
        {("e", 1): ["107b", 88.0, (1, 2, 3, 4), {"a": None}]},
        [[i, str(i)] for i in range(2000)],
    ],
)  # fmt: skip
def test_plain_data_survive_both_readers(value) -> None:
    content = dumps(value)
    assert pickle.loads(content) == value == loads(content)
    assert type(pickle.loads(content)) is type(value)


@pytest.mark.parametrize("array", [np.arange(5), np.array([], dtype=np.int64), np.array([-1, 2**40])])
def test_arrays_survive_both_readers(array) -> None:
    for read in (pickle.loads, loads):
        back = read(dumps({"a": [array]}))["a"][0]
        assert back.dtype == np.int64
        np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "value", [2**70, {1, 2}, object(), np.float64(1.0), np.zeros(3), np.zeros((2, 2), np.int64), print, b"x"]
)
def test_everything_else_is_refused(value) -> None:
    with pytest.raises(DataError, match="pickle"):
        dumps([value])


def test_endless_data_are_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(DataError, match="deep"):
        dumps(endless)


def test_the_record_is_json_without_nan(made: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    for path in (made / "truth").glob("Sim*/*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
