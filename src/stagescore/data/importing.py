"""Foreign labels become one manifest: `data check` and `data import` without their words on the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stagescore.atomic import write_files
from stagescore.data.attachments import Progress
from stagescore.data.checks import CheckReport, check, json_bytes
from stagescore.data.label_request import LabelRequest
from stagescore.data.sources import LabelReader
from stagescore.data.splits import ValidationRule, choose_validation, validation_file, with_validation
from stagescore.errors import DataError


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLabels:
    """Labels that were read and checked.

    Attributes:
        report: What was found, with the manifest.
        warnings: What the user should know, in words.
    """

    report: CheckReport
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLabels:
    """A manifest with its validation split, ready to be written.

    Attributes:
        report: What was found, with the manifest; the validation split is marked in it.
        files: Content of every file by its name in the folder of the data set.
    """

    report: CheckReport
    files: Mapping[str, bytes]

    def write(self, folder: Path) -> list[Path]:
        """Write all files or none of them.

        Args:
            folder: Folder of the data set; made where it is missing.

        Returns:
            Paths of the files that were written.

        Raises:
            StagescoreError: The folder cannot be written to.
        """
        written = {folder / name: content for name, content in self.files.items()}
        write_files(written)
        return list(written)


def check_labels(reader: LabelReader, request: LabelRequest, progress: Progress = _silent) -> CheckedLabels:
    """Read labels and check them.

    Args:
        reader: Function that reads the labels: one of `sources.READERS`, or your own (docs/add_a_data_set.md).
        request: Files to read.
        progress: Function that is called after every film, or every dive with frames or poses.

    Raises:
        DataError: The labels cannot be read.
    """
    read = reader(request, progress)
    return CheckedLabels(report=check(read.labels, read.other), warnings=read.warnings)


def import_labels(report: CheckReport, *, strict: bool = False, where: Path | str = "") -> ImportedLabels:
    """Choose the validation split of labels that were checked, and make the files of the data set.

    Args:
        report: Report on the labels, as `check_labels` gives it.
        strict: Whether labels of which some rows disagree are refused.
        where: Path of the labels, for the error.

    Raises:
        DataError: Rows disagree, and `strict` was asked for.
    """
    rule = ValidationRule()
    held_out = choose_validation(report.manifest, rule)
    report = report.with_manifest(with_validation(report.manifest, held_out))
    if strict and not report.consistent:
        raise DataError(
            "rows are inconsistent, and --strict was asked for",
            where=where,
            todo="see them with `stagescore data check`; nothing was written",
        )
    return ImportedLabels(
        report=report,
        files={
            "manifest.jsonl": report.manifest.to_bytes(),
            "val_split.json": validation_file(held_out, rule),
            "check.json": json_bytes(report.as_json()),
        },
    )
