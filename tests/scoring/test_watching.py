"""Dives as they come: files that grow, a camera, interruptions, and what is written of them."""

import csv
import signal
import sys
import threading
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import made_scorer
import numpy as np
import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent / "sessions"))

import made_pool

from stagescore.cli.output import sigterm_as_exit
from stagescore.errors import DataError
from stagescore.media.film_writing import write_film
from stagescore.media.live import LastSeconds, LiveFrame, live_frames
from stagescore.media.source import open_media
from stagescore.report.replay import Replays
from stagescore.scoring.batch import DiveWriter
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.watching import arrivals
from stagescore.scoring.watching.arrivals import Arrival, Arrivals, CameraArrivals, FolderArrivals
from stagescore.scoring.watching.dive_stream import DiveStream
from stagescore.scoring.watching.watch import DiveWatch

SIZE = (48, 64, 3)
DARKEST = 40
"""Grey level of the first picture: no black end, which a replay would leave out."""


def coloured(number):
    """A picture that tells its number by its brightness."""
    return np.full(SIZE, DARKEST + 8 * number, np.uint8)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_film(path, [coloured(k) for k in range(12)], 60.0)
    return path


@pytest.fixture(scope="module")
def dive_film(tmp_path_factory):
    """A simulated dive as a film."""
    dive = stored_dives.dives(tmp_path_factory)[0]
    path = tmp_path_factory.mktemp("dive") / "dive.mp4"
    media = open_media(dive.frames_path)
    write_film(path, (picture for _, picture in media.frames(range(0, media.num_frames, 2))), 25.0)
    return path


def collected(source, until, seconds=60.0):
    """What a source tells of until a number of dives has come, or time is up."""
    came, stop = [], threading.Event()

    def arrived(arrival):
        came.append(arrival)
        if len(came) >= until:
            stop.set()

    late = threading.Timer(seconds, stop.set)
    late.start()
    source.run(arrived, stop)
    late.cancel()
    return came


def quick(folder, **changes):
    return FolderArrivals(folder, **({"poll_s": 0.02, "steady_s": 0.15, "give_up_s": 0.6} | changes))


