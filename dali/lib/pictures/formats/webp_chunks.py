"""The chunks of a WebP: whether all pixels are present, and a copy without unneeded chunks."""

import struct

from dali.lib.pictures.formats.errors import InvalidImageError

# Pixel chunks and their limit; of the rest, profile and EXIF (orientation) are kept.
_PIXELS = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_KEPT = _PIXELS | {b"VP8X", b"ALPH", b"ANIM", b"ICCP", b"EXIF"}
_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08}
_XMP_FLAG = 0x04
# Each animation frame is one.
_MOST_CHUNKS = 20_000


def read_webp(content: bytes) -> tuple[tuple[int, int], bytes]:
    """Width and height, and the WebP with only what its pixels, colours and orientation need.

    Raises InvalidImageError if it has no picture or its pixels are cut off; in an animation, the first frame must be
    complete. The length stated in the file is ignored.
    """
    cut_off = InvalidImageError("the WebP is cut off: its end is missing")
    kept: list[tuple[bytes, bytes]] = []
    has_pixels = False
    position, end = 12, 8 + int.from_bytes(content[4:8], "little")
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(content) or (has_pixels and position >= end):
            break
        kind, length = struct.unpack("<4sI", content[position : position + 8])
        data = content[position + 8 : position + 8 + length]
        if len(data) < length:
            if not has_pixels:
                raise cut_off
            break
        if kind in _KEPT:
            kept.append((kind, data))
            has_pixels = has_pixels or kind in _PIXELS
        position += 8 + length + (length & 1)
    if not kept and len(content) >= 30 and end <= len(content):
        raise InvalidImageError("the WebP contains no picture")
    if not has_pixels:
        raise cut_off
    return _size(*kept[0]), _stream(kept)


def _stream(kept: list[tuple[bytes, bytes]]) -> bytes:
    kinds = {kind for kind, _ in kept}
    body = bytearray(b"WEBP")
    for kind, data in kept:
        chunk = data
        if kind == b"VP8X" and data:
            missing = sum(flag for name, flag in _FLAGS.items() if name not in kinds)
            chunk = bytes((data[0] & ~(missing | _XMP_FLAG),)) + data[1:]
        body += kind + struct.pack("<I", len(chunk)) + chunk + bytes(len(chunk) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + bytes(body)


def _size(kind: bytes, data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk."""
    if len(data) >= 10 and kind == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if len(data) >= 5 and kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if len(data) >= 10 and kind == b"VP8 ":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    raise InvalidImageError("the WebP contains no picture")
