"""A first look at one film, in a process of its own: opened, decoded, and searched for what moves while this process loads its networks.

Loading takes 1.8 s of one core for `score`, and the look half a second of the other one (docs/log.md, 1 December 2026). A thread gains
nothing, since both hold Python's lock. The look is never needed: where there is none, scoring looks itself and finds the same.

Nothing here may import PyTorch.
"""

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from stagescore.errors import StagescoreError
from stagescore.media.held import HeldMedia
from stagescore.media.source import open_media
from stagescore.scoring.motion_scan import MotionScan, scan_of_span

_MOST_FILE_BYTES = 32 * 2**20
_MOST_BYTES = 96 * 2**20
"""Bytes of a film's file, and of all of its pictures, that are looked at beforehand: two processes hold the pictures for a moment, and 140 frames
of 640 x 360 take 97 MB. Set by hand."""
_LONGEST_S = 10.0
"""Seconds until a look is given up that has not come when the networks are loaded; the usual one is there already. Set by hand."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstLook:
    """What a first look at a film found.

    Attributes:
        media: The film, with the pictures of `span` in memory.
        span: Frames that were looked at, all but black ones at either end.
        scan: What moves in these frames.
    """

    media: HeldMedia
    span: range
    scan: MotionScan

    @classmethod
    def at(cls, path: Path, *, slowmo: float) -> "FirstLook | None":
        """Look at a film, in this process; None for one whose pictures are too many.

        Args:
            path: The film.
            slowmo: Factor by which the film is slowed down.

        Raises:
            StagescoreError: It cannot be read.
        """
        film = open_media(path, slowmo=slowmo)
        num_bytes = 3 * film.num_frames * film.info.width_px * film.info.height_px
        media = HeldMedia.of(film)
        if film.info.kind != "video" or num_bytes > _MOST_BYTES or not isinstance(media, HeldMedia):
            return None
        span = range(media.content.start, media.content.stop)
        return cls(media, span, scan_of_span(media, span))


class ComingLook:
    """A first look that is under way.

    Args:
        path: The film.
        receiver: End of a pipe at which the look arrives.
    """

    def __init__(self, path: Path, receiver: Connection) -> None:
        self.path = path
        self._receiver = receiver

    @classmethod
    def begin(cls, path: Path, *, slowmo: float = 1.0) -> "ComingLook | None":
        """Begin a look in a process of its own.

        None where that gains nothing, or is not safe: for large files and whatever is no file, on one core, beside threads of Python or
        PyTorch (they do not run in a forked process), and on systems that cannot fork or whose libraries may not be used afterwards.

        Args:
            path: The film.
            slowmo: Factor by which the film is slowed down.
        """
        alone = threading.active_count() == 1 and "torch" not in sys.modules
        if not sys.platform.startswith("linux") or (os.cpu_count() or 1) < 2 or not alone:
            return None
        with suppress(OSError):
            if not path.is_file() or path.stat().st_size > _MOST_FILE_BYTES:
                return None
            context = multiprocessing.get_context("fork")
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(
                target=_look, args=(path, slowmo, receiver, sender), name="first look", daemon=True
            )
            process.start()
            sender.close()
            return cls(path, receiver)
        return None

    def take(self) -> FirstLook | None:
        """Wait for the look, once; None where it failed, takes too long, or the process was ended."""
        try:
            with self._receiver:
                look = self._receiver.recv() if self._receiver.poll(_LONGEST_S) else None
        except (OSError, EOFError):
            return None
        if not isinstance(look, FirstLook):
            return None
        look.media.protect()
        return look


def _look(path: Path, slowmo: float, receiver: Connection, sender: Connection) -> None:
    """In the other process: look, and send what was found, or None; say nothing, and end with the process that waits."""
    receiver.close()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    look = None
    # Whatever is wrong with the film or short on this machine, scoring meets it again, and says so.
    with suppress(StagescoreError, OSError, MemoryError, RuntimeError, ValueError):
        look = FirstLook.at(path, slowmo=slowmo)
    with suppress(OSError):
        sender.send(look)
