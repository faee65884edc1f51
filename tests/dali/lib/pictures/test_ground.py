"""Backgrounds: transparent pictures are shown on a contrasting one; invisible pixels count for nothing."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from dali.lib.pictures.ground import Ground, fit, ground_for, on_ground, visible_colours, webp
from dali.lib.pictures.images import Picture, decode, encode_delivery
from dali.lib.pictures.previews import preview_url
from tests.motifs import SHAPES, Colour, motif, shown_on

WHITE, GREY, BLACK = (255, 255, 255), (128, 128, 128), (0, 0, 0)


def beside(*parts: Image.Image) -> Image.Image:
    image = Image.new("RGBA", (sum(part.width for part in parts), parts[0].height))
    left = 0
    for part in parts:
        image.paste(part, (left, 0))
        left += part.width
    return image


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("opacity", [255, 120, 40])
@pytest.mark.parametrize("hidden", [None, WHITE, BLACK, (255, 0, 255)])
@pytest.mark.parametrize(
    ("colour", "ground"),
    [
        (WHITE, Ground.BLACK),
        ((240, 240, 225), Ground.BLACK),
        (BLACK, Ground.WHITE),
        (GREY, Ground.WHITE),
        ((200, 30, 40), Ground.WHITE),
        ((255, 255, 0), Ground.WHITE),
    ],
)
def test_a_motif_contrasts_with_its_background(
    shape: str, opacity: int, hidden: Colour | None, colour: Colour, ground: Ground
) -> None:
    image = motif(shape, colour, opacity, hidden=hidden)
    assert ground_for(image) == ground
    shown = np.asarray(on_ground(image, ground), np.float64)
    assert np.abs(shown - ground.value).max() > 0.8 * opacity * 127 / 255


def test_black_and_white_together_are_shown_on_grey() -> None:
    assert ground_for(beside(motif("circle", WHITE), motif("star", BLACK))) == Ground.GREY
    assert ground_for(motif("circle", WHITE), motif("circle", BLACK)) == Ground.GREY


def test_a_dark_motif_with_a_few_white_spots_is_shown_on_white() -> None:
    image = motif("circle", (40, 60, 90))
    image.paste((255, 255, 255, 255), (120, 120, 128, 128))
    assert ground_for(image) == Ground.WHITE


def test_the_background_is_white_when_nothing_is_transparent_or_visible() -> None:
    assert ground_for(Image.new("RGB", (9, 9), "white")) == Ground.WHITE
    assert ground_for(Image.new("RGBA", (9, 9), (255, 255, 255, 0))) == Ground.WHITE


@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY, (250, 200, 10)])
def test_every_encoding_of_a_picture_has_the_same_background(colour: Colour) -> None:
    image = beside(motif("circle", colour), motif("star", (250, 250, 250)))
    found = {ground_for(image), ground_for(fit(image, 100)), ground_for(image.resize((300, 200)))}
    for quality in (30, 80):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality)
        found.add(ground_for(Image.open(buffer).convert("RGBA")))
    assert len(found) == 1


def test_scaling_mixes_in_no_hidden_colour() -> None:
    image = motif("star", (200, 30, 40), hidden=(0, 255, 0), side=1000)
    for max_px in (500, 128, 33):
        small = np.asarray(fit(image, max_px))
        seen = small[small[..., 3] > 60]
        assert np.abs(seen[:, :3].astype(int) - (200, 30, 40)).max() <= 6


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 6_000), (2, 1), (1, 1)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_thin_picture_keeps_a_pixel_on_each_side(size: tuple[int, int], mode: str) -> None:
    image = Image.new(mode, size, "teal")
    for max_px in (1, 128, 480):
        small = fit(image, max_px)
        assert min(small.size) >= 1
        assert max(small.size) <= max_px or small.size == size
        assert small.mode == mode
    picture = Picture(image, "image/png")
    assert picture.reduced(128).mode == "RGB"
    assert decode(picture.jpeg(256)).width >= 1


def test_only_visible_pixels_have_colours() -> None:
    seen = np.asarray(visible_colours(motif("star", (200, 30, 40), hidden=(0, 255, 0))))
    assert (seen == (200, 30, 40)).all()
    assert visible_colours(Image.new("RGBA", (4, 4), (1, 2, 3, 0))).size == (4, 4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("colour", [WHITE, BLACK, GREY, (192, 48, 32)])
def test_delivery_keeps_alpha_and_a_reader_that_drops_it_still_shows_the_motif(
    shape: str, colour: Colour
) -> None:
    image = motif(shape, colour, hidden=colour)
    found = Image.open(io.BytesIO(encode_delivery(Picture(image, "image/png"))))
    assert found.mode == "RGBA"
    assert found.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    for page in (WHITE, BLACK, (0, 255, 0)):
        apart = np.abs(shown_on(found, page) - shown_on(image, page))
        assert (apart.mean() < 0.5, apart.max() <= 40) == (True, True)
    plain = np.asarray(found.convert("RGB"), np.float64)
    around = np.asarray(image.getchannel("A")) == 0
    assert np.abs(plain[around].mean(axis=0) - colour).max() > 100


@pytest.mark.parametrize("shape", SHAPES)
def test_a_preview_keeps_alpha(shape: str) -> None:
    buffer = io.BytesIO()
    motif(shape, WHITE, side=512).save(buffer, "PNG")
    url = preview_url(buffer.getvalue())
    assert url is not None
    small = Image.open(io.BytesIO(b64decode(url.partition(",")[2])))
    assert (small.mode, small.size) == ("RGBA", (256, 256))
    wanted = fit(motif(shape, WHITE, side=512), 256)
    assert np.abs(shown_on(small, BLACK) - shown_on(wanted, BLACK)).max() <= 8


def test_a_preview_of_pure_noise_is_small_enough() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (300, 300, 4), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise, "RGBA").save(buffer, "PNG")
    url = preview_url(buffer.getvalue())
    assert url is not None
    assert len(url) < 22_000


def test_an_opaque_webp_is_the_same_as_pillow_writes() -> None:
    image = Image.new("RGB", (40, 40), "teal")
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=2)
    assert webp(image, Ground.WHITE, quality=80, method=2) == buffer.getvalue()


def test_two_pictures_are_compared_on_the_same_background() -> None:
    white, black = (Picture(motif("star", colour), "image/png") for colour in (WHITE, BLACK))
    assert (white.ground, black.ground) == (Ground.BLACK, Ground.WHITE)
    assert white.common_ground(black) == black.common_ground(white) == Ground.GREY
    assert white.common_ground(None) == Ground.BLACK
    opaque = Picture(Image.new("RGB", (9, 9)), "image/png")
    assert (white.common_ground(opaque), opaque.common_ground(white)) == (Ground.BLACK, Ground.BLACK)
