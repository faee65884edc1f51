"""The colours of a picture: tags and profiles of every format and mode, converted to sRGB.

The expected values are computed by the formulas of the standards (IEC 61966-2-1, H.273, BT.2100, SMPTE ST 2094-50),
rounded; Chromium 156 shows the same within 1.
"""

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dali.lib.pictures.images import decode
from tests.dali.lib.pictures.picture_files import (
    P3_COLORANTS,
    SRGB_COLORANTS,
    chromaticities,
    chunk,
    cmyk_profile,
    encoded,
    gamma_chunk,
    grey_profile,
    png,
    profile_chunk,
    rgb_profile,
    with_nclx,
)

Bytes = NDArray[np.uint8]

GREYS = np.array([[0, 16, 48, 96, 128, 160, 208, 255]], np.uint8)
COLOURS = np.array(
    [[(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 100, 50), (255, 255, 0), (30, 30, 60), (128, 128, 128)]],
    np.uint8,
)
# COLOURS read as Display P3 with the curve of sRGB, with a gamma of 2.2, and as linear sRGB.
FROM_P3 = [(219, 0, 0), (0, 204, 0), (0, 0, 209), (215, 93, 31), (255, 255, 0), (30, 30, 62), (128, 128, 128)]
FROM_P3_22 = [
    (220, 0, 0),
    (0, 205, 0),
    (0, 0, 210),
    (216, 93, 24),
    (255, 255, 0),
    (24, 24, 60),
    (129, 129, 129),
]
FROM_BT2020 = [
    (250, 0, 0),
    (0, 211, 0),
    (0, 0, 210),
    (241, 76, 29),
    (255, 255, 0),
    (26, 30, 63),
    (128, 128, 128),
]
FROM_LINEAR = [
    (229, 0, 0),
    (0, 229, 0),
    (0, 0, 229),
    (229, 168, 122),
    (255, 255, 0),
    (96, 96, 133),
    (188, 188, 188),
]
GREYS_FROM_LINEAR = [0, 71, 120, 165, 188, 208, 233, 255]
GREYS_FROM_18 = [0, 20, 63, 115, 146, 176, 217, 255]

P3 = rgb_profile(P3_COLORANTS, 2.2, "Display P3")
# Its name contains "sRGB", but it has another curve.
LINEAR = rgb_profile(SRGB_COLORANTS, 1.0, "GIMP built-in Linear sRGB")
GREY_18 = grey_profile(1.8)
GAMMA_1 = gamma_chunk(1.0)
P3_PRIMARIES = chromaticities(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_PRIMARIES = chromaticities(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, matrix, full)))


def shown(content: bytes, step: int = 1) -> list[tuple[int, ...]]:
    """The pixels of the first row, or the centres of its blocks of `step` pixels."""
    image = decode(content).image.convert("RGB")
    return [tuple(pixel) for pixel in np.asarray(image)[step // 2, step // 2 :: step].tolist()]


def off_by(found: list[tuple[int, ...]], wanted: list[tuple[int, int, int]]) -> int:
    return int(np.abs(np.array(found) - np.array(wanted)).max())


def mean_error(found: list[tuple[int, ...]], wanted: list[tuple[int, int, int]]) -> float:
    return float(np.abs(np.array(found) - np.array(wanted)).mean())


def greys_off_by(content: bytes, wanted: list[int], step: int = 1) -> int:
    return off_by(shown(content, step), [(value, value, value) for value in wanted])


def blocks(samples: Bytes) -> Image.Image:
    """Each pixel as a block of 16 x 16, because lossy codecs preserve its centre."""
    return Image.fromarray(samples.repeat(16, axis=0).repeat(16, axis=1))


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        pytest.param([profile_chunk(P3)], FROM_P3_22, id="profile of P3"),
        pytest.param([profile_chunk(LINEAR)], FROM_LINEAR, id="linear profile"),
        pytest.param([GAMMA_1], FROM_LINEAR, id="gAMA 1"),
        pytest.param([GAMMA_1, SRGB_PRIMARIES], FROM_LINEAR, id="gAMA 1 and cHRM"),
        pytest.param([gamma_chunk(1 / 2.2), P3_PRIMARIES], FROM_P3_22, id="cHRM of P3"),
        pytest.param([cicp(12, 13)], FROM_P3, id="cICP of P3"),
        pytest.param([cicp(1, 8)], FROM_LINEAR, id="cICP linear"),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "P with alpha", "16 bit", "16 bit with alpha"])
