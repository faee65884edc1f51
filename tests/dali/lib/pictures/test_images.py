"""Decoding what strangers send: every format and mode becomes upright 8-bit sRGB, or a clear refusal."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from dali.lib.pictures.images import InvalidImageError, decode, decode_mask, encode_delivery, sniff
from tests.dali.lib.pictures.picture_files import chunk, encoded

RED, BLUE = (200, 30, 20), (20, 40, 190)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def halves(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    return image.convert(mode)


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))


def png(width: int, height: int, rows: bytes, *extra: bytes, depth: int = 8) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + body + chunk(b"IEND", b"")


def off_by(image: Image.Image, at: tuple[int, int], wanted: tuple[int, int, int]) -> int:
    found = image.getpixel(at)
    assert isinstance(found, tuple)
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    ("kind", "media_type", "options"),
    [
        ("PNG", "image/png", {}),
        ("JPEG", "image/jpeg", {"quality": 95, "subsampling": 0}),
        ("JPEG", "image/jpeg", {"quality": 95, "progressive": True, "subsampling": 0}),
        ("WEBP", "image/webp", {"lossless": True}),
        ("WEBP", "image/webp", {"quality": 95}),
        ("GIF", "image/gif", {}),
        ("BMP", "image/bmp", {}),
        ("TIFF", "image/tiff", {"compression": "tiff_lzw"}),
        ("AVIF", "image/avif", {"quality": 95}),
    ],
)
def test_each_format_decodes_to_the_same_picture(
    kind: str, media_type: str, options: dict[str, object]
) -> None:
    content = encoded(halves(), kind, **options)
    picture = decode(content)
    assert sniff(content) == media_type
    assert (picture.media_type, picture.image.mode, picture.width, picture.height) == (
        media_type,
        "RGB",
        40,
        20,
    )
    assert off_by(picture.image, (5, 10), RED) <= 12
    assert off_by(picture.image, (35, 10), BLUE) <= 12


def grey_ramp(dtype: str, top: float) -> Image.Image:
    return Image.fromarray(np.tile(np.linspace(0, top, 40).astype(dtype), (20, 1)))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(encoded(grey_ramp("uint16", 65535), "PNG"), id="16-bit PNG"),
        pytest.param(encoded(grey_ramp("uint16", 65535), "TIFF"), id="16-bit TIFF"),
        pytest.param(encoded(grey_ramp("int32", 65535), "TIFF"), id="32-bit TIFF"),
        pytest.param(encoded(grey_ramp("float32", 1.0), "TIFF"), id="float TIFF to 1"),
        pytest.param(encoded(grey_ramp("float32", 255.0), "TIFF"), id="float TIFF to 255"),
        pytest.param(encoded(grey_ramp("uint8", 255), "PNG"), id="8-bit PNG"),
        pytest.param(encoded(grey_ramp("uint8", 255), "JPEG", quality=100), id="grey JPEG"),
    ],
)
def test_grey_of_every_depth_keeps_its_range(content: bytes) -> None:
    image = decode(content).image
    assert image.mode == "RGB"
    assert max(off_by(image, (x, 5), (round(x / 39 * 255),) * 3) for x in (0, 20, 39)) <= 4


def test_floats_that_are_not_numbers_are_black() -> None:
    samples = np.full((8, 8), np.nan, np.float32)
    samples[0, 0], samples[1, 1] = np.inf, 1.0
    image = decode(encoded(Image.fromarray(samples), "TIFF")).image
    assert [image.getpixel(at) for at in ((0, 0), (1, 1), (2, 2))] == [(0, 0, 0), (255, 255, 255), (0, 0, 0)]


def test_a_16_bit_colour_png_keeps_its_colours() -> None:
    row = b"\0" + struct.pack(">HHH", 200 * 257, 30 * 257, 20 * 257) * 4
    image = decode(png(4, 2, row * 2, depth=16)).image
    assert (image.mode, image.getpixel((1, 1))) == ("RGB", RED)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind: str) -> None:
    image = decode(encoded(halves("CMYK"), kind)).image
    assert image.mode == "RGB"
    assert off_by(image, (5, 10), RED) <= 30


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_modes_without_alpha_become_rgb(mode: str) -> None:
    assert decode(encoded(halves(mode), "PNG")).image.mode == "RGB"


def transparent(mode: str) -> bytes:
    """Left half transparent, right half red."""
    image = Image.new("RGBA", (20, 20), (*RED, 255))
    image.paste((0, 0, 0, 0), (0, 0, 10, 20))
    return encoded(image, "GIF") if mode == "P" else encoded(image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_an_alpha_channel(mode: str) -> None:
    picture = decode(transparent(mode))
    assert (picture.image.mode, picture.has_alpha) == ("RGBA", True)
    assert [picture.image.getchannel("A").getpixel(at) for at in ((5, 10), (15, 10))] == [0, 255]
    assert picture.reduced(20).getpixel((5, 10)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_a_transparent_colour_of_a_png_becomes_alpha(mode: str) -> None:
    image = halves().quantize(4) if mode == "P" else halves(mode)
    picture = decode(encoded(image, "PNG", transparency=image.getpixel((0, 0))))
    assert [picture.image.getchannel("A").getpixel(at) for at in ((5, 10), (35, 10))] == [0, 255]


def test_a_missing_palette_is_reported() -> None:
    content = encoded(halves().quantize(4), "PNG")
    at = content.index(b"PLTE") - 4
    without = content[:at] + content[at + 12 + int.from_bytes(content[at : at + 4], "big") :]
    with pytest.raises(InvalidImageError, match=r"colours \(P\) cannot be read; send PNG"):
        decode(without)


def test_an_opaque_alpha_channel_is_dropped() -> None:
    assert decode(encoded(halves("RGBA"), "PNG")).has_alpha is False


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_the_first_frame_of_an_animation_is_used(kind: str, options: dict[str, object]) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, BLUE, (0, 255, 0))]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options)
    assert off_by(decode(content).image, (9, 9), RED) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    upright = Image.new("RGB", (40, 24), BLUE)
    upright.paste(RED, (0, 0, 20, 12))  # red at the top left
    turned: dict[int, Callable[[], Image.Image]] = {
        1: lambda: upright,
        2: lambda: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda: upright.transpose(Image.Transpose.ROTATE_180),
        4: lambda: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda: upright.transpose(Image.Transpose.TRANSPOSE),
        6: lambda: upright.transpose(Image.Transpose.ROTATE_90),
        7: lambda: upright.transpose(Image.Transpose.TRANSVERSE),
        8: lambda: upright.transpose(Image.Transpose.ROTATE_270),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if kind == "TIFF" else {"quality": 95}
    image = decode(encoded(turned[orientation](), kind, exif=exif, **options)).image
    assert image.size == (40, 24)
    assert off_by(image, (4, 4), RED) <= 20
    assert off_by(image, (36, 20), BLUE) <= 20


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_an_orientation_that_browsers_ignore_does_not_rotate(kind: str) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    assert decode(encoded(halves(), kind, xmp=xmp)).image.size == (40, 20)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # dali.lib.pictures.images ignores it as well
def test_broken_exif_does_not_affect_the_picture() -> None:
    content = encoded(halves(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert decode(content).image.size == (40, 20)


def linear_profile() -> bytes:
    """The primaries of sRGB with a linear tone curve, under another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    for at in range(132, 132 + 12 * count, 12):
        name, offset, length = struct.unpack(">4sII", profile[at : at + 12])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + length] = b"curv" + bytes(length - 4)
        elif name == b"desc":
            text = bytes(profile[offset : offset + length])
            profile[offset : offset + length] = text.replace(b"\0s\0R\0G\0B", b"\0l\0i\0n\0e")
    return bytes(profile)


