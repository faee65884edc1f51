"""Fits pictures into frames: crops first, then scales, so that memory is bounded by the output.

Scaling first would be costly: 3 x 6000 pixels scaled to the width of a film are 3,840,000 pixels high.
"""

from PIL import Image

Size = tuple[int, int]  # width, height in pixels
Box = tuple[float, float, float, float]  # left, top, right, bottom, with subpixel precision
Place = tuple[float, float]  # across and down, 0 to 1: which part a crop keeps

MIDDLE: Place = (0.5, 0.5)


def cover(
    image: Image.Image,
    size: Size,
    at: Place = MIDDLE,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """The picture in exactly this size: its largest part with this shape, scaled."""
    return scaled(image, size, shaped_box(image.size, size[0] / size[1], size[0] / size[1], at), resample)


def contain(
    image: Image.Image, most: Size, resample: Image.Resampling = Image.Resampling.BICUBIC
) -> Image.Image:
    """The whole picture, as large as fits into `most`; at least a pixel wide."""
    scale = min(most[0] / image.width, most[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image if image.size == size else scaled(image, size, resample=resample)


def shaped_box(size: Size, narrowest: float, widest: float, at: Place = MIDDLE) -> Box:
    """The largest box in a picture of `size` with a ratio (width / height) between these two."""
    width = min(float(size[0]), size[1] * widest)
    height = min(float(size[1]), size[0] / narrowest)
    left, top = (size[0] - width) * at[0], (size[1] - height) * at[1]
    return left, top, min(size[0], left + width), min(size[1], top + height)


def scaled(
    image: Image.Image,
    size: Size,
    box: Box | None = None,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """The content of the box (default: everything) in exactly this size.

    Pillow scales across, then down: without `reducing_gap`, a very high picture would stay as high in between.
    """
    return image.resize(size, resample, box, reducing_gap=3.0)
