"""Pictures to measure near-duplicates with: different ones of many kinds, and alterations of each.

Everything is drawn from seeds, so every run sees the same pictures.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

SIDE_PX = 384
_SIZES = ((384, 384), (384, 384), (448, 320), (320, 448))


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and its kind. Pictures of one kind and `family` are siblings: alike, yet different."""

    sort: str
    family: int
    seed: int
    image: Image.Image


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng([2026, *key])


def _image(samples: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray(samples.clip(0, 255).astype(np.uint8), "RGB")


def _colour(rng: np.random.Generator, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(low, high + 1, 3))
    return red, green, blue


def _clouds(rng: np.random.Generator, size: tuple[int, int], power: float = 1.6) -> NDArray[np.floating]:
    """Noise whose spectrum falls off like that of photographs; (height, width), 0 to 1."""
    width, height = size
    down, across = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.fftfreq(width) * width, indexing="ij")
    radius = np.maximum(np.hypot(down, across), 1.0)
    wave = np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) / radius**power).real
    low, high = np.percentile(wave, (1, 99))
    clouds: NDArray[np.floating] = ((wave - low) / (high - low)).clip(0, 1)
    return clouds


def _flat(family: int, seed: int) -> Image.Image:
    """One colour; families are far apart, seeds of a family are different shades."""
    rng = _generator(1, family)
    hue = np.array(_colour(rng, 20, 220), float)
    return Image.new(
        "RGB", (SIDE_PX, SIDE_PX), tuple((hue + 34 * (seed % 2)).clip(0, 255).astype(int).tolist())
    )


def _gradient(family: int, seed: int) -> Image.Image:
    """A smooth gradient from one colour to another; seeds differ in direction or colours."""
    rng = _generator(2, family, seed)
    angle = rng.uniform(0, 2 * np.pi)
    down, across = np.meshgrid(np.linspace(-1, 1, SIDE_PX), np.linspace(-1, 1, SIDE_PX), indexing="ij")
    way = across * np.cos(angle) + down * np.sin(angle) if family % 3 else np.hypot(across, down) * 1.4 - 1
    share = ((way + 1.4) / 2.8).clip(0, 1)[..., None]
    first, last = np.array(_colour(rng), float), np.array(_colour(rng), float)
    return _image(first * (1 - share) + last * share)


def _dark(family: int, seed: int) -> Image.Image:
    """Night: almost no light, a few dim objects."""
    rng = _generator(3, family, seed)
    size = _SIZES[family % len(_SIZES)]
    tint = np.array(_colour(rng, 2, 18), float)
    image = _image(tint + _clouds(rng, size)[..., None] * rng.uniform(4, 22))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 30))):
        x, y = rng.uniform(0, size[0]), rng.uniform(0, size[1])
        radius = rng.uniform(1, 14)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng, 20, 90))
    return image


def _page(family: int, seed: int) -> Image.Image:
    """Text: dark words on a light page, in random paragraphs."""
    rng = _generator(4, family, seed)
    size = _SIZES[family % len(_SIZES)]
    image = Image.new("RGB", size, _colour(rng, 225, 255))
    draw = ImageDraw.Draw(image)
    ink = _colour(rng, 0, 70)
    y = float(rng.uniform(14, 60))
    while y < size[1] - 30:
        height = float(rng.choice([8, 8, 8, 14, 26]))
        x, end = 24.0, size[0] - float(rng.uniform(20, 220))
        while x < end:
            word = float(rng.uniform(8, 48))
            draw.rectangle((x, y, min(x + word, size[0] - 20), y + height * 0.6), fill=ink)
            x += word + 6
        y += height + float(rng.choice([5, 5, 5, 40]))
    return image


def _photo(family: int, seed: int) -> Image.Image:
    """Like a photograph without a subject: coloured noise with a natural spectrum."""
    rng = _generator(5, family, seed)
    size = _SIZES[family % len(_SIZES)]
    first, last = np.array(_colour(rng), float), np.array(_colour(rng), float)
    share = _clouds(rng, size, rng.uniform(1.2, 2.0))[..., None]
    return _image(first * (1 - share) + last * share + rng.normal(0, 4, (size[1], size[0], 1)))


def _logo(family: int, seed: int) -> Image.Image:
    """One small mark on a plain background."""
    rng = _generator(6, family)
    ground, ink = _colour(rng, 190, 255), _colour(rng, 0, 160)
    rng = _generator(6, family, seed)
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), ground)
    draw = ImageDraw.Draw(image)
    x, y, radius = rng.uniform(110, 270), rng.uniform(110, 270), rng.uniform(30, 90)
    box = (x - radius, y - radius, x + radius, y + radius)
    if family % 3 == 0:
        draw.ellipse(box, fill=ink)
    elif family % 3 == 1:
        draw.rectangle(box, fill=ink)
    else:
        draw.regular_polygon((x, y, radius), int(rng.integers(3, 8)), fill=ink)
    return image