def test_a_colour_profile_is_applied() -> None:
    content = encoded(Image.new("RGB", (8, 8), (55, 55, 55)), "PNG", icc_profile=linear_profile())
    assert off_by(decode(content).image, (4, 4), (128, 128, 128)) <= 4


def test_a_colour_profile_of_another_colour_space_is_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert decode(encoded(halves(), "PNG", icc_profile=lab)).image.getpixel((5, 10)) == RED


def test_a_broken_colour_profile_is_ignored() -> None:
    assert decode(encoded(halves(), "PNG", icc_profile=b"no profile")).image.getpixel((5, 10)) == RED


def test_metadata_is_removed() -> None:
    picture = decode(encoded(halves(), "JPEG", icc_profile=linear_profile(), comment="secret place"))
    for derived in (picture.png(), picture.jpeg(100), encode_delivery(picture)):
        assert b"secret" not in derived
        assert "icc_profile" not in Image.open(io.BytesIO(derived)).info


@pytest.mark.parametrize("side", [100_000, 10_000])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(InvalidImageError, match=f"{side} x {side} pixels; the limit is 50,000,000"):
        decode(png(side, side, bytes(64)), max_pixels=50_000_000)


@pytest.mark.parametrize("kind", FORMATS)
def test_too_many_pixels_are_refused_in_every_format(kind: str) -> None:
    content = encoded(halves(size=(102, 100)), kind)
    with pytest.raises(InvalidImageError, match="102 x 100 pixels; the limit is 10,000 pixels in total"):
        decode(content, max_pixels=10_000)
    assert decode(content, max_pixels=10_200).width == 102


