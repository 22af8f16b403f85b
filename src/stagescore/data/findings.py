"""What is odd about labels but does not make them unreadable: kept, named, marked."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from stagescore.data.manifest import Manifest

Kind = Literal[
    "judging_errors",
    "impossible_marks",
    "difficulty_disagreements",
    "label_disagreements",
    "transitions",
    "file_disagreements",
    "dive_number_disagreements",
    "missing_labels",
    "missing_frames",
    "frame_problems",
    "other_shots",
    "missing_poses",
    "pose_problems",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that a check names.

    Attributes:
        kind: Check that found it, one of `KINDS`.
        dive_id: Id of the dive, or the file where the finding belongs to no dive.
        what: What is odd, in words.
    """

    kind: Kind
    dive_id: str
    what: str


@dataclass(frozen=True, slots=True)
class Labels:
    """What reading a data set's files gives: the dives, and what only the files could show.

    Attributes:
        manifest: Dives of the data set.
        findings: Disagreements between files, missing or damaged frames and poses.
        hand_labelled_images: Number of images with hand-made joints in the authors' JSON form.
        overlap: Ids of the dives that both split files name.
        ignored_columns: Names of the columns of a table that mean nothing to this package.
    """

    manifest: Manifest
    findings: tuple[Finding, ...] = ()
    hand_labelled_images: int = 0
    overlap: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()

    @property
    def ignored(self) -> tuple[str, ...]:
        """A warning of the columns that are ignored, in words; empty where there are none."""
        if not self.ignored_columns:
            return ()
        names = ", ".join(repr(name[:40]) for name in self.ignored_columns[:10])
        return (f"columns that mean nothing here are ignored: {names}",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "findings", tuple(self.findings))


def of_kind(findings: Iterable[Finding], kind: Kind) -> list[Finding]:
    """The findings of one kind, in their order."""
    return [finding for finding in findings if finding.kind == kind]
