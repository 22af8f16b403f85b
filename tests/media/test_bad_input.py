"""Things that are no film: one clear line, never a hang, a crash or a traceback of someone else's."""

import os
import socket
import threading

import av
import clips
import numpy as np
import pytest
from PIL import Image

from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media


def missing(folder):
    return folder / "nothing.mp4"


def empty(folder):
    path = folder / "empty.mp4"
    path.touch()
    return path


def text(folder):
    path = folder / "renamed.mp4"
    path.write_text("This is no film.\n" * 500)
    return path


def playlist(folder):
    path = folder / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{clips.write_named(folder, 'h264.mp4')}'\n")
    return path


def playlist_of_the_web(folder):
    path = folder / "list.m3u8"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
    )
    return path


def sound_only(folder):
    path = folder / "sound.mp4"
    with av.open(str(path), "w") as container:
        clips.write_sound(container, container.add_stream("aac", rate=16000), seconds=1)
    return path


def single_image(folder):
    path = folder / "picture.jpg"
    Image.fromarray(clips.bar_code(1)).save(path)
    return path


def empty_folder(folder):
    path = folder / "folder"
    path.mkdir()
    (path / "notes.txt").write_text("no images")
    return path


def symlink_loop(folder):
    path = folder / "loop.mp4"
    path.symlink_to(path)
    return path


def fifo(folder):
    path = folder / "pipe.mp4"
    os.mkfifo(path)
    return path


def unix_socket(folder):
    path = folder / "s"
    short = os.path.relpath(path)
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind(short if len(short) < len(str(path)) else str(path))
    return path


def device(_folder):
    return "/dev/zero"


def tiny(folder):
    return clips.write_video(
        folder / "dot.avi", pictures=[np.zeros((2, 2, 3), np.uint8)] * 3, recipe=clips.Recipe("ffv1")
    )


def name_with_zero_byte(folder):
    return str(folder / "a\0b.mp4")


CASES = {
    missing: "No such file",
    empty: "empty",
    text: "cannot be read as a video",
    playlist: "cannot be read as a video",
    playlist_of_the_web: "cannot be read as a video",
    sound_only: "no picture track",
    single_image: "single image",
    empty_folder: "no image",
    symlink_loop: "symbolic link",
    fifo: "neither a file nor a folder",
    unix_socket: "neither a file nor a folder",
    device: "neither a file nor a folder",
    tiny: "2 x 2",
    name_with_zero_byte: "null byte",
}


@pytest.mark.parametrize("make", CASES)
def test_bad_input_is_one_clear_line(tmp_path, make, capfd):
    path = make(tmp_path)
    info = inspect_media(path)
    assert (info.verdict, info.num_frames) == ("unreadable", 0)
    assert CASES[make] in info.reason
    with pytest.raises(DataError, match=CASES[make]) as caught:
        open_media(path)
    assert caught.value.todo
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_file_that_may_not_be_read(film):
    path = film("h264.mp4")
    if os.geteuid() == 0:
        # The administrator may read everything: look as somebody else, in a process of its own.
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            path.chmod(0)
            os.setuid(65534)
            os.write(writing, inspect_media(path).reason.encode())
            os._exit(0)
        os.waitpid(child, 0)
        reason = os.read(reading, 1000).decode()
        os.close(reading)
        os.close(writing)
    else:
        path.chmod(0)
        reason = inspect_media(path).reason
    assert "Permission denied" in reason


def test_absurd_size_in_a_header_is_refused_before_anything_is_allocated(film):
    path = film("ffv1.mkv")
    content = path.read_bytes()
    at = content.index(b"\xb0\x81\x40\xba\x81\x30")  # PixelWidth 64, PixelHeight 48
    path.write_bytes(content[: at + 2] + b"\xff" + content[at + 3 :])
    assert inspect_media(path).verdict in ("partial", "unreadable")
    path.write_bytes(content.replace(b"\xb0\x81\x40\xba\x81\x30", b"\xb0\x82\x7f\xff\xba\x80"))
    assert inspect_media(path).verdict == "unreadable"


def test_names_that_look_like_addresses_are_only_names(films, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a|b.mp4", "http:film.mp4", "100%_%03d.mp4", "-i.mp4", "späße 💦.mp4"):
        (tmp_path / name).write_bytes((films / "h264.mp4").read_bytes())
        assert inspect_media(name).verdict == "ok", name
        assert clips.read_all(open_media(name)) == list(range(24))


def test_a_pipe_that_somebody_writes_to_is_not_read(tmp_path):
    path = fifo(tmp_path)
    threading.Thread(target=lambda: os.open(path, os.O_RDWR), daemon=True).start()
    assert inspect_media(path).verdict == "unreadable"
