"""Damages label files a few thousand times and reads them, in a process of its own; prints what happened as JSON.

What is read must be what the damaged bytes hold: Python's own unpickler (allowed nothing but NumPy's makers),
`json`, `csv` and NumPy say what that is.
"""

import csv
import io
import json
import pickle
import pickletools
import random
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import hostile
import makers
import numpy as np
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.data import csv_labels, finediving, mtl_aqa
from stagescore.data.legacy_pickle import loads
from stagescore.data.manifest import read_manifest
from stagescore.data.splits import read_validation
from stagescore.errors import DataError
from stagescore.pose.formats import read_authors_json
from stagescore.pose.npz_files import read_npz

MAX_SECONDS = 5.0
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "subprocess.Popen",
    "pickle.find_class",
    "ctypes.dlopen",
    "socket.connect",
)


class HangError(BaseException):
    """A reader took longer than it may."""


class Reference(pickle.Unpickler):
    """Python's own reader, which may make arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in {
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy.core.multiarray", "scalar"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "scalar"),
            ("numpy._core.numeric", "_frombuffer"),
            ("_codecs", "encode"),
        }:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


def held(content: bytes) -> Any:
    """What a pickle holds."""
    return Reference(io.BytesIO(content), encoding="latin1").load()


def same(a: Any, b: Any) -> bool:
    """Equal in value and kind; the release's arrays and scalars are small."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return (
            a.shape == b.shape
            and a.dtype == b.dtype.newbyteorder("=")
            and a.tobytes() == b.astype(a.dtype).tobytes()
        )
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b)  # noqa: PLR0124
    if isinstance(a, bytes) and isinstance(b, bytearray):
        return a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


# Damage


def _positions(content: bytes) -> list[int]:
    return [position for _, _, position in pickletools.genops(content) if position is not None]


def damaged(content: bytes, rng: random.Random, canary: Path, *, is_pickle: bool) -> tuple[str, bytes]:
    """One way of many in which a file can be damaged."""
    raw = bytearray(content)
    size = max(len(raw), 1)
    kinds = ["flip", "byte", "cut", "zero", "swap", "double", "drop", "insert"] + [
        "splice",
        "argument",
    ] * 2 * is_pickle
    kind = rng.choice(kinds)
    start = rng.randrange(size)
    end = min(size, start + rng.choice((1, 2, 8, 64)))
    if kind == "flip":
        for _ in range(rng.choice((1, 1, 2, 5))):
            raw[rng.randrange(size)] ^= 1 << rng.randrange(8)
    elif kind == "byte":
        raw[start] = rng.randrange(256)
    elif kind == "cut":
        del raw[start:]
    elif kind == "zero":
        raw[start:end] = bytes(end - start)
    elif kind == "swap":
        other = rng.randrange(size)
        block = raw[start:end]
        raw[start:end] = raw[other : other + len(block)]
        raw[other : other + len(block)] = block
    elif kind == "double":
        raw[start:start] = raw[start:end]
    elif kind == "drop":
        del raw[start:end]
    elif kind == "insert":
        raw[start:start] = rng.randbytes(rng.choice((1, 4, 16)))
    else:
        positions = _positions(content)
        at = rng.choice(positions)
        if kind == "splice":
            fragments = [make(canary) for make in hostile.ASSEMBLED.values()]
            fragments += list(hostile.MALFORMED.values())
            fragments += [pickle.dumps(hostile.Touch(canary), protocol=p) for p in range(6)]
            fragment = rng.choice(fragments)
            raw[at:at] = fragment[: -1 if rng.random() < 0.8 else None]
        else:  # one instruction in another's place
            other = rng.choice(positions)
            following = min((p for p in positions if p > other), default=len(content))
            after = min((p for p in positions if p > at), default=len(content))
            raw[at:after] = content[other:following]
    return kind, bytes(raw)


# What the readers say against what the bytes hold


def _plain(row: Any, names: tuple[str, ...]) -> list[Any]:
    return list(row)[: len(names)] if isinstance(row, list | tuple) else [row[name] for name in names]


