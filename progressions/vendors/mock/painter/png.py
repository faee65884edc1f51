"""A quick PNG writer for pictures just painted."""

import struct
import zlib

import numpy as np
from PIL import Image

_COLOUR_TYPES = {"RGB": 2, "RGBA": 6}


def encode_png(image: Image.Image) -> bytes:
    """The RGB or RGBA image as PNG.

    Pillow tries every row filter on every row, which is most of its time: 112 to 159 ms for a painted
    1024 x 1024 picture at level 1, against 45 to 55 ms with the filter "up" alone, at 1.2 times the bytes
    (measured November 2026, one core).
    """
    pixels = np.asarray(image)
    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels)
    filtered = np.empty((height, width * channels + 1), dtype=np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[image.mode], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.data, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
        for name, data in chunks
    )