def test_more_pixels_than_pillow_warns_about_give_no_warning() -> None:
    content = encoded(Image.new("1", (9_500, 9_500)), "PNG")
    assert sniff(content) == "image/png"
    with pytest.raises(InvalidImageError, match="9500 x 9500"):
        decode(content, max_pixels=50_000_000)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_images_are_refused(kind: str, share: float) -> None:
    content = encoded(noise(), kind)
    with pytest.raises(InvalidImageError):
        decode(content[: int(len(content) * share)])


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("PNG", 13), ("PNG", 200), ("JPEG", 13), ("JPEG", 200), ("WEBP", 1), ("WEBP", 2), ("WEBP", 200)],
)
def test_missing_pixels_are_detected_by_a_quick_check(kind: str, missing: int) -> None:
    with pytest.raises(InvalidImageError, match="cut off"):
        sniff(encoded(noise(), kind)[:-missing])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_bytes_after_the_end_do_no_harm(kind: str) -> None:
    assert decode(encoded(noise(), kind) + b"\xff\xda trailing bytes").image.size == (64, 64)


def test_a_flipped_bit_in_a_png_is_detected_without_decoding() -> None:
    content = bytearray(encoded(halves(), "PNG"))
    content[len(content) // 2] ^= 0x40
    with pytest.raises(InvalidImageError, match="checksum"):
        sniff(bytes(content))


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    content = encoded(halves(size=(16, 16)), "JPEG", progressive=True)
    last_scan = content[content.rindex(b"\xff\xda") : -2]
    with pytest.raises(InvalidImageError, match="more than 200 scans"):
        sniff(content[:-2] + last_scan * 200 + b"\xff\xd9")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n", "cut off"),
        (b"\xff\xd8\xff\xd9", "contains no picture"),
        (b"\xff\xd8\xff\xe0", "cut off"),
        (b"RIFF\x04\x00\x00\x00WEBP", "cut off"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b" <svg width='10'></svg>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b'{"error": "no"}', "text"),
        (b"GIF89a", "cannot be read"),
        (b"II*\x00\x08\x00\x00\x00", "cannot be read"),
        (b"BM" + bytes(12) + b"\x28" + bytes(60), "cannot be read"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "cannot be read"),
    ],
)
def test_data_that_is_not_an_image_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidImageError, match=reason):
        decode(content)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImageError, match="no pixels"):
        decode(png(*size, b""))


@pytest.mark.parametrize("kind", FORMATS)
def test_random_damage_raises_no_other_exception(kind: str) -> None:
    rng = np.random.default_rng(5)
    whole = encoded(halves(size=(32, 32)), kind)
    for _ in range(60):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), 4):
            content[at] = int(rng.integers(0, 256))
        try:
            assert decode(bytes(content), max_pixels=10_000).image.mode in ("RGB", "RGBA")
        except InvalidImageError as error:
            assert len(str(error)) < 220


def test_reductions_are_made_once_and_never_enlarge() -> None:
    picture = decode(encoded(halves(size=(300, 100)), "PNG"))
    assert picture.reduced(64).size == (64, 21)
    assert picture.reduced(64) is picture.reduced(64)
    assert picture.reduced(1000).size == (300, 100)
    assert decode(encoded(halves(size=(600, 2)), "PNG")).reduced(10).size == (10, 1)
    assert Image.open(io.BytesIO(picture.jpeg(50))).size == (50, 17)
    assert Image.open(io.BytesIO(picture.png())).size == (300, 100)


def test_delivery_keeps_size_and_transparency() -> None:
    found = Image.open(io.BytesIO(encode_delivery(decode(transparent("RGBA")))))
    assert (found.format, found.size, found.mode) == ("WEBP", (20, 20), "RGBA")


def test_delivery_fits_the_limits_of_webp() -> None:
    found = Image.open(io.BytesIO(encode_delivery(decode(encoded(halves(size=(20_000, 30)), "PNG")))))
    assert found.size == (16_383, 25)


def test_delivery_gives_the_same_bytes_each_time() -> None:
    content = encoded(halves(), "PNG")
    assert encode_delivery(decode(content)) == encode_delivery(decode(content))


def test_transparent_in_a_mask_means_repaint() -> None:
    mask = decode_mask(transparent("RGBA"), (20, 20))
    assert (mask.mode, mask.getpixel((5, 5)), mask.getpixel((15, 5))) == ("L", 255, 0)


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "RGBA", "P"])
def test_white_in_an_opaque_mask_means_repaint(mode: str) -> None:
    drawn = Image.new("RGB", (20, 20), "black")
    drawn.paste((255, 255, 255), (0, 0, 10, 20))
    mask = decode_mask(encoded(drawn.convert(mode), "PNG"), (20, 20))
    assert (mask.mode, mask.getpixel((5, 5)), mask.getpixel((15, 5))) == ("L", 255, 0)


def test_a_mask_must_be_a_png_of_the_right_size() -> None:
    with pytest.raises(
        InvalidImageError, match="40 x 20 pixels; it must have the size of the start image, 20 x 20"
    ):
        decode_mask(encoded(halves(), "PNG"), (20, 20))
    with pytest.raises(InvalidImageError, match="must be a PNG"):
        decode_mask(encoded(halves(), "JPEG"), (40, 20))
