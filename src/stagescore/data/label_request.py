"""Which labels are asked for: what the command line names, before any reader is loaded."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Source(StrEnum):
    """Where labels come from."""

    FINEDIVING = "finediving"
    MTL_AQA = "mtl-aqa"
    UNLV_DIVE = "unlv-dive"
    CSV = "csv"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest:
    """Which files to read.

    Attributes:
        annotations: Folder of the release's files, CSV or xlsx file, or manifest.
        other: Folder of the labels of another data set with the same dives; None for the first that fits, in
            `annotations` or beside it.
        frames: Folder of the frames or films; None where there are none, or where the release says where they are.
        poses: Folder of the poses; None where there are none.
    """

    annotations: Path
    other: Path | None = None
    frames: Path | None = None
    poses: Path | None = None
