"""Pictures for the tests of providers and judges."""

import io

import numpy as np
from PIL import Image, ImageDraw

from dali.lib.pictures.images import Picture, decode


def png(image: Image.Image) -> bytes:
    """The image as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def picture(image: Image.Image) -> Picture:
    """The image as decoded from a PNG."""
    return decode(png(image))


def landscape(size: tuple[int, int] = (320, 240), seed: int = 0) -> Image.Image:
    """A picture with shapes, colours and sharp edges; a different one for each seed."""
    rng = np.random.default_rng(seed)
    sky = np.linspace((70, 120, 200), (230, 220, 190), size[1]).round().astype(np.uint8)
    image = Image.fromarray(np.repeat(sky[:, None, :], size[0], axis=1))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        radius = rng.uniform(0.05, 0.2) * size[1]
        colour = tuple(int(part) for part in rng.integers(20, 235, 3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return image


def mask_of(size: tuple[int, int], box: tuple[int, int, int, int]) -> bytes:
    """A mask as the contract defines it: PNG, grey, white inside the box to repaint."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return png(mask)
