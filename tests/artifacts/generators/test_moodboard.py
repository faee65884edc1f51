"""Moodboards: colours of the originals; missing originals are skipped."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from artifacts.generators.moodboard.generator import Moodboard, MoodboardOptions
from artifacts.generators.moodboard.palette import Swatch, common_swatches, swatches_of
from artifacts.material import Material
from tests.artifacts.materials import material_of


def striped(*stripes: tuple[str, int], alpha: Sequence[int] = ()) -> Image.Image:
    """A picture of horizontal stripes: colour and height; `alpha` is the opacity of each."""
    picture = Image.new("RGBA", (200, sum(height for _, height in stripes)))
    top = 0
    for place, (colour, height) in enumerate(stripes):
        stripe = Image.new("RGBA", (200, height), colour)
        if alpha:
            stripe.putalpha(alpha[place])
        picture.paste(stripe, (0, top))
        top += height
    return picture


def page_of(material: Material, **options: object) -> str:
    """The page, as text."""
    made = Moodboard().generate(material, replace(MoodboardOptions(include="all"), **options))  # type: ignore[arg-type]
    return made[0].content.decode()


def test_the_colours_of_a_picture_are_found_with_their_shares() -> None:
    found = swatches_of(striped(("#102030", 99), ("#e04010", 60), ("#f0f0e0", 39)), 5)
    assert [swatch.hex for swatch in found] == ["#102030", "#e04010", "#f0f0e0"]
    assert [swatch.percent for swatch in found] == [50, 30, 20]


def test_transparent_pixels_have_no_colour() -> None:
    found = swatches_of(striped(("#102030", 100), ("#e04010", 100), alpha=(255, 0)))
    assert [swatch.hex for swatch in found] == ["#102030"]
    assert [swatch.hex for swatch in swatches_of(striped(("#102030", 9), alpha=(0,)))] == ["#ffffff"]


def test_colours_are_weighted_by_opacity() -> None:
    found = swatches_of(striped(("#102030", 99), ("#e04010", 99), alpha=(60, 120)))
    assert [swatch.percent for swatch in found] == [68, 32]
    apart = np.array([swatch.colour for swatch in found]) - [(0xE0, 0x40, 0x10), (0x10, 0x20, 0x30)]
    assert np.abs(apart).max() <= 2


def test_no_more_colours_are_found_than_requested() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    found = swatches_of(Image.fromarray(noise), 4)
    assert len(found) == 4
    assert sum(swatch.share for swatch in found) == pytest.approx(1, abs=0.001)
    assert found == swatches_of(Image.fromarray(noise), 4)


def test_common_colours_come_from_the_pictures_and_each_picture_weighs_the_same() -> None:
    teal, gold = Swatch((20, 140, 140), 1.0), Swatch((220, 176, 60), 1.0)
    found = common_swatches([[teal], [teal], [gold]], 5)
    assert [(swatch.colour, swatch.percent) for swatch in found] == [(teal.colour, 67), (gold.colour, 33)]
    assert common_swatches([(), ()], 5) == ()


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((128, 128, 128), "grey"),
        ((58, 63, 66), "dark grey"),
        ((0, 100, 0), "dark green"),
        ((24, 40, 96), "navy"),
        ((255, 192, 203), "pink"),
        ((30, 144, 255), "light blue"),
    ],
)
def test_a_colour_has_a_plain_name(colour: tuple[int, int, int], name: str) -> None:
    assert Swatch(colour, 1.0).name == name


def test_text_is_readable_on_any_colour() -> None:
    def luminance(colour: tuple[int, ...]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in np.random.default_rng(2).integers(0, 256, (500, 3)).tolist():
        ground = luminance(colour)
        ink = 0.0 if Swatch(tuple(colour), 1.0).ink == "#000000" else 1.0
        assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) >= 4.5


def test_the_page_shows_the_palette_and_every_image() -> None:
    page = page_of(material_of(12), colours=6)
    assert len(re.findall(r"<code data-copy>#[0-9a-f]{6}</code>", page)) == 6
    assert page.count("data-lightbox=") == 12
    assert page.count('class="bars"') == 12
    assert "could not be read" not in page


def test_images_without_originals_are_shown_without_colours() -> None:
    material = material_of(4)
    gone = material.images[1].key

    def read(key: str) -> bytes:
        if key == gone:
            raise FileNotFoundError(key)
        return b"no image" if key == material.images[2].key else material.read(key)

    page = page_of(replace(material, read=read))
    assert page.count("data-lightbox=") == 4
    assert page.count('class="bars"') == 2
    assert "; 2 images could not be read" in page


def test_a_board_without_originals_is_a_plain_collage() -> None:
    def read(key: str) -> bytes:
        raise FileNotFoundError(key)

    page = page_of(replace(material_of(3), read=read))
    assert page.count("data-lightbox=") == 3
    assert 'id="palette"' not in page
