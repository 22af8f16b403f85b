"""GIF: a strict walk over the blocks, down to the trailer byte 0x3B. Source: GIF89a specification."""

import struct

from stagescore.media.containers.audit import Audit, ByteReader, StructureError

_CONTROL, _APPLICATION, _TEXT, _COMMENT = 0xF9, 0xFF, 0x01, 0xFE
_EXTENSION_LENGTHS = {_CONTROL: 4, _APPLICATION: 11, _TEXT: 12}
_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, 0x3B


def audit(reader: ByteReader) -> Audit:
    """Count the pictures; a GIF declares no number, so all that can be missed is a whole block."""
    flags = reader.take(13, 0)[10]
    _skip_palette(reader, flags)
    num_frames = 0
    num_irregular = 0
    try:
        while (introducer := reader.take(1)[0]) != _TRAILER:
            if introducer == _EXTENSION:
                label = reader.take(1)[0]
                first_length = reader.take(1)[0]
                if label not in (*_EXTENSION_LENGTHS, _COMMENT) or first_length != _EXTENSION_LENGTHS.get(
                    label, first_length
                ):
                    raise StructureError("an extension of the GIF is torn")
                reader.skip(first_length)
                if label == _CONTROL:
                    if reader.take(1)[0]:
                        raise StructureError("an extension of the GIF is torn")
                elif first_length:
                    _skip_sub_blocks(reader)
            elif introducer == _PICTURE:
                num_frames += 1
                descriptor = reader.take(9)
                _skip_palette(reader, descriptor[8])
                reader.skip(1)
                lengths = _skip_sub_blocks(reader)
                # A code has at most 12 bits and stands for a pixel or more; the rest is generous.
                width, height = struct.unpack_from("<2H", descriptor, 4)
                if sum(lengths) > 2 * width * height + 1024:
                    raise StructureError("a picture of the GIF runs over those after it")
                num_irregular += not _is_regular(lengths)
            else:
                raise StructureError(f"a block of the GIF begins with {introducer:#04x}, which is none")
    except StructureError as error:
        return Audit(num_frames, (f"{error} (no end mark after picture {num_frames})",))
    # Encoders fill every piece but the last of a picture. Where a file does so but for a few pictures,
    # those run over a cut and have swallowed what followed; decoders stop at the picture's end mark.
    if 0 < 2 * num_irregular < num_frames:
        return Audit(num_frames, (f"the data of {num_irregular} pictures are cut up irregularly",))
    return Audit(num_frames, accounts_for_all=True, tells_end=True)


def _skip_palette(reader: ByteReader, flags: int) -> None:
    if flags & 0x80:
        reader.skip(3 << ((flags & 7) + 1))


def _skip_sub_blocks(reader: ByteReader) -> list[int]:
    """Lengths of the pieces."""
    lengths = []
    while length := reader.take(1)[0]:
        lengths.append(length)
        reader.skip(length)
    return lengths


def _is_regular(lengths: list[int]) -> bool:
    """Whether all pieces but the last have the same length."""
    return len(set(lengths[:-1])) <= 1 and (len(lengths) < 2 or lengths[-1] <= lengths[0])
