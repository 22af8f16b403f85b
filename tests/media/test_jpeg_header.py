"""The size that a JPEG's header tells is that which Pillow reads, and what is no JPEG has none."""

import io

import numpy as np
import pytest
from PIL import Image

from stagescore.media.jpeg_header import jpeg_size


def jpeg_of(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    picture = Image.fromarray(np.random.default_rng(width).integers(0, 255, (height, width, 3), np.uint8))
    out = io.BytesIO()
    picture.convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (8, 16), (127, 3), (640, 360)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"x" * 300}, {"mode": "L"}])
def test_sizes_are_those_that_pillow_reads(size, options):
    assert jpeg_size(jpeg_of(*size, **options)) == size


def test_fill_bytes_before_a_marker_are_skipped():
    whole = jpeg_of(20, 10)
    assert jpeg_size(whole[:2] + b"\xff\xff" + whole[2:]) == (20, 10)


def test_what_is_no_jpeg_has_no_size():
    whole = jpeg_of(20, 10)
    assert jpeg_size(b"") is None and jpeg_size(b"\x89PNG\r\n") is None and jpeg_size(whole[:40]) is None
    assert jpeg_size(b"\xff\xd8" + bytes(200)) is None
    endless = b"\xff\xd8\xff\xe0\x00\x00" + bytes(50)
    assert jpeg_size(endless) is None
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(whole)
        for place in rng.integers(2, 200, 4):
            broken[place] = rng.integers(256)
        jpeg_size(bytes(broken))  # ends, whatever it says
