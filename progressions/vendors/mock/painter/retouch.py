"""Changing a picture after words: edits, repainted parts, wider views, variations, enlargements.

Images in are RGB or RGBA, 8-bit sRGB. What must be kept (outside of a mask, inside of a wider view) is
kept to the bit.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from dali.lib.pictures.colour.names import Colour, mix, shade
from dali.lib.pictures.ground import ground_for, on_ground
from progressions.vendors.mock.painter.canvas import Canvas, gradient
from progressions.vendors.mock.painter.noise import Field, fractal
from progressions.vendors.mock.painter.palette import palette_for
from progressions.vendors.mock.painter.scene import (
    draw_luminary,
    draw_stars,
    paint_scene,
    paint_weather,
    play_light,
)
from progressions.vendors.mock.painter.subjects import SUBJECTS, place_subject
from progressions.vendors.mock.painter.treatment import treat
from progressions.vendors.mock.painter.words import Brief

# What a light multiplies a picture by, at its top and at its bottom, and how much colour it leaves.
_LIGHTS: dict[str, tuple[Colour, Colour, float]] = {
    "night": ((54, 68, 130), (92, 106, 164), 0.65),
    "dusk": ((150, 96, 158), (255, 168, 118), 0.9),
    "golden": ((255, 222, 172), (250, 196, 128), 1.0),
    "dawn": ((226, 198, 226), (255, 214, 186), 0.9),
    "storm": ((96, 104, 116), (138, 146, 150), 0.35),
    "fog": ((236, 238, 240), (226, 230, 232), 0.45),
    "day": ((255, 255, 255), (255, 250, 240), 1.25),
}
_WARM: Colour = (255, 206, 150)
_COOL: Colour = (160, 206, 255)


def edit(start: Image.Image, brief: Brief, rng: np.random.Generator) -> Image.Image:
    """The whole picture changed as the brief says, RGB; recoloured if the brief is empty."""
    image = on_ground(start, ground_for(start))
    if "mirror" in brief.grades:
        image = ImageOps.mirror(image)
    if brief.light:
        image = _relight(image, brief.light, rng)
    for grade in brief.grades:
        image = _grade(image, grade)
    for colour in brief.colours[:1]:
        image = Image.blend(image, _duotone(image, shade(colour, 0.25), colour), 0.62)
    if not brief.understood:
        first, second = palette_for("dusk", (), rng).accents[:2]
        image = Image.blend(image, _duotone(image, shade(first, 0.35), second), 0.5)
    canvas = _canvas(image, brief, rng)
    _add_things(canvas, brief)
    play_light(canvas, 0.55)
    return treat(canvas.image, brief.treatment, rng, is_monochrome=brief.is_monochrome)


def inpaint(start: Image.Image, mask: Image.Image, brief: Brief, rng: np.random.Generator) -> Image.Image:
    """The part under the mask (L, 255 = repaint) repainted; every pixel whose mask is 0 stays unchanged."""
    box = mask.getbbox()
    if box is None:
        return start
    painted = start.copy()
    patch_mask = mask.crop(box)
    patch = start.crop(box)
    filled = _fill(on_ground(start, ground_for(start)), mask, box, rng)
    if brief.subjects or brief.extras:
        canvas = _canvas(filled, brief, rng)
        _add_things(canvas, brief, fill=0.86)
        new = canvas.image
    else:
        new = Image.blend(filled, paint_scene(brief, rng, filled.size), 0.85)
    new = treat(new, brief.treatment, rng, is_monochrome=brief.is_monochrome)
    # Soft towards the inside only: the blurred mask never reaches over the mask's own edge.
    reach = max(1, min(patch.size) // 18)
    soft = ImageChops.darker(
        patch_mask.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.BoxBlur(reach)), patch_mask
    )
    if patch.mode == "RGBA":
        new = new.convert("RGBA")
    painted.paste(Image.composite(new, patch, soft), box[:2])
    return painted


def outpaint(
    start: Image.Image, size: tuple[int, int], brief: Brief, rng: np.random.Generator
) -> tuple[Image.Image, tuple[int, int]]:
    """The picture in the middle of a larger one that continues it, and the position of its upper left corner.

    `size` must not be smaller than the start image on either side.
    """
    left, top = (size[0] - start.width) // 2, (size[1] - start.height) // 2
    pixels = np.asarray(on_ground(start, ground_for(start)))
    rows, columns = _stretched(start.height, top, size[1]), _stretched(start.width, left, size[0])
    near = Image.fromarray(np.ascontiguousarray(pixels[rows][:, columns]))
    small = near.resize((max(2, size[0] // 12), max(2, size[1] // 12)), Image.Resampling.BOX)
    far = Image.blend(near, small.filter(ImageFilter.BoxBlur(1)).resize(size, Image.Resampling.BICUBIC), 0.75)
    canvas = _canvas(far, brief, rng)
    _add_things(canvas, brief)
    play_light(canvas, 0.7)
    right, bottom = size[0] - start.width - left, size[1] - start.height - top
    # Away from the edge the plain continuation gives way to the softened, newly lit one.
    x, y = np.arange(size[0], dtype=np.float32)[None, :], np.arange(size[1], dtype=np.float32)[:, None]
    out_x = np.maximum(left - x, x - (left + start.width - 1)) / max(1, left, right)
    out_y = np.maximum(top - y, y - (top + start.height - 1)) / max(1, top, bottom)
    away = np.clip(np.maximum(out_x, out_y) * 2.2, 0, 1)
    wide = Image.composite(canvas.image, near, Image.fromarray((away * 255).astype(np.uint8)))
    wide = wide.convert(start.mode)
    wide.paste(start, (left, top))
    return wide, (left, top)


def _stretched(length: int, before: int, total: int) -> NDArray[np.intp]:
    """For each place along the wider side, the one of the start image it shows.

    Outside, the edge is mirrored and drawn out more the further one goes, so that nothing from the
    middle of the picture comes a second time.
    """
    at = np.arange(total) - before
    outside = np.where(at < 0, -at, np.maximum(0, at - length + 1)).astype(np.float64)
    reach = max(1.0, 0.13 * length)
    depth = reach * (1 - np.exp(-outside / reach))
    source = np.where(at < 0, depth, np.where(at >= length, length - 1 - depth, at))
    return source.round().clip(0, length - 1).astype(np.intp)


def vary(start: Image.Image, brief: Brief, rng: np.random.Generator) -> Image.Image:
    """Another take on the same picture, RGB: reframed, turned in hue, newly lit, at times mirrored."""
    image = on_ground(start, ground_for(start))
    share = float(rng.uniform(0.74, 0.92))
    width, height = image.width * share, image.height * share
    left, top = float(rng.uniform(0, image.width - width)), float(rng.uniform(0, image.height - height))
    image = image.resize(image.size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    tint = palette_for("day", brief.colours, rng).accents[0]
    image = Image.blend(image, _duotone(image, shade(tint, 0.3), tint), float(rng.uniform(0.06, 0.18)))
    if brief.light:
        image = _relight(image, brief.light, rng)
    canvas = _canvas(image, brief, rng)
    play_light(canvas, 0.6)
    return treat(canvas.image, brief.treatment, rng, is_monochrome=brief.is_monochrome)


def upscale(start: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture enlarged to cover `size` and sharpened; RGB or RGBA as it was."""
    large = ImageOps.fit(start, size, Image.Resampling.LANCZOS)
    return large.filter(ImageFilter.UnsharpMask(radius=1.6, percent=70, threshold=2))


