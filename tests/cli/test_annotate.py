"""`stagescore annotate` end to end, with tiny networks that always answer the same."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.locking import alone_in
from stagescore.media import open_media
from stagescore.media.film_writing import write_film
from stagescore.pose.labels import read_labels
from stagescore.pose.npz_files import read_npz

sys.path.insert(0, str(Path(__file__).parents[1] / "pose"))

from made_clips import SIZE, Clip
from made_onnx import INT32, network

pytest.importorskip("onnxruntime")


def run(*arguments):
    return CliRunner().invoke(app, ["annotate", *map(str, arguments)])


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A detector that always sees somebody in the middle, and an estimator that always finds the same joints."""
    folder = tmp_path_factory.mktemp("networks")
    people = np.zeros((1, 6, 56))
    scale = 384 / SIZE[0]  # the picture is shown 384 wide, 256 high
    people[0, 0, 51:] = np.array((62, 102, 98, 138, 0)) * scale / (256, 384, 256, 384, 1)
    people[0, 0, 55] = 0.5
    (folder / "detector.onnx").write_bytes(network([people], (1, "h", "w", 3), INT32))
    columns, rows = np.zeros((1, 16, 96)), np.zeros((1, 16, 128))
    for joint in range(16):
        columns[0, joint, 30 + 2 * joint], rows[0, joint, 40 + 3 * joint] = 0.9, 0.9
    (folder / "estimator.onnx").write_bytes(network([columns, rows]))
    return ["--detector", folder / "detector.onnx", "--estimator", folder / "estimator.onnx"]


