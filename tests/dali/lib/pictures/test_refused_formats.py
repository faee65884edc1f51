"""Images that Dali does not accept: the refusal names the format and says what to send."""

import io
import struct

import pytest
from PIL import Image

from dali.lib.pictures.images import InvalidImageError, decode, sniff
from tests.dali.lib.pictures.picture_files import encoded

SEND = "send PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"


def media_box(major: bytes, *compatible: bytes) -> bytes:
    size = struct.pack(">I", 16 + 4 * len(compatible))
    return (
        size + b"ftyp" + major + bytes(4) + b"".join(compatible) + struct.pack(">I", 40) + b"mdat" + bytes(32)
    )


def directory(order: str, **entries: int) -> bytes:
    """The start of a TIFF with these tags (by their names here) of type LONG."""
    tags = {"subfile_type": 0x00FE, "width": 0x0100, "sub_directories": 0x014A, "dng_version": 0xC612}
    mark = b"II*\0" if order == "<" else b"MM\0*"
    listed = b"".join(struct.pack(f"{order}HHII", tags[name], 4, 1, value) for name, value in entries.items())
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + listed + bytes(20)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (media_box(b"heic", b"mif1", b"heic"), "a HEIC image"),
        (media_box(b"mif1", b"mif1", b"heic"), "a HEIC image"),
        (media_box(b"heix"), "a HEIC image"),
        (media_box(b"mif1", b"miaf"), "a HEIF image"),
        (media_box(b"crx ", b"isom"), r"a camera raw file \(CR3\)"),
        (media_box(b"isom", b"mp41"), r"a video \(MP4\)"),
        (media_box(b"qt  "), r"a video \(MOV\)"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), r"a JPEG XL image \(JXL\)"),
        (b"\xff\x0a" + bytes(20), r"a JPEG XL image \(JXL\)"),
        (b"8BPS\0\x01" + bytes(20), r"a Photoshop file \(PSD\)"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(20), r"a camera raw file \(CR2\)"),
        (directory("<", width=64, dng_version=1), r"a camera raw file \(DNG\)"),
        (directory(">", subfile_type=1, width=160, sub_directories=80), "a camera raw file"),
        (b"v/1\x01\x02\0\0\0", "an OpenEXR image"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "a Radiance HDR image"),
        (b"%PDF-1.7", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript document"),
        (b"PK\x03\x04" + bytes(30), "a ZIP archive"),
        (b"\x1aE\xdf\xa3" + bytes(30), "a video"),
        (b"RIFF\0\0\0\0AVI LIST", r"a video \(AVI\)"),
        (b"\xff\xd8\xff\xf7" + bytes(30), "a JPEG-LS image"),
        (b'<?xml version="1.0"?><!-- drawn --><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html></html>", "a web page"),
        (b'{"error": "no"}', r"text \(JSON\)"),
        (b"<?xml version='1.0'?><error/>", r"text \(XML\)"),
        ("Zu viele Anfragen für heute".encode(), "text"),
        ("not found".encode("utf-16"), "text"),
        (b"data:image/png;base64,iVBORw0KGgo=", "a data: URL"),
        (b"BMW is a maker of cars, this is a text", "text"),
        (bytes(range(1, 256)), "not an image of a known format"),
    ],
)  # fmt: skip
def test_the_refusal_names_the_format_and_what_to_send(content: bytes, name: str) -> None:
    for look in (sniff, decode):
        with pytest.raises(InvalidImageError, match=f"^this is {name}.*; {SEND}$"):
            look(content)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ICO", r"an icon \(ICO\)"),
        ("ICNS", r"an icon \(ICNS\)"),
        ("TGA", "a TGA image"),
        ("JPEG2000", "a JPEG 2000 image"),
        ("PCX", "a PCX image"),
        ("PPM", "a Netpbm image"),
        ("DDS", "a DDS texture"),
        ("SGI", "an SGI image"),
        ("QOI", "a QOI image"),
        ("PDF", "a PDF document"),
    ],
)
def test_complete_pictures_of_other_formats_are_named(kind: str, name: str) -> None:
    with pytest.raises(InvalidImageError, match=f"^this is {name}; {SEND}$"):
        decode(encoded(Image.new("RGB", (64, 64), "teal"), kind))


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "the image is empty"), (bytes(5_000), "this file contains only zeros")]
)
def test_empty_data_is_named(content: bytes, said: str) -> None:
    with pytest.raises(InvalidImageError, match=f"^{said}.*; {SEND}$"):
        decode(content)


def test_a_lossless_jpeg_is_named() -> None:
    content = encoded(Image.new("RGB", (64, 64), "teal"), "JPEG")
    at = content.index(b"\xff\xc0")
    with pytest.raises(InvalidImageError, match=f"^this is a lossless JPEG.*; {SEND}$"):
        decode(content[: at + 1] + b"\xc3" + content[at + 2 :])


def test_a_kind_of_tiff_that_cannot_be_read_is_refused_with_what_to_send() -> None:
    content = bytearray(encoded(Image.new("L", (8, 8)), "TIFF"))
    at = content.index(struct.pack("<HHI", 0x0102, 3, 1)) + 8  # bits per sample
    content[at : at + 2] = struct.pack("<H", 11)
    with pytest.raises(InvalidImageError, match=rf"the image \(TIFF\) cannot be read: .*; {SEND}$"):
        decode(bytes(content))


def test_a_tiff_with_more_pictures_is_not_a_raw_file() -> None:
    pages = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    assert decode(buffer.getvalue()).image.getpixel((3, 3)) == (255, 0, 0)
