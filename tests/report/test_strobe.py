"""A flight in one picture: the hall stands still, the diver is cut out, copies are evenly spaced and seen."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from made_flights import MIDDLE, joints_at, made_flight, made_scored
from made_results import made_result, refused

from stagescore.cli.main import app
from stagescore.errors import DataError
from stagescore.pose.background_path import BackgroundPath
from stagescore.pose.npz_files import npz_bytes
from stagescore.report.dive_report import dive_report
from stagescore.report.result_folder import film_pictures
from stagescore.report.still_background import StillBackground
from stagescore.report.strobe import FilmedFlight, PicturedFlight, flight_span, strobe, strobe_frames
from stagescore.scoring.motion_scan import scan_motion
from stagescore.scoring.result_parts import Reason

NUM_FRAMES = 26
AIRBORNE = range(2, 25)


@pytest.fixture(scope="module")
def flight():
    frames, joints = made_flight(NUM_FRAMES)
    return dict(enumerate(frames)), dict(enumerate(joints))


@pytest.fixture(scope="module")
def hall(flight):
    return StillBackground.of(*flight, AIRBORNE)


def fallen(frame):
    """How far the camera of the made clip has gone down."""
    return int(0.45 * frame * frame)


def test_the_camera_is_followed_and_the_diver_falls_on_the_canvas(hall):
    start = hall.placed(0, MIDDLE[None])[0]
    for frame in range(NUM_FRAMES):
        across, down = hall.placed(frame, MIDDLE[None])[0] - start
        assert abs(across) < 2
        assert down == pytest.approx(fallen(frame), abs=3)


def test_the_background_has_no_diver_in_it(hall, flight):
    pictures, _ = flight
    # What the diver hides in one frame is seen in others: the hall of the made clip is the same everywhere but for the figure.
    later = pictures[20].astype(int)
    top_left = np.rint(hall.placed(20, np.zeros((1, 2)))[0]).astype(int)
    there = hall.picture[top_left[1] + 5 : top_left[1] + 150, top_left[0] + 5 : top_left[0] + 230].astype(int)
    away = np.abs(there - later[5:150, 5:230]).max(axis=2)
    body = np.zeros(away.shape, bool)
    body[80 - 5 - 20 : 80 - 5 + 20, 120 - 5 - 12 : 120 - 5 + 12] = True
    assert np.median(away[~body]) < 12
    assert np.median(away[body]) > 40
    red = (there[..., 0] > 200) & (there[..., 1] < 80)
    assert red.mean() < 0.001


def test_the_diver_is_cut_out(hall, flight):
    pictures, _ = flight
    rows, columns = np.mgrid[:160, :240] + 0.5
    true = np.zeros((160, 240), bool)
    for down in (-8, 8):
        true |= (columns - 120.5) ** 2 + (rows - 80.5 - down) ** 2 <= 9.5**2
    for frame in (4, 12, 20):
        found = hall.cut_out(frame, pictures[frame]) > 0.5
        assert (found & true).sum() / (found | true).sum() > 0.75


def test_joints_on_somebody_else_are_not_believed(flight):
    pictures, joints = flight
    wrong = {8: joints_at(np.array((40.0, 30.0))), 9: joints_at(np.array((40.0, 30.0)))}
    lost = {frame: np.full((16, 2), np.nan if frame == 14 else 1e9) for frame in (14, 15)}
    found = StillBackground.of(pictures, joints | wrong | lost, AIRBORNE)
    assert set(found.joints_px) == set(joints) - {8, 9, 14, 15}
    for frame in (8, 9, 14, 15):
        middle = (found.boxes_px[frame][:2] + found.boxes_px[frame][2:]) / 2
        assert np.abs(middle - MIDDLE).max() < 12


def pictured(pictures, joints, airborne=AIRBORNE) -> PicturedFlight:
    times_s = {frame: frame / 25 for frame in pictures}
    return PicturedFlight(pictures=pictures, joints_px=joints, times_s=times_s, airborne=airborne)


@pytest.fixture(scope="module")
def whole(flight):
    return strobe(pictured(*flight))


def test_copies_are_evenly_spaced_numbered_and_seen(whole):
    found = whole
    steps = np.diff(found.frames)
    assert steps.max() - steps.min() <= 1
    assert found.frames[0] in range(2, 6) and found.frames[-1] in range(21, 25)
    assert len(found.frames) >= 4 and found.hidden <= 0.3
    np.testing.assert_allclose(found.times_s, (np.array(found.frames) - found.frames[0]) / 25)
    # A head and feet for each copy: as much red and blue as they have together, but for what is hidden.
    red = (found.picture[..., 0] > 180) & (found.picture[..., 1] < 90) & (found.picture[..., 2] < 90)
    one = (
        np.pi
        * 9**2
        * (found.picture.shape[0] / (fallen(found.frames[-1]) - fallen(found.frames[0]) + 34 * 2.8)) ** 2
    )
    assert 0.5 < red.sum() / (one * len(found.frames)) < 1.6
    assert f"in frames {', '.join(map(str, found.frames))}" in found.told()


def test_copies_of_a_body_that_hardly_moves_are_fewer(flight, whole):
    slow = {frame: flight[0][frame] for frame in range(10)}
    short = strobe(pictured(slow, flight[1], range(2, 10)))
    assert len(short.frames) < len(whole.frames)


def test_a_camera_that_cannot_be_followed_is_an_error(flight):
    frames = dict(list(flight[0].items())[:1])
    with pytest.raises(DataError, match="two frames"):
        StillBackground.of(frames, flight[1], AIRBORNE)


def test_a_flight_of_one_diver_in_one_shot_is_asked_for():
    result = made_result()
    assert flight_span(result) == range(22, 69)
    frames = strobe_frames(result)
    assert frames[0] == 19 and frames[-1] == 68 and len(frames) == 50
    assert flight_span(refused()) is None and strobe_frames(refused()) == ()
    cut = result.model_copy(update={"reasons": [Reason(code="cut", text="It is cut.")]})
    assert strobe_frames(cut) == ()


def test_a_fast_film_gives_no_more_frames_than_a_usual_one():
    result = made_result(edges=(0, 240, 600, 980))
    assert len(strobe_frames(result)) <= 48 + 3


def test_the_report_and_the_command_show_it(tmp_path):
    scored = made_scored(tmp_path / "film")
    pictures = film_pictures(scored.result, scored.media, scored.poses.track)
    assert pictures.strobe is not None
    page = dive_report(scored.result, pictures)
    assert "The flight in one picture" in page and "The diver every" in page
    folder = tmp_path / "out" / "dive"
    folder.mkdir(parents=True)
    (folder / "result.json").write_bytes(scored.result.to_bytes())
    (folder / "joints.npz").write_bytes(npz_bytes(scored.poses.track, scored.poses.track.known))
    done = CliRunner().invoke(app, ["strobe", str(folder), "--copies", "5", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["frames"]) == 5 and told["times_s"][0] == 0
    with Image.open(folder / "strobe.png") as picture:
        assert picture.size[1] > 500
    done = CliRunner().invoke(app, ["strobe", str(folder), "--out", str(tmp_path / "x.gif")])
    assert done.exit_code == 2


def test_a_film_that_is_not_understood_leaves_the_report_without_it(tmp_path, monkeypatch):
    from stagescore.report import result_folder

    def fail(flight):
        raise DataError("the camera cannot be followed")

    monkeypatch.setattr(result_folder, "strobe_of", fail)
    scored = made_scored(tmp_path / "film")
    pictures = film_pictures(scored.result, scored.media, scored.poses.track)
    assert pictures.strobe is None
    assert "The flight in one picture" not in dive_report(scored.result, pictures)


@pytest.mark.slow
def test_a_real_flight_becomes_one_picture(shared, tmp_path):
    """Film 113 of the open athletes: a 307C from 10 m, before a camera that pans by three pictures' height."""
    film = shared / "data" / "unlv_dive" / "films" / "113.mp4"
    if not film.is_file():
        pytest.skip("no real film")
    done = CliRunner().invoke(app, ["strobe", str(film), "--out", str(tmp_path / "s.png"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["frames"]) >= 6 and told["hidden"] <= 0.3
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.size[1] > 2 * picture.size[0]


@pytest.mark.parametrize("edge_px", [640, 160])
def test_a_background_that_was_found_before_lies_where_it_would_be_found(tmp_path, edge_px):
    """Scoring hands on where the background lies, in pixels of the film; the picture may be made from smaller ones."""
    scored = made_scored(tmp_path / "film")
    scan = scan_motion(image for _, image in scored.media.frames(range(scored.media.num_frames)))
    flight = FilmedFlight.of(scored.result, scored.media, scored.poses.track)
    again = PicturedFlight.of(flight, edge_px)
    given = PicturedFlight.of(replace(flight, background=scan.background()), edge_px)
    assert given.background is not None and set(given.background.maps) == set(given.pictures)
    halls = [StillBackground.of(f.pictures, f.joints_px, f.airborne, f.background) for f in (given, again)]
    first, last = min(given.pictures), max(given.pictures)
    panned = [hall.maps[last][:2, 2] - hall.maps[first][:2, 2] for hall in halls]
    assert np.linalg.norm(panned[1]) > 40
    np.testing.assert_allclose(panned[0], panned[1], atol=0.03 * np.linalg.norm(panned[1]))
    assert strobe(given, copies=6).frames == strobe(again, copies=6).frames


def test_repeated_frames_have_no_place_of_their_own():
    path = BackgroundPath(maps={3: np.eye(3), 5: np.diag((2.0, 2.0, 1.0))}, falling_px={5: np.arange(4.0)})
    part = path.part([5])
    np.testing.assert_allclose(part.maps[5], np.eye(3))
    assert set(part.falling_px) == {5} and not path.part([]).maps
