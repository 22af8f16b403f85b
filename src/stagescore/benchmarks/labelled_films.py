"""Films on the command line with what a file of labels says of their dives: number, difficulty, height.

Marks and scores are not read: they are not known when a dive is scored.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from stagescore.benchmarks.stability import KnownFilm
from stagescore.data.manifest import read_manifest
from stagescore.errors import DataError
from stagescore.scoring.inputs import find_clips
from stagescore.scoring.options import ScoreOptions

_TODO = "give a manifest, its folder, or a CSV in UTF-8 with a column path"


def labelled_films(named: Sequence[str], labels: Path | None = None) -> list[KnownFilm]:
    """The films that some words of the command line name, each with its labels.

    Args:
        named: Films, folders of films or images, or globs (`inputs.find_clips`).
        labels: Manifest, a folder with one, or a CSV file whose column `path` is relative to its folder or to `films`
            therein, and which may have `dive_number`, `difficulty` and `height_m`; other columns are not read.

    Raises:
        DataError: The labels cannot be read, or do not name one of the films.
    """
    clips = find_clips(named)
    if labels is None:
        return [KnownFilm(path=clip.path, name=clip.name) for clip in clips]
    known = _of_csv(labels) if labels.suffix.lower() == ".csv" else _of_manifest(labels)
    films = []
    for clip in clips:
        options = known.get(clip.path.resolve())
        if options is None:
            raise DataError(
                f"{clip.path} is not among the labels", where=labels, todo="add it, or leave it out"
            )
        films.append(KnownFilm(path=clip.path, name=clip.name, options=options))
    return films


def _of_manifest(path: Path) -> Mapping[Path, ScoreOptions]:
    return {
        Path(dive.frames_path).resolve(): ScoreOptions(
            dive_number=dive.dive_number, difficulty=dive.difficulty, height_m=dive.height_m
        )
        for dive in read_manifest(path)
        if dive.frames_path is not None
    }


def _of_csv(path: Path) -> Mapping[Path, ScoreOptions]:
    known = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=2):
                if not row.get("path"):
                    raise DataError("there is no path", where=f"{path}, line {number}", todo=_TODO)
                values = {
                    name: row[name].strip()
                    for name in ("dive_number", "difficulty", "height_m")
                    if (row.get(name) or "").strip()
                }
                for folder in (path.parent / "films", path.parent):
                    known[(folder / row["path"]).resolve()] = ScoreOptions.model_validate(values)
    except ValidationError as error:
        told = error.errors()[0]["msg"]
        raise DataError(told, where=f"{path}, line {number}", todo="correct the value") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the labels ({str(error)[:80]})", where=path, todo=_TODO) from None
    return known