def _canvas(image: Image.Image, brief: Brief, rng: np.random.Generator) -> Canvas:
    """A canvas over a picture whose scene is not known: light and horizon are guessed."""
    small = np.asarray(image.resize((8, 8), Image.Resampling.BOX).convert("L"), np.float32)
    light = brief.light or ("night" if small.mean() < 64 else "dusk" if small.mean() < 100 else "day")
    palette = palette_for(light, (), rng)
    sun = (image.width * float(rng.uniform(0.15, 0.85)), image.height * float(rng.uniform(0.12, 0.32)))
    return Canvas(image, rng, palette, image.height * 0.55, sun)


def _add_things(canvas: Canvas, brief: Brief, fill: float = 0.0) -> None:
    """The lights, weather and subjects of the brief, drawn over what is there.

    `fill`: the most of the canvas's height that a subject takes, where it must not be lost.
    """
    if "stars" in brief.extras or brief.light == "night":
        draw_stars(canvas, 260)
    if brief.extras & {"moon", "sun"}:
        draw_luminary(canvas, brief)
    if "clouds" in brief.extras:
        _add_clouds(canvas)
    for index, (name, colour) in enumerate(brief.subjects):
        subject = SUBJECTS[name]
        heights = (0.45 * fill, fill) if fill else subject.height
        unit = canvas.unit * float(canvas.rng.uniform(*heights))
        across = float(canvas.rng.uniform(0.2, 0.8))
        if fill:  # side by side
            across = (index + across) / len(brief.subjects)
        foot = 0.95 if fill else 0.5 if subject.stands == "sky" else float(canvas.rng.uniform(0.78, 0.94))
        place_subject(
            canvas, name, colour, (canvas.width * across, max(unit * 1.02, canvas.height * foot)), unit
        )
    paint_weather(canvas, brief)


