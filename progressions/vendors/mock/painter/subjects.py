"""Things in a scene: each drawn with a pen, in units of its own height, lit by the palette."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from dali.lib.pictures.colour.names import Colour, mix, shade
from progressions.vendors.mock.painter.canvas import Canvas, Pen
from progressions.vendors.mock.painter.palette import Palette

LAMP: Colour = (255, 222, 140)


@dataclass(frozen=True, slots=True)
class SubjectLook:
    """How a subject is to look: its own colour, the palette and a source of whims."""

    colour: Colour
    palette: Palette
    rng: np.random.Generator


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing that can be drawn. `reach`: left, up, right, down in units; `height`: range, in shorter sides."""

    draw: Callable[[Pen, SubjectLook], None]
    stands: Literal["land", "water", "sky"]
    height: tuple[float, float]
    reach: tuple[float, float, float, float]
    colour: Colour


def _lighthouse(pen: Pen, look: SubjectLook) -> None:
    lit = look.palette.lit
    white, band = lit((240, 236, 226)), lit(look.colour)
    rock = look.palette.near
    pen.polygon([(-0.62, -0.12), (-0.4, 0.03), (-0.14, 0.1), (0.2, 0.11), (0.42, 0.02), (0.7, -0.12)], rock)
    pen.polygon(
        [(-0.4, 0.03), (-0.14, 0.1), (0.2, 0.11), (0.05, 0.03)], mix(rock, look.palette.horizon, 0.25)
    )
    for index in range(5):
        low, high = 0.08 + index * 0.136, 0.08 + (index + 1) * 0.136
        colour = band if index % 2 == 0 else white
        wide, narrow = 0.115 - 0.05 * (low - 0.08) / 0.68, 0.115 - 0.05 * (high - 0.08) / 0.68
        pen.polygon([(-wide, low), (wide, low), (narrow, high), (-narrow, high)], colour)
        pen.polygon(
            [(wide * 0.25, low), (wide, low), (narrow, high), (narrow * 0.25, high)], shade(colour, 0.74)
        )
    pen.box(-0.095, 0.76, 0.095, 0.785, lit((52, 52, 60)))
    pen.box(-0.05, 0.785, 0.05, 0.88, LAMP if look.palette.is_dark else lit((250, 240, 200)))
    for x in (-0.05, -0.004, 0.042):
        pen.box(x, 0.785, x + 0.008, 0.88, lit((52, 52, 60)))
    pen.polygon([(-0.075, 0.88), (0.075, 0.88), (0.0, 0.97)], lit(shade(look.colour, 0.8)))
    pen.ellipse(0.0, 0.975, 0.012, 0.012, lit((52, 52, 60)))
    pen.box(-0.016, 0.3, 0.016, 0.36, lit((40, 44, 60)))


def _boat(pen: Pen, look: SubjectLook) -> None:
    lit = look.palette.lit
    hull, sail = lit(look.colour), mix(lit((248, 242, 228)), look.palette.sun, 0.25)
    ghost = mix(look.palette.water, hull, 0.5)
    pen.polygon([(-0.4, -0.02), (0.4, -0.02), (0.3, -0.12), (0.1, -0.2), (-0.2, -0.14)], ghost)
    pen.polygon([(-0.46, 0.14), (0.5, 0.16), (0.36, 0.0), (-0.36, 0.0)], hull)
    pen.polygon([(-0.4, 0.06), (0.42, 0.07), (0.36, 0.0), (-0.36, 0.0)], shade(hull, 0.66))
    pen.line([(0.02, 0.14), (0.02, 1.0)], 0.016, lit((90, 62, 40)))
    pen.polygon([(0.05, 0.2), (0.05, 0.97), (0.2, 0.6), (0.42, 0.22)], sail)
    pen.polygon([(0.05, 0.2), (0.05, 0.97), (0.12, 0.6), (0.16, 0.2)], shade(sail, 0.88))
    pen.polygon([(-0.01, 0.2), (-0.01, 0.84), (-0.16, 0.5), (-0.34, 0.22)], shade(sail, 0.93))
    pen.polygon([(0.02, 1.0), (0.14, 0.97), (0.02, 0.94)], lit(look.colour))