def check_finediving(folder: Path) -> None:
    labels = finediving.load(folder)
    fine = held((folder / finediving.FINE).read_bytes())
    coarse = held((folder / finediving.COARSE).read_bytes())
    splits = {s: held((folder / name).read_bytes()) for s, name in finediving.SPLITS.items()}
    assert len(labels.manifest) == len(fine), "a dive is lost"
    names = ("action_type", "dive_score", "difficulty", "steps_transit_frames", "frames_labels")
    for dive, (key, row) in zip(labels.manifest, fine.items(), strict=True):
        number, score, difficulty, transitions, frame_labels = _plain(row, names)
        assert (dive.event, dive.number) == tuple(key)
        assert dive.dive_number == number.strip().upper()
        assert dive.score == score
        assert dive.difficulty == difficulty
        assert list(dive.transitions) == list(transitions)
        assert dive.num_frames == len(frame_labels)
        if key in coarse:
            assert list(dive.marks) == list(coarse[key]["judge_scores"])
        assert tuple(key) in [tuple(k) for k in splits[dive.split]]


def check_mtl_aqa(folder: Path) -> None:
    labels = mtl_aqa.load(folder)
    rows = held((folder / mtl_aqa.WITH_MARKS).read_bytes())
    splits = {s: held((folder / name).read_bytes()) for s, name in mtl_aqa.SPLITS.items()}
    assert len(labels.manifest) == len(rows), "a dive is lost"
    for dive, (key, row) in zip(labels.manifest, rows.items(), strict=True):
        assert (int(dive.event), dive.number) == tuple(key)
        assert dive.score == row["final_score"]
        assert dive.difficulty == row["difficulty"]
        assert dive.num_frames == row["end_frame"] - row["start_frame"] + 1
        assert list(dive.marks) == list(row.get("judge_scores", ()))
        assert tuple(key) in [tuple(k) for k in splits[dive.split]]