def images(folder, clip):
    folder.mkdir(parents=True)
    for t, frame in enumerate(clip.frames):
        cv2.imwrite(str(folder / f"{t + 1:05d}.png"), frame[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    write_film(folder / "long.mp4", Clip(num_frames=20).frames, 25)
    write_film(folder / "short.mp4", Clip(num_frames=12).frames, 25)
    return folder


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_images_is_one_clip_with_all_its_files(tmp_path, networks):
    source = images(tmp_path / "dive 7", Clip(num_frames=20))
    done = run(source, "--out", tmp_path / "out", *networks, "--json")
    assert done.exit_code == 0, done.output
    (clip,) = json.loads(done.stdout)["clips"]
    folder = tmp_path / "out" / "dive 7"
    track = read_npz(folder / "pred_comp_dive 7.npz")
    assert track.num_frames == 20
    with np.load(folder / "pred_comp_dive 7.npz") as archive:
        assert archive["pred"].shape == (20, 16, 3)
        assert {a.shape for a in (archive["measured"], archive["filled"], archive["derived"])} == {(20, 16)}
    for labels in (folder / "annotations.json", folder / "coco.json", folder / "labelme"):
        read = read_labels(labels)
        assert [one.image for one in read] == [f"{t + 1:05d}.png" for t in range(20)]
        np.testing.assert_allclose(read[3].joints_px, track.joints_px[3], atol=1e-3)
    assert len(list((folder / "labelme").iterdir())) == 20
    assert open_media(folder / "overlay.mp4").num_frames == 20
    quality = json.loads((folder / "quality.json").read_text())
    assert quality["share_measured"] > 0.9
    assert any("end in the air" in warning for warning in quality["warnings"])
    assert not quality["needs_review"]
    assert quality["networks"]["detector"]["name"] == "detector.onnx"
    assert clip["share_measured"] == quality["share_measured"]


def test_a_folder_of_films_is_a_batch_and_a_bad_one_never_stops_it(tmp_path, networks, films):
    batch = tmp_path / "batch"
    batch.mkdir()
    for film in films.iterdir():
        (batch / film.name).write_bytes(film.read_bytes())
    (batch / "bad.mp4").write_bytes(b"no film" * 100)
    (batch / "notes.txt").write_text("no film either")
    done = run(batch, tmp_path / "nowhere", "--out", tmp_path / "out", *networks, "--workers", "1")
    assert done.exit_code == 1
    assert "2 of 4 clips failed" in done.stderr
    assert "bad.mp4" in done.stderr
    assert "nowhere" in done.stderr
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if (p / "quality.json").is_file()) == [
        "long",
        "short",
    ]


def test_the_result_does_not_depend_on_the_workers_nor_on_being_stopped(tmp_path, networks, films):
    for name, workers in (("one", 1), ("two", 2)):
        done = run(films, "--out", tmp_path / name, *networks, "--workers", workers)
        assert done.exit_code == 0, done.output
    whole = files(tmp_path / "one")
    assert whole == files(tmp_path / "two")
    (tmp_path / "one" / "long" / "quality.json").unlink()  # as if stopped before its end
    (tmp_path / "one" / "long" / "coco.json").write_text("torn")
    (tmp_path / "one" / "long" / "labelme" / "of-other-frames.json").write_text("{}")
    untouched = (tmp_path / "one" / "short" / "coco.json").stat().st_mtime_ns
    assert run(films, "--out", tmp_path / "one", *networks, "--workers", "1").exit_code == 0
    assert files(tmp_path / "one") == whole
    assert (tmp_path / "one" / "short" / "coco.json").stat().st_mtime_ns == untouched


def test_a_done_clip_is_not_taken_for_another(tmp_path, networks, films):
    assert run(films / "short.mp4", "--out", tmp_path, *networks).exit_code == 0
    done = run(films / "short.mp4", "--out", tmp_path, *networks, "--frames", "96")
    assert done.exit_code == 1
    assert "other --frames" in done.stderr


def test_two_processes_do_not_write_into_one_folder(tmp_path, networks, films):
    with alone_in(tmp_path / "out"):
        done = run(films / "short.mp4", *networks, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "another process" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_96_rows_as_in_finediving_pose(tmp_path, networks, films):
    assert run(films / "short.mp4", "--out", tmp_path, *networks, "--frames", "96").exit_code == 0
    track = read_npz(tmp_path / "short" / "pred_comp_short.npz")
    assert track.num_frames == 96
    assert len(list((tmp_path / "short" / "labelme").iterdir())) == 96
    assert json.loads((tmp_path / "short" / "quality.json").read_text())["frames"] == 96
    assert open_media(tmp_path / "short" / "overlay.mp4").num_frames == 96


def test_two_clips_of_one_name_are_not_mixed(tmp_path, networks, films):
    copy = tmp_path / "short.mp4"
    copy.write_bytes((films / "short.mp4").read_bytes())
    done = run(films / "short.mp4", copy, "--out", tmp_path / "out", *networks, "--workers", "1")
    assert done.exit_code == 1
    assert "another clip is called short" in done.stderr
    assert (tmp_path / "out" / "short" / "quality.json").is_file()


def test_tiny_pictures_and_a_single_frame_need_review(tmp_path, networks):
    rng = np.random.default_rng(0)
    for name, frames, side in (("tiny", 10, 20), ("single", 1, 160)):
        (tmp_path / name).mkdir()
        for t in range(frames):
            cv2.imwrite(
                str(tmp_path / name / f"{t}.png"), rng.integers(0, 255, (side, side, 3)).astype(np.uint8)
            )
    done = run(tmp_path / "tiny", tmp_path / "single", "--out", tmp_path / "out", *networks, "--json")
    assert done.exit_code == 0, done.output
    for clip in json.loads(done.stdout)["clips"]:
        assert clip["needs_review"], clip["name"]
        assert clip["warnings"]
        assert (Path(clip["folder"]) / "overlay.mp4").is_file()
    strict = run(tmp_path / "single", "--out", tmp_path / "out", *networks, "--strict")
    assert strict.exit_code == 1


@pytest.mark.parametrize("kind", ["empty", "mixed"])
def test_folders_that_are_neither_are_told(tmp_path, networks, films, kind):
    folder = tmp_path / "folder"
    folder.mkdir()
    if kind == "mixed":
        images(folder / "x", Clip(num_frames=2))
        for image in (folder / "x").iterdir():
            image.rename(folder / image.name)
        (folder / "film.mp4").write_bytes((films / "short.mp4").read_bytes())
    done = run(folder, "--out", tmp_path / "out", *networks)
    assert done.exit_code == 1
    assert ("2 images and 1 films" if kind == "mixed" else "neither images nor films") in done.stderr


def test_torn_networks_and_none_are_told_before_any_work(tmp_path, films, monkeypatch):
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(b"torn")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    monkeypatch.setattr("stagescore.weights.registry.OWN", {"detector": "none.x", "estimator": "none.x"})
    done = run(films, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "stagescore weights get" in done.stderr
    done = run(films / "short.mp4", "--out", tmp_path / "out", "--detector", torn, "--estimator", torn)
    assert done.exit_code == 1
    assert "torn.onnx" in done.stderr
    assert not (tmp_path / "out" / "short" / "quality.json").exists()


def test_labels_are_converted_reviewed_and_merged(tmp_path, networks):
    source = images(tmp_path / "dive", Clip(num_frames=10))
    assert run(source, "--out", tmp_path / "out", *networks).exit_code == 0
    first = tmp_path / "out" / "dive" / "labelme"
    done = run("convert", first, "--to", "coco", "--out", tmp_path / "b.json", "--json")
    assert json.loads(done.stdout)["images"] == 10
    content = json.loads((tmp_path / "b.json").read_text())
    content["annotations"][2]["keypoints"][0] += 60
    (tmp_path / "b.json").write_text(json.dumps(content))
    table = tmp_path / "table.csv"
    done = run("review", first, tmp_path / "b.json", "--table", table)
    assert done.exit_code == 0, done.output
    assert "right_ankle" in done.stdout
    merge = ("review", first, tmp_path / "b.json", "--decided", table, "--out", tmp_path / "merged.json")
    undecided = run(*merge)
    assert undecided.exit_code == 1
    assert "1 of 1 disagreements are undecided" in undecided.stderr
    table.write_text(table.read_text().rstrip("\n") + "b\n")
    decided = table.read_text()
    # What was decided outlives writing the table again, and merging from the table that is written.
    assert run("review", first, tmp_path / "b.json", "--table", table).exit_code == 0
    assert run(*merge, "--table", table).exit_code == 0
    assert table.read_text() == decided
    shift = read_labels(tmp_path / "merged.json")[2].joints_px - read_labels(first)[2].joints_px
    np.testing.assert_allclose(shift[0], (60, 0), atol=1e-9)
    np.testing.assert_allclose(shift[1:], 0, atol=1e-9)


def test_what_to_label_is_chosen_from_a_manifest(tmp_path, finediving_folder):
    runner = CliRunner()
    labels = tmp_path / "manifest"
    imported = runner.invoke(
        app, ["data", "import", "finediving", str(finediving_folder), "--out", str(labels)]
    )
    assert imported.exit_code == 0, imported.output
    done = run("choose", labels, "--per-number", "1", "--out", tmp_path / "todo.jsonl", "--json")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in (tmp_path / "todo.jsonl").read_text().splitlines()]
    assert rows == json.loads(done.stdout)["dives"]
    assert len({row["dive_number"] for row in rows}) == len(rows) > 0
    assert all(row["first_frame"] <= row["last_frame"] for row in rows)
