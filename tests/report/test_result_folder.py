"""`stagescore report`: pages made again from the folder of a scored dive."""

import json

import numpy as np
import pytest
from made_results import made_pictures, made_result, refused
from PIL import Image
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.report.dive_report import frames_wanted
from stagescore.report.result_folder import film_pictures, read_result, write_dive_report


@pytest.fixture
def film(tmp_path):
    folder = tmp_path / "film"
    folder.mkdir()
    for frame in range(98):
        Image.fromarray(np.full((36, 64, 3), 40 + frame, np.uint8)).save(folder / f"{frame:03d}.png")
    return folder


def written(folder, result):
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(result.to_bytes())
    write_dive_report(folder, result, made_pictures(result, frames_wanted(result)))
    return folder


def with_path(result, path):
    return result.model_copy(update={"input": result.input.model_copy(update={"path": str(path)})})


def test_the_report_is_made_again_with_the_frames_of_the_film_and_the_joints_that_were_saved(tmp_path, film):
    dive = written(tmp_path / "out" / "dive", with_path(made_result(), film))
    (dive / "report.html").unlink()
    done = CliRunner().invoke(
        app, ["report", str(dive), "--figure6", str(tmp_path / "six.png"), "--truth", "70"]
    )
    assert done.exit_code == 0, done.output
    page = (dive / "report.html").read_text()
    assert page.count("Joints drawn over") == 6
    assert "The entry at" in page
    assert (tmp_path / "six.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("change", ["gone", "another"])
def test_a_film_that_is_not_the_one_that_was_scored_is_not_shown(tmp_path, film, change):
    dive = written(tmp_path / "out" / "dive", with_path(made_result(), film))
    if change == "gone":
        film.rename(tmp_path / "elsewhere")
    else:
        (film / "097.png").unlink()
    before = (dive / "report.html").read_bytes()
    assert b"<img" in before
    done = CliRunner().invoke(app, ["report", str(dive), "--figure6", str(tmp_path / "six.png")])
    assert done.exit_code == 0
    assert "no pictures" in done.stderr
    assert (dive / "report.html").read_bytes() == before  # a report with pictures is worth more
    (dive / "report.html").unlink()
    assert CliRunner().invoke(app, ["report", str(dive)]).exit_code == 0
    assert "<img" not in (dive / "report.html").read_text()


def test_a_film_is_found_beside_its_results(tmp_path, film, monkeypatch):
    dive = written(tmp_path / "out" / "dive", with_path(made_result(), film.name))
    (dive / "report.html").unlink()
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    assert CliRunner().invoke(app, ["report", str(dive)]).exit_code == 0
    assert "<img" in (dive / "report.html").read_text()


def test_a_batch_gets_its_summary_and_no_figure(tmp_path, film):
    written(tmp_path / "out" / "one", with_path(made_result(), film))
    written(tmp_path / "out" / "two", with_path(refused(), film))
    done = CliRunner().invoke(app, ["report", str(tmp_path / "out"), "--json"])
    names = [path.rsplit("out/", 1)[1] for path in json.loads(done.stdout)["written"]]
    assert names == ["one/report.html", "two/report.html", "summary.html"]
    refusal = CliRunner().invoke(
        app, ["report", str(tmp_path / "out"), "--figure6", str(tmp_path / "six.png")]
    )
    assert refusal.exit_code == 1
    assert "one dive" in refusal.stderr


@pytest.mark.parametrize("content", [None, b"{", b'{"schema_version": 2}', b"\xff"])
def test_a_folder_without_a_readable_result_is_one_line_of_error(tmp_path, content):
    if content is not None:
        (tmp_path / "result.json").write_bytes(content)
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_result_comes_back_as_it_was_written(tmp_path):
    result = made_result()
    assert read_result(written(tmp_path / "dive", result)) == result


def test_weak_joints_are_still_weak_after_saving(tmp_path):
    from stagescore.pose.npz_files import read_npz

    result = made_result()
    weak = np.zeros((98, 16), bool)
    weak[3, 4] = True
    (tmp_path / "result.json").write_bytes(result.to_bytes())
    track = made_pictures(result, []).track
    write_dive_report(tmp_path, result, film_pictures(result, None, track, weak))
    back = read_npz(tmp_path / "joints.npz")
    assert (back.filled == weak).all()
    np.testing.assert_allclose(back.joints_px, track.joints_px, atol=1e-4)
