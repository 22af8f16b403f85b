"""Worker processes for work that is cut into pieces: they end with their parent, and leave Ctrl-C to it."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

import cv2

from stagescore.locking import Held

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


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


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for the outcome of a task whose worker ended before it was done.

    Attributes:
        exit_code: Exit code of the worker; negative where a signal ended it.
    """

    exit_code: int | None


def each_in_workers(
    make: Callable[[], Callable[[Task], Outcome]],
    tasks: Sequence[Task],
    num_workers: int,
    *,
    holding: Held | None = None,
) -> Generator[tuple[int, Outcome | Lost]]:
    """Outcomes of tasks as they come, each with the place of its task; a worker that ends loses its own task only.

    Workers leave Ctrl-C to their parent. They are ended when the generator is closed, whatever they are at.

    Args:
        make: Makes in each worker what does the tasks; it is pickled, as are tasks and outcomes.
        tasks: Tasks, handed out one by one.
        num_workers: Number of processes at most.
        holding: Lock that the workers hold too: where their parent is killed, nobody gets it before they have ended.
    """
    context = multiprocessing.get_context("spawn")
    waiting, idle = deque(range(len(tasks))), list[Connection]()
    workers, at = dict[Connection, BaseProcess](), dict[Connection, int]()
    try:
        while waiting or at:
            while waiting and len(at) < num_workers:
                if not idle:
                    ours, theirs = context.Pipe()
                    worker: BaseProcess = context.Process(
                        target=_serve, args=(theirs, make, holding), daemon=True
                    )
                    worker.start()
                    theirs.close()  # so that the worker's end is the only one, and its death is seen
                    workers[ours] = worker
                    idle.append(ours)
                connection = idle.pop()
                at[connection] = waiting.popleft()
                with suppress(OSError):  # it has ended already: seen below
                    connection.send(tasks[at[connection]])
            for ready in wait(list(at)):
                connection = cast(Connection, ready)
                place = at.pop(connection)
                try:
                    outcome = connection.recv()
                    idle.append(connection)
                except (EOFError, OSError):
                    worker = workers.pop(connection)
                    worker.join()
                    connection.close()
                    outcome = Lost(worker.exitcode)
                yield place, outcome
    finally:
        for worker in workers.values():
            worker.terminate()
        for connection, worker in workers.items():
            worker.join()
            connection.close()


def _serve(connection: Connection, make: Callable[[], Callable[[Any], Any]], holding: Held | None) -> None:
    _begin(interruptible=False, holding=holding)
    work = make()
    with suppress(EOFError):  # the parent has nothing more
        while True:
            connection.send(work(connection.recv()))


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
