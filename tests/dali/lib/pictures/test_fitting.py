"""Pictures fitted into frames."""

from itertools import product

import numpy as np
import pytest
from PIL import Image

from dali.lib.pictures.fitting import contain, cover, scaled, shaped_box

SIDES = (1, 2, 3, 7, 333, 1024, 20_000)
FRAMES = ((1280, 720), (64, 36), (1, 1), (1, 500))


def stripes(width: int, height: int) -> Image.Image:
    """Four equal parts from left to right: black, red, green, white."""
    columns = np.zeros((1, 4, 3), np.uint8)
    columns[0] = ((0, 0, 0), (255, 0, 0), (0, 255, 0), (255, 255, 255))
    return Image.fromarray(columns).resize((width, height), Image.Resampling.NEAREST)


@pytest.mark.parametrize("frame", FRAMES)
def test_every_shape_covers_every_frame_exactly(frame: tuple[int, int]) -> None:
    for size in product(SIDES, SIDES):
        if size[0] * size[1] < 100_000:
            assert cover(Image.new("RGB", size), frame).size == frame


def test_the_kept_part_is_at_the_requested_position() -> None:
    picture = stripes(400, 100)
    for at, colour in ((0.0, (0, 0, 0)), (0.34, (255, 0, 0)), (1.0, (255, 255, 255))):
        assert cover(picture, (50, 50), (at, 0.5)).getpixel((25, 25)) == colour


def test_a_box_lies_inside_its_picture_with_a_bounded_ratio() -> None:
    for width, height in product(SIDES, SIDES):
        left, top, right, bottom = shaped_box((width, height), 0.4, 2.5, (0.3, 0.9))
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert 0.399 < (right - left) / (bottom - top) < 2.501
    assert shaped_box((100, 80), 0.4, 2.5) == (0, 0, 100, 80)


def test_the_whole_picture_is_contained_and_a_thin_one_keeps_a_pixel() -> None:
    assert contain(Image.new("RGB", (400, 100)), (200, 200)).size == (200, 50)
    assert contain(Image.new("RGB", (4, 1)), (200, 200)).size == (200, 50)
    assert contain(Image.new("RGB", (1, 20_000)), (200, 200)).size == (1, 200)
    assert contain(Image.new("RGB", (20_000, 1)), (200, 200)).size == (200, 1)
    same = Image.new("RGB", (200, 100))
    assert contain(same, (200, 200)) is same


def test_a_picture_of_ordinary_shape_is_scaled_as_pillow_does() -> None:
    picture = stripes(640, 400)
    plain = picture.resize((320, 200), Image.Resampling.BICUBIC)
    assert scaled(picture, (320, 200)).tobytes() == plain.tobytes()
