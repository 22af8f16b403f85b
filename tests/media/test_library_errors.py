"""Whatever a library raises about one film, every film gets its verdict."""

from pathlib import Path

import clips
import pytest
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media, source, video


@pytest.fixture
def stumbles(monkeypatch):
    """A function: from now on, reading a film raises this error after some packets, as PyAV does on damaged streams.

    With `after` None it is raised once all packets have been given.
    """
    demuxed = video._demuxed

    def stumble(error: Exception, after: int | None):
        left = [after]

        def packets(container, stream):
            for number, packet in enumerate(demuxed(container, stream)):
                if number == left[0]:
                    left[0] = -1
                    raise error
                yield packet
            if left[0] is None:
                raise error

        monkeypatch.setattr(video, "_demuxed", packets)

    return stumble


ERRORS = [
    IndexError("list index out of range"),
    KeyError("track"),
    RuntimeError("no such track"),
    MemoryError(),
    RecursionError("too deep"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_while_reading_costs_frames_and_says_so(film, stumbles, error):
    path = film("h264.mkv")
    stumbles(error, after=9)
    info = inspect_media(path)
    assert info.verdict == "partial"
    assert 0 < info.num_frames <= 24
    assert str(error) in " ".join(info.warnings)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_while_opening_is_a_reason(film, monkeypatch, error):
    def refuse(*_args, **_kw):
        raise error

    monkeypatch.setattr(video.av, "open", refuse)
    info = inspect_media(film("h264.mkv"))
    assert info.verdict == "unreadable"
    assert "cannot be read as a video" in info.reason


def test_a_late_track_that_pyav_does_not_know_costs_nothing(film, stumbles):
    path = film("h264.mkv")
    stumbles(IndexError("list index out of range"), after=None)
    info = inspect_media(path)
    assert (info.verdict, info.num_frames, info.warnings) == ("ok", 24, ())


def with_a_jump_in_time(path: Path) -> Path:
    """A transport stream whose stamps amount to a frame every few minutes."""
    return clips.write_video(path, stamps=[7500 * number for number in range(24)])


def test_a_frame_rate_that_cannot_be_is_no_refusal(tmp_path):
    info = inspect_media(with_a_jump_in_time(tmp_path / "film.ts"))
    assert (info.verdict, info.num_frames) == ("partial", 24)
    assert "frames per second" in info.warnings[0]


def test_a_fault_of_our_own_costs_no_other_film_its_verdict(film, monkeypatch):
    bad, good = film("h264.mkv"), film("h264.mp4")
    scan = source.scan_video

    def faulty(path):
        if path == bad:
            raise RuntimeError("nobody thought of this")
        return scan(path)

    monkeypatch.setattr(source, "scan_video", faulty)
    run = CliRunner().invoke(app, ["data", "probe", str(bad), str(good), "--json"])
    assert run.exit_code == 1
    assert '"unreadable"' in run.stdout
    assert '"ok"' in run.stdout
    assert "report this bug" in inspect_media(bad).reason
    with pytest.raises(DataError, match="internal error"):
        open_media(bad)


def test_a_fault_of_our_own_costs_no_other_film_its_frames(film, tmp_path, monkeypatch):
    bad, good = film("h264.mkv"), film("h264.mp4")
    from stagescore.media import export

    write = export.export_frames

    def faulty(media, folder, **kw):
        if media.info.path == str(bad):
            raise RuntimeError("nobody thought of this")
        return write(media, folder, **kw)

    monkeypatch.setattr(export, "export_frames", faulty)
    run = CliRunner().invoke(app, ["data", "frames", str(bad), str(good), "--out", str(tmp_path / "out")])
    assert run.exit_code == 1
    assert len(list((tmp_path / "out" / good.stem).glob("*.jpg"))) == 24
