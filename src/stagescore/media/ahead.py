"""Pictures made on a second thread while the ones before are worked with: FFmpeg and OpenCV need no interpreter meanwhile."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, cast

ItemT = TypeVar("ItemT")

_DEPTH = 3
"""Items that are made ahead. Set by hand: one would do were all equally slow, and each picture more is memory."""
_END = object()


def ahead(items: Generator[ItemT, None, None], depth: int = _DEPTH) -> Iterator[ItemT]:
    """The same items in the same order, made a few ahead on one thread of their own.

    The generator runs on that thread from its first step to its end, and is closed there when nobody wants more of it.

    Args:
        items: What makes the items; whatever it raises is raised here in its turn.
        depth: Number of items that are made before they are asked for.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        coming: deque[Future[Any]] = deque(thread.submit(next, items, _END) for _ in range(depth))
        try:
            while (item := coming.popleft().result()) is not _END:
                coming.append(thread.submit(next, items, _END))
                yield cast(ItemT, item)
        finally:
            for future in coming:
                future.cancel()
            thread.submit(items.close)
