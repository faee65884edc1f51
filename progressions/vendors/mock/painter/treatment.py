"""Treatments: how a picture is made to look painted, drawn or built of pixels."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from progressions.vendors.mock.painter.noise import fractal


def treat(
    image: Image.Image, treatment: str, rng: np.random.Generator, *, is_monochrome: bool = False
) -> Image.Image:
    """The RGB image as `treatment` (a key of words.TREATMENTS, or empty) would have it."""
    done = {"oil": _oil, "watercolour": _watercolour, "pixel": _pixels, "line": _line}.get(treatment, _plain)(
        image, rng
    )
    return ImageOps.autocontrast(done.convert("L"), cutoff=0.5).convert("RGB") if is_monochrome else done


def _plain(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """As it is: grain of even one level would double the time that encoding takes (34 ms against 66)."""
    return image


def _grain(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The grain of rough paper."""
    return ImageChops.add(image, _noise(image.size, 2, rng), 1, -128)


def _noise(size: tuple[int, int], most: int, rng: np.random.Generator) -> Image.Image:
    bits = np.frombuffer(rng.bytes(size[0] * size[1]), np.uint8).reshape(size[1], size[0])
    grey = Image.fromarray(bits % np.uint8(2 * most + 1) + np.uint8(128 - most))
    return Image.merge("RGB", (grey, grey, grey))


# Strokes of one size: share of the shorter side that they are wide, and how many. Coarse first.
_STROKES = ((1 / 26, 900), (1 / 52, 2200), (1 / 120, 7000))


def _oil(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Brush strokes along a flowing field, coarse ones everywhere and fine ones where there is detail."""
    width, height = image.size
    unit = min(width, height)
    tone = np.asarray(image.resize((128, 128), Image.Resampling.BOX).convert("L"), np.float32)
    down, across = np.gradient(tone)
    detail = np.hypot(down, across)
    flow = fractal(rng, (128, 128), (2, 2), 2) * np.float32(5)
    # Along an edge where there is one, with the flow elsewhere.
    angles = np.where(detail > 9, np.arctan2(down, across) + np.float32(np.pi / 2), flow)
    pixels = np.asarray(image)
    painted = image.filter(ImageFilter.BoxBlur(max(1, unit // 300)))
    draw = ImageDraw.Draw(painted)
    for share, count in _STROKES:
        places = rng.random((count, 2))
        cells = (places * 128).astype(np.int32)
        if share < 1 / 40:
            keep = detail[cells[:, 1], cells[:, 0]] * rng.random(count) > (2.5 if share > 1 / 100 else 4)
            places, cells = places[keep], cells[keep]
        angle = angles[cells[:, 1], cells[:, 0]] + rng.normal(0, 0.22, len(places))
        x, y = places[:, 0] * width, places[:, 1] * height
        half = share * unit * rng.uniform(0.7, 1.7, len(places))
        dx, dy = np.cos(angle) * half, np.sin(angle) * half
        colours = pixels[y.astype(np.int32), x.astype(np.int32)] * rng.uniform(0.92, 1.09, (len(places), 1))
        thick = max(1, round(share * unit * 0.6))
        strokes = np.stack([x - dx, y - dy, x + dx, y + dy], axis=1).tolist()
        for stroke, colour in zip(strokes, colours.clip(0, 255).astype(np.uint8).tolist(), strict=True):
            draw.line(stroke, fill=tuple(colour), width=thick)
    return ImageChops.add(painted, _bristles(painted), 1, -128)


def _bristles(image: Image.Image) -> Image.Image:
    """The relief of thick paint: what each pixel has over the one up and to the left."""
    grey = image.convert("L")
    relief = ImageChops.subtract(grey, ImageChops.offset(grey, 1, 1), 2.2, 128)
    return Image.merge("RGB", (relief, relief, relief))


def _watercolour(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Washes that bleed, darker at their edges, on white paper that shows at the border."""
    size = image.size
    half = (max(8, size[0] // 2), max(8, size[1] // 2))
    small = image.resize(half, Image.Resampling.BOX)
    wobble = fractal(rng, half, (14, 14), 3), fractal(rng, half, (14, 14), 3)
    y, x = np.mgrid[0 : half[1], 0 : half[0]]
    reach = max(half) * 0.03
    source_x = np.clip(x + (wobble[0] - 0.5) * reach, 0, half[0] - 1).astype(np.int32)
    source_y = np.clip(y + (wobble[1] - 0.5) * reach, 0, half[1] - 1).astype(np.int32)
    wash = Image.fromarray(np.asarray(small.filter(ImageFilter.BoxBlur(1)))[source_y, source_x])
    edges = ImageChops.difference(wash, wash.filter(ImageFilter.BoxBlur(3))).convert("L")
    vivid = ImageEnhance.Color(ImageOps.autocontrast(wash, cutoff=1)).enhance(1.5)
    # A wash is transparent: white paper shines through even the darkest.
    colours = 255 * (np.asarray(vivid, np.float32) / 255 * np.float32(0.82) + np.float32(0.18)) ** np.float32(
        0.62
    )
    colours -= np.asarray(edges, np.float32)[..., None] * np.float32(1.2)
    pools = fractal(rng, half, (6, 6), 5)
    across = np.minimum(x, half[0] - 1 - x) / half[0]
    down = np.minimum(y, half[1] - 1 - y) / half[1]
    bare = np.clip((np.minimum(across, down) - 0.012 - 0.05 * pools) * 40, 0, 1)
    strength = (bare * (0.66 + 0.4 * pools))[..., None].astype(np.float32)
    paper = np.array((250, 247, 240), np.float32)
    painted = (paper + (colours - paper) * strength).clip(0, 255).astype(np.uint8)
    return _grain(Image.fromarray(painted).resize(size, Image.Resampling.BICUBIC), rng)


def _pixels(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Few large pixels in few colours."""
    scale = 112 / max(image.size)
    small = image.resize(
        (max(8, round(image.width * scale)), max(8, round(image.height * scale))), Image.Resampling.BOX
    )
    few = small.quantize(28, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return few.resize(image.size, Image.Resampling.NEAREST)


def _line(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Ink outlines and hatching in the shadows, on cream paper."""
    width, height = image.size
    radius = max(1, min(image.size) // 500)
    soft = ImageOps.autocontrast(image.convert("L"), cutoff=1).filter(ImageFilter.BoxBlur(radius))
    tone = np.asarray(soft)
    edges = np.zeros(tone.shape, np.int16)
    edges[:-radius] += np.abs(tone[radius:].astype(np.int16) - tone[:-radius])
    edges[:, :-radius] += np.abs(tone[:, radius:].astype(np.int16) - tone[:, :-radius])
    pitch = max(4, min(image.size) // 140)
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    # A hatch line is as wide as the tone under it is dark; a second direction begins in deep shadow.
    first = np.abs((x + y) % pitch - pitch // 2) * (230 // pitch)
    second = np.abs((x - y) % pitch - pitch // 2) * (190 // pitch)
    hatched = (tone.astype(np.int16) + 30 < 130 - first) | (tone.astype(np.int16) + 40 < 92 - second)
    ink = np.maximum(np.clip((edges - 5) * 17, 0, 255), hatched * np.int16(150)).astype(np.uint8)
    paper = Image.new("RGB", image.size, (247, 243, 232))
    paper.paste((34, 34, 46), (0, 0), Image.fromarray(ink))
    return paper