def test_tags_of_a_png_apply_in_every_colour_mode(
    mode: str, tags: list[bytes], wanted: list[tuple[int, int, int]]
) -> None:
    width = COLOURS.shape[1]
    alpha = np.full((1, width, 1), 200, np.uint8)
    indices = np.arange(width, dtype=np.uint8)[np.newaxis]
    content = {
        "RGB": lambda: png(COLOURS, *tags),
        "RGBA": lambda: png(np.dstack((COLOURS, alpha)), *tags),
        "P": lambda: png(indices, *tags, palette=COLOURS.tobytes()),
        "P with alpha": lambda: png(
            indices, *tags, palette=COLOURS.tobytes(), behind_palette=chunk(b"tRNS", bytes((200,) * width))
        ),
        "16 bit": lambda: png(COLOURS * np.uint16(257), *tags, depth=16),
        "16 bit with alpha": lambda: png(np.dstack((COLOURS, alpha)) * np.uint16(257), *tags, depth=16),
    }[mode]()
    assert off_by(shown(content), wanted) <= 1


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        pytest.param([profile_chunk(grey_profile(1.0))], GREYS_FROM_LINEAR, id="linear grey profile"),
        pytest.param([profile_chunk(GREY_18)], GREYS_FROM_18, id="grey profile"),
        pytest.param([profile_chunk(LINEAR)], GREYS_FROM_LINEAR, id="RGB profile"),
        pytest.param([GAMMA_1], GREYS_FROM_LINEAR, id="gAMA"),
        pytest.param([cicp(12, 8)], GREYS_FROM_LINEAR, id="cICP"),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_tags_of_a_png_apply_to_grey(
    tags: list[bytes], wanted: list[int], depth: int, has_alpha: bool
) -> None:
    samples = GREYS * np.uint16(257 if depth == 16 else 1)
    if has_alpha:
        samples = np.dstack((samples, np.full_like(samples, samples.max() - 1)))
    assert greys_off_by(png(samples, *tags, depth=depth), wanted) <= 1


def test_dark_linear_grey_of_16_bits_keeps_its_steps() -> None:
    samples = np.array([[0, 16, 64, 128, 200, 257]], np.uint16)
    assert greys_off_by(png(samples, GAMMA_1, depth=16), [0, 1, 3, 6, 10, 13]) == 0


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF", "AVIF", "PNG"])
@pytest.mark.parametrize(
    ("profile", "wanted"), [(P3, FROM_P3_22), (LINEAR, FROM_LINEAR)], ids=["P3", "linear"]
)
def test_profiles_apply_in_every_format(
    kind: str, profile: bytes, wanted: list[tuple[int, int, int]]
) -> None:
    options: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
        "WEBP": {"lossless": True},
    }
    content = encoded(blocks(COLOURS), kind, icc_profile=profile, **options.get(kind, {}))
    assert mean_error(shown(content, 16), wanted) <= 2


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize(
    ("profile", "wanted"), [(GREY_18, GREYS_FROM_18), (LINEAR, GREYS_FROM_LINEAR)], ids=["grey", "RGB"]
)
def test_profiles_apply_to_grey_in_every_format(kind: str, profile: bytes, wanted: list[int]) -> None:
    content = encoded(
        blocks(GREYS), kind, icc_profile=profile, **({"quality": 100} if kind == "JPEG" else {})
    )
    assert greys_off_by(content, wanted, 16) <= 2


def test_the_profile_of_a_16_bit_grey_tiff_is_applied() -> None:
    content = encoded(Image.fromarray(GREYS * np.uint16(257)), "TIFF", icc_profile=GREY_18)
    assert greys_off_by(content, GREYS_FROM_18) <= 1


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted_by_its_profile_colorimetrically(kind: str) -> None:
    half = Image.new("CMYK", (16, 16), (128, 0, 0, 0))
    # Halfway from L* 50.2 to black; the perceptual table would give 118.
    assert greys_off_by(encoded(half, kind, icc_profile=cmyk_profile()), [59], 16) <= 2
    assert off_by(shown(encoded(half, kind), 16), [(127, 255, 255)]) <= 2


