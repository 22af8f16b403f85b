import json
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import stored_dives
from PIL import Image
from stored_dives import PREPROCESSING

from stagescore.data import clip_store
from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import read_manifest
from stagescore.data.preprocessing import Window
from stagescore.errors import DataError
from stagescore.media.sampling import sample_indices
from stagescore.pose.npz_files import read_npz
from stagescore.types import Dive


@pytest.fixture
def dives(tmp_path_factory) -> tuple[Dive, ...]:
    return stored_dives.dives(tmp_path_factory)


@pytest.fixture
def store(tmp_path_factory) -> ClipStore:
    return stored_dives.store(tmp_path_factory)


@pytest.fixture
def truth(tmp_path_factory) -> Path:
    return stored_dives.folder(tmp_path_factory) / "truth"


@pytest.fixture
def own(tmp_path, tmp_path_factory) -> list[Dive]:
    """A copy of the dives that a test may damage."""
    shutil.copytree(stored_dives.folder(tmp_path_factory), tmp_path / "dives")
    return list(read_manifest(tmp_path / "dives"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def clip(store: ClipStore, dive: Dive) -> tuple[np.ndarray, np.ndarray]:
    row = store[dive.dive_id].row
    return np.array(store.frames[row]), np.array(store.joints()[row])


def is_its_film(store: ClipStore, dive: Dive, places: Iterable[int]) -> None:
    """The row of a dive holds the pictures of its film."""
    indices = sample_indices(0, dive.num_frames - 1, 96)
    assert store.indices(dive.dive_id) == indices
    stored = store.frames[store[dive.dive_id].row]
    assert stored.shape == (96, 32, 56, 3)
    for place in places:
        with Image.open(Path(dive.frames_path) / f"{indices[place]:05d}.jpg") as image:
            twin = cv2.resize(np.asarray(image), (56, 32), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(stored[place], twin)


def test_the_frames_are_those_of_the_film_at_the_labelled_places(store, dives) -> None:
    for dive in dives:
        is_its_film(store, dive, (0, 40, 95))


def test_estimated_and_exact_joints_stand_side_by_side_in_heights_of_the_picture(store, dives, truth) -> None:
    middle = np.array([56, 32])
    for dive in dives:
        row = store[dive.dive_id].row
        estimated, exact = store.joints()[row], store.joints("exact")[row]
        track = read_npz(Path(dive.poses_path))
        assert estimated.dtype == np.float32
        unknown = track.confidence == 0
        twin = np.where(unknown[..., None], 0, (track.joints_px - middle) / 64)
        np.testing.assert_allclose(estimated[..., :2], twin, atol=1e-5)
        np.testing.assert_allclose(estimated[..., 2], track.confidence, atol=1e-6)
        with np.load(truth / dive.event / f"{dive.number}.npz") as arrays:
            pixels = arrays["joints_px"][list(store.indices(dive.dive_id))]
        np.testing.assert_allclose(exact[..., :2], (pixels - middle) / 64, atol=1e-5)
        assert (exact[..., 2] == 1).all()


def test_other_numbers_of_frames_take_the_nearest_poses(dives, tmp_path) -> None:
    fewer = PREPROCESSING.model_copy(update={"num_frames": 20})
    store = ClipStore.build(dives[:1], tmp_path / "clips", fewer, workers=1)
    wanted = np.array(sample_indices(0, dives[0].num_frames - 1, 20))
    posed = sample_indices(0, dives[0].num_frames - 1, 96)
    track = read_npz(Path(dives[0].poses_path))
    for place, frame in enumerate(wanted):
        pose = min(range(96), key=lambda k: abs(posed[k] - frame))
        seen = (track.joints_px[pose] - [56, 32]) / 64
        good = track.confidence[pose] > 0
        np.testing.assert_allclose(store.joints()[0, place, good, :2], seen[good], atol=1e-5)


def test_a_window_takes_its_frames_around_the_flight(dives, tmp_path) -> None:
    windowed = PREPROCESSING.model_copy(update={"num_frames": 24, "window": Window(before=0.25, after=0.5)})
    flying = [dive.with_changes(flight=(20, 60)) for dive in dives[:2]] + [dives[2]]
    store = ClipStore.build(flying, tmp_path / "clips", windowed, workers=1)
    indices = store.indices(flying[0].dive_id)
    assert indices == sample_indices(10, min(80, dives[0].num_frames - 1), 24)
    # Without a flight the whole clip is taken.
    assert store.indices(dives[2].dive_id) == sample_indices(0, dives[2].num_frames - 1, 24)
    edges = store.stages(flying[0]).edges
    assert edges[0] == 0 and edges[-1] == 24 and list(edges) == sorted(set(edges))
    moved = [dive.with_changes(flight=(22, 60)) for dive in flying[:1]]
    with pytest.raises(DataError, match="not those that were stored"):
        ClipStore.build(moved, tmp_path / "clips", windowed, workers=1)
    with pytest.raises(DataError, match="window"):
        ClipStore.open(tmp_path / "clips", PREPROCESSING.model_copy(update={"num_frames": 24}))


def test_frames_of_another_shot_are_in_no_window(dives, tmp_path) -> None:
    film = tmp_path / "film"
    film.mkdir()
    for number in range(42):
        level = 220 if number < 2 else 60 + number
        Image.new("RGB", (64, 48), (level, level, level)).save(film / f"{number:05d}.jpg")
    dive = dives[0].with_changes(
        frames_path=str(film), poses_path=None, num_frames=42, transitions=(), flight=(6, 30)
    )
    windowed = PREPROCESSING.model_copy(update={"num_frames": 24, "window": Window(before=0.25, after=0.5)})
    assert ClipStore.build([dive], tmp_path / "one", windowed, workers=1).indices(dive.dive_id)[0] == 2
    # The published way of taking frames is all of the clip.
    whole = PREPROCESSING.model_copy(update={"num_frames": 24})
    assert ClipStore.build([dive], tmp_path / "two", whole, workers=1).indices(dive.dive_id)[0] == 0


def test_a_store_of_before_named_the_first_and_the_last_frame(dives, tmp_path) -> None:
    store = ClipStore.build(dives[:2], tmp_path, PREPROCESSING, workers=1)
    index = json.loads((tmp_path / "index.json").read_text())
    clip, other = (index["clips"][dive.dive_id] for dive in dives[:2])
    del clip["frames"], other["frames"]
    clip["span"] = [3, 40]
    (tmp_path / "index.json").write_text(json.dumps(index))
    old = ClipStore.open(tmp_path, PREPROCESSING)
    assert old.indices(dives[0].dive_id) == sample_indices(3, 40, PREPROCESSING.num_frames)
    assert old.indices(dives[1].dive_id) == store.indices(dives[1].dive_id)


def test_stages_follow_from_the_labels(store, dives) -> None:
    for dive in dives:
        assert store.stages(dive) == dive.stages().resampled(store.indices(dive.dive_id))
    assert store.stages(dives[0].with_changes(transitions=())) is None


def test_two_processes_store_what_one_does_and_a_second_build_changes_nothing(
    store, dives, truth, tmp_path
) -> None:
    folder = tmp_path / "clips"
    ClipStore.build(dives[:3], folder, PREPROCESSING, truth=truth, workers=2)
    told: list[tuple[int, int]] = []
    more = ClipStore.build(
        dives, folder, PREPROCESSING, truth=truth, workers=2, progress=lambda _, *n: told.append(n)
    )
    assert told == [(3, 5), (4, 5), (5, 5)]
    for dive in dives:
        for ours, twin in zip(clip(more, dive), clip(store, dive), strict=True):
            np.testing.assert_array_equal(ours, twin)
    before = contents(folder)
    stamps = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    ClipStore.build(dives, folder, PREPROCESSING, truth=truth, workers=2)
    ClipStore.build(dives[1:2], folder, PREPROCESSING)
    assert contents(folder) == before
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from stored_dives import PREPROCESSING
from stagescore.data import clip_store
from stagescore.data.manifest import read_manifest
clip_store._DIVES_BETWEEN_NOTES = 1
whole = clip_store._write_row
def slow(path, row, content):
    if row == 2:  # half of the pixels of the third dive
        whole(path, 2 * row, content[: len(content) // 2])
        print("half", flush=True)
        time.sleep(60)
    whole(path, row, content)
clip_store._write_row = slow
clip_store.ClipStore.build(tuple(read_manifest(Path(sys.argv[2]))), Path(sys.argv[3]), PREPROCESSING, workers=1)
"""


def test_a_killed_build_is_taken_up_where_it_was(store, dives, tmp_path, truth) -> None:
    folder = tmp_path / "clips"
    program = [
        sys.executable,
        "-c",
        KILLED,
        str(Path(stored_dives.__file__).parent),
        str(truth.parent),
        str(folder),
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "half\n"
        process.kill()
    assert len(ClipStore.open(folder, PREPROCESSING)) == 2
    told: list[int] = []
    mended = ClipStore.build(
        dives, folder, PREPROCESSING, workers=1, progress=lambda _, done, total: told.append(done)
    )
    assert told == [2, 3, 4, 5]
    for dive in dives:
        for ours, twin in zip(clip(mended, dive), clip(store, dive), strict=True):
            np.testing.assert_array_equal(ours, twin)


BUILDER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from stored_dives import PREPROCESSING
from stagescore.data import clip_store
from stagescore.data.manifest import read_manifest
whole = clip_store._write_row
def slow(path, row, content):
    time.sleep(float(sys.argv[4]))
    whole(path, row, content)
clip_store._write_row = slow
dives = eval("tuple(read_manifest(Path(sys.argv[2])))" + sys.argv[5])
print("ready", flush=True)
input()
clip_store.ClipStore.build(
    dives, Path(sys.argv[3]), PREPROCESSING, workers=1, progress=lambda *told: print(*told, flush=True)
)
"""


@contextmanager
def builder(data: Path, folder: Path, which: str, pause_s: float) -> Iterator[subprocess.Popen[str]]:
    """Another process that builds a store when it is told to, and tells of its progress."""
    program = [sys.executable, "-c", BUILDER, str(Path(stored_dives.__file__).parent), str(data), str(folder)]
    with subprocess.Popen(
        [*program, str(pause_s), which],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


WAITING = "waiting for another process to store clips 0 5\n"


def test_two_processes_that_build_one_store_at_once_do_not_mix_their_dives(dives, tmp_path, truth) -> None:
    folder = tmp_path / "clips"
    with (
        builder(truth.parent, folder, "[:3]", 0.15) as first,
        builder(truth.parent, folder, "[::-1]", 0.0) as second,
    ):
        first.stdin.write("\n")
        assert first.stdout.readline() == "decoding clips 0 3\n"
        assert first.stdout.readline() == "decoding clips 1 3\n"
        second.stdin.write("\n")
        assert second.stdout.readline() == "decoding clips 0 5\n"
        assert second.stdout.readline() == WAITING
        assert first.stdout.read() == "decoding clips 2 3\ndecoding clips 3 3\n"
        rest = second.stdout.read().replace(WAITING, "")
        assert rest == "decoding clips 4 5\ndecoding clips 5 5\n"  # only what the first one has not
        assert first.wait() == second.wait() == 0
    both = ClipStore.open(folder, PREPROCESSING)
    assert sorted(clip.row for clip in both.clips.values()) == [0, 1, 2, 3, 4]
    for dive in dives:
        is_its_film(both, dive, range(96))


def test_a_killed_builder_does_not_block_the_one_that_waits(dives, tmp_path, truth) -> None:
    folder = tmp_path / "clips"
    with (
        builder(truth.parent, folder, "", 0.15) as first,
        builder(truth.parent, folder, "[::-1]", 0.0) as second,
    ):
        first.stdin.write("\n")
        assert first.stdout.readline() == "decoding clips 0 5\n"
        assert first.stdout.readline() == "decoding clips 1 5\n"
        second.stdin.write("\n")
        assert second.stdout.readline() == "decoding clips 0 5\n"
        assert second.stdout.readline() == WAITING
        first.kill()
        assert second.stdout.read().endswith("decoding clips 5 5\n")
        assert second.wait() == 0
        assert first.wait() == -signal.SIGKILL
    for dive in dives:
        is_its_film(ClipStore.open(folder, PREPROCESSING), dive, range(96))


def test_a_finished_store_is_opened_without_a_lock(store, dives, truth, monkeypatch) -> None:
    def refused(*_, **__):
        raise AssertionError("nothing is to be written")

    for name in ("alone_in", "_create", "_write_index"):
        monkeypatch.setattr(clip_store, name, refused)
    assert ClipStore.build(dives, store.folder, PREPROCESSING, truth=truth).clips == store.clips
    assert ClipStore.open(store.folder, PREPROCESSING).clips == store.clips


def test_exact_joints_can_be_added_later(store, dives, truth, tmp_path) -> None:
    plain = ClipStore.build(dives[:2], tmp_path / "clips", PREPROCESSING, workers=1)
    assert plain[dives[0].dive_id].joints == ("estimated",)
    assert not plain.joints("exact").any()
    both = ClipStore.build(dives[:2], tmp_path / "clips", PREPROCESSING, truth=truth, workers=1)
    assert both[dives[0].dive_id].joints == ("estimated", "exact")
    np.testing.assert_array_equal(
        both.joints("exact")[both[dives[0].dive_id].row], store.joints("exact")[store[dives[0].dive_id].row]
    )


def test_another_number_or_size_of_frames_is_refused_and_another_crop_is_not(store) -> None:
    for change in ({"num_frames": 48}, {"width": 64}, {"height": 40}):
        with pytest.raises(DataError, match="build in another folder"):
            ClipStore.open(store.folder, PREPROCESSING.model_copy(update=change))
    wider = PREPROCESSING.model_copy(update={"crop_width": 56})
    assert ClipStore.open(store.folder, wider).preprocessing == wider


def test_frames_that_have_changed_are_refused(own, tmp_path) -> None:
    ClipStore.build(own[:2], tmp_path / "clips", PREPROCESSING, workers=1)
    poses = Path(own[0].poses_path)
    shutil.copy(own[1].poses_path, poses)
    with pytest.raises(DataError, match=f"{own[0].dive_id}.*not those"):
        ClipStore.build(own[:2], tmp_path / "clips", PREPROCESSING, workers=1)


def test_a_damaged_film_is_named_or_left_out(own, tmp_path) -> None:
    folder, bad = tmp_path / "clips", own[1]
    frame = Path(bad.frames_path) / "00010.jpg"
    frame.write_bytes(frame.read_bytes()[:300])
    with pytest.raises(DataError, match=rf"{bad.dive_id} is damaged \(1 images") as caught:
        ClipStore.build(own[:3], folder, PREPROCESSING, workers=1)
    assert caught.value.todo
    assert own[0].dive_id in ClipStore.open(folder, PREPROCESSING)  # what went before is kept
    store = ClipStore.build(own[:3], folder, PREPROCESSING, workers=1, skip=True)
    assert set(store.clips) == {own[0].dive_id, own[2].dive_id}
    assert list(ClipStore.open(folder, PREPROCESSING).left_out) == [bad.dive_id]
    with pytest.raises(DataError, match="is damaged"):
        store.indices(bad.dive_id)
    assert ClipStore.build(own[:1], folder, PREPROCESSING).left_out == store.left_out
    shutil.copy(frame.with_name("00009.jpg"), frame)
    mended = ClipStore.build(own[:3], folder, PREPROCESSING, workers=1)
    assert len(mended) == 3
    assert not mended.left_out


def test_a_dive_without_frames_or_with_too_few_is_named(own, tmp_path) -> None:
    for bad in (own[0].with_changes(frames_path=None), own[0].with_changes(frames_path=str(tmp_path / "no"))):
        with pytest.raises(DataError, match=own[0].dive_id):
            ClipStore.build([bad], tmp_path / "clips", PREPROCESSING, workers=1)
    (Path(own[0].frames_path) / "00000.jpg").unlink()
    with pytest.raises(DataError, match=f"{own[0].dive_id} has {own[0].num_frames - 1} frames"):
        ClipStore.build(own[:1], tmp_path / "clips", PREPROCESSING, workers=1)


def test_a_torn_store_is_noticed(store, tmp_path) -> None:
    for number, damage in enumerate(
        (
            lambda f: (f / "index.json").write_text('{"version": 1'),
            lambda f: (f / "index.json").write_text("[]"),
            lambda f: (f / "frames.u8").write_bytes((f / "frames.u8").read_bytes()[:-1]),
            lambda f: (f / "joints.f32").unlink(),
        )
    ):
        folder = shutil.copytree(store.folder, tmp_path / str(number))
        damage(folder)
        with pytest.raises(DataError, match="build again"):
            ClipStore.open(folder, PREPROCESSING)
    with pytest.raises(DataError, match="build the store first"):
        ClipStore.open(tmp_path / "none", PREPROCESSING)


def test_a_store_goes_to_other_processes_without_its_pixels(store) -> None:
    assert len(pickle.dumps(store)) < 5000
    again = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(again.frames[0], store.frames[0])
