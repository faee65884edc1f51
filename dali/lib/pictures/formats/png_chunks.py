"""The chunks of a PNG: whether all pixels are present, its colours, and a copy without unneeded chunks."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dali.lib.pictures.colour.profiles import MOST_PROFILE_BYTES, ColourProfile, read_profile
from dali.lib.pictures.colour.spaces import BT1886, ColourSpace, gamma_space, h273_space
from dali.lib.pictures.formats.errors import InvalidImageError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The checksums of these must match; other chunks are not part of the picture.
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT"})
# Other chunks that are read, from before the pixels; the first of each counts.
_COLOUR = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cLLI", b"mDCV", b"tRNS", b"eXIf"})
_MOST_EXIF_BYTES = 1 << 16
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
GREY, RGB, PALETTE, GREY_ALPHA = 0, 2, 3, 4
# x and y of the first pixel, and the steps to the next, for each pass of Adam7.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_INFLATED_AT_ONCE = 1 << 20
# Encoders write pixels in chunks of 8 KB and more.
_MOST_CHUNKS = 100_000


@dataclass(frozen=True, slots=True)
class PngParts:
    """The parts of a PNG.

    `pixels`: the contents of its IDAT chunks. `others`: the contents of the valid chunks of _COLOUR.
    """

    width: int
    height: int
    depth: int
    colour_type: int
    is_interlaced: bool
    header: bytes
    palette: bytes | None
    pixels: bytes | bytearray
    others: dict[bytes, bytes]

    def stream(self, *, has_checksum: bool = True) -> bytes:
        """The PNG with only what its pixels and its orientation need.

        Without text (Pillow refuses comments that unpack to more than 1 MB), profile, animation and broken chunks.
        Without `tRNS` for grey and RGB: see `transparent_sample`. `has_checksum`: whether the pixels end with their
        original checksum.
        """
        parts = [SIGNATURE, _chunk(b"IHDR", self.header)]
        exif = self.others.get(b"eXIf", b"")
        if exif and len(exif) <= _MOST_EXIF_BYTES:
            parts.append(_chunk(b"eXIf", exif))
        if self.palette is not None:
            parts.append(_chunk(b"PLTE", self.palette))
        transparency = self.others.get(b"tRNS")
        if transparency is not None and self.colour_type == PALETTE:
            parts.append(_chunk(b"tRNS", transparency[:256]))
        pixels = self.pixels if has_checksum else memoryview(self.pixels)[:-4]
        # The chunk checksums were checked; Pillow does not check that of the pixels.
        return b"".join(
            (*parts, struct.pack(">I4s", len(pixels), b"IDAT"), pixels, bytes(4), _chunk(b"IEND", b""))
        )

    def transparent_sample(self) -> tuple[int, ...] | None:
        """The transparent grey (one number) or colour (three), in samples of this PNG's depth."""
        channels = {GREY: 1, RGB: 3}.get(self.colour_type)
        data = self.others.get(b"tRNS", b"")
        if channels is None or len(data) < 2 * channels:
            return None
        mask = (1 << self.depth) - 1
        return tuple(sample & mask for sample in struct.unpack(f">{channels}H", data[: 2 * channels]))

    def colours(self) -> ColourProfile | ColourSpace | None:
        """The colours, by the priority of PNG (third edition, 4.3); None for sRGB or if unspecified."""
        if (described := self._cicp() or self._icc_profile()) is not None:
            return described
        gamma = self.others.get(b"gAMA", b"")
        if b"sRGB" in self.others or len(gamma) != 4:
            return None
        return gamma_space(int.from_bytes(gamma, "big") / 100_000, self._chromaticities())

    def has_all_pixels(self) -> bool:
        """Whether the data unpacks to as many bytes as the header requires."""
        missing = self._unpacked_bytes()
        inflate = zlib.decompressobj()
        rest: bytes | bytearray = self.pixels
        try:
            while rest and missing > 0:
                missing -= len(inflate.decompress(rest, _INFLATED_AT_ONCE))
                rest = inflate.unconsumed_tail
        except zlib.error:
            return False
        return missing <= 0

    def _unpacked_bytes(self) -> int:
        bits = self.depth * _CHANNELS.get(self.colour_type, 1)
        if not self.is_interlaced:
            return self.height * (1 + (self.width * bits + 7) // 8)
        total = 0
        for x, y, step_x, step_y in _PASSES:
            columns, rows = -(-(self.width - x) // step_x), -(-(self.height - y) // step_y)
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * bits + 7) // 8)
        return total

    def _cicp(self) -> ColourSpace | None:
        data = self.others.get(b"cICP", b"")
        # PNG allows only RGB, full range. As in Chromium, camera curves are shown as a display's (BT.1886).
        if len(data) != 4 or data[2] != 0 or data[3] != 1:
            return None
        return h273_space(data[0], data[1], video=BT1886, peak_nits=self._peak_nits())

    def _peak_nits(self) -> float:
        level = self.others.get(b"cLLI", b"")
        mastering = self.others.get(b"mDCV", b"")
        if len(level) == 8 and any(level[:4]):
            return int.from_bytes(level[:4], "big") / 10_000
        return int.from_bytes(mastering[16:20], "big") / 10_000 if len(mastering) == 24 else 0

    def _icc_profile(self) -> ColourProfile | ColourSpace | None:
        _, separator, packed = self.others.get(b"iCCP", b"").partition(b"\0")
        if not separator or packed[:1] != b"\0":
            return None
        inflate = zlib.decompressobj()
        try:
            profile = inflate.decompress(packed[1:], MOST_PROFILE_BYTES)
        except zlib.error:
            return None
        return None if inflate.unconsumed_tail else read_profile(profile)

    def _chromaticities(self) -> tuple[float, float, float, float, float, float, float, float] | None:
        data = self.others.get(b"cHRM", b"")
        if len(data) != 32:
            return None
        white_x, white_y, *rest = (value / 100_000 for value in struct.unpack(">8i", data))
        red_x, red_y, green_x, green_y, blue_x, blue_y = rest
        return red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y


def read_png(content: bytes, most_pixels: int) -> PngParts:
    """The parts of a PNG. Raises InvalidImageError if it has no header, is damaged, or its pixels are cut off.

    A missing end is accepted, because the pixels do not need it. If it has more than `most_pixels`, only the header is
    checked.
    """
    if content[12:16] != b"IHDR" or len(content) < 33:
        raise InvalidImageError("the PNG is cut off or has no header")
    header = content[16:29]
    width, height, depth, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    palette: bytes | None = None
    pixels = bytearray()
    others: dict[bytes, bytes] = {}
    has_end = False
    for kind, data, is_sound in _chunks(memoryview(content)):
        if kind in _CRITICAL and not is_sound:
            raise InvalidImageError("the PNG is damaged: a checksum does not match")
        if kind == b"IEND":
            has_end = True
            break
        if kind == b"IDAT":
            pixels += data
        elif kind == b"PLTE" and palette is None:
            palette = bytes(data)
        elif kind in _COLOUR and kind not in others and is_sound and not pixels:
            others[kind] = bytes(data)
    parts = PngParts(width, height, depth, colour_type, interlace != 0, header, palette, pixels, others)
    if not has_end and width * height <= most_pixels and not parts.has_all_pixels():
        raise InvalidImageError("the PNG is cut off: its end is missing")
    return parts


def _chunks(view: memoryview) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Type, content and checksum validity (where it matters) of each complete chunk."""
    position = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        end = position + 12 + int.from_bytes(view[position : position + 4], "big")
        if end > len(view):
            return
        kind = bytes(view[position + 4 : position + 8])
        is_read = kind in _CRITICAL or kind in _COLOUR
        checksum = int.from_bytes(view[end - 4 : end], "big")
        is_sound = not is_read or zlib.crc32(view[position + 4 : end - 4]) == checksum
        yield kind, view[position + 8 : end - 4], is_sound
        position = end
    raise InvalidImageError(f"the PNG has more than {_MOST_CHUNKS:,} chunks")


def _chunk(kind: bytes, data: bytes | memoryview) -> bytes:
    return b"".join(
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
    )