def _house(pen: Pen, look: SubjectLook) -> None:
    lit = look.palette.lit
    wall, roof = lit((236, 224, 200)), lit(look.colour)
    window = LAMP if look.palette.is_dark else lit((104, 140, 160))
    pen.box(-0.5, -0.04, 0.5, 0.5, wall)
    pen.box(0.12, -0.04, 0.5, 0.5, shade(wall, 0.8))
    pen.box(0.24, 0.62, 0.36, 1.0, lit((128, 84, 70)))
    pen.polygon([(-0.6, 0.46), (0.12, 0.46), (-0.2, 0.94)], wall)
    pen.polygon(
        [(-0.64, 0.46), (-0.2, 0.96), (0.46, 0.92), (0.62, 0.46), (0.1, 0.46), (-0.2, 0.9), (-0.56, 0.46)],
        roof,
    )
    pen.polygon([(-0.2, 0.9), (0.1, 0.46), (0.62, 0.46), (0.46, 0.92)], shade(roof, 0.82))
    pen.box(-0.26, -0.04, -0.1, 0.26, lit(shade(look.colour, 0.6)))
    for x, y in ((-0.44, 0.2), (0.2, 0.18), (0.34, 0.18), (-0.26, 0.5)):
        pen.box(x, y, x + 0.1, y + 0.14, window)
        pen.box(x + 0.045, y, x + 0.055, y + 0.14, shade(wall, 0.7))


def _castle(pen: Pen, look: SubjectLook) -> None:
    lit = look.palette.lit
    stone = mix(lit((150, 140, 134)), look.palette.far, 0.25)
    window = LAMP if look.palette.is_dark else shade(stone, 0.5)
    pen.box(-0.6, -0.06, 0.6, 0.36, shade(stone, 0.92))
    for x in np.arange(-0.6, 0.56, 0.12):
        pen.box(float(x), 0.36, float(x) + 0.07, 0.41, shade(stone, 0.92))
    for x, wide, high in ((-0.5, 0.1, 0.6), (0.48, 0.11, 0.55), (-0.16, 0.12, 0.76), (0.18, 0.09, 0.66)):
        pen.box(x - wide, -0.06, x + wide, high, stone)
        pen.box(x + wide * 0.2, -0.06, x + wide, high, shade(stone, 0.76))
        pen.polygon(
            [(x - wide * 1.25, high), (x + wide * 1.25, high), (x, high + wide * 2.2)], lit(look.colour)
        )
        pen.polygon(
            [(x + wide * 0.2, high), (x + wide * 1.25, high), (x, high + wide * 2.2)],
            shade(lit(look.colour), 0.75),
        )
        pen.box(x - 0.02, high - 0.16, x + 0.02, high - 0.08, window)
    pen.box(-0.07, -0.06, 0.07, 0.12, shade(stone, 0.35))
    pen.ellipse(0.0, 0.12, 0.07, 0.07, shade(stone, 0.35))


def _tree(pen: Pen, look: SubjectLook) -> None:
    lit, rng = look.palette.lit, look.rng
    bark, leaf = lit((76, 54, 40)), lit(look.colour)
    pen.polygon([(-0.06, -0.03), (0.06, -0.03), (0.03, 0.5), (-0.03, 0.5)], bark)
    pen.line([(0.0, 0.3), (-0.18, 0.56)], 0.025, bark)
    pen.line([(0.0, 0.34), (0.17, 0.6)], 0.025, bark)
    for step in range(70):
        angle, away = rng.uniform(0, 6.283), np.sqrt(rng.uniform(0, 1))
        x, y = 0.36 * away * np.cos(angle), 0.66 + 0.28 * away * np.sin(angle)
        light = 0.62 + 0.5 * (step / 70) * (0.4 + 0.6 * (y - 0.38) / 0.56) + rng.uniform(-0.05, 0.05)
        size = rng.uniform(0.05, 0.1)
        pen.ellipse(float(x), float(y), size, size * 0.85, shade(leaf, float(light)))


def _birds(pen: Pen, look: SubjectLook) -> None:
    colour = mix(look.palette.near, look.colour, 0.2) if look.palette.ambient > 0.4 else look.palette.horizon
    for _ in range(int(look.rng.integers(5, 10))):
        x, y, wing = look.rng.uniform(-1.2, 1.2), look.rng.uniform(0, 1), look.rng.uniform(0.1, 0.2)
        lift = look.rng.uniform(0.3, 0.6) * wing
        for side in (-1, 1):
            pen.polygon(
                [
                    (x, y),
                    (x + side * wing * 0.5, y + lift),
                    (x + side * wing, y + lift * 0.6),
                    (x + side * wing * 0.45, y + lift * 0.62),
                ],
                colour,
            )


