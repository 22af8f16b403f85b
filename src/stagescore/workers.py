"""Worker processes for work that is cut into pieces: they end with their parent, and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import cv2

from stagescore.locking import Held


@contextmanager
def worker_pool(
    num_workers: int, *, interruptible: bool = False, holding: Held | None = None
) -> Iterator[ProcessPoolExecutor]:
    """Processes of their own, begun afresh: a forked one would inherit threads that no longer run.

    On the way out, after an error or Ctrl-C too, work that has not begun is dropped and work under way is finished.

    Args:
        num_workers: Number of processes, each with one thread of OpenCV.
        interruptible: Whether Ctrl-C also stops work under way; for pieces that take long.
        holding: Lock that the workers hold too: where their parent is killed, nobody gets it before they have ended.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        num_workers, mp_context=context, initializer=_begin, initargs=(interruptible, holding)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(interruptible: bool, holding: Held | None) -> None:  # the lock is held by having come here
    if not interruptible:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, workers of a process that was killed go through all the work that was given out."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
