"""Archives that lie about their members: no more is unpacked than their own list says."""

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from openpyxl import Workbook

from stagescore.array_archives import read_arrays
from stagescore.errors import CheckpointError, DataError
from stagescore.pose.npz_files import read_npz
from stagescore.spreadsheets import read_table
from stagescore.weights.pretrained import read_tensors
from stagescore.zip_archives import UNREADABLE, read_member

UNPACKED_BYTES = 600 << 20
LIMIT_BYTES = 200 << 20


def lying(whole: bytes, name: str, *, method: int = 8, flags: int = 0) -> bytes:
    """An archive in which a member unpacks to 600 MB after its content, though its size is listed as before."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(whole)) as archive,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        content = {info.filename: archive.read(info) for info in archive.infolist()}
        for other, body in content.items():
            changed.writestr(zipfile.ZipInfo(other), body, zipfile.ZIP_DEFLATED)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content[name])
    packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(UNPACKED_BYTES >> 20)) + packer.flush()
    # The member stands behind all others, and the list after it is written again.
    raw, entries = out.getvalue(), b""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        infos, start = archive.infolist(), archive.start_dir
    place = start
    head = struct.pack("<HHHHH", 20, flags, method, 0, 0x21) + struct.pack(
        "<III", zlib.crc32(content[name]), len(packed), len(content[name])
    )
    body = raw[:start] + b"PK\3\4" + head + struct.pack("<HH", len(name), 0) + name.encode() + packed
    for info in infos:
        known = struct.pack("<HHHHH", 20, 0, 8, 0, 0x21) + struct.pack(
            "<III", info.CRC, info.compress_size, info.file_size
        )
        told, at = (head, place) if info.filename == name else (known, info.header_offset)
        entries += (
            b"PK\1\2\x14\0"
            + told
            + struct.pack("<HHHHHII", len(info.filename), 0, 0, 0, 0, 0, at)
            + info.filename.encode()
        )
    return (
        body
        + entries
        + b"PK\5\6"
        + struct.pack("<HHHHIIH", 0, 0, len(infos), len(infos), len(entries), len(body), 0)
    )


def npz(**arrays) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def xlsx() -> bytes:
    book, stream = Workbook(), io.BytesIO()
    book.active.append(["path", "score"])
    book.active.append(["a.mp4", 61.5])
    book.save(stream)
    return stream.getvalue()


def taken_by(program: str, path) -> int:
    """Most memory that a program took beyond what it had before it read the path, in bytes."""
    script = (
        "import resource, sys\nfrom pathlib import Path\npath = Path(sys.argv[1])\n"
        f"{program}\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\nread(path)\nprint((peak() - before) * 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_an_array_unpacks_to_no_more_than_is_listed(tmp_path) -> None:
    path = tmp_path / "poses.npz"
    path.write_bytes(lying(npz(pred=np.ones((4, 16, 2))), "pred.npy"))
    assert (
        taken_by("from stagescore.pose.npz_files import read_npz as read; import numpy.lib.format", path)
        < LIMIT_BYTES
    )
    assert read_npz(path).num_frames == 4  # what is listed is whole


def test_a_sheet_unpacks_to_no_more_than_is_listed(tmp_path) -> None:
    path = tmp_path / "dives.xlsx"
    path.write_bytes(lying(xlsx(), "xl/worksheets/sheet1.xml"))
    assert (
        taken_by("from stagescore.spreadsheets import read_table as read; import openpyxl", path)
        < LIMIT_BYTES
    )
    assert read_table(path).rows[0].cells == ("a.mp4", "61.5")


@pytest.mark.parametrize(
    "change",
    [{"method": 99}, {"method": 93}, {"flags": 1}],
    ids=["unknown method", "another method", "encrypted"],
)
def test_members_that_nobody_can_unpack_are_refused_in_a_line(tmp_path, change) -> None:
    poses, table = tmp_path / "poses.npz", tmp_path / "dives.xlsx"
    poses.write_bytes(lying(npz(pred=np.ones((4, 16, 2))), "pred.npy", **change))
    table.write_bytes(lying(xlsx(), "xl/workbook.xml", **change))
    for read, path in ((read_npz, poses), (read_table, table)):
        with pytest.raises(DataError, match=f"{path.name}: ") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_texts_of_numbers_that_are_no_characters_are_refused(tmp_path) -> None:
    path = tmp_path / "a.npz"
    names = np.array(["ab", "c"])
    raw = np.frombuffer(names.tobytes(), "u4").copy()
    for number, good in ((0x10FFFF, True), (0x110000, False), (2**32 - 1, False)):
        raw[1] = number
        path.write_bytes(npz(joints=np.frombuffer(raw.tobytes(), names.dtype)))
        if good:
            assert read_arrays(path, ["joints"])["joints"][1] == "c"
        else:
            with pytest.raises(ValueError, match="no characters"):
                read_arrays(path, ["joints"])


def test_big_endian_texts_are_read(tmp_path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(npz(joints=np.array(["hip", "neck"]).astype(">U4")))
    assert read_arrays(path, ["joints", "more"])["joints"].tolist() == ["hip", "neck"]


def test_damaged_data_of_a_member_is_a_damaged_archive() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", bytes(range(256)) * 40)
    torn = bytearray(out.getvalue())
    torn[40:60] = bytes(20)
    with zipfile.ZipFile(io.BytesIO(bytes(torn))) as archive, pytest.raises(UNREADABLE):
        read_member(archive, "a")


def test_weights_of_pytorch_whose_members_unpack_to_more_are_refused_before(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"a": torch.zeros(1 << 20)}, path)
    assert set(read_tensors(path, "nowhere")) == {"a"}
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as changed:
        for name in whole.namelist():
            changed.writestr(name, whole.read(name))
    with pytest.raises(CheckpointError, match="unpack to more than they hold"):
        read_tensors(packed, "nowhere")
