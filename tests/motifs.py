"""Transparent pictures for tests: one shape of one colour on a transparent background."""

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "star", "bars")
_FINE = 2

Colour = tuple[int, int, int]


def outline(shape: str, side: int = 256) -> Image.Image:
    """The shape in the middle of a square of `side` pixels, as alpha with soft edges."""
    alpha = Image.new("L", (side * _FINE, side * _FINE))
    draw = ImageDraw.Draw(alpha)
    middle, radius = side * _FINE / 2, side * _FINE * 0.3
    if shape == "circle":
        draw.circle((middle, middle), radius, fill=255)
    elif shape == "star":
        for turned in (0, 60):
            draw.regular_polygon((middle, middle, radius * 1.3), 3, turned, fill=255)
    else:
        for left in (-1.0, -0.2, 0.6):
            at = middle + left * radius
            draw.rectangle((at, middle - radius, at + 0.4 * radius, middle + radius), fill=255)
    return alpha.reduce(_FINE)


def motif(
    shape: str, colour: Colour, opacity: int = 255, *, side: int = 256, hidden: Colour | None = None
) -> Image.Image:
    """The shape in one colour, RGBA. `hidden`: the colour under alpha 0, by default the same."""
    alpha = outline(shape, side).point(lambda value: value * opacity // 255)
    image = Image.new("RGB", alpha.size, colour)
    if hidden is not None:
        image.paste(hidden, mask=alpha.point([255] + [0] * 255))
    image = image.convert("RGBA")
    image.putalpha(alpha)
    return image


def shown_on(image: Image.Image, ground: Colour) -> np.ndarray:
    """The pixels that a browser shows for the picture on a page of that colour, (height, width, 3) float64."""
    page = Image.new("RGB", image.size, ground)
    page.paste(image, mask=image.convert("RGBA").getchannel("A"))
    return np.asarray(page, np.float64)