def check_manifest(path: Path) -> None:
    dives = read_manifest(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n")]
    assert len(dives) == len(rows), "a dive is lost"
    for dive, row in zip(dives, rows, strict=True):
        for name, value in row.items():
            mine = getattr(dive, name)
            mine = list(mine) if isinstance(mine, tuple) else mine
            assert mine == (value.upper().strip() if name == "dive_number" and value else value), name


def check_csv(path: Path) -> None:
    dives = csv_labels.load(path, lambda _: 96).manifest
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")  # as a spreadsheet on Windows would have written these bytes
    rows = [
        row
        for row in csv.DictReader(io.StringIO(text, newline=""))
        if any((cell or "").strip() for cell in row.values())
    ]
    assert len(dives) == len(rows), "a dive is lost"
    for dive, row in zip(dives, rows, strict=True):
        assert dive.score == float(row["score"])
        # A column of another name is told, and not read.
        assert len(dive.transitions) == len((row.get("transitions") or "").replace(";", " ").split())


def check_npz(path: Path) -> None:
    track = read_npz(path)
    content = path.read_bytes()
    with np.load(io.BytesIO(content[content.index(b"PK\x03\x04") :]), allow_pickle=False) as archive:
        pred = archive["pred"]
    known = np.isfinite(pred[..., :2]).all(-1)
    assert np.array_equal(track.joints_px[known], pred[..., :2][known])
    assert np.array_equal(track.known, known)


def check_json(path: Path) -> None:
    labels = read_authors_json(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(labels) == len(content)
    for label, entry in zip(labels, content, strict=True):
        assert np.array_equal(label.joints_px, np.array(entry["joints"], dtype=float))


def check_split(path: Path) -> None:
    assert read_validation(path) == json.loads(path.read_text(encoding="utf-8"))["dives"]


def check_command(source: str, path: Path) -> None:
    """As a user meets it: exit code 0 or 1, one JSON document, one line where it fails."""
    result = CliRunner().invoke(app, ["data", "check", source, "--annotations", str(path), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    document = json.loads(result.stdout)
    assert result.exit_code in (0, 1)
    if result.exit_code == 1:
        assert document["status"] == "failed"
        assert len(result.stderr.splitlines()) == 1
        raise DataError("refused")
    assert document["dives"] > 0


def sources(folder: Path) -> Iterator[tuple[str, Path, Callable[[], None]]]:
    """Name, file to damage, reader that is to be held against it."""
    fine = makers.finediving(folder / "a" / "fine")
    mtl = makers.mtl_aqa(folder / "b" / "mtl")
    own = folder / "c"
    own.mkdir()
    manifest, table, joints, poses, split = (
        own / n for n in ("manifest.jsonl", "mine.csv", "joints.json", "pred_comp_1.npz", "val_split.json")
    )
    manifest.write_bytes(finediving.load(fine).manifest.to_bytes())
    rows = "".join(f",{50 + n}.5,205B,3.0,{n + 20};{n + 50},96,train,cup,{n}\n" for n in range(8))
    table.write_text(f"path,score,dive_number,difficulty,transitions,frames,split,event,number\n{rows}")
    entry = {
        "image": "a.jpg",
        "center": [1.0, 2.0],
        "scale": 0.5,
        "joints": [[float(j), 1.0] for j in range(16)],
    }
    joints.write_text(json.dumps([entry] * 3))
    np.savez_compressed(poses, pred=np.random.default_rng(0).random((6, 16, 3)))
    split.write_text(json.dumps({"share": 0.1, "seed": 0, "dives": ["a/1", "b/2"]}))
    for path in sorted(fine.glob("*.pkl")):
        yield f"finediving/{path.name}", path, lambda: check_finediving(fine)
        yield f"check finediving/{path.name}", path, lambda: check_command("finediving", fine)
    for path in sorted(mtl.glob("*.pkl")):
        if path.name != mtl_aqa.PLAIN:
            yield f"mtl_aqa/{path.name}", path, lambda: check_mtl_aqa(mtl)
            yield f"check mtl_aqa/{path.name}", path, lambda: check_command("mtl-aqa", mtl)
    yield "manifest", manifest, lambda: check_manifest(manifest)
    yield "check manifest", manifest, lambda: check_command("manifest", manifest)
    yield "csv", table, lambda: check_csv(table)
    yield "check csv", table, lambda: check_command("csv", table)
    yield "npz", poses, lambda: check_npz(poses)
    yield "json", joints, lambda: check_json(joints)
    yield "split", split, lambda: check_split(split)


def main(folder: Path, rounds: int, seed: int) -> None:  # noqa: PLR0915
    """Damage every file `rounds` times (commands less often)."""
    canary = folder / "canary"
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    failures: list[str] = []
    events: list[str] = []
    watching = [False]

    def audit(event: str, _: object) -> None:
        if watching[0] and event in FORBIDDEN:
            events.append(event)

    def hang(*_: object) -> None:
        raise HangError

    sys.addaudithook(audit)
    signal.signal(signal.SIGALRM, hang)
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    for name, path, check in sources(folder):
        original = path.read_bytes()
        is_pickle = path.suffix == ".pkl"
        check()  # undamaged, everything is read
        for _ in range(rounds // 6 if name.startswith("check ") else rounds):
            kind, content = damaged(original, rng, canary, is_pickle=is_pickle)
            path.write_bytes(content)
            kinds[kind] += 1
            signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
            try:
                if is_pickle:
                    watching[0] = True
                    value = loads(content)
                    watching[0] = False
                    try:
                        reference = held(content)
                    except MemoryError:  # Python keeps room for the largest memo index
                        reference = value
                    assert same(value, reference), "another value than the bytes hold"
                check()
                outcomes["read"] += 1
                outcomes["read unchanged"] += content == original
            except DataError as error:
                assert "\n" not in str(error)
                outcomes["refused"] += 1
            except (HangError, Exception) as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                if len(failures) < 40:
                    failures.append(
                        f"{name} {kind}: {type(error).__name__}: {str(error)[:200]} ({where.name}:{where.lineno}) {content[:80]!r}"
                    )
                outcomes["failed"] += 1
            finally:
                watching[0] = False
                signal.setitimer(signal.ITIMER_REAL, 0)
            if canary.exists():
                failures.append(f"{name} {kind}: something ran")
                canary.unlink()
        path.write_bytes(original)
    print(json.dumps({"outcomes": outcomes, "kinds": kinds, "failures": failures, "events": events}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