def test_lab_is_converted() -> None:
    lab = ImageCms.profileToProfile(
        blocks(COLOURS), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    lab.info.clear()
    assert mean_error(shown(encoded(lab, "TIFF"), 16), COLOURS[0].tolist()) <= 5  # Lab has only 8 bits


def bmp(profile: bytes, named: bytes = b"DEBM") -> bytes:
    """A BMP with the header of version 5 and a profile after its pixels."""
    row = COLOURS[..., ::-1].tobytes()
    row += bytes(-len(row) % 4)
    size = struct.pack("<IiiHHIIiiII", 124, COLOURS.shape[1], 1, 1, 24, 0, len(row), 2835, 2835, 0, 0)
    colours = bytes(16) + named + bytes(48) + struct.pack("<IIII", 4, 124 + len(row), len(profile), 0)
    return (
        b"BM"
        + struct.pack("<IHHI", 138 + len(row) + len(profile), 0, 0, 138)
        + size
        + colours
        + row
        + profile
    )


def test_the_profile_of_a_bmp_is_applied() -> None:
    assert off_by(shown(bmp(P3)), FROM_P3_22) <= 1
    assert shown(bmp(P3, b"BGRs")) == [tuple(pixel) for pixel in COLOURS[0].tolist()]


@pytest.mark.parametrize(
    ("primaries", "transfer", "wanted"),
    [
        (12, 13, FROM_P3),
        (1, 8, FROM_LINEAR),
        (9, 13, FROM_BT2020),
        (1, 1, COLOURS[0].tolist()),
        (2, 2, COLOURS[0].tolist()),
    ],
)
def test_the_code_points_of_an_avif_apply(
    primaries: int, transfer: int, wanted: list[tuple[int, int, int]]
) -> None:
    plain = encoded(blocks(COLOURS), "AVIF", quality=100, subsampling="4:4:4")
    assert mean_error(shown(with_nclx(plain, primaries, transfer), 16), wanted) <= 2


def test_a_profile_of_an_avif_takes_precedence_over_its_code_points() -> None:
    content = encoded(blocks(COLOURS), "AVIF", quality=100, subsampling="4:4:4", icc_profile=P3)
    assert off_by(shown(content, 16), FROM_P3_22) <= 3


def test_an_avif_without_a_colour_box_uses_the_colours_of_its_bitstream() -> None:
    plain = encoded(blocks(COLOURS), "AVIF", quality=100, subsampling="4:4:4")
    # The sequence header at the start of the bitstream ends with the code points 1, 13, 6.
    at = plain.index(b"mdat")
    header = int.from_bytes(plain[at + 4 : at + 24], "big")
    codes = int.from_bytes(bytes((1, 13, 6)), "big")
    shift = next(shift for shift in range(100) if header >> shift & 0xFFFFFF == codes)
    changed = header ^ (codes ^ int.from_bytes(bytes((12, 13, 6)), "big")) << shift
    content = plain[: at + 4] + changed.to_bytes(20, "big") + plain[at + 24 :]
    assert off_by(shown(content.replace(b"colrnclx", b"freenclx"), 16), FROM_P3) <= 3


# Samples of a PQ and of an HLG picture and their greys: 203 cd/m2 (0.58 in PQ, 0.75 in HLG) is half the light of white.
@pytest.mark.parametrize(
    ("transfer", "wanted"),
    [(16, [0, 1, 15, 70, 132, 213, 255, 255]), (18, [0, 3, 29, 71, 99, 135, 212, 255])],
    ids=["PQ", "HLG"],
)
@pytest.mark.parametrize("kind", ["PNG", "AVIF", "profile"])
def test_hdr_is_tone_mapped_smoothly(kind: str, transfer: int, wanted: list[int]) -> None:
    if kind == "AVIF":
        picture = encoded(blocks(GREYS).convert("RGB"), "AVIF", quality=100, subsampling="4:4:4")
        assert greys_off_by(with_nclx(picture, 9, transfer), wanted, 16) <= 3
        return
    tag = b"cicp" + bytes(4) + bytes((9, transfer, 0, 1))
    tags = profile_chunk(hdr_profile(tag)) if kind == "profile" else cicp(9, transfer)
    assert greys_off_by(png(np.dstack([GREYS] * 3), tags), wanted) <= 1


def hdr_profile(tag: bytes) -> bytes:
    """An HDR profile whose tables say something else."""
    whole = rgb_profile(SRGB_COLORANTS, 1.0)
    start = int.from_bytes(whole[128 + 4 + 4 : 128 + 4 + 8], "big")
    changed = bytearray(whole)
    changed[132:136] = b"cicp"
    changed[start : start + len(tag)] = tag
    return bytes(changed)


def test_the_peak_of_an_hdr_picture_matters() -> None:
    ramp = np.dstack([GREYS] * 3)
    level = chunk(b"cLLI", struct.pack(">II", 4_000 * 10_000, 0))
    # 4,000 cd/m2 leave more room above white; nothing changes below.
    assert greys_off_by(png(ramp, cicp(9, 16), level), [0, 1, 15, 70, 132, 202, 238, 255]) <= 1


def test_hdr_keeps_hues() -> None:
    orange = np.array([[(200, 160, 120)]], np.uint8)
    red, green, blue = shown(png(orange, cicp(9, 16)))[0]
    assert red > green > blue


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ([cicp(1, 8), profile_chunk(GREY_18), chunk(b"sRGB", b"\0"), GAMMA_1], GREYS_FROM_LINEAR),
        ([profile_chunk(LINEAR), chunk(b"sRGB", b"\0")], GREYS_FROM_LINEAR),
        ([chunk(b"sRGB", b"\0"), GAMMA_1], GREYS[0].tolist()),
        ([cicp(2, 2), GAMMA_1], GREYS_FROM_LINEAR),
        ([cicp(1, 8, full=0), chunk(b"sRGB", b"\0")], GREYS[0].tolist()),
        ([chunk(b"cICP", b"\1\10\0"), GAMMA_1], GREYS_FROM_LINEAR),
        ([chunk(b"iCCP", b"x\0\0no zlib"), GAMMA_1], GREYS_FROM_LINEAR),
        ([profile_chunk(b"no profile"), GAMMA_1], GREYS_FROM_LINEAR),
        ([profile_chunk(GREY_18), GAMMA_1], GREYS[0].tolist()),
        ([GAMMA_1, gamma_chunk(1 / 2.2)], GREYS_FROM_LINEAR),
    ],
    ids=[
        "cICP first", "profile before sRGB", "sRGB before gAMA", "unspecified cICP", "narrow cICP", "short cICP",
        "broken iCCP", "no profile", "profile of another mode", "first gAMA",
    ],
)  # fmt: skip
def test_the_tags_of_a_png_apply_in_order_of_precedence(tags: list[bytes], wanted: list[int]) -> None:
    assert greys_off_by(png(np.dstack([GREYS] * 3), *tags), wanted) <= 1


