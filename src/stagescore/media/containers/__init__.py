"""Reading the tables of mp4, mov, avi, mkv, webm, flv and gif files, to hold them against what was decoded.

FFmpeg is made to show as much as it can of a torn file and often says nothing about the rest: a header
that claims fewer frames than the other tables, a GIF that ends between two pictures, a chunk that was
cut out. Each module here walks one container's grammar and reports contradictions; it never decodes.
A format that is not known here gives an empty `Audit`.
"""

import struct
from pathlib import Path

from stagescore.media.containers import avi, flv, gif, matroska, mp4
from stagescore.media.containers.audit import Audit, ByteReader, HostileStructureError, StructureError

__all__ = ["Audit", "HostileStructureError", "audit_container"]


def audit_container(path: Path, stream_id: int, stream_index: int, num_frames: int) -> Audit:
    """Walk the file's own structure.

    Args:
        path: Path of a regular file.
        stream_id: The video track's number in the container (mp4).
        stream_index: The video track's place among the tracks, from 0 (avi, mkv).
        num_frames: Number of frames that could be decoded, by which the time and the memory of the walk are bounded.

    Returns:
        Contradictions and the number of frames declared. Bytes that cannot be followed are a problem
        in the answer, never an error.

    Raises:
        HostileStructureError: The file has a structure that no film has.
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        reader = ByteReader.of(stream, num_frames)
        try:
            head = reader.take(12, 0)
            if head[:3] == b"GIF":
                return gif.audit(reader)
            if head[:4] == b"RIFF" and head[8:] == b"AVI ":
                return avi.audit(reader, stream_index)
            if head[:4] == matroska.MAGIC:
                return matroska.audit(reader, stream_index)
            if head[:3] == b"FLV":
                return flv.audit(reader)
            if head[4:8] in mp4.FIRST_BOXES:
                return mp4.audit(reader, stream_id)
        except HostileStructureError:
            raise
        except StructureError as error:
            return Audit(problems=(str(error),))
        except (struct.error, IndexError, ValueError, KeyError, ArithmeticError):
            return Audit(problems=("its tables cannot be followed",))
    return Audit()
