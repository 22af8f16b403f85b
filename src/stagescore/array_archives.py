"""Named arrays in NumPy's archives (npz), read within bounds: nothing is unpickled, and no memory is taken before it is certain.

Source: NumPy's format of arrays (NEP 1). `np.load` unpacks whatever size a file makes up, and raises some fifteen kinds of
errors for damaged files.
"""

import io
import math
import stat
import struct
import tokenize
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stagescore.zip_archives import UNREADABLE, read_member

MAX_BYTES = 64 * 2**20
"""Most bytes that an array may unpack to. Set by hand: x, y and confidence of 16 joints in 170,000 frames."""
# All set by hand: arrays in a file, bytes of their list, and bytes of a number or of the name of a joint.
_MOST_ARRAYS = 16
_MOST_LIST_BYTES = 2**20
_LONGEST_ITEM = 1024
_LONGEST_END = 22 + 2**16  # the end of an archive with its longest comment
# What NumPy raises for damaged arrays, and `zipfile` for damaged archives.
_UNREADABLE = (TypeError, AttributeError, SyntaxError, MemoryError, tokenize.TokenError, *UNREADABLE)
_LAST_CHARACTER = 0x10FFFF


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays of numbers, marks or short texts, by name; those that the file does not hold are left out.

    Args:
        path: The npz file.
        names: Names of the arrays that are wanted.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no archive, asks for more than labels and poses can be, or holds something else.
    """
    try:
        with path.open("rb") as stream:
            _check_directory(path, stream)
            with zipfile.ZipFile(stream) as archive:
                held = set(archive.namelist())
                return {name: _array(archive, name) for name in names if f"{name}.npy" in held}
    except _UNREADABLE as error:
        raise ValueError(str(error) or type(error).__name__) from None


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    if archive.getinfo(f"{name}.npy").file_size > MAX_BYTES:
        raise ValueError(f"`{name}` unpacks to more than {MAX_BYTES >> 20} MiB")
    content = io.BytesIO(read_member(archive, f"{name}.npy"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of headers written by Python 2
        _check_array(content, name)
        array: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
    if array.dtype.kind == "U" and array.size:
        # Python cannot even say what is wrong with a text whose numbers are no characters.
        codes = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("=")).view(np.uint32)
        if int(codes.max()) > _LAST_CHARACTER:
            raise ValueError(f"`{name}` holds a text of numbers that are no characters")
    return array


def _check_directory(path: Path, stream: BinaryIO) -> None:
    """Refuse what is no file, and a list of contents that would take much memory: `zipfile` reads all of it.

    Raises:
        ValueError: It cannot be an archive of labels or poses.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_ARRAYS * MAX_BYTES:
        raise ValueError("it is no file, or larger than arrays can be here")
    stream.seek(max(status.st_size - _LONGEST_END, 0))
    end = stream.read()
    place = end.rfind(b"PK\5\6")
    if place < 0 or len(end) - place < 22:
        raise zipfile.BadZipFile("File is not a zip file")
    (size,) = struct.unpack_from("<I", end, place + 12)
    # The longer form of the list, which is for archives of gigabytes, is announced right before the end.
    if size > _MOST_LIST_BYTES or end[max(place - 20, 0) : place].startswith(b"PK\6\7"):
        raise ValueError("it lists more arrays than there can be")
    stream.seek(0)


def _check_array(content: io.BytesIO, name: str) -> None:
    """Compare what the header of an array declares with what follows it, before memory is taken for it.

    Raises:
        ValueError: They differ, or the array is none of numbers, marks or short texts.
    """
    version = np.lib.format.read_magic(content)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(content)
    if dtype.hasobject or dtype.kind not in "fiubU" or not 0 < dtype.itemsize <= _LONGEST_ITEM:
        raise ValueError(f"`{name}` is an array of {str(dtype)[:40]}")
    declared = math.prod(shape) * dtype.itemsize
    following = len(content.getbuffer()) - content.tell()
    if any(side < 0 for side in shape) or declared != following:
        raise ValueError(f"`{name}` declares {declared} bytes and has {following}")
    content.seek(0)
