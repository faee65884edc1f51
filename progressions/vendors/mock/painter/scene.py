"""Composing a scene: sky, land or water, the things in it, weather and the play of light."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from dali.lib.pictures.colour.names import Colour, mix, shade
from progressions.vendors.mock.painter import places
from progressions.vendors.mock.painter.canvas import Canvas, draw_disc
from progressions.vendors.mock.painter.noise import Field, fractal, smoothstep
from progressions.vendors.mock.painter.palette import LIGHTS, Palette, palette_for
from progressions.vendors.mock.painter.subjects import SUBJECTS, place_subject
from progressions.vendors.mock.painter.words import Brief

_SOFT_PX = 256  # skies and light are painted at this size and enlarged: they have no edges
_HABITATS = {
    "lighthouse": ("sea",),
    "boat": ("sea", "lake"),
    "flowers": ("meadow",),
    "tree": ("meadow", "lake"),
    "house": ("meadow", "mountains", "lake"),
    "castle": ("mountains", "meadow"),
}
_ANYWHERE = ("sea", "lake", "mountains", "meadow", "forest", "desert")


def paint_scene(brief: Brief, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """An RGB picture of the brief; everything that it leaves open is decided by `rng`.

    Positions are fractions of the size, so that a seed composes the same picture at every size.
    """
    place = brief.place or _pick_place(brief, rng)
    light = brief.light or str(rng.choice(LIGHTS, p=(0.3, 0.16, 0.18, 0.18, 0.06, 0.06, 0.06)))
    palette = palette_for(light, brief.colours, rng)
    if place == "abstract":
        canvas = Canvas(Image.new("RGB", size), rng, palette, size[1] * 0.5, (size[0] * 0.5, size[1] * 0.3))
        places.paint_abstract(canvas)
    else:
        canvas = _paint_sky(brief, palette, rng, size, place)
        canvas.has_snow = "snow" in brief.extras
        places.PLACES[place].paint(canvas)
        # A lighthouse brings its own rock.
        if place in ("sea", "lake") and any(
            SUBJECTS[name].stands == "land" and name != "lighthouse" for name, _ in brief.subjects
        ):
            places.paint_bank(canvas)
    _paint_subjects(canvas, brief)
    paint_weather(canvas, brief)
    play_light(canvas, 0.5)
    return canvas.image


def _pick_place(brief: Brief, rng: np.random.Generator) -> str:
    for name, _ in brief.subjects:
        if name in _HABITATS:
            return str(rng.choice(_HABITATS[name]))
    return str(rng.choice(_ANYWHERE))


def _paint_sky(
    brief: Brief, palette: Palette, rng: np.random.Generator, size: tuple[int, int], place: str
) -> Canvas:
    """The sky with its clouds, lights and stars, over the whole canvas."""
    horizon = float(rng.uniform(*places.PLACES[place].horizon))
    sun = (float(rng.uniform(0.12, 0.88)), horizon * float(rng.uniform(0.22, 0.92)))
    if brief.light == "night" or palette.light == "night" or "moon" in brief.extras:
        sun = (sun[0], horizon * float(rng.uniform(0.2, 0.55)))
    soft = _soft_size(size)
    pixels = _sky_pixels(brief, palette, rng, soft, (horizon, sun))
    # Land and water cover the rest.
    seen = min(1.0, horizon + 0.2)
    sky = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    image = Image.new("RGB", size, palette.near)
    span = (size[0], round(size[1] * seen))
    image.paste(sky.resize(span, Image.Resampling.BICUBIC, box=(0, 0, soft[0], soft[1] * span[1] / size[1])))
    canvas = Canvas(image, rng, palette, horizon * size[1], (sun[0] * size[0], sun[1] * size[1]))
    if "stars" in brief.extras or (palette.light == "night" and "clouds" not in brief.extras):
        draw_stars(canvas, 420 if "stars" in brief.extras else 200)
    draw_luminary(canvas, brief)
    return canvas


def _sky_pixels(
    brief: Brief,
    palette: Palette,
    rng: np.random.Generator,
    size: tuple[int, int],
    places_of: tuple[float, tuple[float, float]],
) -> Field:
    horizon, sun = places_of
    x = np.linspace(0, 1, size[0], dtype=np.float32)[None, :]
    y = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    height = y / np.float32(horizon) + np.float32(rng.uniform(-0.35, 0.35)) * (x - np.float32(0.5))
    stops = (0.0, 0.55, 1.0)
    sky = np.stack(
        [
            np.interp(height, stops, channel)
            for channel in zip(palette.top, palette.middle, palette.horizon, strict=True)
        ],
        axis=-1,
    ).astype(np.float32)
    aspect = np.float32(size[0] / size[1])
    away = np.hypot((x - np.float32(sun[0])) * aspect, y - np.float32(sun[1]))
    glow = np.exp(-((away / np.float32(0.34)) ** 2)) * np.float32(0.5 if palette.light != "fog" else 0.2)
    sky += glow[..., None] * (np.array(palette.sun, np.float32) - sky)
    amount = float(
        rng.uniform(0.7, 0.95)
        if "clouds" in brief.extras or palette.light == "storm"
        else rng.uniform(0.1, 0.75)
    )
    noise = fractal(rng, size, (int(rng.integers(2, 4)), int(rng.integers(4, 7))), 5)
    edge = 0.82 - 0.5 * amount
    cover = smoothstep(noise, edge, edge + 0.28) * np.float32(0.9)
    # Clouds are lit where the noise falls off towards the light: the difference with itself, shifted.
    step = max(2, size[0] // 40)
    shifted = np.pad(noise, step, mode="edge")
    left = 0 if sun[0] < 0.5 else 2 * step
    relief = noise - shifted[: size[1], left : left + size[0]]
    bright = np.clip(0.5 + relief * 2.4 - (noise - np.float32(edge)) * np.float32(0.5), 0, 1)[..., None]
    white = np.array(mix(palette.horizon, palette.sun, 0.6), np.float32)
    dark = np.array(mix(palette.middle, shade(palette.top, 0.8), 0.55), np.float32)
    return np.asarray(sky + cover[..., None] * (dark + bright * (white - dark) - sky), np.float32)


def draw_stars(canvas: Canvas, count: int) -> None:
    """Stars over the sky, denser high up."""
    draw = ImageDraw.Draw(canvas.image)
    size = canvas.unit / 1024
    for x, y, brightness in canvas.rng.random((count, 3)):
        at = x * canvas.width, y**1.4 * canvas.horizon
        radius = (0.5 + 1.5 * brightness**6) * size
        colour = mix(canvas.colour_at(*at), (246, 244, 232), 0.3 + 0.7 * float(brightness) ** 2)
        draw_disc(draw, at, radius, colour)


def draw_luminary(canvas: Canvas, brief: Brief) -> None:
    """The moon or the sun with its halo, where the light has one."""
    light, palette = canvas.palette.light, canvas.palette
    has_moon = "moon" in brief.extras or (light == "night" and "sun" not in brief.extras)
    has_sun = "sun" in brief.extras or light in ("dawn", "dusk", "golden")
    if not (has_moon or has_sun or (light == "day" and canvas.rng.random() < 0.5)):
        return
    radius = canvas.unit * float(canvas.rng.uniform(0.045, 0.085))
    colour: Colour = (246, 242, 222) if has_moon else mix(palette.sun, (255, 255, 255), 0.3)
    canvas.glow(canvas.sun, radius * 6, shade(colour, 0.85), 0.7)
    with canvas.pen(canvas.sun, radius, (1.1, 1.1, 1.1, 1.1)) as pen:
        pen.ellipse(0, 0, 1, 1, colour)
        if has_moon:
            for x, y, size in ((-0.3, 0.3, 0.24), (0.25, -0.1, 0.3), (-0.2, -0.45, 0.18), (0.4, 0.45, 0.14)):
                pen.ellipse(x, y, size, size * 0.9, (226, 222, 204))


def _paint_subjects(canvas: Canvas, brief: Brief) -> None:
    """The named things, the first one the largest, each on its own part of the width."""
    count = len(brief.subjects)
    slots = canvas.rng.permutation(count)
    for index, (name, colour) in enumerate(brief.subjects):
        subject = SUBJECTS[name]
        low, high = subject.height
        unit = canvas.unit * float(canvas.rng.uniform(low, high)) * (1.0 if index == 0 else 0.72)
        x = canvas.width * (float(slots[index]) + float(canvas.rng.uniform(0.2, 0.8))) / count
        y = _standing(canvas, subject.stands, unit)
        place_subject(canvas, name, colour, (x, y), unit)


def _standing(canvas: Canvas, stands: str, unit: float) -> float:
    """The row a thing stands on, so that most of it is in the picture."""
    if stands == "sky":
        return min(
            canvas.height * 0.9, max(unit * 1.05, canvas.horizon * float(canvas.rng.uniform(0.5, 0.95)))
        )
    depth = float(canvas.rng.uniform(0.3, 0.75) if stands == "water" else canvas.rng.uniform(0.45, 0.85))
    return max(canvas.horizon + depth * (canvas.height - canvas.horizon), unit * 1.02)


def paint_weather(canvas: Canvas, brief: Brief) -> None:
    """Lightning, rain or falling snow, in front of everything."""
    draw = ImageDraw.Draw(canvas.image)
    rng, width, height, unit = canvas.rng, canvas.width, canvas.height, canvas.unit
    if "lightning" in brief.extras:
        x, y = float(rng.uniform(0.2, 0.8)) * width, 0.0
        points = [(x, y)]
        while y < canvas.horizon:
            x, y = x + float(rng.uniform(-0.05, 0.05)) * unit, y + float(rng.uniform(0.02, 0.06)) * unit
            points.append((x, y))
        canvas.glow((points[0][0], canvas.horizon * 0.4), unit * 0.5, (210, 214, 255), 0.7)
        draw.line(points, fill=(248, 246, 255), width=max(1, round(unit / 180)), joint="curve")
    if "rain" in brief.extras:
        slant = float(rng.uniform(-0.03, 0.03)) * unit
        drop = mix(canvas.palette.horizon, (255, 255, 255), 0.2)
        for x, y, long in rng.random((260, 3)):
            at = (x * width, y * height)
            draw.line(
                (at, (at[0] + slant, at[1] + (0.02 + 0.04 * long) * unit)),
                fill=drop,
                width=max(1, round(unit / 900)),
            )
    if "snow" in brief.extras:
        for x, y, size in rng.random((320, 3)):
            radius = (0.6 + 4.2 * size**4) * unit / 1024
            draw_disc(draw, (x * width, y * height), radius, (248, 250, 252))


def play_light(canvas: Canvas, strength: float) -> None:
    """Large patches of shade over the picture, as under moving clouds; what sets variants apart first."""
    field = fractal(canvas.rng, (64, 64), (3, 3), 2)
    keep = 1 - np.float32(strength) * smoothstep(field, 0.15, 0.95)
    shadow = np.array(mix(canvas.palette.middle, (255, 255, 255), 0.35), np.float32) / 255
    tint = keep[..., None] + (1 - keep[..., None]) * shadow * np.float32(0.45)
    shades = Image.fromarray((tint * 255).clip(0, 255).astype(np.uint8))
    canvas.image = ImageChops.multiply(
        canvas.image, shades.resize(canvas.image.size, Image.Resampling.BILINEAR)
    )


def _soft_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = _SOFT_PX / max(size)
    return max(16, round(size[0] * scale)), max(16, round(size[1] * scale))
