"""Damages films and judges what the reader says of them; run as a process of its own by test_mutations.py.

Arguments: folder of whole films, scratch folder, name of the film, first seed, seed after the last.
Writes a line of JSON before and one after each damaged film, so that a crash names its cause.
"""

import importlib.util
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media

NUM_FRAMES = 24
TIME_LIMIT_S = 20
KINDS = ("truncated", "flipped", "zeroed", "removed", "swapped", "appended")


def damaged(content: bytes, name: str, seed: int) -> tuple[str, bytes]:
    """(kind of damage, damaged bytes), the same for the same name and seed."""
    rng = random.Random(f"{name}/{seed}")
    kind = KINDS[seed % len(KINDS)]
    size = len(content)
    length = min(rng.choice((1, 4, 16, 64, 256, 1024)), size // 3)
    at = rng.randrange(size - length)
    if kind == "truncated":
        return kind, content[: rng.randrange(1, size)]
    if kind == "flipped":
        changed = bytearray(content)
        for _ in range(rng.choice((1, 1, 2, 8))):
            changed[rng.randrange(size)] ^= 1 << rng.randrange(8)
        return kind, bytes(changed)
    if kind == "zeroed":
        return kind, content[:at] + bytes(length) + content[at + length :]
    if kind == "removed":
        return kind, content[:at] + content[at + length :]
    if kind == "swapped":
        first, second = sorted((at, rng.randrange(size - length)))
        if second < first + length:
            second = min(first + length, size - length)
        one, other = content[first : first + length], content[second : second + length]
        between = content[first + length : second]
        return kind, content[:first] + other + between + one + content[second + length :]
    return kind, content + rng.randbytes(rng.randrange(1, 2000))


def judged(path: Path, read_bar_code) -> dict[str, object]:
    """Verdict, and for `ok` how what is shown differs from the whole film."""
    info = inspect_media(path)
    answer: dict[str, object] = {"verdict": info.verdict, "lost": info.num_lost, "frames": info.num_frames}
    if info.verdict == "unreadable":
        try:
            open_media(path)
        except DataError:
            return answer
        raise AssertionError("inspect_media says unreadable, open_media opens it")
    codes = [read_bar_code(picture) for _, picture in open_media(path).frames()]
    assert len(codes) == info.num_frames
    if info.verdict == "ok":
        answer["missing"] = NUM_FRAMES - len(codes)
        answer["told"] = any("edit list" in sentence for sentence in info.warnings)
        answer["misplaced"] = [(k, code) for k, code in enumerate(codes) if code is not None and code != k]
        answer["unclear"] = sum(code is None for code in codes)
    return answer


def main(films: Path, scratch: Path, name: str, first: int, after: int) -> None:
    spec = importlib.util.spec_from_file_location("clips", Path(__file__).with_name("clips.py"))
    clips = importlib.util.module_from_spec(spec)
    sys.modules["clips"] = clips  # dataclasses look their module up
    spec.loader.exec_module(clips)
    content = (films / name).read_bytes()
    path = scratch / f"{os.getpid()}_{name}"
    for seed in range(first, after):
        kind, changed = damaged(content, name, seed)
        print(json.dumps({"name": name, "seed": seed, "kind": kind, "same": changed == content}), flush=True)
        path.write_bytes(changed)
        # The default action of this signal ends the process even where FFmpeg does not return.
        signal.alarm(TIME_LIMIT_S)
        started = time.monotonic()
        answer = judged(path, clips.read_bar_code)
        signal.alarm(0)
        print(json.dumps({**answer, "seconds": time.monotonic() - started}), flush=True)
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
