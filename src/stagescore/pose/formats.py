"""Pose files: the two forms in which FineDiving-Pose is released.

Source: github.com/Lumos0507/HP-MCoRe. `pred_comp_<number>.npz` holds `pred`, frames x 16 x 2 or 3 (x, y
and perhaps a confidence); the hand-made labels are a JSON list of
`{image, center, scale, joints[16][2], joints_vis[16]}` with the scale in units of 200 px.
"""

import io
import json
import lzma
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from stagescore.errors import DataError
from stagescore.skeleton import NUM_JOINTS
from stagescore.types import PoseTrack

SCALE_UNIT_PX = 200.0
"""MPII gives the height of a person in units of 200 px."""

MAX_BYTES = 64 * 2**20
# What `zipfile` and NumPy raise for damaged files.
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    SyntaxError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelledImage:
    """One image with hand-made joints.

    Attributes:
        image: file name.
        center_px: xy of the middle of the person's box.
        scale: height of the person in units of 200 px.
        joints_px: xy of the 16 joints in MPII's order.
        visible: which joints are marked as visible.
    """

    image: str
    center_px: tuple[float, float]
    scale: float
    joints_px: Float[np.ndarray, "16 2"]
    visible: Bool[np.ndarray, "16"]


def read_npz(path: Path) -> PoseTrack:
    """Read a `pred_comp_<number>.npz`; joints without a confidence get 1.

    Raises:
        DataError: unreadable, without `pred`, or of another shape or type. Arrays of Python objects,
            which only unpickling could read, are refused.
    """
    try:
        pred = _array_of_archive(path)
    except _UNREADABLE as error:
        raise DataError(
            f"cannot read the poses ({str(error)[:80]})", where=path, todo="get or make the file again"
        ) from None
    if pred is None:
        raise DataError("it holds no array `pred`", where=path, todo="use a pred_comp_<number>.npz file")
    if (
        pred.ndim != 3
        or pred.shape[1] != NUM_JOINTS
        or pred.shape[2] not in (2, 3)
        or pred.dtype.kind not in "fiu"
    ):
        raise DataError(
            f"`pred` is {pred.dtype} of shape {pred.shape}",
            where=path,
            todo=f"give numbers of shape frames x {NUM_JOINTS} x 2 or 3",
        )
    joints = pred[..., :2].astype(np.float64)
    joints[np.isinf(joints).any(-1)] = np.nan
    unknown = np.isnan(joints).any(-1)
    confidence = pred[..., 2].astype(np.float64) if pred.shape[2] == 3 else np.ones(pred.shape[:2])
    confidence = np.where(unknown | np.isnan(confidence), 0.0, confidence)
    try:
        return PoseTrack(joints_px=joints, confidence=confidence)
    except DataError as error:
        raise DataError(error.what, where=path, todo=error.todo) from None


def _array_of_archive(path: Path) -> NDArray[Any] | None:
    """`pred`; read here rather than by `np.load`, which unpacks whatever size the file makes up."""
    with zipfile.ZipFile(path) as archive:
        if "pred.npy" not in archive.namelist():
            return None
        if archive.getinfo("pred.npy").file_size > MAX_BYTES:
            raise ValueError("it unpacks to more than poses can be")
        content = archive.read("pred.npy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of headers written by Python 2
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def read_authors_json(path: Path) -> list[LabelledImage]:
    """Read hand-made joints in the authors' form, in the order of the file.

    Raises:
        DataError: unreadable, or an entry lacks a field or holds something else than numbers.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"cannot read the joints ({str(error)[:80]})", where=path, todo="get or make the file again"
        ) from None
    if not isinstance(content, list):
        raise DataError("it is no list of labelled images", where=path, todo="use the authors' JSON form")
    return [_labelled_image(entry, f"{path}, entry {number}") for number, entry in enumerate(content)]


def _labelled_image(entry: object, where: str) -> LabelledImage:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise DataError("an entry names no image", where=where, todo="give each entry an `image`")
    where = f"{where} ({entry['image'][:60]})"
    center = _numbers(entry.get("center"), (2,), where, "center")
    scale = _numbers(entry.get("scale"), (), where, "scale")
    joints = _numbers(entry.get("joints"), (NUM_JOINTS, 2), where, "joints")
    visible = _numbers(entry.get("joints_vis", [1] * NUM_JOINTS), (NUM_JOINTS,), where, "joints_vis")
    return LabelledImage(
        image=entry["image"],
        center_px=(float(center[0]), float(center[1])),
        scale=float(scale),
        joints_px=joints,
        visible=np.asarray(visible > 0),
    )


def _numbers(value: object, shape: tuple[int, ...], where: str, name: str) -> np.ndarray:
    expected = " x ".join(map(str, shape)) or "one number"
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.full((), math.nan)
    if array.shape != shape or not np.isfinite(array).all():
        raise DataError(
            f"`{name}` is not {expected} of finite numbers", where=where, todo="correct the entry"
        )
    return array
