"""The segments of a JPEG: whether its pixels are all there, and a copy without what they do not need."""

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from PIL.JpegImagePlugin import JpegImageFile

from dali.lib.image_errors import InvalidImageError

# In entropy-coded data 0xFF is followed by 0x00 (stuffing), a restart marker or another 0xFF (filling).
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_EOI, _SOS, _COMMENT = 0xD9, 0xDA, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_APPLICATION = range(0xE0, 0xF0)
# JFIF, EXIF (for the orientation), the colour profile and Adobe's colour transform; other segments of applications go.
_KEPT = {0xE0: b"JFIF\0", 0xE1: b"Exif\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
# Each scan of a progressive JPEG is a pass over the whole picture; encoders write about 10.
_MOST_SCANS = 200
# A file of which only the beginning was written ends with zeros.
_UNWRITTEN = bytes(16)
# No beginning of a code in common with zeros, which a decoder goes on with after the end.
_NOISE = bytes((at * 89 + 0x6B) % 255 for at in range(512))
_COMPARED_ROWS = 256


@dataclass(slots=True)
class _Scans:
    """What was found in a JPEG up to its end."""

    size: tuple[int, int] | None = None
    is_progressive: bool = False
    count: int = 0
    last: int = 0
    header: bytearray = field(default_factory=lambda: bytearray(b"\xff\xd8"))
    # Of each component the coefficients (a bit each) that have come in full precision.
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
        """Whether each coefficient of each component has come, as far as the scans' headers tell."""
        return bool(self.coefficients) and all(found == (1 << 64) - 1 for found in self.coefficients.values())


def read_jpeg(content: bytes, most_pixels: int) -> tuple[tuple[int, int], bytes]:
    """Width and height, and the JPEG with nothing but what its pixels, colours and orientation need.

    Raises InvalidImageError for one without a picture or cut off within its pixels. A missing end marker is added.
    Of a picture with more than `most_pixels` only the header counts.
    """
    found, pixels_at, end = _Scans(), 0, 0
    for marker, start, segment in _segments(content):
        if marker == _EOI:
            end = start + 2
            break
        if marker in _FRAMES and len(segment) >= 8:
            found.add_frame(marker, segment)
        elif marker == _SOS and len(segment) >= 6 + 2 * segment[2]:
            found.add_scan(segment)
            found.last = start
            pixels_at = pixels_at or start
        if not pixels_at and _is_needed(marker, segment):
            found.header += bytes((0xFF, marker)) + segment
    if found.size is None or not found.count:
        raise InvalidImageError(
            "the JPEG holds no picture" if end else "the JPEG is cut off: its end is missing"
        )
    header = bytes(found.header)
    if end:
        return found.size, b"".join((header, memoryview(content)[pixels_at:end]))
    stream = header + _without_filling(content[pixels_at:])
    width, height = found.size
    is_small = width * height <= most_pixels
    if is_small and not (found.are_complete() and _is_whole(stream, content[found.last :])):
        raise InvalidImageError("the JPEG is cut off: its end is missing")
    return found.size, stream + b"\xff\xd9"


def _segments(content: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """Marker, position and content, length included, of each segment; what stands between them is skipped."""
    view = memoryview(content)
    position = 2
    while match := _MARKER.search(content, position):
        position, marker = match.end(), content[match.end() - 1]
        if marker == _EOI:
            yield marker, match.start(), view[:0]
        elif marker not in (0x01, 0xD8) and position + 2 <= len(content):
            length = int.from_bytes(content[position : position + 2], "big")
            segment = view[position : position + length]
            position += length
            if len(segment) == length >= 2:
                yield marker, match.start(), segment


def _is_needed(marker: int, segment: memoryview) -> bool:
    if marker in _APPLICATION:
        return marker in _KEPT and bytes(segment[2:]).startswith(_KEPT[marker])
    return marker != _COMMENT


def _without_filling(pixels: bytes) -> bytes:
    """Entropy-coded data without half a marker and the zeros of what was never written."""
    if pixels.endswith(_UNWRITTEN):
        pixels = pixels.rstrip(b"\0")
    return pixels.rstrip(b"\xff") if pixels.endswith(b"\xff") else pixels


def _is_whole(stream: bytes, last_scan: bytes) -> bool:
    """Whether the pixels do not depend on what comes after them: then they are all there.

    Decoders go on with zeros where data are missing, and say nothing that Pillow passes on. Among restart intervals
    they wait for the next restart marker: it is given to them.
    """
    restarts = _RESTART.findall(last_scan)
    following = 0xD0 + ((restarts[-1][1] + 1) & 7 if restarts else 0)
    noise = _NOISE + bytes((0xFF, following)) + _NOISE
    try:
        one, other = (
            JpegImageFile(io.BytesIO(stream + b"\xff\xd9")),
            JpegImageFile(io.BytesIO(stream + noise + b"\xff\xd9")),
        )
        one.load(), other.load()
    except Exception:  # noqa: BLE001 - hostile bytes: decoders raise whatever they stumble over
        return False
    for top in range(0, one.height, _COMPARED_ROWS):
        box = (0, top, one.width, min(top + _COMPARED_ROWS, one.height))
        if one.crop(box).tobytes() != other.crop(box).tobytes():
            return False
    return True