def _balloon(pen: Pen, look: SubjectLook) -> None:
    lit = look.palette.lit
    base, other = lit(look.colour), lit(mix(look.colour, (255, 246, 224), 0.75))
    pen.polygon([(-0.24, 0.45), (0.24, 0.45), (0.06, 0.2), (-0.06, 0.2)], shade(base, 0.8))
    for index, half in enumerate((0.36, 0.27, 0.17, 0.06)):
        colour = base if index % 2 == 0 else other
        wide, narrow = half * 0.72, half * 0.17
        pen.ellipse(0.0, 0.64, half, 0.36, colour)
        pen.polygon([(-wide, 0.45), (wide, 0.45), (narrow, 0.2), (-narrow, 0.2)], colour)
    pen.line([(-0.06, 0.2), (-0.05, 0.1)], 0.008, look.palette.near)
    pen.line([(0.06, 0.2), (0.05, 0.1)], 0.008, look.palette.near)
    pen.box(-0.06, 0.0, 0.06, 0.1, lit((132, 88, 50)))


def _figure(pen: Pen, look: SubjectLook) -> None:
    lit = look.palette.lit
    coat, dark, skin = lit(look.colour), lit((44, 40, 48)), lit((222, 176, 142))
    pen.box(-0.09, -0.02, -0.015, 0.3, dark)
    pen.box(0.015, -0.02, 0.09, 0.3, dark)
    pen.polygon([(-0.17, 0.24), (0.17, 0.24), (0.11, 0.76), (-0.11, 0.76)], coat)
    pen.polygon([(0.04, 0.24), (0.17, 0.24), (0.11, 0.76), (0.05, 0.76)], shade(coat, 0.76))
    pen.line([(-0.11, 0.72), (-0.2, 0.42)], 0.06, shade(coat, 0.9))
    pen.line([(0.11, 0.72), (0.2, 0.42)], 0.06, shade(coat, 0.7))
    pen.ellipse(0.0, 0.87, 0.08, 0.1, skin)
    pen.ellipse(0.0, 0.91, 0.088, 0.08, dark)
    pen.polygon(
        [(-0.12, 0.74), (0.12, 0.74), (0.09, 0.8), (-0.09, 0.8)], lit(mix(look.colour, (250, 240, 220), 0.6))
    )


def _cat(pen: Pen, look: SubjectLook) -> None:
    fur = look.palette.lit(look.colour)
    dark = shade(fur, 0.7)
    pen.line([(0.22, 0.06), (0.46, 0.08), (0.56, 0.24), (0.5, 0.42)], 0.075, dark)
    pen.ellipse(0.02, 0.26, 0.27, 0.3, dark)
    pen.ellipse(-0.03, 0.27, 0.24, 0.29, fur)
    pen.ellipse(-0.1, 0.02, 0.09, 0.045, mix(fur, (255, 255, 255), 0.35))
    pen.ellipse(0.07, 0.02, 0.09, 0.045, mix(fur, (255, 255, 255), 0.25))
    for side in (-1, 1):
        x = -0.05 + side * 0.13
        pen.polygon([(x - 0.08, 0.76), (x + side * 0.05, 0.98), (x + 0.08, 0.74)], fur)
        pen.polygon(
            [(x - 0.04, 0.78), (x + side * 0.04, 0.92), (x + 0.04, 0.78)], mix(fur, (230, 150, 150), 0.5)
        )
    pen.ellipse(-0.05, 0.66, 0.22, 0.19, fur)
    pen.ellipse(-0.05, 0.59, 0.11, 0.08, mix(fur, (255, 255, 255), 0.5))
    for side in (-1, 1):
        pen.ellipse(-0.05 + side * 0.09, 0.68, 0.036, 0.042, (236, 214, 92))
        pen.ellipse(-0.05 + side * 0.09, 0.68, 0.014, 0.036, (20, 20, 24))
    pen.polygon([(-0.08, 0.625), (-0.02, 0.625), (-0.05, 0.595)], (90, 50, 56))


