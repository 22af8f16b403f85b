"""What people call the columns of a table of dives, in five languages, and what is meant by it.

Source: World Aquatics' result sheets and those of the federations of Germany, France, Spain and Italy for the terms (DN, DD,
tariff, Sprungnummer, Schwierigkeitsgrad, coefficient, dificultad, coefficiente); the rest is set by hand.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from stagescore.errors import DataError
from stagescore.spreadsheets import Spreadsheet, SpreadsheetRow, numbers_in

_NEAR = 0.75
"""Likeness from which a name is taken for a misspelt one (`difflib`). Set by hand."""

SYNONYMS: Mapping[str, str] = {
    "path": "file, filename, file name, film, film file, video, video file, clip, movie, Datei, Dateiname, Pfad, Videodatei, "
    "Filmdatei, fichier, nom du fichier, chemin, vidéo, archivo, nombre del archivo, fichero, ruta, vídeo, percorso, "
    "nome file, nome del file, filmato",
    "score": "scores, final score, total score, dive score, points, total points, total, result, Punkte, Punktzahl, Gesamtpunkte, "
    "Endpunkte, Gesamt, Ergebnis, Wertungspunkte, point, score final, points totaux, pts, résultat, note finale, Endnote, nota final, voto finale, puntos, puntuación, "
    "puntaje, puntuación final, resultado, punti, punteggio, punteggio finale, risultato",
    "dive_number": "dive, dive no, dive nr, dive code, code, DN, dive num, Sprung, Sprungnummer, Sprung Nr, Sprungcode, "
    "plongeon, numéro de plongeon, numéro du plongeon, n° plongeon, code du plongeon, salto, número de salto, número del salto, "
    "código, código del salto, clavado, tuffo, numero tuffo, numero del tuffo, codice, codice tuffo",
    "difficulty": "DD, degree of difficulty, tariff, Schwierigkeit, Schwierigkeitsgrad, SG, difficulté, degré de difficulté, "
    "coefficient, coefficient de difficulté, coeff, dificultad, grado de dificultad, GD, coeficiente, coeficiente de dificultad, "
    "difficoltà, grado di difficoltà, coefficiente, coefficiente di difficoltà",
    "height_m": "height, board, board height, platform, Höhe, Sprunghöhe, Höhe m, Brett, Bretthöhe, Turm, hauteur, tremplin, "
    "altura, trampolín, altezza, trampolino",
    "marks": "mark, judges, judge marks, judges marks, judges scores, judge scores, awards, Wertungen, Einzelwertungen, "
    "Kampfrichter, Kampfrichterwertungen, Richterwertungen, Haltungsnoten, notes des juges, notes juges, juges, notas, "
    "notas de los jueces, jueces, voti, voti dei giudici, giudici",
    "transitions": "transition, Übergänge, transiciones, transizioni",
    "frames": "num frames, number of frames, frame count, Bilder, Anzahl Bilder, images, nombre d'images, fotogramas, "
    "número de fotogramas, fotogrammi, numero di fotogrammi",
    "split": "Aufteilung",
    "event": "competition, contest, Wettkampf, Wettbewerb, épreuve, compétition, prueba, competición, gara, competizione",
    "number": "no, nr, id, Nummer, lfd nr, laufende Nummer, numéro, n°, número, numero",
    "athlete": "diver, athlete name, diver name, name, Athlet, Athletin, Springer, Springerin, Sportler, Sportlerin, plongeur, "
    "plongeuse, athlète, nom, atleta, saltador, saltadora, clavadista, nombre, tuffatore, tuffatrice, nome",
}
"""The columns that are known, each with other names for it."""

_OTHERS = frozenset({"date", "note", "notes", "remark", "remarks"})
"""Names of columns that mean something else than those which they resemble."""
_REMARKS_OR_MARKS = frozenset({"note", "notes", "noten"})
"""Marks in French, Italian and German, and remarks in English: what stands in the column tells."""

_JUDGE = re.compile(
    r"(?P<kind>j|judge|judgemark|mark|award|k|kr|kampfrichter|richter|w|wertung|note|juge|jury|juez|nota|giudice|voto|"
    r"e|ex|execution|s|sync|synchro|synchronisation)(?P<number>\d{1,2})"
)
_SYNCHRONISATION = "s"
"""How the columns of the marks for synchronisation begin; a sheet has them behind those for execution."""


def plain(name: str) -> str:
    """A name without case, accents, spaces and signs, as names are compared.

    >>> plain("Höhe (m)"), plain("dive_number"), plain("N° plongeon")
    ('hohem', 'divenumber', 'nplongeon')
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("°", ""))
    return "".join(letter for letter in decomposed if letter.isalnum())


_MEANING = {plain(name): column for column, names in SYNONYMS.items() for name in (column, *names.split(","))}


