"""Pictures made ahead are the same pictures, and nothing of them is left over."""

import threading
from collections.abc import Generator

import pytest

from stagescore.media.ahead import ahead


def test_items_come_in_their_order_and_are_made_on_one_other_thread() -> None:
    makers = set()

    def numbers() -> Generator[int, None, None]:
        for number in range(20):
            makers.add(threading.get_ident())
            yield number

    assert list(ahead(numbers())) == list(range(20))
    assert len(makers) == 1 and threading.get_ident() not in makers
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_an_error_comes_after_the_items_before_it() -> None:
    def two_and_an_error() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise ValueError("the third is damaged")

    found = []
    with pytest.raises(ValueError, match="the third"):
        for item in ahead(two_and_an_error()):
            found.append(item)
    assert found == [1, 2]


def test_whoever_stops_early_closes_the_generator_where_it_ran() -> None:
    ran, closed, made = [], [], []

    def endless() -> Generator[int, None, None]:
        ran.append(threading.get_ident())
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            closed.append(threading.get_ident())

    items = ahead(endless(), depth=2)
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert closed == ran
    assert len(made) <= 4  # the one that was taken, and what was made ahead
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
