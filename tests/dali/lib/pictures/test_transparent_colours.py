"""Pictures in which one grey, one colour or palette entries are transparent: `tRNS` in every kind of PNG."""

import struct

import numpy as np
import pytest
from PIL import Image

from dali.lib.pictures.images import decode
from tests.dali.lib.pictures.picture_files import (
    P3_COLORANTS,
    chunk,
    encoded,
    gamma_chunk,
    png,
    profile_chunk,
    rgb_profile,
)


def transparent(*samples: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


def alpha(content: bytes) -> list[int]:
    """The alpha of the first row."""
    image = decode(content).image
    assert image.mode == "RGBA"
    return [int(value) for value in np.asarray(image.getchannel("A"))[0]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_transparent_grey_is_compared_in_the_depth_of_the_file(depth: int) -> None:
    levels = min(1 << depth, 16)
    row = np.arange(levels)[np.newaxis]
    for sample in (0, 1, levels - 1):
        expected = [255 * (level != sample) for level in range(levels)]
        assert alpha(png(row, transparent(sample), depth=depth)) == expected


def test_bits_beyond_the_depth_do_not_count() -> None:
    assert alpha(png(np.arange(4)[np.newaxis], transparent(0xFF02), depth=2)) == [255, 255, 0, 255]


def test_a_transparent_grey_of_16_bits_is_compared_in_all_bits() -> None:
    row = np.array([[0x1234, 0x1235, 0x1334, 0x1200]])
    assert alpha(png(row, transparent(0x1234), depth=16)) == [0, 255, 255, 255]


def test_a_transparent_colour_is_compared_in_all_channels() -> None:
    row = np.array([[(1, 2, 3), (1, 2, 4), (1, 3, 3), (2, 2, 3)]])
    assert alpha(png(row, transparent(1, 2, 3))) == [0, 255, 255, 255]
    deep = np.array([[(0x1234, 0x5678, 0x9ABC), (0x1235, 0x5678, 0x9ABC), (0x1234, 0x5678, 0x9BBC)]])
    assert alpha(png(deep, transparent(0x1234, 0x5678, 0x9ABC), depth=16)) == [0, 255, 255]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette_entries_have_their_own_alpha(depth: int) -> None:
    levels = min(1 << depth, 16)
    palette = bytes(range(3 * levels))
    content = png(
        np.arange(levels)[np.newaxis],
        depth=depth,
        palette=palette,
        behind_palette=chunk(b"tRNS", bytes((7, 130))),
    )
    assert alpha(content) == [7, 130, *[255] * (levels - 2)]


def test_more_alphas_than_entries_do_no_harm() -> None:
    content = png(
        np.array([[0, 1]]), palette=bytes(6), behind_palette=chunk(b"tRNS", bytes((7, 130)) + bytes(500))
    )
    assert alpha(content) == [7, 130]


@pytest.mark.parametrize("tags", [[gamma_chunk(1.0)], [profile_chunk(rgb_profile(P3_COLORANTS, 1.0))]])
@pytest.mark.parametrize("depth", [8, 16])
def test_transparency_is_determined_before_colours_are_converted(tags: list[bytes], depth: int) -> None:
    scale = 257 if depth == 16 else 1
    greys = np.array([[10, 11, 12]]) * scale
    assert alpha(png(greys, *tags, transparent(11 * scale), depth=depth)) == [255, 0, 255]
    assert decode(png(greys, *tags, depth=depth)).image.getpixel((1, 0)) == (59, 59, 59)
    colours = np.dstack([greys] * 3)
    assert alpha(png(colours, *tags, transparent(*[11 * scale] * 3), depth=depth)) == [255, 0, 255]


def test_a_transparent_grey_without_pixels_leaves_the_picture_opaque() -> None:
    assert decode(png(np.array([[1, 2]]), transparent(3))).has_alpha is False


def test_the_transparency_of_a_grey_gif_is_kept() -> None:
    image = Image.fromarray(np.array([[0, 128, 255]], np.uint8))
    assert alpha(encoded(image, "GIF", transparency=128)) == [255, 0, 255]
