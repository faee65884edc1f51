"""Names files that are not accepted images, so that the error says what was sent and what to send."""

import re
from typing import Literal

from dali.lib.pictures.formats.avif_boxes import HEIC_BRANDS, PICTURE_BRANDS, brands

WHAT_TO_SEND = "send PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"

# First bytes, and the format they start.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image (JXL)"),
    (b"\xff\x0a", "a JPEG XL image (JXL)"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"II\xbc", "a JPEG XR image"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"#?RGBE", "a Radiance HDR image"),
    (b"DDS ", "a DDS texture"),
    (b"\xabKTX ", "a KTX texture"),
    (b"\0\0\x01\0", "an icon (ICO)"),
    (b"\0\0\x02\0\x01\0", "a cursor (CUR)"),
    (b"\0\0\x02\0\0\0", "a TGA image"),
    (b"\0\0\x0a\0\0\0", "a TGA image"),
    (b"\xff\xd8\xff\xf7", "a JPEG-LS image"),
    (b"icns", "an icon (ICNS)"),
    (b"qoif", "a QOI image"),
    (b"farbfeld", "a farbfeld image"),
    (b"FLIF", "a FLIF image"),
    (b"BPG\xfb", "a BPG image"),
    (b"gimp xcf", "a GIMP file (XCF)"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x8bJNG", "a JNG image"),
    (b"\x8aMNG", "an MNG animation"),
    (b"\x59\xa6\x6a\x95", "a Sun raster image"),
    (b"\x01\xda", "an SGI image"),
    (b"\x0a\x05\x01", "a PCX image"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"FUJIFILMCCD-RAW", "a camera raw file (RAF)"),
    (b"IIRO", "a camera raw file (ORF)"),
    (b"IIRS", "a camera raw file (ORF)"),
    (b"MMOR", "a camera raw file (ORF)"),
    (b"IIU\0", "a camera raw file (RW2)"),
    (b"\0MRM", "a camera raw file (MRW)"),
    (b"FOVb", "a camera raw file (X3F)"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document (EPS)"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "data packed with gzip"),
    (b"BZh", "data packed with bzip2"),
    (b"\xfd7zXZ\0", "data packed with xz"),
    (b"(\xb5/\xfd", "data packed with Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1aE\xdf\xa3", "a video (WebM or Matroska)"),
    (b"\0\0\x01\xba", "a video (MPEG)"),
    (b"\0\0\x01\xb3", "a video (MPEG)"),
    (b"FLV\x01", "a video (FLV)"),
    (b"0&\xb2u\x8ef\xcf\x11", "a video (WMV)"),
    (b"OggS", "sound or video (Ogg)"),
    (b"ID3", "sound (MP3)"),
    (b"\xff\xfb", "sound (MP3)"),
    (b"\xff\xf3", "sound (MP3)"),
    (b"fLaC", "sound (FLAC)"),
    (b"MThd", "sound (MIDI)"),
    (b"glTF", "a 3D model (glTF)"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"OTTO", "a font"),
    (b"\0\x01\0\0\0", "a font"),
    (b"SQLite format 3\0", "a database (SQLite)"),
)
_RIFF = {b"AVI ": "a video (AVI)", b"WAVE": "sound (WAV)", b"ACON": "an animated cursor (ANI)"}
_BRANDS = {
    b"crx ": "a camera raw file (CR3)",
    b"jxl ": "a JPEG XL image (JXL)",
    b"jp2 ": "a JPEG 2000 image",
    b"jpx ": "a JPEG 2000 image",
    b"jph ": "a JPEG 2000 image",
    b"qt  ": "a video (MOV)",
    b"M4A ": "sound (M4A)",
    b"M4B ": "sound (M4B)",
}
# Position, the bytes there, and the format they belong to.
_FURTHER_IN: tuple[tuple[int, bytes, str], ...] = (
    (4, b"moov", "a video (MOV)"),
    (4, b"mdat", "a video (MOV)"),
    (4, b"wide", "a video (MOV)"),
    (12, b"CgBI", "a PNG for iPhone apps only (CgBI)"),
    (128, b"DICM", "a DICOM file"),
    (257, b"ustar", "a TAR archive"),
)
_NETPBM = re.compile(rb"P[1-7fF]\s")
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SUBFILE_TYPE, _SUB_DIRECTORIES, _DNG_VERSION = 0x00FE, 0x014A, 0xC612


def refusal(content: bytes) -> str:
    """A sentence for the sender: what the bytes seem to be, and what to send."""
    if not content:
        return f"the image is empty; {WHAT_TO_SEND}"
    if not any(content[:4096]):
        return f"this file contains only zeros, probably from an interrupted upload; {WHAT_TO_SEND}"
    return refusal_of(_binary(content) or _text(content) or "not an image of a known format")


def refusal_of(name: str) -> str:
    """The error for a named format, such as `a PDF document`."""
    return f"this is {name}; {WHAT_TO_SEND}"


def raw_file(tiff: bytes) -> str | None:
    """The name of a camera raw file with a TIFF signature; None for a TIFF."""
    if tiff[8:10] == b"CR":
        return "a camera raw file (CR2)"
    tags = _first_directory(tiff)
    if _DNG_VERSION in tags:
        return "a camera raw file (DNG)"
    # The first picture is a preview; the raw data is in a subdirectory.
    if _SUB_DIRECTORIES in tags and tags.get(_SUBFILE_TYPE, 0) & 1:
        return "a camera raw file (as NEF, ARW or PEF)"
    return None


def _binary(content: bytes) -> str | None:
    if content[4:8] == b"ftyp":
        return _iso_media(brands(content))
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    for signature, name in _SIGNATURES:
        if content.startswith(signature):
            return name
    for position, signature, name in _FURTHER_IN:
        if content.startswith(signature, position):
            return name
    if content.endswith(_TGA_FOOTER):
        return "a TGA image"
    return "a Netpbm image" if _NETPBM.match(content) else None


def _iso_media(named: list[bytes]) -> str:
    if named[0] in _BRANDS:
        return _BRANDS[named[0]]
    if not HEIC_BRANDS.isdisjoint(named):
        return "a HEIC image"
    return "a HEIF image" if named[0] in PICTURE_BRANDS else "a video (MP4)"


def _text(content: bytes) -> str | None:
    encoding = "utf-16" if content.startswith(_UTF16_MARKS) else "utf-8-sig"
    text = content[:4096].decode(encoding, "ignore" if len(content) > 4096 else "replace").lstrip().lower()
    if "<svg" in text:
        return "an SVG drawing, not a pixel image"
    if text.startswith("<!doctype html") or "<html" in text:
        return "a web page, not an image"
    if _CONTROLS.search(text) or "\ufffd" in text:
        return None
    if text.startswith("data:"):
        return "a data: URL, not the image itself"
    if text.startswith("<?xml"):
        return "text (XML), not an image"
    return "text (JSON), not an image" if text.startswith(("{", "[")) else "text, not an image"


def _first_directory(tiff: bytes) -> dict[int, int]:
    """The tags of a TIFF's first directory, with the value in each entry."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    found: dict[int, int] = {}
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        is_short = int.from_bytes(tiff[at + 2 : at + 4], order) == 3
        value = tiff[at + 8 : at + (10 if is_short else 12)]
        found[int.from_bytes(tiff[at : at + 2], order)] = int.from_bytes(value, order)
    return found
