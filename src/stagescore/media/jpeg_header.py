"""What the header of a JPEG says, without decoding anything.

Source: ITU-T T.81, annex B. A bank has thousands of small pictures; Pillow takes ten times as long for each.
"""

_START = b"\xff\xd8"
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers whose segments begin with precision, height and width; the three others in this range mean something else."""
_SCAN = 0xDA
_LEAST_SEGMENT, _FRAME_BYTES = 2, 9


def jpeg_size(jpeg: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG, in pixels; None of what is none, or is cut off before it says so.

    Args:
        jpeg: Content of the file.
    """
    if not jpeg.startswith(_START):
        return None
    place = len(_START)
    while place + _FRAME_BYTES <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            place += 1
            continue
        length = int.from_bytes(jpeg[place + 2 : place + 4])
        if marker in _FRAME_HEADERS:
            height, width = (int.from_bytes(jpeg[at : at + 2]) for at in (place + 5, place + 7))
            return (width, height) if width and height else None
        if marker == _SCAN or length < _LEAST_SEGMENT:
            return None
        place += 2 + length
    return None
