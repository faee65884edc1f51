"""Pictures fitted into frames: cut first and scaled after, so that memory is bounded by what comes out.

A picture of 3 x 6000 pixels scaled to the width of a film and cut then is 3,840,000 pixels high for a moment.
"""

from PIL import Image

Size = tuple[int, int]  # width, height in pixels
Box = tuple[float, float, float, float]  # left, top, right, bottom, to parts of a pixel
Place = tuple[float, float]  # across and down, 0 to 1: which part is kept of what is cut

MIDDLE: Place = (0.5, 0.5)


def cover(
    image: Image.Image,
    size: Size,
    at: Place = MIDDLE,
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """The picture in exactly this size: the largest part of it that has its shape, scaled."""
    return scaled(image, size, shaped_box(image.size, size[0] / size[1], size[0] / size[1], at), resample)


def contain(
    image: Image.Image, most: Size, resample: Image.Resampling = Image.Resampling.BICUBIC
) -> Image.Image:
    """The whole picture, as large as fits into `most`; a thin one is at least a pixel wide."""
    scale = min(most[0] / image.width, most[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image if image.size == size else scaled(image, size, resample=resample)


def shaped_box(size: Size, narrowest: float, widest: float, at: Place = MIDDLE) -> Box:
    """The largest box in a picture of `size` whose ratio of width to height is within these two."""
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
    """What is inside the box, the whole without one, in exactly this size.

    Pillow scales across, then down: without the gap a picture 50 million pixels high would stay so in between.
    """
    return image.resize(size, resample, box, reducing_gap=3.0)