@pytest.mark.parametrize("gamma", [0.0, 0.00001, 10_000.0, 42_949.67295])
@pytest.mark.parametrize("more", [[], [P3_PRIMARIES]])
def test_an_absurd_gamma_is_ignored(gamma: float, more: list[bytes]) -> None:
    assert greys_off_by(png(GREYS, gamma_chunk(gamma), *more), GREYS[0].tolist()) == 0


@pytest.mark.parametrize("gamma", [0.4545, 0.45455, 0.4546, 0.44, 0.47])
def test_the_usual_gamma_is_srgb(gamma: float) -> None:
    assert greys_off_by(png(GREYS, gamma_chunk(gamma)), GREYS[0].tolist()) == 0


@pytest.mark.parametrize(
    "values", [(0,) * 8, (0.3127, 0.329) * 4, (20_000,) * 8], ids=["zero", "a point", "absurd"]
)
def test_degenerate_primaries_are_ignored(values: tuple[float, ...]) -> None:
    assert greys_off_by(png(np.dstack([GREYS] * 3), GAMMA_1, chromaticities(*values)), GREYS_FROM_LINEAR) <= 1


def test_another_copy_of_srgb_changes_no_pixel() -> None:
    samples = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    copy = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(Image.fromarray(samples), "PNG", icc_profile=copy)
    assert np.array_equal(np.asarray(decode(content).image), samples)


def test_a_profile_is_applied_to_colours_under_transparency() -> None:
    samples = np.dstack((COLOURS, np.array([[0, 40, 80, 120, 160, 200, 255]], np.uint8)))
    image = decode(png(samples, profile_chunk(P3))).image
    assert np.asarray(image.getchannel("A"))[0].tolist() == [0, 40, 80, 120, 160, 200, 255]
    assert off_by(shown(png(samples, profile_chunk(P3))), FROM_P3_22) <= 1


def test_a_large_profile_is_read() -> None:
    large = LINEAR + bytes(3_000_000)
    assert greys_off_by(png(np.dstack([GREYS] * 3), profile_chunk(large)), GREYS_FROM_LINEAR) <= 1


def test_a_profile_that_unpacks_to_an_absurd_size_is_ignored() -> None:
    bomb = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(64 << 20)))
    assert greys_off_by(png(GREYS, bomb), GREYS[0].tolist()) == 0
