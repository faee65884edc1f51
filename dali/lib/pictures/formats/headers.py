"""Checks an image without decoding it: format, size, completeness."""

from dali.lib.pictures.formats.avif_boxes import is_avif
from dali.lib.pictures.formats.errors import InvalidImageError
from dali.lib.pictures.formats.foreign_formats import raw_file, refusal, refusal_of
from dali.lib.pictures.formats.jpeg_segments import read_jpeg
from dali.lib.pictures.formats.png_chunks import SIGNATURE, read_png
from dali.lib.pictures.formats.webp_chunks import read_webp

__all__ = ["MOST_PIXELS", "InvalidImageError", "check_size", "media_type_of", "sniff", "webp_size"]

# Default pixel limit for decoding: 400 MB of RGBA.
MOST_PIXELS = 100_000_000
# Header sizes of BMP, from OS/2 1.0 to Windows 98.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def sniff(content: bytes, *, max_pixels: int | None = None) -> str:
    """The media type of an image, from its first bytes and a quick check of its structure.

    For PNG, JPEG and WebP it also checks that all pixels are present, that PNG checksums match, and that the header has
    at most `max_pixels`. It decodes only formats without an end marker: 2 MB take less than 2 ms.
    Raises InvalidImageError.
    """
    media_type = media_type_of(content)
    most_pixels = max_pixels or MOST_PIXELS
    if media_type == "image/png":
        parts = read_png(content, most_pixels)
        size = parts.width, parts.height
    elif media_type == "image/jpeg":
        size = read_jpeg(content, most_pixels)[0]
    elif media_type == "image/webp":
        size = read_webp(content)[0]
    else:
        return media_type
    check_size(size, max_pixels)
    return media_type


def media_type_of(content: bytes) -> str:
    """The media type from the first bytes only. Raises InvalidImageError, which names the actual format."""
    if content.startswith(SIGNATURE) and content[12:16] != b"CgBI":
        return "image/png"
    if content.startswith(b"\xff\xd8\xff") and content[3:4] != b"\xf7":
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"BM") and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if content.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        name = raw_file(content)
        if name is not None:
            raise InvalidImageError(refusal_of(name))
        return "image/tiff"
    if is_avif(content):
        return "image/avif"
    raise InvalidImageError(refusal(content))


def check_size(size: tuple[int, int], max_pixels: int | None) -> None:
    """Raises InvalidImageError for a picture without pixels, or with too many."""
    if size[0] < 1 or size[1] < 1:
        raise InvalidImageError("the image has no pixels")
    if max_pixels is not None and size[0] * size[1] > max_pixels:
        raise InvalidImageError.too_large(*size, max_pixels)


def webp_size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels from a WebP's header. Raises InvalidImageError if it is not a WebP."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise InvalidImageError("this is not a WebP")
    return read_webp(content)[0]
