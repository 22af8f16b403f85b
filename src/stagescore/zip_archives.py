"""Members of zip archives from anywhere: no more is unpacked than the archive's own list says.

`ZipFile.read` unpacks all that a member holds, whatever size is listed, and cuts it afterwards.
"""

import lzma
import struct
import zipfile
import zlib

UNREADABLE = (
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What `zipfile` raises for damaged archives, encrypted ones and those of unknown methods, besides `OSError`."""


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The content of a member; whoever calls has looked at the size that is listed.

    Raises:
        OSError: The archive cannot be read.
        Exception: One of `UNREADABLE`: the member is damaged.
    """
    try:
        with archive.open(name) as stream:
            return stream.read(archive.getinfo(name).file_size)
    except OSError as error:
        if error.errno is None:  # bz2 says so of damaged data, not the system of the file
            raise zipfile.BadZipFile(str(error)) from None
        raise
