"""Label files of every kind that is read: releases of FineDiving, MTL-AQA and UNLV-Dive, tables, manifests, splits."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl

from stagescore.benchmarks.campaign.archive_damage import archive_of, stored
from stagescore.benchmarks.campaign.films import small_film
from stagescore.benchmarks.campaign.sample import Reader, Sample, Simulated
from stagescore.data import mtl_aqa, unlv_dive
from stagescore.data.importing import check_labels, import_labels
from stagescore.data.label_request import LabelRequest, Source
from stagescore.data.manifest import MANIFEST, read_manifest
from stagescore.data.sources import READERS
from stagescore.data.splits import read_validation
from stagescore.data.unlv_athletes import NUM_FILMS
from stagescore.hashing import hash_unit
from stagescore.simulate.plain_pickle import dumps

_SPLIT = "val_split.json"
_TEST_FILMS = (4, 80, 200)
_MARKS = (20, 29, 59, 68)
_ROWS = 8
_HEADS = {
    "english": (",", "path,score,dive_number,difficulty,height,marks,transitions,frames,split,event,number"),
    "german": (";", "Datei;Punkte;Sprungnummer;Schwierigkeit;Höhe;Noten;Übergänge;Frames;Split;Event;Nummer"),
}


def label_samples(simulated: Simulated) -> tuple[Sample, ...]:
    """One of each kind."""
    fine = simulated.content("annotations/*.pkl") | simulated.content("truth/*.pkl")
    manifest = simulated.content(MANIFEST)
    mtl = {name: dumps(table) for name, table in _mtl_aqa().items()}
    arrays, table = {unlv_dive.ARRAYS: _unlv_arrays()}, {unlv_dive.TABLE: _unlv_table()}
    found = [
        Sample(name="finediving", files=fine, reader="finediving"),
        Sample(name="mtl-aqa", files=mtl, reader="mtl-aqa"),
        Sample(name="unlv-dive arrays", files=arrays, reader="unlv-dive"),
        Sample(name="unlv-dive table", files=arrays | table, reader="unlv-dive", damaged=(unlv_dive.TABLE,)),
        Sample(name="manifest", files=manifest, entry=MANIFEST, reader="manifest"),
        Sample(name="split", files=simulated.content(_SPLIT), entry=_SPLIT, reader="split"),
    ]
    films = {f"{number:03d}.mp4": small_film(simulated) for number in range(1, _ROWS + 1)}
    tables = {f"csv {language}": ("dives.csv", _table(language)) for language in _HEADS}
    tables["xlsx"] = ("dives.xlsx", _xlsx(_table("english")))
    for name, (file, content) in tables.items():
        found.append(
            Sample(name=name, files=films | {file: content}, entry=file, damaged=(file,), reader="csv")
        )
    return tuple(found)


def _labels(source: Source) -> Reader:
    def read_labels(path: Path) -> str:
        """Check and import labels as the commands do, without writing them."""
        checked = check_labels(READERS[source], LabelRequest(annotations=path))
        imported = import_labels(checked.report, where=path)
        if MANIFEST not in imported.files:
            raise AssertionError("no manifest was made")
        return " ".join((*checked.warnings, *(finding.what for finding in imported.report.findings[:3])))

    return read_labels


def read_split(path: Path) -> str:
    """Read a validation split."""
    read_validation(path)
    return ""


def read_dives(path: Path) -> str:
    """Read a manifest as training does, and check and import it."""
    read_manifest(path)
    return _labels(Source.MANIFEST)(path)


LABEL_READERS: Mapping[str, Callable[[Path], str]] = {
    **{str(source): _labels(source) for source in Source},
    "manifest": read_dives,
    "split": read_split,
}


def _mtl_aqa() -> dict[str, Any]:
    """MTL-AQA's files, with invented dives."""
    keys = [(event, number) for event in (1, 26) for number in range(1, 5)]
    rows = {
        key: {
            "primary_view": 0,
            "start_frame": 400 * key[1],
            "end_frame": 400 * key[1] + 90,
            "position": 1,
            "difficulty": 3.2,
            "armstand": 0,
            "rotation_type": 2,
            "ss_no": 7,
            "tw_no": 0,
            "final_score": 67.2,
            "judge_scores": [7.0] * 7,
        }
        for key in keys
    }
    plain = {
        key: {name: value for name, value in row.items() if name != "judge_scores"}
        for key, row in rows.items()
    }
    return {
        mtl_aqa.WITH_MARKS: rows,
        mtl_aqa.PLAIN: plain,
        mtl_aqa.CAPTIONS: {key: ["<sos>", "a", "dive", "<eos>"] for key in keys},
        mtl_aqa.SPLITS["train"]: keys[::2],
        mtl_aqa.SPLITS["test"]: keys[1::2],
    }


def _scores() -> list[float]:
    return [round(40 + 60 * hash_unit("campaign", film), 2) for film in range(1, NUM_FILMS + 1)]


def _unlv_arrays() -> bytes:
    stream = io.BytesIO()
    np.savez(
        stream,
        final_score=np.array(_scores(), np.float32),
        difficulty=np.full(NUM_FILMS, 3.2, np.float32),
        stage_ends=np.tile(_MARKS, (NUM_FILMS, 1)),
        train_id=np.array([n for n in range(1, NUM_FILMS + 1) if n not in _TEST_FILMS]),
        test_id=np.array(_TEST_FILMS),
    )
    return stream.getvalue()


def _unlv_table() -> bytes:
    head = "id,path,final_score,difficulty,jump_begins,drop_begins,entry_begins,ending_begins"
    rows = [f"{n},{n:03d}.mp4,{_scores()[n - 1]},3.2,{','.join(map(str, _MARKS))}" for n in range(1, 20)]
    return "\n".join([head, *rows, ""]).encode()


def _table(language: str) -> bytes:
    separator, head = _HEADS[language]
    rows = [
        [
            f"{n:03d}.mp4",
            f"{50 + n}.5",
            "205B",
            "3.0",
            "10",
            "7 7 7.5 7 7 6.5 7",
            f"{n + 20} {n + 50}",
            "96",
            "train",
            "cup",
            str(n),
        ]
        for n in range(1, _ROWS + 1)
    ]
    if separator == ";":
        rows = [[field.replace(".5", ",5") for field in row] for row in rows]
    return "\n".join([head, *(separator.join(row) for row in rows), ""]).encode()


def _xlsx(table: bytes) -> bytes:
    """The table as Excel has it, without the time at which it was written."""
    book = openpyxl.Workbook()
    for line in table.decode().splitlines():
        book.active.append([_cell(field) for field in line.split(",")])
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    core = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2000-01-01T00:00:00Z", members["docProps/core.xml"])
    return archive_of(
        [stored(name.encode(), body) for name, body in (members | {"docProps/core.xml": core}).items()]
    )


def _cell(field: str) -> str | float:
    try:
        return float(field)
    except ValueError:
        return field
