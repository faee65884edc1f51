"""Fingerprints of transparent pictures: colours and the shape of alpha distinguish them, hidden pixels do not."""

import io
from itertools import combinations

import numpy as np
import pytest
from django.conf import settings
from PIL import Image, ImageDraw

from dali.lib.pictures import phash
from dali.lib.pictures.images import Picture, decode
from tests.bench.pictures import samples
from tests.bench.transparent_pictures import transparent_alterations_of, transparent_samples
from tests.motifs import SHAPES, Colour, motif

WHITE, GREY, BLACK = (255, 255, 255), (128, 128, 128), (0, 0, 0)


def fingerprint_of(image: Image.Image) -> str:
    return phash.fingerprint(Picture(image, "image/png"))


def apart(a: Image.Image, b: Image.Image) -> int:
    return phash.distance(fingerprint_of(a), fingerprint_of(b))


@pytest.mark.parametrize("opacity", [255, 128, 40])
@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY, (200, 30, 40)])
def test_motifs_of_one_colour_are_told_apart(colour: Colour, opacity: int) -> None:
    found = [fingerprint_of(motif(shape, colour, opacity)) for shape in SHAPES]
    assert min(phash.distance(a, b) for a, b in combinations(found, 2)) > settings.DUPLICATE_DISTANCE
    assert len({phash.structure(one) for one in found}) == 3  # the index distinguishes them too


@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY, (200, 30, 40)])
@pytest.mark.parametrize("hidden", [WHITE, BLACK, (0, 255, 0)])
def test_pixels_hidden_under_alpha_0_count_for_nothing(colour: Colour, hidden: Colour) -> None:
    assert apart(motif("star", colour, hidden=hidden), motif("star", colour)) == 0
    noise = np.random.default_rng(5).integers(0, 256, (256, 256, 4), dtype=np.uint8)
    noise[..., 3] = 0
    assert apart(Image.fromarray(noise, "RGBA"), Image.new("RGBA", (64, 64), (*colour, 0))) == 0


def test_different_transparent_pictures_are_further_apart_than_the_threshold() -> None:
    found = [(sample.sort, fingerprint_of(sample.image)) for sample in transparent_samples(3)]
    assert len(found) == 60
    near = [
        (one, other)
        for (one, a), (other, b) in combinations(found, 2)
        if phash.distance(a, b) <= settings.DUPLICATE_DISTANCE
    ]
    assert near == []


def test_altered_transparent_pictures_are_nearer_than_the_threshold() -> None:
    missed, count = 0, 0
    for sample in transparent_samples(2):
        own = fingerprint_of(sample.image)
        for _, altered in transparent_alterations_of(sample):
            count += 1
            missed += phash.distance(own, fingerprint_of(altered)) > settings.DUPLICATE_DISTANCE
    assert count == 40 * 15
    assert missed <= count * 0.05


@pytest.mark.parametrize("quality", [20, 50, 80, 100])
@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY])
def test_every_encoding_of_a_motif_is_the_same_picture(colour: Colour, quality: int) -> None:
    for shape in SHAPES:
        image = motif(shape, colour, hidden=BLACK)
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality)
        assert apart(image, decode(buffer.getvalue()).image) <= 2
        assert apart(image, image.resize((700, 700), Image.Resampling.LANCZOS)) <= 2


def test_white_black_and_grey_in_one_picture_all_count() -> None:
    def row(*shapes: str) -> Image.Image:
        image = Image.new("RGBA", (3 * 256, 256))
        for place, (shape, colour) in enumerate(zip(shapes, (WHITE, BLACK, GREY), strict=True)):
            image.paste(motif(shape, colour), (place * 256, 0))
        return image

    same = row("circle", "circle", "circle")
    for other in (
        row("star", "circle", "circle"),
        row("circle", "star", "circle"),
        row("circle", "circle", "star"),
    ):
        assert fingerprint_of(same) != fingerprint_of(other)
    for other in (
        row("bars", "circle", "circle"),
        row("circle", "bars", "circle"),
        row("circle", "circle", "bars"),
    ):
        assert apart(same, other) > settings.DUPLICATE_DISTANCE


@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY])
def test_a_motif_and_the_same_on_an_opaque_background_are_two_pictures(colour: Colour) -> None:
    image = motif("circle", colour)
    for ground in (WHITE, BLACK, GREY, colour):
        opaque = Image.new("RGB", image.size, ground)
        opaque.paste(image, mask=image.getchannel("A"))
        assert apart(image, opaque) > settings.DUPLICATE_DISTANCE


def test_pictures_that_look_the_same_on_one_background_but_have_other_outlines_differ() -> None:
    whole, cut = Image.new("RGBA", (256, 256), (255, 255, 255, 255)), motif("circle", WHITE)
    assert apart(whole, cut) > settings.DUPLICATE_DISTANCE
    framed = [Image.new("RGBA", (256, 256)), Image.new("RGBA", (256, 256))]
    ImageDraw.Draw(framed[0]).ellipse((8, 8, 248, 248), fill=(0, 0, 0, 255))
    ImageDraw.Draw(framed[1]).rectangle((8, 8, 248, 248), fill=(0, 0, 0, 255))
    for image in framed:
        image.alpha_composite(motif("star", WHITE))
    assert apart(*framed) > settings.DUPLICATE_DISTANCE


def test_one_outline_with_other_contents_is_another_picture() -> None:
    contents = [one.image.resize((256, 256)) for one in samples(2) if one.sort in ("photo", "landscape")]
    mask = motif("circle", WHITE).getchannel("A")
    for image in contents:
        image.putalpha(mask)
    nearest = min(apart(a, b) for a, b in combinations(contents, 2))
    assert nearest > settings.DUPLICATE_DISTANCE


@pytest.mark.parametrize("alpha", [254, 250, 247])
def test_invisible_changes_of_alpha_make_no_other_picture(alpha: int) -> None:
    for sample in samples(2, siblings=1):
        faint = sample.image.convert("RGBA")
        faint.putalpha(alpha)
        assert apart(sample.image, faint) <= 3
        spotted = sample.image.convert("RGBA")
        spotted.putpixel((5, 5), (0, 0, 0, 0))
        assert apart(sample.image, spotted) <= 3


def test_an_opaque_rgba_picture_has_the_fingerprint_of_its_rgb() -> None:
    for sample in samples(1, siblings=1):
        buffer = io.BytesIO()
        sample.image.convert("RGBA").save(buffer, "PNG")
        assert phash.fingerprint(decode(buffer.getvalue())) == fingerprint_of(sample.image)


def test_a_fingerprint_has_64_or_184_digits_and_its_short_form_64() -> None:
    opaque, clear = Image.new("RGB", (64, 64), "teal"), motif("star", WHITE)
    assert (len(fingerprint_of(opaque)), len(fingerprint_of(clear))) == (64, 184)
    assert phash.short(fingerprint_of(clear)) == fingerprint_of(clear)[:64]
    for size in ((1, 1), (2000, 1), (1, 2000)):
        assert len(fingerprint_of(Image.new("RGBA", size, (9, 9, 9, 90)))) == 184


def test_only_the_masked_part_of_a_transparent_picture_counts() -> None:
    area = Image.new("L", (256, 256))
    area.paste(255, (0, 0, 128, 256))
    image = motif("star", WHITE)
    other = image.copy()
    other.paste((0, 0, 0, 0), (128, 0, 256, 256))
    found = [phash.fingerprint(Picture(one, "image/png"), area) for one in (image, other)]
    assert found[0] == found[1]
    assert apart(image, other) > settings.DUPLICATE_DISTANCE