def test_a_file_is_taken_once_it_is_wholly_written(film, tmp_path):
    content, done = film.read_bytes(), []

    def copy():
        with (tmp_path / "late.mp4").open("wb") as stream:
            for start in range(0, len(content), len(content) // 5):
                stream.write(content[start : start + len(content) // 5])
                stream.flush()
                time.sleep(0.08)
        done.append(time.monotonic())

    (tmp_path / "early.mp4").write_bytes(content)
    (tmp_path / "notes.txt").write_text("no film")
    threading.Thread(target=copy).start()
    came = collected(quick(tmp_path, give_up_s=60.0), 2)
    assert [arrival.path.name for arrival in came] == ["early.mp4", "late.mp4"]
    assert came[1].at_s >= done[0] - 0.1
    assert open_media(came[1].path).num_frames == 12


def test_a_half_of_a_film_waits_and_is_handed_on_when_nothing_more_comes(film, tmp_path):
    (tmp_path / "half.mp4").write_bytes(film.read_bytes()[:200])
    begin = time.monotonic()
    (arrival,) = collected(quick(tmp_path), 1)
    assert arrival.path.name == "half.mp4"
    assert time.monotonic() - begin >= 0.6


def test_a_folder_that_goes_away_ends_the_watch(tmp_path):
    with pytest.raises(DataError, match="gone"):
        quick(tmp_path / "none").run(lambda arrival: None, threading.Event())


def test_a_film_stands_in_for_a_camera_at_its_own_pace(film):
    stop, frames, begin = threading.Event(), [], time.monotonic()
    for frame in live_frames(film, stop):
        frames.append(frame)
        if len(frames) == 30:
            break
    took = time.monotonic() - begin
    assert [frame.number for frame in frames] == list(range(30))
    np.testing.assert_allclose(np.diff([frame.time_s for frame in frames]), 1 / 60, atol=1e-3)
    assert took >= frames[-1].time_s - 0.02
    assert abs(frames[12].picture.mean() - frames[0].picture.mean()) < 3  # from the start again


def test_what_is_kept_of_a_camera_is_bounded(monkeypatch):
    from stagescore.media import live

    kept = LastSeconds(2.0)
    for number in range(100):
        kept.add(LiveFrame(number, number / 10, coloured(number % 20)))
    times, frames = kept.between(0.0, 100.0)
    assert times[0] == pytest.approx(7.9) and len(times) == 21
    assert [round(frame.picture.mean()) for frame in frames] == pytest.approx(
        [DARKEST + 8 * (n % 20) for n in range(79, 100)], abs=2
    )
    assert kept.after(-1).number == 79  # those before are gone
    assert kept.after(98).number == 99
    monkeypatch.setattr(live, "_MOST_BYTES", kept.num_bytes // 2)
    kept.add(LiveFrame(100, 10.0, coloured(0)))
    assert kept.num_bytes <= live._MOST_BYTES
    kept.end()
    assert kept.after(100) is None


@dataclass(frozen=True)
class Seen:
    begin_s: float
    end_s: float


class SeenAt:
    """Says that a dive was seen, at some times."""

    def __init__(self, *spans):
        self.spans = list(spans)

    def feed(self, picture, time_s, frame):
        over = [span for span in self.spans if span.end_s <= time_s]
        self.spans = [span for span in self.spans if span.end_s > time_s]
        return over

    def finish(self):
        return self.spans


def test_dives_are_cut_out_of_what_a_camera_sees(film, tmp_path):
    detector = SeenAt(Seen(0.05, 0.15), Seen(0.4, 0.5))
    assert isinstance(detector, DiveStream)
    source = CameraArrivals(film, tmp_path, detector, seconds=5.0)
    came = collected(source, 2)
    assert [arrival.path.name for arrival in came] == ["dive-0001.mp4", "dive-0002.mp4"]
    clip = open_media(came[0].path)
    assert clip.info.frame_rate == pytest.approx(60, rel=0.05)
    # Frames 3 to 9 of the camera.
    told = [round((picture.mean() - DARKEST) / 8) for _, picture in clip.frames()]
    assert told == list(range(3, 10))
    # Another watch of the same folder hands on what is there, and writes over none of it.
    again = CameraArrivals(film, tmp_path, SeenAt(Seen(0.05, 0.15)), seconds=5.0)
    names = [arrival.path.name for arrival in collected(again, 3)]
    assert names == ["dive-0001.mp4", "dive-0002.mp4", "dive-0003.mp4"]


def test_a_camera_that_is_not_there_is_an_error(tmp_path):
    source = CameraArrivals(tmp_path / "none", tmp_path, SeenAt())
    with pytest.raises(DataError, match="no such camera"):
        source.run(lambda arrival: None, threading.Event())


def test_who_falls_before_a_camera_is_seen_once():
    """The detector of long films sees dives before a camera too."""
    stream = SessionDetector()
    assert isinstance(stream, DiveStream)
    bodies = [made_pool.diver(3.0)]
    found = [
        one
        for n, (time_s, picture) in enumerate(made_pool.pictures(bodies, 14.0))
        for one in stream.feed(picture, time_s, n)
    ]
    assert len(found) == 1
    assert found[0].begin_s < 3.0 < found[0].contact_s < found[0].end_s < 9.0


def test_a_dive_that_is_not_over_when_a_camera_ends_is_cut_out(film, tmp_path, monkeypatch):
    def ends(camera, stop):
        yield from islice(live_frames(camera, stop), 10)

    monkeypatch.setattr(arrivals, "live_frames", ends)
    came = collected(CameraArrivals(film, tmp_path, SeenAt(Seen(0.05, 9.0)), seconds=5.0), 1)
    assert open_media(came[0].path).num_frames == 7


class Waiting:
    """Films that are there already."""

    def __init__(self, *paths):
        self.paths = paths

    def run(self, arrived, stop):
        for path in self.paths:
            arrived(Arrival(path, time.monotonic()))
        stop.wait()


def watching(factory, out, *paths, **changes):
    scorer = made_scorer.scorer(factory)
    scorer.flights, scorer.events = made_scorer.GivenFlight(), None
    writer = DiveWriter(options=ScoreOptions(), out=out, extras=lambda scored, folder: None)
    return DiveWatch(
        scorer=scorer,
        writer=writer,
        arrivals=Arrivals(Waiting(*paths)),
        finish=lambda results, out: None,
        **changes,
    )


def summary(out):
    with (out / "summary.csv").open() as stream:
        return [row["name"] for row in csv.DictReader(stream)]


def test_dives_are_scored_in_turn_and_summed_up(tmp_path_factory, dive_film, tmp_path):
    told, none = [], tmp_path / "none.mp4"
    watch = watching(
        tmp_path_factory, tmp_path / "out", dive_film, none, dive_film.parent / "dive.mp4", most=3
    )
    results = watch.run(lambda result, arrival: told.append(result.input.name))
    assert [result.status for result in results][1] == "failed"
    assert told == summary(tmp_path / "out") == ["dive", "none", "dive-2"]
    assert (tmp_path / "out" / "dive-2" / "result.json").is_file()
    assert not any(thread.name == "arrivals" for thread in threading.enumerate())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_a_right_summary_and_can_be_gone_on_with(
    tmp_path_factory, dive_film, tmp_path, request, number
):
    none = tmp_path / "none.mp4"

    # A run in the background ignores Ctrl-C from the start.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, handler))

    def interrupt(result, arrival):
        signal.raise_signal(number)

    out = tmp_path / "out"
    with sigterm_as_exit():
        results = watching(tmp_path_factory, out, none, dive_film).run(interrupt)
    assert [result.input.name for result in results] == summary(out) == ["none"]
    assert not any(thread.name == "arrivals" for thread in threading.enumerate())
    assert not list(out.glob(".scoring-*"))
    again = watching(tmp_path_factory, out, none, dive_film, most=2, resume=True)
    before = (out / "none" / "result.json").stat().st_mtime_ns
    again.run(lambda result, arrival: None)
    assert summary(out) == ["none", "dive"]
    assert (out / "none" / "result.json").stat().st_mtime_ns == before


def test_a_source_that_ends_is_told_after_the_summary(tmp_path_factory, tmp_path):
    class Ends:
        def run(self, arrived, stop):
            arrived(Arrival(tmp_path / "none.mp4", time.monotonic()))
            raise DataError("the camera gives no more pictures")

    watch = watching(tmp_path_factory, tmp_path / "out")
    watch.arrivals = Arrivals(Ends())
    with pytest.raises(DataError, match="no more pictures"):
        watch.run(lambda result, arrival: None)
    assert summary(tmp_path / "out") == ["none"]


def test_a_replay_comes_after_its_delay_with_the_scores(film, tmp_path):
    from made_results import made_result

    replays = Replays(tmp_path, 0.5)
    replays.start()
    assert "Waiting for a dive" in (tmp_path / "replay.html").read_text()
    begin = time.monotonic()
    replays.arrived(Arrival(film, begin))
    replays.scored(made_result())
    assert not (tmp_path / "replay.mp4").exists()
    while not (tmp_path / "replay.mp4").exists() and time.monotonic() < begin + 20:
        time.sleep(0.02)
    assert time.monotonic() - begin >= 0.5
    replays.stop()
    replay = open_media(tmp_path / "replay.mp4")
    assert replay.num_frames == 12 and replay.info.frame_rate == pytest.approx(30)
    page = (tmp_path / "replay.html").read_text()
    assert 'src="replay.mp4"' in page and "points" in page and "film" in page