def _flowers(pen: Pen, look: SubjectLook) -> None:
    lit, rng = look.palette.lit, look.rng
    for depth in np.sort(rng.uniform(0, 1, 46)):
        x = float(rng.uniform(-1.7, 1.7))
        size, foot = 0.05 + 0.09 * depth, 0.5 - 0.7 * depth
        top = float(foot + 0.3 + 0.25 * depth)
        accents = (look.colour, *look.palette.accents) if rng.random() < 0.35 else (look.colour,)
        petal = lit(accents[int(rng.integers(len(accents)))])
        bend = float(rng.uniform(-0.08, 0.08))
        pen.line([(x - bend, foot - 0.1), (x, top)], 0.014 + 0.01 * depth, lit((60, 104, 52)))
        for angle in np.arange(6) * 1.0472 + rng.uniform(0, 1):
            pen.ellipse(
                x + size * 0.62 * float(np.cos(angle)),
                top + size * 0.62 * float(np.sin(angle)),
                size * 0.5,
                size * 0.5,
                shade(petal, 0.86 + 0.2 * float(np.sin(angle))),
            )
        pen.ellipse(x, top, size * 0.3, size * 0.3, lit((248, 206, 84)))


SUBJECTS: dict[str, Subject] = {
    "lighthouse": Subject(_lighthouse, "land", (0.5, 0.72), (0.75, 1.02, 0.75, 0.14), (206, 58, 46)),
    "castle": Subject(_castle, "land", (0.34, 0.5), (0.68, 1.06, 0.68, 0.08), (70, 84, 130)),
    "house": Subject(_house, "land", (0.2, 0.32), (0.68, 1.04, 0.68, 0.06), (176, 72, 52)),
    "tree": Subject(_tree, "land", (0.42, 0.66), (0.5, 1.06, 0.5, 0.05), (72, 128, 62)),
    "boat": Subject(_boat, "water", (0.22, 0.38), (0.54, 1.04, 0.56, 0.22), (158, 52, 42)),
    "birds": Subject(_birds, "sky", (0.16, 0.26), (1.5, 1.2, 1.5, 0.1), (40, 44, 56)),
    "balloon": Subject(_balloon, "sky", (0.26, 0.42), (0.42, 1.04, 0.42, 0.04), (220, 76, 56)),
    "figure": Subject(_figure, "land", (0.3, 0.5), (0.3, 1.02, 0.3, 0.04), (188, 58, 50)),
    "cat": Subject(_cat, "land", (0.3, 0.46), (0.36, 1.02, 0.66, 0.06), (216, 132, 62)),
    "flowers": Subject(_flowers, "land", (0.3, 0.4), (1.9, 1.15, 1.9, 0.42), (222, 70, 92)),
}  # fmt: skip


def place_subject(
    canvas: Canvas, name: str, colour: Colour | None, at: tuple[float, float], unit: float
) -> None:
    """Draws a subject standing at pixel `at`, `unit` pixels high, lamps and beam included."""
    subject = SUBJECTS[name]
    facing = 1 if canvas.rng.random() < 0.5 else -1
    look = SubjectLook(colour or subject.colour, canvas.palette, canvas.rng)
    if name == "lighthouse" and (canvas.palette.is_dark or canvas.palette.light == "fog"):
        _beam(canvas, (at[0], at[1] - 0.83 * unit), unit)
    with canvas.pen(at, unit, subject.reach, facing) as pen:
        subject.draw(pen, look)
    if canvas.palette.is_dark and name in ("lighthouse", "house"):
        lamp = 0.83 if name == "lighthouse" else 0.25
        canvas.glow((at[0], at[1] - lamp * unit), 0.3 * unit, LAMP, 0.75)


def _beam(canvas: Canvas, lamp: tuple[float, float], unit: float) -> None:
    """Two cones of light from a lamp, widening and fading."""
    across = np.linspace(-1, 1, 160, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    tilt = float(canvas.rng.uniform(-0.25, 0.25))
    spread = np.abs(down - across * np.float32(tilt)) / (np.abs(across) * np.float32(0.42) + np.float32(0.03))
    light = np.clip(1 - spread, 0, 1) * (1 - np.abs(across)) ** 1.3 * np.float32(0.62)
    glow = (light[..., None] * np.array(LAMP, np.float32)).astype(np.uint8)
    canvas.add_light(
        Image.fromarray(glow),
        (lamp[0] - 2.2 * unit, lamp[1] - 0.55 * unit, lamp[0] + 2.2 * unit, lamp[1] + 0.55 * unit),
    )
