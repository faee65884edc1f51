"""Transparent pictures to measure near-duplicates with; tests/bench/pictures.py has the opaque ones.

Pictures of a family share what makes such pictures alike: the colour of a motif, an outline or the content.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from tests.bench.pictures import ALTERATIONS, SIDE_PX, Sample, picture_of

_FINE = 2  # motifs are drawn this many times larger, for soft edges
_KEEP_ALPHA = ("half size", "1.5 times the size", "1 % cropped", "2 % cropped", "3 % cropped")
_SHAPES = ("circle", "ring", "square", "triangle", "star", "bars", "cross", "dots")


def outline(shape: str, rng: np.random.Generator, *, least: float = 60, most: float = 120) -> Image.Image:
    """A shape near the middle, as alpha."""
    side = SIDE_PX * _FINE
    alpha = Image.new("L", (side, side))
    draw = ImageDraw.Draw(alpha)
    x, y = (float(value) * _FINE for value in rng.uniform(130, 250, 2))
    radius = float(rng.uniform(least, most)) * _FINE
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        draw.ellipse(box, fill=255)
    elif shape == "ring":
        draw.ellipse(box, outline=255, width=int(radius / 3))
    elif shape == "square":
        draw.rectangle(box, fill=255)
    elif shape == "triangle":
        draw.regular_polygon((x, y, radius), 3, int(rng.integers(0, 120)), fill=255)
    elif shape == "star":
        for turned in (0, 60):
            draw.regular_polygon((x, y, radius), 3, turned, fill=255)
    elif shape == "bars":
        for place in range(3):
            left = x - radius + place * radius * 0.8
            draw.rectangle((left, y - radius, left + radius * 0.4, y + radius), fill=255)
    elif shape == "cross":
        draw.rectangle((x - radius, y - radius / 4, x + radius, y + radius / 4), fill=255)
        draw.rectangle((x - radius / 4, y - radius, x + radius / 4, y + radius), fill=255)
    else:
        for dx, dy in ((-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1)):
            at = (x + dx * radius * 0.7, y + dy * radius * 0.7)
            draw.circle(at, radius * 0.3, fill=255)
    return alpha.reduce(_FINE)


def _with_alpha(image: Image.Image, alpha: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(alpha)
    return image


def _motif(
    number: int, colour: tuple[int, int, int], opacity: float = 1.0
) -> Callable[[int, int], Image.Image]:
    def draw(family: int, seed: int) -> Image.Image:
        rng = np.random.default_rng([2026, 20 + number, family, seed])
        alpha = outline(_SHAPES[(family * 2 + seed) % len(_SHAPES)], rng)
        alpha = alpha.point(lambda value: round(value * opacity))
        return _with_alpha(Image.new("RGB", alpha.size, colour), alpha)

    return draw


def _mixed(family: int, seed: int) -> Image.Image:
    """A white, a black and a grey shape: any background hides one of them."""
    image = Image.new("RGBA", (SIDE_PX, SIDE_PX))
    for place, level in enumerate((255, 0, 128)):
        rng = np.random.default_rng([2026, 30, family, seed, place])
        alpha = outline(_SHAPES[(family + 3 * seed + 2 * place) % len(_SHAPES)], rng, least=35, most=75)
        image.alpha_composite(_with_alpha(Image.new("RGB", image.size, (level,) * 3), alpha))
    return image


def _cut_out(family: int, seed: int) -> Image.Image:
    """Two contents with one outline."""
    alpha = outline(_SHAPES[family % 3], np.random.default_rng([2026, 31, family]), least=100, most=130)
    return _with_alpha(_content(family, seed), alpha)


def _outlined(family: int, seed: int) -> Image.Image:
    """One content with two outlines."""
    alpha = outline(
        _SHAPES[(family + seed * 3) % 8], np.random.default_rng([2026, 32, family, seed]), least=90
    )
    return _with_alpha(_content(family, 0), alpha)


def _glow(family: int, seed: int) -> Image.Image:
    """Only soft, half-transparent light."""
    rng = np.random.default_rng([2026, 33, family, seed])
    alpha = outline(_SHAPES[(family + seed) % 8], rng).filter(ImageFilter.GaussianBlur(18))
    return _with_alpha(Image.new("RGB", alpha.size, (255, 244, 214)), alpha)


def _content(family: int, seed: int) -> Image.Image:
    sort = "photo" if family % 2 else "landscape"
    return picture_of(sort, family, seed).resize((SIDE_PX, SIDE_PX))


_SORTS: dict[str, Callable[[int, int], Image.Image]] = {
    "white motif": _motif(0, (255, 255, 255)),
    "black motif": _motif(1, (0, 0, 0)),
    "grey motif": _motif(2, (128, 128, 128)),
    "red motif": _motif(3, (200, 30, 40)),
    "white at 40 %": _motif(4, (255, 255, 255), 0.4),
    "black at 40 %": _motif(5, (0, 0, 0), 0.4),
    "white, black and grey": _mixed,
    "cut out, one outline": _cut_out,
    "cut out, one content": _outlined,
    "glow": _glow,
}


def transparent_samples(families: int) -> Iterator[Sample]:
    """Different pictures: `families` of each kind, each with two pictures."""
    for sort, draw in _SORTS.items():
        for family in range(families):
            for seed in range(2):
                yield Sample(sort, family, seed, draw(family, seed))


def _webp(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality)
    return Image.open(buffer).convert("RGBA")


def _coloured(image: Image.Image, change: Callable[[Image.Image], Image.Image]) -> Image.Image:
    return _with_alpha(change(image.convert("RGB")), image.getchannel("A"))


def _noisy(image: Image.Image, seed: int) -> Image.Image:
    noise = np.random.default_rng([2026, 40, seed]).normal(0, 6, (image.height, image.width, 3))
    return _coloured(
        image, lambda rgb: Image.fromarray((np.asarray(rgb) + noise).clip(0, 255).astype(np.uint8))
    )


def _faint(image: Image.Image, seed: int) -> Image.Image:
    """Changes alpha by up to 5 levels at both ends, which is invisible."""
    noise = np.random.default_rng([2026, 41, seed]).integers(0, 6, (image.height, image.width))
    alpha = np.asarray(image.getchannel("A")).astype(np.int32)
    changed = np.where(alpha > 127, alpha - noise, alpha + noise).clip(0, 255).astype(np.uint8)
    return _with_alpha(image.convert("RGB"), Image.fromarray(changed))


def _hidden(image: Image.Image, seed: int) -> Image.Image:
    """Changes the colours of invisible pixels."""
    pixels = np.asarray(image).copy()
    noise = np.random.default_rng([2026, 42, seed]).integers(
        0, 256, (image.height, image.width, 3), dtype=np.uint8
    )
    clear = pixels[..., 3] == 0
    pixels[clear, :3] = noise[clear]
    return Image.fromarray(pixels, "RGBA")


# By name, as ALTERATIONS; those of them that keep alpha are the same.
TRANSPARENT_ALTERATIONS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "WebP quality 80": lambda image, _: _webp(image, 80),
    "WebP quality 40": lambda image, _: _webp(image, 40),
    "palette of 256": lambda image, _: image.quantize(256, Image.Quantize.FASTOCTREE).convert("RGBA"),
    **{name: ALTERATIONS[name] for name in _KEEP_ALPHA},
    "15 % brighter": lambda image, _: _coloured(
        image, lambda rgb: ImageEnhance.Brightness(rgb).enhance(1.15)
    ),
    "15 % darker": lambda image, _: _coloured(image, lambda rgb: ImageEnhance.Brightness(rgb).enhance(0.85)),
    "blurred": lambda image, _: image.convert("RGBa").filter(ImageFilter.GaussianBlur(1.5)).convert("RGBA"),
    "noise of 6 levels": _noisy,
    "faint alpha": _faint,
    "hidden colours": _hidden,
    "half size, WebP 40, 2 % cropped": lambda image, seed: _webp(
        ALTERATIONS["2 % cropped"](ALTERATIONS["half size"](image, seed), seed), 40
    ),
}


def transparent_alterations_of(sample: Sample) -> Iterator[tuple[str, Image.Image]]:
    """By name, each alteration after which a person still sees the same picture."""
    for name, alter in TRANSPARENT_ALTERATIONS.items():
        yield name, alter(sample.image, sample.family * 2 + sample.seed)