def _add_clouds(canvas: Canvas) -> None:
    noise = (
        fractal(canvas.rng, (256, 256), (3, 6), 5) * np.linspace(1.15, 0.25, 256, dtype=np.float32)[:, None]
    )
    cover = Image.fromarray((np.clip((noise - 0.42) * 3, 0, 0.9) * 255).astype(np.uint8))
    white = mix(canvas.palette.horizon, (255, 255, 255), 0.5)
    canvas.image.paste(
        white, (0, 0, canvas.width, canvas.height), cover.resize(canvas.image.size, Image.Resampling.BICUBIC)
    )


def _relight(image: Image.Image, light: str, rng: np.random.Generator) -> Image.Image:
    top, bottom, colour = _LIGHTS[light]
    image = ImageEnhance.Color(image).enhance(colour)
    if light == "fog":
        cover = fractal(rng, (64, 64), (2, 4), 3) * 0.4 + np.linspace(0.3, 0.6, 64)[:, None]
        veil = Image.fromarray((cover.clip(0, 1) * 255).astype(np.uint8)).resize(
            image.size, Image.Resampling.BICUBIC
        )
        return Image.composite(gradient((top, bottom), image.size), image, veil)
    lit = ImageChops.multiply(image, gradient((top, bottom), image.size))
    return ImageEnhance.Brightness(lit).enhance(1.18) if light in ("day", "golden") else lit


def _grade(image: Image.Image, grade: str) -> Image.Image:
    if grade == "sepia":
        return _duotone(image, (38, 24, 14), (238, 208, 160))
    if grade in ("warmer", "cooler"):
        tone = Image.new("RGB", image.size, _WARM if grade == "warmer" else _COOL)
        return ImageEnhance.Brightness(ImageChops.multiply(image, tone)).enhance(1.15)
    if grade in ("brighter", "darker"):
        return ImageEnhance.Brightness(image).enhance(1.45 if grade == "brighter" else 0.55)
    if grade in ("vivid", "muted"):
        return ImageEnhance.Color(image).enhance(1.8 if grade == "vivid" else 0.4)
    if grade == "blur":
        return image.filter(ImageFilter.GaussianBlur(max(1, min(image.size) / 160)))
    return image


def _duotone(image: Image.Image, dark: Colour, light: Colour) -> Image.Image:
    """The picture in two colours, white at its brightest."""
    grey = image.convert("L")
    return ImageOps.colorize(
        grey, black=dark, mid=light, white=mix(light, (255, 255, 255), 0.85), midpoint=150
    )


def _fill(
    image: Image.Image, mask: Image.Image, box: tuple[int, int, int, int], rng: np.random.Generator
) -> Image.Image:
    """What may have been behind the masked part, of the box's size: the surroundings, flowing in from all sides."""
    margin = max(4, (box[2] - box[0]) // 3, (box[3] - box[1]) // 3)
    wide = (
        max(0, box[0] - margin),
        max(0, box[1] - margin),
        min(image.width, box[2] + margin),
        min(image.height, box[3] + margin),
    )
    scale = min(1.0, 128 / max(wide[2] - wide[0], wide[3] - wide[1]))
    size = max(1, round((wide[2] - wide[0]) * scale)), max(1, round((wide[3] - wide[1]) * scale))
    colours = np.asarray(image.crop(wide).resize(size, Image.Resampling.BOX), np.float32)
    holes = np.asarray(mask.crop(wide).resize(size, Image.Resampling.BOX), np.float32)
    known = (holes < 1).astype(np.float32)
    if not known.any():
        return Image.new("RGB", (box[2] - box[0], box[3] - box[1]), palette_for("day", (), rng).middle)
    filled, missing, coarse = colours * known[..., None], known == 0, size
    while missing.any():
        # Means over ever larger cells of what is known.
        coarse = (max(1, coarse[0] // 2), max(1, coarse[1] // 2))
        weight = _coarsened(known, coarse)
        spread = np.stack(
            [_coarsened(colours[..., channel] * known, coarse) for channel in range(3)], axis=-1
        )
        found = missing & (weight > 0.004)
        filled[found] = spread[found] / weight[found][:, None]
        missing &= ~found
    soft = Image.fromarray(filled.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    inner = tuple((edge - wide[index % 2]) * scale for index, edge in enumerate(box))
    return soft.resize(
        (box[2] - box[0], box[3] - box[1]),
        Image.Resampling.BICUBIC,
        box=(inner[0], inner[1], inner[2], inner[3]),
    )


def _coarsened(plane: Field, size: tuple[int, int]) -> Field:
    """Means over cells, `size` of them across and down, enlarged again."""
    cells = Image.fromarray(np.asarray(plane, np.float32)).resize(size, Image.Resampling.BOX)
    return np.asarray(cells.resize((plane.shape[1], plane.shape[0]), Image.Resampling.BILINEAR))
