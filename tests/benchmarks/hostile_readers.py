"""Readers that do what none may, for the process that watches readers."""

import os
import time
from pathlib import Path

from stagescore.errors import DataError


def good(path: Path) -> str:
    return path.read_text()


def other_error(path: Path) -> str:
    raise ValueError("nobody catches this")


def internal(path: Path) -> str:
    raise DataError("internal error (KeyError: 3)", where=path, todo="please report this bug")


def without_advice(path: Path) -> str:
    raise DataError("it is bad", where=path)


def endless_line(path: Path) -> str:
    raise type("Long", (DataError,), {"__str__": lambda self: "x" * 5000})("it is bad", todo="mend it")


def slow(path: Path) -> str:
    until = time.process_time() + 2.5
    while time.process_time() < until:
        pass
    return ""


def hangs(path: Path) -> str:
    time.sleep(600)
    return ""


def greedy(path: Path) -> str:
    taken = b"x" * (150 << 20)  # zeros would take no memory
    return "" if taken else "nothing"


def boundless(path: Path) -> str:
    return str(len(bytearray(8 << 30)))


def dies(path: Path) -> str:
    os._exit(3)


def writes_elsewhere(path: Path) -> str:
    (path.parents[2] / "outside.txt").write_text("x")
    return ""


def removes(path: Path) -> str:
    (path.parents[2] / "victim.txt").unlink(missing_ok=True)
    return ""


def runs(path: Path) -> str:
    os.system("true")
    return ""


def speaks(path: Path) -> str:
    os.write(2, b"[mov] something is odd\n")
    return ""


HOSTILE = {
    "traceback": [other_error, boundless],
    "internal": [internal],
    "message": [without_advice, endless_line],
    "time": [slow, hangs],
    "memory": [greedy],
    "crash": [dies],
    "outside": [writes_elsewhere, removes, runs],
    "spoke": [speaks],
}


def readers() -> dict:
    return {"good": good} | {one.__name__: one for several in HOSTILE.values() for one in several}
