"""What can be told of an image's bytes without decoding them: format, size, whether the end is there."""

import re
import struct
import zlib

from dali.lib.errors import DaliError

_PNG = b"\x89PNG\r\n\x1a\n"
_AVIF_BRANDS = (b"avif", b"avis")
# In entropy-coded JPEG data 0xFF is followed by 0x00 (stuffing), a restart marker or another 0xFF (filling).
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# Each scan of a progressive JPEG is a pass over the whole picture; encoders write about 10.
_JPEG_MOST_SCANS = 200
_KNOWN = "PNG, JPEG, WebP, GIF, BMP, TIFF and AVIF are taken"


class InvalidImageError(DaliError):
    """The bytes are no image that Dali takes; the message is a sentence for whoever sent them."""

    @classmethod
    def too_large(cls, width: int, height: int, max_pixels: int) -> "InvalidImageError":
        """The refusal of a picture with too many pixels."""
        return cls(f"the image has {width} x {height} pixels; at most {max_pixels:,} in all are taken")


def sniff(content: bytes, *, max_pixels: int | None = None) -> str:
    """The media type of an image, by its first bytes and a cheap look at its structure.

    Of PNG, JPEG and WebP it also sees whether the end is there, whether PNG's checksums hold, and
    more than `max_pixels` in the header. Nothing is decoded: 2 MB take below 2 ms. Raises InvalidImageError.
    """
    if content.startswith(_PNG):
        size, media_type = _check_png(content), "image/png"
    elif content.startswith(b"\xff\xd8\xff"):
        size, media_type = _check_jpeg(content), "image/jpeg"
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        size, media_type = _check_webp(content), "image/webp"
    else:
        return _other_type(content)
    if size[0] < 1 or size[1] < 1:
        raise InvalidImageError("the image has no pixels")
    if max_pixels is not None and size[0] * size[1] > max_pixels:
        raise InvalidImageError.too_large(*size, max_pixels)
    return media_type


def webp_size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels that a WebP's header says. InvalidImageError for bytes that are no WebP."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise InvalidImageError("this is no WebP")
    return _check_webp(content)


def _other_type(content: bytes) -> str:
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"BM") and len(content) > 26:
        return "image/bmp"
    if content.startswith((b"II*\x00", b"MM\x00*")):
        return "image/tiff"
    if content[4:8] == b"ftyp" and content[8:12] in _AVIF_BRANDS:
        return "image/avif"
    raise InvalidImageError(_what_else(content))


def _what_else(content: bytes) -> str:
    """A sentence naming what the bytes are instead of an image."""
    if not content:
        return "the image is empty"
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return f"this is an SVG drawing, not a picture made of pixels; {_KNOWN}"
    if head.startswith(b"<!doctype html") or b"<html" in head:
        return f"this is a web page, not an image; {_KNOWN}"
    if head.startswith((b"{", b"[", b"<?xml")):
        return f"this is text, not an image; {_KNOWN}"
    return f"this is not an image of a known format; {_KNOWN}"


def _check_png(content: bytes) -> tuple[int, int]:
    if content[12:16] != b"IHDR" or len(content) < 33:
        raise InvalidImageError("the PNG is cut off or has no header")
    width, height = struct.unpack(">II", content[16:24])
    view = memoryview(content)
    position = len(_PNG)
    while position + 12 <= len(content):
        length = int.from_bytes(view[position : position + 4], "big")
        end = position + 12 + length
        if end > len(content):
            break
        kind = bytes(view[position + 4 : position + 8])
        # Critical chunks begin with a capital; a broken comment does not make a broken picture.
        if kind[:1].isupper() and zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(
            view[end - 4 : end], "big"
        ):
            raise InvalidImageError("the PNG is damaged: a checksum does not hold")
        if kind == b"IEND":
            return width, height
        position = end
    raise InvalidImageError("the PNG is cut off: its end is missing")


def _check_jpeg(content: bytes) -> tuple[int, int]:
    size: tuple[int, int] | None = None
    position, scans = 2, 0
    while found := _JPEG_MARKER.search(content, position):
        position, marker = found.end(), content[found.end() - 1]
        if marker == 0xD9:
            if size is None or not scans:
                raise InvalidImageError("the JPEG holds no picture")
            return size
        if marker == 0x01 or position + 2 > len(content):
            continue
        length = int.from_bytes(content[position : position + 2], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and position + 7 <= len(content):
            height, width = struct.unpack(">HH", content[position + 3 : position + 7])
            size = (width, height)
        elif marker == 0xDA:
            scans += 1
            if scans > _JPEG_MOST_SCANS:
                raise InvalidImageError(f"the JPEG has more than {_JPEG_MOST_SCANS} scans")
        position += length
    raise InvalidImageError("the JPEG is cut off: its end is missing")


def _check_webp(content: bytes) -> tuple[int, int]:
    if int.from_bytes(content[4:8], "little") + 8 > len(content) or len(content) < 30:
        raise InvalidImageError("the WebP is cut off: its end is missing")
    kind = content[12:16]
    if kind == b"VP8X":
        return _uint24(content, 24) + 1, _uint24(content, 27) + 1
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return (
            int.from_bytes(content[26:28], "little") & 0x3FFF,
            int.from_bytes(content[28:30], "little") & 0x3FFF,
        )
    raise InvalidImageError("the WebP holds no picture")


def _uint24(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 3], "little")
