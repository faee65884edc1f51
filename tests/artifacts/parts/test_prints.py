"""Prints: originals as JPEG for a page, transparent ones on a contrasting background."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from artifacts.parts.prints import prints
from tests.artifacts.materials import image_of, material_of
from tests.motifs import SHAPES, Colour, motif


def printed(original: Image.Image, *sides: int) -> list[Image.Image]:
    buffer = io.BytesIO()
    original.save(buffer, "PNG")
    fields: dict[str, Any] = {"read": lambda _key: buffer.getvalue()}
    made = prints(replace(material_of(1), **fields), [(image_of(0), sides)])[0]
    assert [max(each.width, each.height) for each in made] == [
        min(side, max(original.size)) for side in sides
    ]
    return [Image.open(io.BytesIO(each.content)) for each in made]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("colour", "ground"), [((255, 255, 255), 0), ((0, 0, 0), 255), ((128, 128, 128), 255)]
)
def test_a_motif_of_any_colour_is_visible_in_print(shape: str, colour: Colour, ground: int) -> None:
    for found in printed(motif(shape, colour), 256, 100):
        pixels = np.asarray(found, np.float64)
        assert np.abs(pixels[:4, :4] - ground).max() <= 2
        assert (np.abs(pixels - colour).max(axis=2) < 12).mean() > 0.1


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (3, 6000)])
def test_a_thin_original_is_printed(size: tuple[int, int]) -> None:
    (found,) = printed(Image.new("RGB", size, "teal"), 400)
    assert min(found.size) == 1