def is_column(name: str) -> bool:
    """Whether a text is the name of a column of dives, or of a judge's marks.

    >>> is_column("Höhe (m)"), is_column("J3"), is_column("Vereinsmeisterschaft 2026")
    (True, True, False)
    """
    return plain(name) in _MEANING or _JUDGE.fullmatch(plain(name)) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    """A table of dives with the columns by the names that this package gives them.

    Attributes:
        table: The table as it was read.
        places: Place of each known column among those of the table.
        judges: Places of the columns that have one judge's mark each, in the order of the judges.
        ignored: Names of the columns that mean nothing to this package.
    """

    table: Spreadsheet
    places: Mapping[str, int]
    judges: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Spreadsheet, required: Sequence[str]) -> "LabelTable":
        """Find out what the columns of a table mean.

        Args:
            table: Spreadsheet of dives.
            required: Names of the columns that must be there.

        Raises:
            DataError: A required column is missing, two mean the same, or one is misspelt.
        """
        places: dict[str, int] = {}
        judges: dict[tuple[str, bool, int], int] = {}
        unknown: list[str] = []
        for place, name in enumerate(table.columns):
            meaning = _meaning_of(plain(name), [row.cells[place] for row in table.rows])
            judge = _JUDGE.fullmatch(plain(name))
            if meaning is not None:
                if meaning in places:
                    raise _both(table, meaning, table.columns[places[meaning]], name)
                places[meaning] = place
            elif judge is not None:
                kind = judge["kind"]
                key = ("marks", kind.startswith(_SYNCHRONISATION), int(judge["number"]))
                if key in judges:
                    raise _both(table, f"mark {int(judge['number'])}", table.columns[judges[key]], name)
                judges[key] = place
            else:
                unknown.append(name)
        if judges and "marks" in places:
            first = table.columns[min(judges.values())]
            raise _both(table, "marks", table.columns[places["marks"]], first)
        _check_missing(table, places, unknown, required)
        _check_misspelt(table, places, unknown, has_judges=bool(judges))
        return cls(
            table=table,
            places=places,
            judges=tuple(judges[key] for key in sorted(judges)),
            ignored=tuple(unknown),
        )

    def cells(self, row: SpreadsheetRow) -> dict[str, str]:
        """The fields of a row by the names of their columns; marks of several columns become one field."""
        found = {name: row.cells[place] for name, place in self.places.items()}
        if self.judges:
            found["marks"] = " ".join(row.cells[place].strip(",; ") for place in self.judges).strip()
        return found


def _meaning_of(name: str, cells: Sequence[str]) -> str | None:
    """The column of this package that a plain name means, or None."""
    if name in _REMARKS_OR_MARKS:
        return "marks" if any(cells) and all(map(_are_marks, filter(None, cells))) else None
    return _MEANING.get(name)


def _are_marks(cell: str) -> bool:
    try:
        return len(numbers_in(cell)) > 1
    except ValueError:
        return False


def _both(table: Spreadsheet, meaning: str, first: str, second: str) -> DataError:
    if first == second:
        return DataError(
            f"the column {first[:40]!a} stands twice", where=table.where, todo="keep one of them"
        )
    return DataError(
        f"the columns {first[:40]!r} and {second[:40]!r} both give the {meaning.replace('_', ' ')}",
        where=table.where,
        todo="delete or rename one of them",
    )


def _check_missing(
    table: Spreadsheet, places: Mapping[str, int], unknown: Sequence[str], required: Sequence[str]
) -> None:
    for column in required:
        if column not in places:
            near = _nearest(column, unknown)
            raise DataError(
                f"there is no column {column!r}" + (f"; is {near[:40]!r} meant?" if near else ""),
                where=table.where,
                todo=f"name it {column!r}, or by another name that docs/data.md lists, in the first line",
            )


def _check_misspelt(
    table: Spreadsheet, places: Mapping[str, int], unknown: Sequence[str], *, has_judges: bool
) -> None:
    missing = [
        column for column in SYNONYMS if column not in places and not (column == "marks" and has_judges)
    ]
    for name in unknown:
        for column in missing if plain(name) not in _OTHERS else ():
            if _nearest(column, [name]):
                near = get_close_matches(plain(name), [*_names_of(column)], n=1, cutoff=_NEAR)[0]
                raise DataError(
                    f"unknown column {name[:40]!a}",
                    where=table.where,
                    todo=f"did you mean {_names_of(column)[near]!r}? Rename it, or delete the column",
                )


def _names_of(column: str) -> dict[str, str]:
    """Every name of a column by its plain form; of the same plain form the first."""
    names = [column, *(name.strip() for name in SYNONYMS[column].split(","))]
    return {plain(name): name for name in reversed(names)}


def _nearest(column: str, names: Sequence[str]) -> str | None:
    """The one of some names that is most like one of a column's, or None where none is."""
    likeness = {
        name: match
        for name in names
        for match in get_close_matches(plain(name), [*_names_of(column)], n=1, cutoff=_NEAR)
        if min(len(plain(name)), len(match)) > 2  # two letters are like too much
    }
    own = plain(column)
    return next((name for name in likeness if likeness[name] == own), next(iter(likeness), None))
