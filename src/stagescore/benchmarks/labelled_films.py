"""Films on the command line with what a file of labels says of their dives: number, difficulty, height.

Marks and scores are not read: they are not known when a dive is scored.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from stagescore.benchmarks.stability import KnownFilm
from stagescore.data.column_names import LabelTable, is_column
from stagescore.data.csv_labels import dive_number_of, number_of
from stagescore.data.manifest import read_manifest
from stagescore.errors import DataError
from stagescore.named_files import FolderFiles
from stagescore.scoring.inputs import find_clips
from stagescore.scoring.options import ScoreOptions
from stagescore.spreadsheets import read_table

_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods")


def labelled_films(named: Sequence[str], labels: Path | None = None) -> list[KnownFilm]:
    """The films that some words of the command line name, each with its labels.

    Args:
        named: Films, folders of films or images, or globs (`inputs.find_clips`).
        labels: Manifest, a folder with one, or a CSV or xlsx file whose column `path` is relative to its folder or to
            `films` therein, and which may have `dive_number`, `difficulty` and `height_m`; other columns are not read.

    Raises:
        DataError: The labels cannot be read, or do not name one of the films.
    """
    clips = find_clips(named)
    if labels is None:
        return [KnownFilm(path=clip.path, name=clip.name) for clip in clips]
    known = _of_table(labels) if labels.suffix.lower() in _TABLES else _of_manifest(labels)
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


def _of_table(path: Path) -> Mapping[Path, ScoreOptions]:
    labels = LabelTable.of(read_table(path, known=is_column), ("path",))
    folders = {folder: FolderFiles(folder) for folder in (path.parent / "films", path.parent)}
    known = {}
    for row in labels.table.rows:
        where = f"{labels.table.where}, line {row.line}"
        cells = labels.cells(row)
        if not cells["path"]:
            raise DataError("there is no path", where=where, todo="name the film of every row")
        try:
            options = ScoreOptions(
                dive_number=dive_number_of(cells),
                difficulty=number_of(cells, "difficulty", where),
                height_m=number_of(cells, "height_m", where),
            )
            found = [files.find(cells["path"]) for files in folders.values()]
        except ValidationError as error:
            told = error.errors()[0]["msg"]
            raise DataError(told, where=where, todo="correct the value") from None
        except DataError as error:
            raise DataError(error.what, where=where, todo=error.todo) from None
        known.update({film.resolve(): options for film in found if film is not None})
    return known
