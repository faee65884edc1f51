"""Places: what lies below the sky."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from dali.lib.pictures.colour.names import Colour, mix, shade
from progressions.vendors.mock.painter.canvas import Canvas, draw_disc, gradient
from progressions.vendors.mock.painter.noise import Field, fractal, ridge, smoothstep

GRASS: Colour = (84, 138, 72)
PINE: Colour = (30, 74, 58)
SAND: Colour = (222, 164, 98)
SNOW: Colour = (238, 243, 250)
STONE: Colour = (112, 108, 112)


@dataclass(frozen=True, slots=True)
class Scenery:
    """What lies below the sky. `horizon`: the range of its row, as a share of the height."""

    paint: Callable[[Canvas], None]
    horizon: tuple[float, float]


def _paint_sea(canvas: Canvas) -> None:
    _paint_water(canvas)
    if canvas.rng.random() < 0.6:
        _headland(canvas)


def _paint_lake(canvas: Canvas) -> None:
    _massif(canvas, 0.3, has_snow=canvas.has_snow)
    shore = canvas.horizon - canvas.unit * (0.01 + 0.05 * ridge(canvas.rng, canvas.width, 3, 0.45))
    canvas.layer(
        shore,
        canvas.palette.land(0.55, SNOW if canvas.has_snow else PINE),
        canvas.palette.land(0.8, PINE),
        canvas.horizon,
    )
    _paint_water(canvas, mirror=True)


def _paint_mountains(canvas: Canvas) -> None:
    _massif(canvas, float(canvas.rng.uniform(0.3, 0.55)), has_snow=True)
    _rolling(canvas, SNOW if canvas.has_snow else PINE, 2, 0.32)
    if canvas.rng.random() < 0.75:
        _pines(
            canvas,
            canvas.height * float(canvas.rng.uniform(0.9, 1.02)),
            (0.2, 26, 0.95),
            has_snow=canvas.has_snow,
        )


def _paint_forest(canvas: Canvas) -> None:
    if canvas.rng.random() < 0.6:
        _massif(canvas, float(canvas.rng.uniform(0.15, 0.35)), has_snow=canvas.has_snow)
    for index, nearness in enumerate((0.22, 0.45, 0.68, 0.95)):
        foot = canvas.horizon + (canvas.height * 1.06 - canvas.horizon) * (index + 0.5) / 3.5
        _pines(
            canvas,
            foot,
            (0.16 + 0.11 * index, 44 - 9 * index, nearness),
            has_snow=canvas.has_snow and index > 1,
        )


def _paint_city(canvas: Canvas) -> None:
    base = canvas.horizon + 0.06 * canvas.height
    for index, nearness in enumerate((0.15, 0.45, 0.85)):
        _blocks(canvas, base + index * 0.03 * canvas.height, (0.5, 0.42, 0.28)[index], nearness)
    if canvas.rng.random() < 0.6:
        canvas.horizon = base + 0.05 * canvas.height
        _paint_water(canvas, mirror=True)
    else:
        ground = np.full(canvas.width, base + 0.05 * canvas.height, np.float32)
        canvas.layer(
            ground, canvas.palette.land(0.8, SNOW if canvas.has_snow else STONE), canvas.palette.land(1.0)
        )


def _paint_desert(canvas: Canvas) -> None:
    if canvas.rng.random() < 0.5:
        _massif(canvas, 0.16, has_snow=False)
    palette, rng = canvas.palette, canvas.rng
    tint = SNOW if canvas.has_snow else SAND
    for index in range(4):
        depth = (index + 0.35) / 4
        foot = canvas.horizon + depth * (canvas.height - canvas.horizon)
        crest = foot - canvas.unit * (0.1 + 0.1 * index) * ridge(rng, canvas.width, 2 + index % 2, 0.2, 3)
        light, dark = palette.lit(shade(tint, 1.08 - 0.05 * index)), palette.lit(shade(tint, 0.6))
        canvas.layer(
            crest, mix(light, palette.horizon, 0.3 - 0.06 * index), mix(dark, palette.near, 0.15 * index)
        )
        lee = crest + canvas.unit * (0.02 + 0.3 * ridge(rng, canvas.width, 2, 0.2, 2))
        canvas.layer(lee, mix(dark, light, 0.25), mix(dark, palette.near, 0.3))


def _paint_meadow(canvas: Canvas) -> None:
    if canvas.rng.random() < 0.5:
        _massif(canvas, float(canvas.rng.uniform(0.12, 0.26)), has_snow=True)
    _rolling(canvas, SNOW if canvas.has_snow else GRASS, 4, 0.2)
    if not canvas.has_snow:
        _speckle(canvas)


def _massif(canvas: Canvas, height: float, *, has_snow: bool) -> None:
    """Mountains in two ranges; the nearer with lit and shaded flanks and snow."""
    palette, rng, unit = canvas.palette, canvas.rng, canvas.unit
    far = canvas.horizon + 0.02 * unit - unit * height * 0.8 * ridge(rng, canvas.width, 4, 0.5)
    canvas.layer(
        far,
        mix(palette.far, palette.horizon, 0.35),
        mix(palette.far, palette.horizon, 0.6),
        canvas.horizon + 0.06 * unit,
    )
    skew = 1 - np.abs(np.linspace(0, 1, canvas.width, dtype=np.float32) - np.float32(rng.uniform(0.1, 0.9)))
    crest = canvas.horizon + 0.06 * unit - unit * height * 1.25 * ridge(rng, canvas.width, 3, 0.52) * skew
    rock, dark = palette.land(0.35, STONE), palette.land(0.75)
    canvas.layer(crest, rock, mix(rock, palette.far, 0.5))
    _flanks(canvas, crest, dark, height, has_snow=has_snow)


def _flanks(canvas: Canvas, crest: Field, dark: Colour, height: float, *, has_snow: bool) -> None:
    """Shade and snow on a range: each pixel looks up the slope of the crest diagonally above it."""
    first, last = max(0, int(crest.min())), min(canvas.height, int(canvas.horizon + 0.1 * canvas.unit))
    if last - first < 4:
        return
    half = 2
    columns = np.arange(0, canvas.width, half, dtype=np.float32)[None, :]
    rows = np.arange(first, last, half, dtype=np.float32)[:, None]
    depth = rows - crest[None, ::half]
    from_left = canvas.sun[0] < canvas.width / 2
    lookup = np.clip(columns + depth * np.float32(0.62 if from_left else -0.62), 0, canvas.width - 1).astype(
        np.int32
    )
    smooth = np.convolve(np.pad(crest, 4, mode="edge"), np.ones(9, np.float32) / 9, mode="valid")
    slope = np.gradient(smooth).astype(np.float32)
    away = slope[lookup] if from_left else -slope[lookup]
    rough = fractal(canvas.rng, (columns.shape[1], rows.shape[0]), (24, 12), 2)
    inside = np.clip(depth, 0, 1)
    fade = np.clip(1 - depth / np.float32(height * canvas.unit * 1.3), 0, 1)
    size = (canvas.width, last - first)

    def cover(values: Field) -> Image.Image:
        return Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8)).resize(
            size, Image.Resampling.BILINEAR
        )

    if has_snow:
        line = height * canvas.unit * 0.55
        snowy = smoothstep(np.asarray(line * (0.25 + rough) - depth, np.float32), 0, 6) * inside
        lit = canvas.palette.lit(SNOW)
        canvas.image.paste(mix(lit, canvas.palette.horizon, 0.12), (0, first), cover(snowy))
    shaded = (
        smoothstep(away + (rough - np.float32(0.5)) * np.float32(0.9), -0.1, 0.5)
        * inside
        * fade
        * np.float32(0.72)
    )
    canvas.image.paste(mix(dark, canvas.palette.top, 0.35), (0, first), cover(shaded))


def _rolling(canvas: Canvas, tint: Colour, count: int, swell: float) -> None:
    """Hills, one behind another."""
    palette, rng = canvas.palette, canvas.rng
    for index in range(count):
        depth = index / count
        foot = canvas.horizon + (depth + 0.08) * (canvas.height - canvas.horizon)
        crest = foot - canvas.unit * swell * (0.6 + 0.5 * depth) * (
            ridge(rng, canvas.width, 2, 0.3, 4) - np.float32(0.25)
        )
        turn = mix(tint, palette.accents[index % len(palette.accents)], 0.12)
        colour = palette.land(0.3 + 0.6 * depth, turn)
        canvas.layer(crest, mix(shade(colour, 1.16), palette.sun, 0.1), shade(colour, 0.7))


def _pines(canvas: Canvas, foot: float, stand_of: tuple[float, int, float], *, has_snow: bool) -> None:
    """A stand of pines as one skyline: every tree a toothed triangle. `stand_of`: height, trees, nearness."""
    rng, unit = canvas.rng, canvas.unit
    height, count, nearness = stand_of
    count = max(4, round(count * canvas.width / unit))
    at = (
        (np.arange(count, dtype=np.float32) + rng.uniform(-0.6, 0.6, count).astype(np.float32))
        / count
        * canvas.width
    )
    # Trees are tall and dense in some places and leave gaps in others.
    stand = 0.35 + 0.75 * ridge(rng, count, 3, 0.5, 3)
    tall = (unit * height * stand * rng.uniform(0.7, 1.15, count)).astype(np.float32)
    wide = tall * rng.uniform(0.17, 0.24, count).astype(np.float32) + 1
    off = np.abs(np.arange(canvas.width, dtype=np.float32)[None, :] - at[:, None]) / wide[:, None]
    tooth = (off * np.float32(5.0)) % np.float32(1.0)
    profile = np.clip(1 - off + (tooth - np.float32(0.5)) * np.float32(0.09) * off, 0, 1)
    tops = (profile * tall[:, None]).max(axis=0)
    crest = np.asarray(foot - tops - unit * 0.03 * ridge(rng, canvas.width, 4, 0.4), np.float32)
    colour = canvas.palette.land(nearness, PINE)
    tip = mix(colour, canvas.palette.lit(SNOW), 0.75) if has_snow else mix(colour, canvas.palette.middle, 0.1)
    canvas.layer(crest, tip, mix(colour, canvas.palette.horizon, 0.32 * (1 - nearness)))


def _blocks(canvas: Canvas, foot: float, height: float, nearness: float) -> None:
    """A row of buildings with windows, lit after dark."""
    rng, unit, palette = canvas.rng, canvas.unit, canvas.palette
    colour = palette.land(nearness, (96, 98, 118))
    mass = ridge(rng, canvas.width, 3, 0.5, 4)
    draw = ImageDraw.Draw(canvas.image)
    x = -0.05 * unit
    while x < canvas.width:
        wide = float(rng.uniform(0.05, 0.12)) * unit * (0.7 + 0.6 * nearness)
        middle = int(min(canvas.width - 1, max(0, x + wide / 2)))
        tall = unit * height * (0.2 + 0.9 * float(mass[middle]) * float(rng.uniform(0.6, 1.1)))
        tone = shade(
            mix(colour, palette.accents[int(rng.integers(len(palette.accents)))], 0.1),
            float(rng.uniform(0.84, 1.14)),
        )
        top = foot - tall
        draw.rectangle((x, top, x + wide, foot + 0.1 * unit), fill=tone)
        draw.rectangle((x + wide * 0.7, top, x + wide, foot + 0.1 * unit), fill=shade(tone, 0.82))
        if rng.random() < 0.25:
            draw.line(
                (x + wide / 2, top, x + wide / 2, top - 0.05 * unit),
                fill=tone,
                width=max(1, round(unit / 300)),
            )
        _windows(canvas, draw, (x, top, wide, tall), tone)
        x += wide * float(rng.uniform(0.85, 1.15))


def _windows(
    canvas: Canvas, draw: ImageDraw.ImageDraw, block: tuple[float, float, float, float], tone: Colour
) -> None:
    x, top, wide, tall = block
    cell = max(5.0, canvas.unit / 64)
    across, down = int(wide / cell), int(tall / (cell * 1.25))
    if across < 2 or down < 1:
        return
    lamp = mix((255, 208, 120), canvas.palette.sun, 0.3)
    is_dark = canvas.palette.is_dark
    for index, chance in enumerate(canvas.rng.random(across * down)):
        row, column = divmod(index, across)
        if chance > (0.42 if is_dark else 0.8):
            continue
        left, upper = x + (column + 0.3) * wide / across, top + (row + 0.4) * cell * 1.25
        colour = mix(tone, lamp, 0.45 + float(chance)) if is_dark else mix(tone, canvas.palette.horizon, 0.4)
        draw.rectangle((left, upper, left + cell * 0.38, upper + cell * 0.55), fill=colour)


def _headland(canvas: Canvas) -> None:
    """Land reaching into the sea from one side."""
    rng, unit = canvas.rng, canvas.unit
    across = np.linspace(0, 1, canvas.width, dtype=np.float32)
    if rng.random() < 0.5:
        across = across[::-1]
    reach = np.float32(rng.uniform(0.35, 0.8))
    slope = np.clip(1 - across / reach, 0, 1) ** np.float32(rng.uniform(0.5, 1.1))
    crest = (
        canvas.horizon
        + 0.012 * unit
        - unit * float(rng.uniform(0.1, 0.32)) * slope * (0.55 + 0.45 * ridge(rng, canvas.width, 5, 0.45))
    )
    crest = np.where(slope > 0, crest, np.float32(canvas.height + 9))
    tint = SNOW if canvas.has_snow else mix(STONE, GRASS, 0.5)
    until = canvas.horizon + 0.012 * unit
    rows = canvas.image.crop((0, int(until), canvas.width, canvas.height))
    canvas.layer(
        np.asarray(crest, np.float32),
        canvas.palette.land(0.45, tint),
        canvas.palette.land(0.75, STONE),
        until,
    )
    canvas.image.paste(rows, (0, int(until)))


def paint_bank(canvas: Canvas) -> None:
    """Firm ground in front of the water, for what cannot stand in it."""
    foot = canvas.horizon + 0.42 * (canvas.height - canvas.horizon)
    crest = foot - canvas.unit * 0.05 * (ridge(canvas.rng, canvas.width, 2, 0.3, 4) - np.float32(0.5))
    ground = canvas.palette.land(0.75, SNOW if canvas.has_snow else GRASS)
    canvas.layer(np.asarray(crest, np.float32), shade(ground, 1.12), shade(ground, 0.6))


def _paint_water(canvas: Canvas, *, mirror: bool = False) -> None:
    """Water from the horizon down: the sky (and, mirrored, the shore) seen in it, the light's path, ripples."""
    top = int(canvas.horizon)
    deep = canvas.height - top
    if deep < 2:
        return
    size = (canvas.width, deep)
    above = canvas.image.crop((0, max(0, top - deep), canvas.width, top)).transpose(
        Image.Transpose.FLIP_TOP_BOTTOM
    )
    small = above.resize(
        (max(2, canvas.width // 8), max(2, deep // (5 if mirror else 16))), Image.Resampling.BOX
    )
    reflection = small.filter(ImageFilter.BoxBlur((3, 1))).resize(size, Image.Resampling.BILINEAR)
    palette = canvas.palette
    body = gradient((mix(palette.water, palette.horizon, 0.35), shade(palette.water, 0.62)), size)
    water = Image.blend(body, reflection, 0.55 if mirror else 0.4)
    canvas.image.paste(water, (0, top))
    _ripples(canvas, top, deep)


def _ripples(canvas: Canvas, top: int, deep: int) -> None:
    draw = ImageDraw.Draw(canvas.image)
    rng, palette, width = canvas.rng, canvas.palette, canvas.width
    light, dark = mix(palette.horizon, palette.sun, 0.5), shade(palette.water, 0.62)
    near_sun = palette.light not in ("fog", "storm")
    for x, y, kind, long in rng.random((520, 4)):
        depth = y**1.8
        row = top + depth * deep
        half = (0.006 + 0.055 * depth * long) * canvas.unit
        thick = max(0.5, 0.0045 * depth * canvas.unit)
        at = x * width
        if kind < 0.45 and near_sun:
            at = canvas.sun[0] + (x - 0.5) * (0.1 + 0.34 * depth) * canvas.unit
        colour = light if kind < 0.6 else dark
        tone = mix(canvas.colour_at(at, row), colour, 0.75 if kind < 0.45 and near_sun else 0.32)
        draw.ellipse((at - half, row - thick, at + half, row + thick), fill=tone)


def _speckle(canvas: Canvas) -> None:
    """Blossoms and tufts in the grass, smaller in the distance."""
    draw = ImageDraw.Draw(canvas.image)
    palette = canvas.palette
    tones = [palette.lit(colour) for colour in palette.accents] + [palette.land(0.9, GRASS)] * 4
    top = canvas.horizon + 0.2 * (canvas.height - canvas.horizon)
    for x, y, pick in canvas.rng.random((420, 3)):
        depth = y**1.5
        radius = (0.7 + 4.0 * depth) * canvas.unit / 1024
        at = (x * canvas.width, top + depth * (canvas.height - top))
        draw_disc(draw, at, radius, tones[int(pick * len(tones))])


def paint_abstract(canvas: Canvas) -> None:
    """Discs, bands and waves that overlap, in the palette's colours."""
    palette, rng = canvas.palette, canvas.rng
    tones = [*palette.accents, palette.top, palette.horizon, palette.middle, palette.sun, palette.near]
    first, second = (tones[int(index)] for index in rng.permutation(len(tones))[:2])
    canvas.image.paste(gradient((mix(first, palette.horizon, 0.4), second), canvas.image.size))
    if rng.random() < 0.5:
        canvas.image = canvas.image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    for index in range(int(rng.integers(4, 7))):
        level = canvas.height * float(rng.uniform(0.15, 0.95))
        crest = level - canvas.unit * float(rng.uniform(0.1, 0.5)) * ridge(
            rng, canvas.width, int(rng.integers(1, 4)), 0.25, 3
        )
        tone = tones[(index * 3 + int(rng.integers(len(tones)))) % len(tones)]
        canvas.layer(np.asarray(crest, np.float32), tone, mix(tone, tones[index % len(tones)], 0.5))
    for index in range(int(rng.integers(5, 9))):
        unit = canvas.unit * float(rng.uniform(0.06, 0.3))
        at = (canvas.width * float(rng.uniform(0, 1)), canvas.height * float(rng.uniform(0, 1)))
        tone = tones[index % len(tones)]
        with canvas.pen(at, unit, (1.1, 1.1, 1.1, 1.1)) as pen:
            pen.ellipse(0, 0, 1, 1, tone)
            if index % 3 == 1:
                pen.ellipse(0, 0, 0.7, 0.7, tones[(index + 2) % len(tones)])
                pen.ellipse(0, 0, 0.4, 0.4, tone)
            elif index % 3 == 2:
                pen.polygon(
                    [(-1.05, -1.05), (1.05, -1.05), (1.05, 0), (-1.05, 0)], tones[(index + 3) % len(tones)]
                )


PLACES = {
    "sea": Scenery(_paint_sea, (0.34, 0.7)),
    "lake": Scenery(_paint_lake, (0.42, 0.68)),
    "mountains": Scenery(_paint_mountains, (0.52, 0.8)),
    "forest": Scenery(_paint_forest, (0.5, 0.82)),
    "city": Scenery(_paint_city, (0.62, 0.86)),
    "desert": Scenery(_paint_desert, (0.4, 0.7)),
    "meadow": Scenery(_paint_meadow, (0.34, 0.66)),
}
