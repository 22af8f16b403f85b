"""FFmpeg's error messages as evidence: a decoder that hides damage in a picture says so only there.

Source: PyAV's `av.logging`. What has to be minded:

* PyAV's callback takes the interpreter's lock. A decoder's own threads that log while the main thread
  holds that lock and waits for them would stop for ever, so whoever captures here must decode on one
  thread (`thread_count = 1`).
* Equal messages in a row are dropped by default, even across files; that is switched off meanwhile.
* Level and switch belong to the process. They are restored when the last capture of any thread ends;
  meanwhile what other threads of the process cause FFmpeg to say is swallowed, not printed.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import av
import av.logging

Message = tuple[int, str, str]

_lock = threading.Lock()
_open_captures = 0
_state_before: tuple[int | None, bool] = (None, True)


@dataclass(frozen=True, slots=True)
class ErrorLog:
    """Messages of level ERROR and worse that FFmpeg has sent from this thread since the last `take`."""

    own: list[Message] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)

    def take(self) -> list[tuple[str, str]]:
        """(component, text) of each new message; they are forgotten here, so that none pile up."""
        self.others.clear()
        taken = [(name, text.strip()) for level, name, text in self.own if level <= av.logging.ERROR]
        self.own.clear()
        return taken


@contextmanager
def captured_errors() -> Iterator[ErrorLog]:
    """Collect FFmpeg's error messages of this thread instead of losing or printing them."""
    global _open_captures, _state_before  # noqa: PLW0603 - FFmpeg's log level is itself global
    with _lock:
        if _open_captures == 0:
            _state_before = (av.logging.get_level(), av.logging.get_skip_repeated())
            av.logging.set_level(av.logging.ERROR)
            av.logging.set_skip_repeated(False)
        _open_captures += 1
    try:
        with av.logging.Capture(local=False) as others, av.logging.Capture(local=True) as own:
            yield ErrorLog(own, others)
    finally:
        with _lock:
            _open_captures -= 1
            if _open_captures == 0:
                level, skip_repeated = _state_before
                av.logging.set_level(level)
                av.logging.set_skip_repeated(skip_repeated)
