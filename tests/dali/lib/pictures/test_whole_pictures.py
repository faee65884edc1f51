"""Pictures with all their pixels are accepted, whatever else the file contains; truncated ones are refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from dali.lib.pictures.images import InvalidImageError, decode, sniff
from tests.dali.lib.pictures.picture_files import (
    END,
    chunk,
    encoded,
    png,
    profile_chunk,
    segment,
    with_chunks,
    with_segments,
)

SAMPLES = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
NOISE = Image.fromarray(SAMPLES)
RANDOM = np.random.default_rng(2).bytes(1_000_000)
SHORT = (b"gAMA", b"cHRM", b"tRNS", b"pHYs", b"eXIf")
COMMENT = b"a long comment " * 140_000

PNG = png(SAMPLES)
PIXELS_AT = PNG.index(b"IDAT") - 4
PACKED = PNG[PIXELS_AT + 8 : -16]
JPEG = encoded(NOISE, "JPEG", quality=90)
WEBP = encoded(NOISE, "WEBP", lossless=True)
AVIF = encoded(NOISE, "AVIF", quality=90)


def pixels(content: bytes) -> NDArray[np.uint8]:
    """The pixels of a picture that passes both checks."""
    sniff(content)
    return np.asarray(decode(content).image.convert("RGB"))


def broken(kind: bytes, data: bytes) -> bytes:
    """A chunk with a wrong checksum."""
    whole = chunk(kind, data)
    return whole[:-1] + bytes((whole[-1] ^ 1,))


def split(*parts: bytes, between: bytes = b"") -> bytes:
    """The PNG with its pixels in several chunks."""
    return PNG[:PIXELS_AT] + between.join(chunk(b"IDAT", part) for part in parts) + END


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(with_chunks(PNG, chunk(b"zTXt", b"k\0\0" + zlib.compress(COMMENT))), id="2 MB of zTXt"),
        pytest.param(
            with_chunks(PNG, chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(COMMENT))), id="2 MB of iTXt"
        ),
        pytest.param(with_chunks(PNG, chunk(b"tEXt", b"k\0" + COMMENT)), id="2 MB of tEXt"),
        pytest.param(with_chunks(PNG, *[chunk(b"tEXt", b"k\0" + COMMENT[:900_000])] * 12), id="many texts"),
        pytest.param(
            with_chunks(PNG, chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(64 << 20)))), id="a text bomb"
        ),
        pytest.param(with_chunks(PNG, chunk(b"zTXt", b"k\0\x05abc")), id="text packed in another way"),
        pytest.param(with_chunks(PNG, profile_chunk(RANDOM * 3)), id="a large profile"),
        pytest.param(with_chunks(PNG, chunk(b"iCCP", b"x\0\x01abc")), id="a profile packed in another way"),
        pytest.param(with_chunks(PNG, chunk(b"iCCP", b"")), id="an empty profile"),
        pytest.param(
            with_chunks(PNG, *(chunk(kind, b"\0") for kind in (b"gAMA", b"cHRM", b"tRNS", b"pHYs"))),
            id="short",
        ),
        pytest.param(with_chunks(PNG, chunk(b"sRGB", b""), chunk(b"cICP", b"")), id="empty"),
        pytest.param(
            with_chunks(PNG, broken(b"tRNS", b"\0\1\0\1\0\1"), broken(b"tIME", b"12")), id="wrong checksums"
        ),
        pytest.param(with_chunks(PNG, chunk(b"acTL", b"\0"), chunk(b"fcTL", b"\0")), id="a broken animation"),
        pytest.param(with_chunks(PNG, chunk(b"eXIf", b"junk"), chunk(b"prVt", RANDOM)), id="strange chunks"),
        pytest.param(with_chunks(PNG, chunk(b"eXIf", b"II*\0" + RANDOM)), id="large EXIF"),
        pytest.param(
            split(PACKED[:99], PACKED[99:], between=chunk(b"tEXt", b"k\0v")), id="text amid the pixels"
        ),
        pytest.param(split(b"", PACKED, b""), id="empty chunks"),
        pytest.param(split(PACKED + b"more"), id="bytes behind the packed pixels"),
        pytest.param(split(PACKED[:-1] + bytes((PACKED[-1] ^ 1,))), id="a wrong checksum of the packing"),
        pytest.param(PNG[:-12], id="no end"),
        pytest.param(PNG[:-5], id="half an end"),
        pytest.param(PNG[:-1] + b"\0", id="a broken end"),
        pytest.param(PNG + RANDOM, id="bytes behind the end"),
    ],
)
def test_a_png_is_accepted_whatever_its_other_chunks(content: bytes) -> None:
    assert np.array_equal(pixels(content), SAMPLES)


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_without_its_end_is_accepted_only_with_its_last_pixel(interlaced: bool) -> None:
    grey = np.random.default_rng(3).integers(0, 256, (13, 11), dtype=np.uint8)
    whole = adam7(grey) if interlaced else png(grey)
    assert np.array_equal(pixels(whole[:-12])[..., 0], grey)
    for missing in (13, 20, 60, len(whole) - 60):
        for look in (sniff, decode):
            with pytest.raises(InvalidImageError, match="cut off"):
                look(whole[:-missing])


def adam7(grey: NDArray[np.uint8]) -> bytes:
    """An interlaced PNG of 8-bit grey, its rows unfiltered."""
    rows = bytearray()
    for x, y, step_x, step_y in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ):  # fmt: skip
        for row in grey[y::step_y, x::step_x]:
            rows += (b"\0" + row.tobytes()) if row.size else b""
    height, width = grey.shape
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1))
    return PNG[:8] + header + chunk(b"IDAT", zlib.compress(bytes(rows))) + END


XMP = b"http://ns.adobe.com/xap/1.0/\0"
ICC = b"ICC_PROFILE\0"
LARGE_PROFILE = [segment(0xE2, ICC + bytes((at, 60)) + RANDOM[:60_000]) for at in range(1, 61)]
SHORT_SEGMENTS = ((0xE0, b"JFIF\0"), (0xE1, b"Exif\0\0"), (0xE2, ICC), (0xEE, b"Adobe"))


def jpeg_pixels() -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(JPEG)))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(with_segments(JPEG, *[segment(0xE1, XMP + RANDOM[:60_000])] * 40), id="XMP"),
        pytest.param(with_segments(JPEG, *[segment(0xFE, RANDOM[:65_000])] * 40), id="comments"),
        pytest.param(with_segments(JPEG, segment(0xED, b"Photoshop 3.0\0" + RANDOM[:5_000])), id="a broken APP13"),
        pytest.param(with_segments(JPEG, segment(0xE2, b"MPF\0" + RANDOM[:90])), id="a broken index of pictures"),
        pytest.param(with_segments(JPEG, segment(0xE2, ICC + b"\1\1" + RANDOM[:999])), id="a broken profile"),
        pytest.param(with_segments(JPEG, segment(0xE2, ICC + b"\0\0ab")), id="a profile without parts"),
        pytest.param(with_segments(JPEG, *LARGE_PROFILE), id="a large profile"),
        pytest.param(with_segments(JPEG, segment(0xE1, b"Exif\0\0" + RANDOM[:3_000])), id="broken EXIF"),
        pytest.param(with_segments(JPEG, *(segment(*short) for short in SHORT_SEGMENTS)), id="short segments"),
        pytest.param(JPEG[:2] + b"\xff" * 20 + JPEG[2:], id="filling"),
        pytest.param(JPEG[:-2], id="no end"),
        pytest.param(JPEG[:-1], id="half an end"),
        pytest.param(JPEG[:-2] + bytes(4_096), id="zeros in place of the end"),
        pytest.param(JPEG + RANDOM, id="bytes behind the end"),
        pytest.param(JPEG + JPEG, id="a second picture, as of a gain map"),
    ],
)  # fmt: skip
def test_a_jpeg_is_accepted_whatever_its_other_segments(content: bytes) -> None:
    assert np.array_equal(pixels(content), jpeg_pixels())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"subsampling": 0},
        {"progressive": True},
        {"restart_marker_blocks": 1},
        {"restart_marker_rows": 1},
        {"optimize": True},
    ],
    ids=["baseline", "4:4:4", "progressive", "restarts", "rows", "optimized"],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_is_accepted_only_with_its_last_pixel(
    mode: str, options: dict[str, object]
) -> None:
    whole = encoded(NOISE.convert(mode), "JPEG", quality=85, **options)
    expected = pixels(whole)
    assert np.array_equal(pixels(whole[:-2]), expected)
    cuts = [*range(8, 40), *(round(len(whole) * share) for share in (0.1, 0.3, 0.5, 0.7))]
    for filling in (b"", bytes(2_048)):
        for missing in cuts:
            with pytest.raises(InvalidImageError, match="cut off"):
                sniff(whole[:-missing] + filling)


def test_a_progressive_jpeg_without_its_last_scan_is_truncated() -> None:
    whole = encoded(NOISE, "JPEG", progressive=True)
    with pytest.raises(InvalidImageError, match="cut off"):
        decode(whole[: whole.rindex(b"\xff\xda")])


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) & 1) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


EXTENDED = encoded(NOISE, "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0", xmp=b"<x:xmpmeta/>")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(WEBP[:4] + bytes(4) + WEBP[8:], id="a length of 0"),
        pytest.param(WEBP[:4] + b"\xff" * 4 + WEBP[8:], id="a length beyond all"),
        pytest.param(EXTENDED[:-1], id="cut off in XMP"),
        pytest.param(EXTENDED[:-30], id="cut off in EXIF"),
        pytest.param(EXTENDED + RANDOM, id="bytes behind the end"),
        pytest.param(riff((b"VP8L", WEBP[20:]), (b"ABCD", b"hello"), (b"XMP ", RANDOM)), id="strange chunks"),
    ],
)
def test_a_webp_is_accepted_whatever_its_other_chunks(content: bytes) -> None:
    assert np.array_equal(pixels(content), SAMPLES)


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"quality": 90}, {"quality": 90, "exif": b"Exif\0\0II*\0\0\0"}]
)
def test_a_webp_that_is_truncated_within_its_pixels_is_refused(options: dict[str, object]) -> None:
    whole = encoded(NOISE, "WEBP", **options)
    for missing in (60, 200, len(whole) - 100):
        with pytest.raises(InvalidImageError, match="cut off"):
            sniff(whole[:-missing])


@pytest.mark.parametrize("brand", [b"mif1", b"miaf", b"msf1", b"MA1A", b"heic"])
def test_an_avif_is_accepted_with_its_brands_in_any_order(brand: bytes) -> None:
    content = AVIF[:8] + brand + AVIF[12:]
    assert sniff(content) == "image/avif"
    assert np.array_equal(pixels(content), pixels(AVIF))


def test_an_avif_that_names_its_codec_only_in_the_item_is_accepted() -> None:
    content = AVIF[:8] + b"mif1" + AVIF[12:16] + b"mif1" + AVIF[20:]
    assert np.array_equal(pixels(content), pixels(AVIF))


@pytest.mark.parametrize("behind", [b"junk", bytes(100), struct.pack(">I", 1_000) + b"free123"])
def test_bytes_after_an_avif_do_no_harm(behind: bytes) -> None:
    assert np.array_equal(pixels(AVIF + behind), pixels(AVIF))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # dali.lib.pictures.images ignores it as well
@pytest.mark.parametrize(
    ("tag", "kind", "value"),
    [
        (700, 1, RANDOM),
        (34377, 7, RANDOM[:999]),
        (34665, 4, 0x7FFFFFFF),
        (34675, 7, RANDOM),
        (274, 3, 77),
        (330, 4, 9_999_999),
        (270, 2, "x" * 2_000_000),
    ],
    ids=[
        "XMP",
        "Photoshop",
        "EXIF beyond the end",
        "profile",
        "orientation",
        "directory beyond the end",
        "text",
    ],
)
def test_a_tiff_is_accepted_whatever_its_other_tags(tag: int, kind: int, value: object) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[tag] = kind
    tags[tag] = value
    assert np.array_equal(pixels(encoded(NOISE, "TIFF", tiffinfo=tags)), SAMPLES)


def test_a_gif_is_accepted_whatever_its_other_blocks() -> None:
    image = NOISE.quantize(64)
    content = encoded(image, "GIF")
    at = 13 + 3 * 64
    extensions = b"\x21\xff\x0bNETSCAPE2.0\0" + b"\x21\xfe\x03abc\0" + b"\x21\xff\x0bXMP DataXMP\x05hello\0"
    expected = np.asarray(image.convert("RGB"))
    for changed in (content[:at] + extensions + content[at:], content[:-1], content + RANDOM):
        assert np.array_equal(pixels(changed), expected)


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_only_the_first_frame_of_an_animation_must_be_complete(kind: str, options: dict[str, object]) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("maroon", "navy", "olive")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=40, **options)
    for missing in (1, 5, 20):
        assert np.array_equal(pixels(content[:-missing]), np.asarray(frames[0]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (with_chunks(PNG, chunk(b"tEXt", b"") * 150_000), "the PNG has more than 100,000 chunks"),
        (with_segments(JPEG, segment(0xFE, b"") * 30_000), "the JPEG has more than 20,000 segments"),
        (riff(*[(b"ABCD", b"")] * 30_000, (b"VP8L", WEBP[20:])), "the WebP"),
    ],
    ids=["PNG", "JPEG", "WebP"],
)
def test_too_many_parts_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(InvalidImageError, match=said):
        sniff(content)


def test_a_scan_without_content_is_refused() -> None:
    at = JPEG.index(b"\xff\xda")
    with pytest.raises(InvalidImageError):
        decode(JPEG[:at] + b"\xff\xda\0\x02" + JPEG[at + 14 :])
