"""The segments of a JPEG: whether all pixels are present, and a copy without unneeded segments."""

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from dali.lib.pictures.formats.errors import InvalidImageError
from dali.lib.pictures.formats.foreign_formats import refusal_of
from dali.lib.pictures.pixel_strips import strips

# In entropy-coded data, 0xFF is followed by 0x00 (stuffing), a restart marker or another 0xFF (filling).
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_EOI, _SOS, _COMMENT = 0xD9, 0xDA, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_APPLICATION = range(0xE0, 0xF0)
# JFIF, EXIF (orientation), the colour profile and Adobe's colour transform; other application segments are dropped.
# Each with its name and the minimum content length that decoders can read.
_KEPT = {0xE0: (b"JFIF\0", 14), 0xE1: (b"Exif\0\0", 14), 0xE2: (b"ICC_PROFILE\0", 15), 0xEE: (b"Adobe", 12)}
# Each scan of a progressive JPEG covers the whole picture; encoders write about 10.
_MOST_SCANS = 200
# A 4 MB profile takes 60.
_MOST_SEGMENTS = 20_000
# A partly written file ends with zeros.
_UNWRITTEN = bytes(16)
# Appended to the data instead of the zeros that decoders assume after the end. Several, because two of them may
# complete a truncated code in the same way.
_NOISES = tuple(
    bytes((at * step + first) % 255 for at in range(512)) for step, first in ((89, 107), (53, 222), (71, 155))
)


@dataclass(slots=True)
class _Scans:
    """What was found in a JPEG up to its end."""

    size: tuple[int, int] | None = None
    is_progressive: bool = False
    count: int = 0
    last: int = 0
    header: bytearray = field(default_factory=lambda: bytearray(b"\xff\xd8"))
    # For each component, the coefficients (one bit each) that have arrived in full precision.
    coefficients: dict[int, int] = field(default_factory=dict)

    def add_frame(self, marker: int, segment: memoryview) -> None:
        height, width, count = struct.unpack(">HHB", segment[3:8])
        self.size = (width, height)
        self.is_progressive = marker in _PROGRESSIVE
        self.coefficients = dict.fromkeys(segment[8 : 8 + 3 * count : 3], 0)

    def add_scan(self, segment: memoryview) -> None:
        self.count += 1
        if self.count > _MOST_SCANS:
            raise InvalidImageError(f"the JPEG has more than {_MOST_SCANS} scans")
        names = segment[3 : 3 + 2 * segment[2] : 2]
        first, last, precision = 0, 63, 0
        if self.is_progressive:
            first, last, precision = segment[3 + 2 * segment[2] : 6 + 2 * segment[2]]
        if precision & 0x0F == 0:
            for name in names:
                self.coefficients[name] = self.coefficients.get(name, 0) | (2 << last) - (1 << first)

    def are_complete(self) -> bool:
        """Whether all coefficients of all components have arrived, according to the scan headers."""
        return bool(self.coefficients) and all(found == (1 << 64) - 1 for found in self.coefficients.values())


def read_jpeg(content: bytes, most_pixels: int) -> tuple[tuple[int, int], bytes]:
    """Width and height, and the JPEG with only what its pixels, colours and orientation need.

    Raises InvalidImageError if it has no picture or its pixels are cut off. A missing end marker is added. If it has
    more than `most_pixels`, only the header is checked.
    """
    found, pixels_at, end = _Scans(), 0, 0
    for marker, start, segment in _segments(content):
        if marker == _EOI:
            end = start + 2
            break
        if marker in _LOSSLESS:
            raise InvalidImageError(refusal_of("a lossless JPEG, as used for X-rays and raw files"))
        if marker in _FRAMES and len(segment) >= 8:
            found.add_frame(marker, segment)
        elif marker == _SOS and len(segment) > 2 and len(segment) >= 6 + 2 * segment[2]:
            found.add_scan(segment)
            found.last = start
            pixels_at = pixels_at or start
        if not pixels_at and _is_needed(marker, segment):
            found.header += bytes((0xFF, marker)) + segment
    if found.size is None or not found.count:
        raise InvalidImageError(
            "the JPEG contains no picture" if end else "the JPEG is cut off: its end is missing"
        )
    header = bytes(found.header)
    if end:
        return found.size, b"".join((header, memoryview(content)[pixels_at:end]))
    width, height = found.size
    if width * height > most_pixels:
        return found.size, header
    restarts = _RESTART.findall(content, found.last)
    next_restart = 0xD0 + ((restarts[-1][1] + 1) & 7 if restarts else 0)
    stream = header + _written(content[pixels_at:])
    if not found.are_complete() or not _is_whole(stream, next_restart):
        raise InvalidImageError("the JPEG is cut off: its end is missing")
    return found.size, stream + b"\xff\xd9"


def _segments(content: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """Marker, position and content (including the length) of each segment; data in between is skipped."""
    view = memoryview(content)
    position = 2
    for _ in range(_MOST_SEGMENTS):
        match = _MARKER.search(content, position)
        if match is None:
            return
        position, marker = match.end(), content[match.end() - 1]
        if marker == _EOI:
            yield marker, match.start(), view[:0]
        elif marker not in (0x01, 0xD8) and position + 2 <= len(content):
            length = int.from_bytes(content[position : position + 2], "big")
            segment = view[position : position + length]
            position += length
            if len(segment) == length >= 2:
                yield marker, match.start(), segment
    raise InvalidImageError(f"the JPEG has more than {_MOST_SEGMENTS:,} segments")


def _is_needed(marker: int, segment: memoryview) -> bool:
    if marker in _APPLICATION:
        name, least = _KEPT.get(marker, (b"", 0))
        return bool(name) and len(segment) >= 2 + least and segment[2 : 2 + len(name)] == name
    return marker != _COMMENT


def _written(pixels: bytes) -> bytes:
    """Entropy-coded data without an incomplete marker and without the zeros of a partly written file.

    Encoders fill the last byte with ones: a zero there nearly always follows an 0xFF.
    """
    if not pixels.endswith(_UNWRITTEN):
        return pixels.rstrip(b"\xff")
    pixels = pixels.rstrip(b"\0")
    return pixels + b"\0" if pixels.endswith(b"\xff") else pixels


def _is_whole(stream: bytes, next_restart: int) -> bool:
    """Whether the decoded pixels do not depend on appended data: then all pixels are present.

    Decoders continue with zeros when data is missing, and Pillow does not report it. Between restart intervals they
    wait for the next restart marker, so it is appended.
    """
    expected = _decoded(stream)
    marker = bytes((0xFF, next_restart))
    return expected is not None and all(
        _is_same(expected, _decoded(stream + noise + marker + noise)) for noise in _NOISES
    )


def _decoded(stream: bytes) -> JpegImageFile | None:
    try:
        image = JpegImageFile(io.BytesIO(stream + b"\xff\xd9"))
        image.load()
    except Exception:  # noqa: BLE001 - hostile bytes: decoders raise whatever they stumble over
        return None
    return image


def _is_same(one: JpegImageFile, other: JpegImageFile | None) -> bool:
    return other is not None and all(
        np.array_equal(samples, np.asarray(other.crop(box))) for box, samples in strips(one)
    )
