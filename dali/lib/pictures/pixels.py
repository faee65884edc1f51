"""Converts a file's samples to 8-bit sRGB: grey of any depth, palettes, CMYK, Lab, with and without alpha."""

import numpy as np
from PIL import Image

from dali.lib.pictures.colour.profiles import lab_to_rgb
from dali.lib.pictures.files import Colours, OpenedImage
from dali.lib.pictures.pixel_strips import strips

# Pillow modes that convert to RGB or RGBA without loss.
_AS_RGB = frozenset({"YCbCr", "HSV", "RGBX"})
_AS_RGBA = frozenset({"RGBa", "La", "PA"})


def to_srgb(opened: OpenedImage) -> Image.Image:
    """RGB, or RGBA if something is transparent. Raises ValueError for a mode that cannot be converted."""
    image, alpha = _plain(opened.image), opened.alpha
    if image.mode == "LA":
        image, alpha = image.getchannel("L"), image.getchannel("A")
    image = _coloured(image, opened.colours)
    if alpha is not None:
        image.putalpha(alpha)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    return image


def _plain(image: Image.Image) -> Image.Image:
    """The image in a mode for which colours are defined."""
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "P":
        if image.palette is None:
            raise ValueError("the palette is missing")
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in _AS_RGBA:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode in _AS_RGB else image


def _coloured(image: Image.Image, colours: Colours | None) -> Image.Image:
    if image.mode[0] in "IF":
        return _deep_grey(image, colours).convert("RGB")
    if image.mode == "LAB":
        return lab_to_rgb(image)
    if image.mode == "L":
        table = None if colours is None else colours.grey_table(256)
        return (image if table is None else image.point(table.tolist())).convert("RGB")
    converted = None if colours is None else colours.convert(image)
    if converted is not None:
        return converted
    return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")


def _deep_grey(image: Image.Image, colours: Colours | None) -> Image.Image:
    """8-bit grey from 16-bit, 32-bit or floating-point samples, which Pillow's own conversion would clip."""
    levels = 1 << 16
    table = None if colours is None else colours.grey_table(levels)
    if table is None:
        table = np.linspace(0, 255, levels).round().astype(np.uint8)
    scale = 1.0 if image.mode.startswith("I;16") else (levels - 1) / _white(image)
    grey = Image.new("L", image.size)
    for box, samples in strips(image):
        places = samples
        if scale != 1:
            numbers = np.nan_to_num(samples.astype(np.float64), nan=0, posinf=0, neginf=0)
            places = (numbers * scale + 0.5).clip(0, levels - 1).astype(np.uint16)
        grey.paste(Image.fromarray(table[places]), box)
    return grey


def _white(image: Image.Image) -> float:
    """The sample value of white, from the largest sample: 1, 255 or 65,535; otherwise the largest itself."""
    top = max(float(np.nan_to_num(samples, nan=0, posinf=0, neginf=0).max()) for _, samples in strips(image))
    if 255 < top <= 65_535:
        return 65_535.0
    return 1.0 if image.mode == "F" and top <= 1 else max(255.0, top)