def _landscape(family: int, seed: int) -> Image.Image:
    """Sky, sun, hills, trees; a family shares palette and horizon, as images of one prompt do."""
    rng = _generator(7, family)
    size = _SIZES[family % len(_SIZES)]
    width, height = size
    top, low = np.array(_colour(rng, 30, 255), float), np.array(_colour(rng, 120, 255), float)
    lands = [_colour(rng, 10, 170) for _ in range(3)]
    horizon = rng.uniform(0.35, 0.7) * height
    rng = _generator(7, family, seed)
    share = np.linspace(0, 1, height)[:, None, None]
    image = _image(np.broadcast_to(top * (1 - share) + low * share, (height, width, 3)))
    draw = ImageDraw.Draw(image)
    x, y, radius = rng.uniform(0, width), rng.uniform(0, horizon), rng.uniform(12, 50)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng, 200, 255))
    for layer, land in enumerate(lands):
        base, steps = horizon + layer * (height - horizon) / 3, np.arange(0, width + 8, 8)
        waves = np.zeros(len(steps)) + sum(
            rng.uniform(4, 40) * np.sin(steps / width * rng.uniform(1, 9) * np.pi + rng.uniform(0, 7))
            for _ in range(3)
        )
        ridge = [(float(px), float(base + dy)) for px, dy in zip(steps, waves, strict=True)]
        draw.polygon([(0, height), *ridge, (width, height)], fill=land)
    for _ in range(int(rng.integers(2, 16))):
        x, y, tall = rng.uniform(0, width), rng.uniform(horizon, height), rng.uniform(14, 90)
        draw.polygon([(x - tall / 4, y), (x, y - tall), (x + tall / 4, y)], fill=_colour(rng, 0, 120))
    return image


def _portrait(family: int, seed: int) -> Image.Image:
    """A head in the middle of a blurred background: pictures that all share one composition."""
    rng = _generator(8, family)
    ground, skin, hair, cloth = (_colour(rng, 20, 235) for _ in range(4))
    rng = _generator(8, family, seed)
    width, height = size = (320, 448)
    noise = (_clouds(rng, size, 2.0) - 0.5)[..., None] * 120
    image = _image(np.array(ground, float) + noise)
    draw = ImageDraw.Draw(image)
    x, y, wide = width / 2 + rng.uniform(-45, 45), height * rng.uniform(0.3, 0.48), rng.uniform(45, 90)
    tall = wide * rng.uniform(1.2, 1.5)
    draw.ellipse((x - wide * 2, y + tall * 0.8, x + wide * 2, height * 1.5), fill=cloth)
    draw.ellipse(
        (x - wide * 1.2, y - tall * 1.2, x + wide * 1.2, y + tall * rng.uniform(0.2, 1.1)), fill=hair
    )
    draw.ellipse((x - wide, y - tall, x + wide, y + tall), fill=skin)
    for side in (-1, 1):
        draw.ellipse((x + side * wide * 0.4 - 8, y - 12, x + side * wide * 0.4 + 8, y + 4), fill=hair)
    return image


_SORTS: dict[str, Callable[[int, int], Image.Image]] = {
    "flat": _flat,
    "gradient": _gradient,
    "dark": _dark,
    "page": _page,
    "photo": _photo,
    "logo": _logo,
    "landscape": _landscape,
    "portrait": _portrait,
}


def picture_of(sort: str, family: int, seed: int) -> Image.Image:
    """One of the pictures from `samples`."""
    return _SORTS[sort](family, seed)


def samples(families: int, siblings: int = 2) -> Iterator[Sample]:
    """Different pictures: `families` of each kind, each with `siblings` pictures."""
    for sort, draw in _SORTS.items():
        for family in range(families):
            for seed in range(siblings):
                yield Sample(sort, family, seed, draw(family, seed))


def _encoded(image: Image.Image, kind: str, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return Image.open(buffer).convert("RGB")


def _resized(image: Image.Image, scale: float) -> Image.Image:
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float, seed: int) -> Image.Image:
    """Cuts off `share` of the width and of the height, spread at random over the two sides."""
    left, top = _generator(9, seed).uniform(0, share, 2)
    width, height = image.size
    return image.crop(
        (
            round(left * width),
            round(top * height),
            round((1 - share + left) * width),
            round((1 - share + top) * height),
        )
    )


def _noisy(image: Image.Image, levels: float, seed: int) -> Image.Image:
    noise = _generator(10, seed).normal(0, levels, (image.height, image.width, 3))
    return _image(np.asarray(image, float) + noise)


ALTERATIONS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "JPEG quality 90": lambda image, _: _encoded(image, "JPEG", 90),
    "JPEG quality 60": lambda image, _: _encoded(image, "JPEG", 60),
    "JPEG quality 30": lambda image, _: _encoded(image, "JPEG", 30),
    "WebP quality 80": lambda image, _: _encoded(image, "WEBP", 80),
    "WebP quality 40": lambda image, _: _encoded(image, "WEBP", 40),
    "half size": lambda image, _: _resized(image, 0.5),
    "1.5 times the size": lambda image, _: _resized(image, 1.5),
    "1 % cropped": lambda image, seed: _cropped(image, 0.01, seed),
    "2 % cropped": lambda image, seed: _cropped(image, 0.02, seed),
    "3 % cropped": lambda image, seed: _cropped(image, 0.03, seed),
    "15 % brighter": lambda image, _: ImageEnhance.Brightness(image).enhance(1.15),
    "15 % darker": lambda image, _: ImageEnhance.Brightness(image).enhance(0.85),
    "15 % less contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(0.85),
    "blurred": lambda image, _: image.filter(ImageFilter.GaussianBlur(1.5)),
    "noise of 6 levels": lambda image, seed: _noisy(image, 6, seed),
    "half size, JPEG 60, 2 % cropped": lambda image, seed: _encoded(
        _cropped(_resized(image, 0.5), 0.02, seed), "JPEG", 60
    ),
}
# A flat colour made brighter or greyer is a different flat colour.
OF_PICTURES_WITH_CONTENT = ("15 % brighter", "15 % darker", "15 % less contrast")


def alterations_of(sample: Sample) -> Iterator[tuple[str, Image.Image]]:
    """By name, each alteration after which a person still sees the same picture."""
    for name, alter in ALTERATIONS.items():
        if sample.sort != "flat" or name not in OF_PICTURES_WITH_CONTENT:
            yield name, alter(sample.image, sample.family * 2 + sample.seed)
