"""Processes an image in strips, so that numpy work takes little memory besides the image."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Pixels per strip: 3 MB of 64-bit floats for three channels.
_PIXELS = 1 << 17

Box = tuple[int, int, int, int]


def strips(image: Image.Image) -> Iterator[tuple[Box, NDArray[Any]]]:
    """Boxes that cover the image from top to bottom, each with its samples; the caller may change them."""
    rows = max(1, _PIXELS // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        yield box, np.array(image.crop(box))
