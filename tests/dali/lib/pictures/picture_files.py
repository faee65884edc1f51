"""Hand-written image files: PNG with any chunk, JPEG segments, ICC profiles, AVIF boxes."""

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))

# Colorants of profiles, adapted to D50 (rows: red, green, blue), as in the ICC profiles of these names.
SRGB_COLORANTS = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
P3_COLORANTS = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    samples: ArrayLike, *extra: bytes, depth: int = 8, palette: bytes = b"", behind_palette: bytes = b""
) -> bytes:
    """A PNG of (height, width) or (height, width, channels) samples of `depth` bits; `extra` before the pixels."""
    array = np.asarray(samples)
    array = array[..., np.newaxis] if array.ndim == 2 else array
    height, width, channels = array.shape
    colour_type = 3 if palette else {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    if depth < 8:
        bits = np.unpackbits(array.astype(np.uint8), axis=2)[..., 8 - depth :]
        rows = [np.packbits(row).tobytes() for row in bits.reshape(height, -1)]
    else:
        rows = [row.tobytes() for row in array.astype(">u2" if depth == 16 else "u1")]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    before = b"".join(extra) + (chunk(b"PLTE", palette) if palette else b"") + behind_palette
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return SIGNATURE + header + before + pixels + END


def with_chunks(content: bytes, *extra: bytes) -> bytes:
    """A PNG with extra chunks after its header."""
    return content[:33] + b"".join(extra) + content[33:]


def gamma_chunk(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def chromaticities(*values: float) -> bytes:
    """`cHRM`: x and y of white, red, green and blue."""
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def profile_chunk(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))


def gamma_curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)


def rgb_profile(colorants: Sequence[Sequence[float]], gamma: float, name: str = "test") -> bytes:
    """An ICC profile of a display: three colorants and one curve."""
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma_curve(gamma))
    columns = {kind: _xyz(*row) for kind, row in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    return profile(b"mntr", b"RGB ", b"XYZ ", columns | curves, name)


def grey_profile(gamma: float) -> bytes:
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": gamma_curve(gamma)})


def profile(
    kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes], name: str = "test"
) -> bytes:
    """An ICC profile (version 2.1)."""
    text = name.encode()
    described = b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(79)
    table, body = b"", b""
    start = 132 + 12 * (len(tags) + 2)
    for tag, data in {b"desc": described, b"wtpt": _xyz(0.9642, 1, 0.8249), **tags}.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = (
        struct.pack(">I", start + len(body))
        + bytes(4)
        + bytes.fromhex("02100000")
        + kind
        + space
        + connection
    )
    header += bytes(12) + b"acsp" + bytes(28) + _xyz(0.9642, 1, 0.8249)[8:] + bytes(48)
    return header + struct.pack(">I", len(tags) + 2) + table + body


def cmyk_profile() -> bytes:
    """An ICC profile of a printer; its paper is grey (L* 50.2) in the colorimetric table, white otherwise."""
    kept, pleasing = _ink_table(128), _ink_table(255)
    return profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": pleasing, b"A2B1": kept})


def segment(marker: int, data: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def with_segments(content: bytes, *extra: bytes) -> bytes:
    """A JPEG with extra segments after its start."""
    return content[:2] + b"".join(extra) + content[2:]


def with_nclx(avif: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF as Pillow writes it, with other code points in its `colr` box."""
    at = avif.index(b"colrnclx") + 8
    return avif[:at] + struct.pack(">HH", primaries, transfer) + avif[at + 4 :]


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65_536)) for value in values)


def _ink_table(paper: int) -> bytes:
    """A table (lut8Type) from CMYK to Lab: `paper` as L* without ink, black elsewhere."""
    straight = bytes(range(256))
    identity = b"".join(struct.pack(">i", 65_536 * (at % 4 == 0)) for at in range(9))
    nodes = bytes((paper, 128, 128)) + bytes((0, 128, 128)) * 15
    return b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + straight * 4 + nodes + straight * 3
