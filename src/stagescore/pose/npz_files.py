"""Poses in NumPy archives: `pred_comp_<number>.npz`, as FineDiving-Pose is released.

Source: github.com/Lumos0507/HP-MCoRe. `pred` is frames x 16 x 2 or 3 (x, y and perhaps a confidence).
Departs: other skeletons are read and written as well, told by an array `joints` of names or by the count. What we
write also holds `measured`, `filled` and `derived`; a joint that nobody knows is NaN.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from stagescore.array_archives import read_arrays
from stagescore.errors import DataError
from stagescore.pose.layouts import CHOICES, skeleton_of_count, skeleton_of_names
from stagescore.skeleton import MPII_16, Skeleton
from stagescore.types import PoseTrack


def read_npz(path: Path, skeleton: Skeleton | None = None) -> PoseTrack:
    """Read an npz of poses in the skeleton it has; joints without a confidence get 1.

    Args:
        path: File with the array `pred`, and perhaps `joints` (names), `filled` and `derived`.
        skeleton: Skeleton of the file's joints; told by their names or their count by default.

    Raises:
        DataError: It cannot be read, has no `pred`, or one of another shape or type. Arrays of Python objects,
            which only unpickling could read, are refused.
    """
    try:
        arrays = read_arrays(path, ("pred", "joints", "filled", "derived"))
        pred, names, filled, derived = map(arrays.get, ("pred", "joints", "filled", "derived"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the poses ({str(error)[:80]})", where=path, todo="get or make the file again"
        ) from None
    if pred is None:
        raise DataError("it holds no array `pred`", where=path, todo="use a pred_comp_<number>.npz file")
    if pred.ndim != 3 or pred.shape[2] not in (2, 3) or pred.dtype.kind not in "fiu":
        raise DataError(
            f"`pred` is {pred.dtype} of shape {pred.shape}",
            where=path,
            todo=f"give numbers of shape frames x joints x 2 or 3, of {CHOICES}",
        )
    found, order = _layout(pred.shape[1], names, path, skeleton)
    pred = pred[:, order]
    joints = pred[..., :2].astype(np.float64)
    joints[np.isinf(joints).any(-1)] = np.nan
    unknown = np.isnan(joints).any(-1)
    confidence = pred[..., 2].astype(np.float64) if pred.shape[2] == 3 else np.ones(pred.shape[:2])
    confidence = np.where(unknown | np.isnan(confidence), 0.0, confidence)
    try:
        return PoseTrack(
            joints_px=joints,
            confidence=confidence,
            filled=_marks(filled, pred.shape[:2], order, "filled"),
            skeleton=found,
            derived=_derived(_marks(derived, pred.shape[:2], order, "derived"), found),
        )
    except DataError as error:
        raise DataError(error.what, where=path, todo=error.todo) from None


def read_measured(path: Path) -> Bool[np.ndarray, "frames joints"] | None:
    """Which joints were found in their own frame, in the order of the skeleton; None where the file does not say.

    Args:
        path: File that `npz_bytes` made.

    Raises:
        DataError: It cannot be read.
    """
    try:
        arrays = read_arrays(path, ("measured", "joints"))
        measured, names = map(arrays.get, ("measured", "joints"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the poses ({str(error)[:80]})", where=path, todo="get or make the file again"
        ) from None
    if measured is None or measured.ndim != 2:
        return None
    return _marks(measured, measured.shape, _layout(measured.shape[1], names, path, None)[1], "measured")


def npz_bytes(track: PoseTrack, measured: Bool[np.ndarray, "frames joints"]) -> bytes:
    """An npz of poses; the same joints always give the same bytes.

    Args:
        track: Gives `pred` (x, y, confidence; NaN, NaN, 0 where unknown), `filled` and `derived`, and the names of
            the joints unless they are MPII's.
        measured: True for joints that were found in their own frame.
    """
    filled = np.zeros_like(measured) if track.filled is None else track.filled
    pred = np.concatenate((track.joints_px, track.confidence[..., None]), axis=-1).astype(np.float32)
    pred[~track.known] = (np.nan, np.nan, 0.0)
    derived = np.broadcast_to(track.skeleton.mask(track.derived), measured.shape)
    arrays: dict[str, NDArray[Any]] = {
        "pred": pred,
        "measured": measured,
        "filled": filled,
        "derived": np.ascontiguousarray(derived),
    }
    if track.skeleton != MPII_16:
        arrays["joints"] = np.array(track.skeleton.joints)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            stream = io.BytesIO()
            np.lib.format.write_array(stream, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, stream.getvalue())
    return content.getvalue()


def _layout(
    count: int, names: NDArray[Any] | None, path: Path, asked: Skeleton | None
) -> tuple[Skeleton, list[int]]:
    """The skeleton, and for each of its joints the file's column."""
    if names is None:
        return skeleton_of_count(count, path, asked), list(range(count))
    if names.ndim != 1 or names.dtype.kind != "U" or len(names) != count:
        raise DataError(
            f"`joints` is {names.dtype} of shape {names.shape} for {count} joints",
            where=path,
            todo="give the name of each joint as a string, or leave the names out",
        )
    found, places = skeleton_of_names(names.tolist(), path, asked)
    return found, np.argsort(places).tolist()


def _marks(
    marks: NDArray[Any] | None, shape: tuple[int, ...], order: list[int], name: str
) -> Bool[np.ndarray, "frames joints"] | None:
    """Marks in the order of the skeleton; None where the file has none, or none that are true or false."""
    if marks is None or marks.dtype != np.bool_:
        return None
    if marks.shape != shape:
        raise DataError(f"`{name}` has shape {marks.shape}", todo=f"give {shape}")
    return marks[:, order]


def _derived(marks: Bool[np.ndarray, "frames joints"] | None, skeleton: Skeleton) -> tuple[str, ...]:
    return () if marks is None else skeleton.named(np.asarray(marks.any(0)))
