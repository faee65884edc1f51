"""The canvas a scene is painted on: soft skies, antialiased layers, glows and small drawings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from dali.lib.pictures.colour.names import Colour
from progressions.vendors.mock.painter.noise import Field
from progressions.vendors.mock.painter.palette import Palette


class Pen:
    """Draws in units of the subject: the origin is the point it stands on, x right, y up, 1 = its height."""

    def __init__(
        self, draw: ImageDraw.ImageDraw, origin: tuple[float, float], unit: float, facing: int
    ) -> None:
        self._draw = draw
        self._origin = origin
        self._unit = unit
        self._facing = facing  # 1, or -1 for the mirror image

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([self._at(x, y) for x, y in points], fill=colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse about (x, y)."""
        cx, cy = self._at(x, y)
        self._draw.ellipse(
            (cx - rx * self._unit, cy - ry * self._unit, cx + rx * self._unit, cy + ry * self._unit),
            fill=colour,
        )

    def box(self, left: float, bottom: float, right: float, top: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.polygon([(left, bottom), (right, bottom), (right, top), (left, top)], colour)

    def line(self, points: list[tuple[float, float]], width: float, colour: Colour) -> None:
        """A line, `width` in units."""
        self._draw.line(
            [self._at(x, y) for x, y in points],
            fill=colour,
            width=max(1, round(width * self._unit)),
            joint="curve",
        )

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return self._origin[0] + x * self._unit * self._facing, self._origin[1] - y * self._unit


@dataclass
class Canvas:
    """A picture being painted, and what the parts must agree on.

    `image`: RGB at full size. `horizon`: row in pixels. `sun`: pixels of the light in the sky. `has_snow`: on the land.
    """

    image: Image.Image
    rng: np.random.Generator
    palette: Palette
    horizon: float
    sun: tuple[float, float]
    has_snow: bool = False

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.image.width

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.image.height

    @property
    def unit(self) -> float:
        """The shorter side in pixels: what things are measured by."""
        return float(min(self.image.size))

    def colour_at(self, x: float, y: float) -> Colour:
        """The colour at a pixel, or at the nearest one inside the picture."""
        place = min(self.width - 1, max(0, int(x))), min(self.height - 1, max(0, int(y)))
        r, g, b = np.asarray(self.image.getpixel(place)).tolist()
        return r, g, b

    def layer(self, ridge: Field, top: Colour, bottom: Colour, until: float | None = None) -> None:
        """Fills below the skyline `ridge` (row in pixels for each column), from `top` down to `bottom`.

        `until`: the row below which another layer will cover everything.
        """
        first = max(0, int(ridge.min()))
        last = min(self.height, self.height if until is None else int(until) + 2)
        if first >= last:
            return
        rows = np.arange(first, last, dtype=np.float32)[:, None]
        cover = np.clip((rows - ridge[None, :] + np.float32(0.5)) * 255, 0, 255).astype(np.uint8)
        span = (self.width, last - first)
        self.image.paste(gradient((top, bottom), span), (0, first), Image.fromarray(cover))

    @contextmanager
    def pen(
        self, at: tuple[float, float], unit: float, reach: tuple[float, float, float, float], facing: int = 1
    ) -> Iterator[Pen]:
        """A pen for a subject standing at pixel `at`, `unit` pixels high.

        `reach`: how far it extends left, up, right and down of `at`, in units. Drawn at three times the size.
        """
        left, up, right, down = reach if facing > 0 else (reach[2], reach[1], reach[0], reach[3])
        box = (
            max(0, int(at[0] - left * unit) - 1),
            max(0, int(at[1] - up * unit) - 1),
            min(self.width, int(at[0] + right * unit) + 2),
            min(self.height, int(at[1] + down * unit) + 2),
        )
        scale = 3 if unit < 400 else 2
        span = (max(1, box[2] - box[0]), max(1, box[3] - box[1]))
        large = self.image.crop((box[0], box[1], box[0] + span[0], box[1] + span[1])).resize(
            (span[0] * scale, span[1] * scale), Image.Resampling.NEAREST
        )
        origin = (at[0] - box[0]) * scale, (at[1] - box[1]) * scale
        yield Pen(ImageDraw.Draw(large), origin, unit * scale, facing)
        self.image.paste(large.reduce(scale), box[:2])

    def glow(self, at: tuple[float, float], radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Adds light around a pixel, fading to nothing at `radius` pixels."""
        side = 48
        axis = np.linspace(-1, 1, side, dtype=np.float32)
        falloff = np.clip(1 - np.hypot(axis[:, None], axis[None, :]), 0, 1) ** 2 * np.float32(strength)
        light = (falloff[..., None] * np.array(colour, np.float32)).clip(0, 255).astype(np.uint8)
        self.add_light(
            Image.fromarray(light), (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
        )

    def add_light(self, light: Image.Image, box: tuple[float, float, float, float]) -> None:
        """Screens an RGB image, stretched over the box of pixels, onto the picture."""
        left, top, right, bottom = (round(edge) for edge in box)
        spread = light.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.BILINEAR)
        seen = (max(0, left), max(0, top), min(self.width, right), min(self.height, bottom))
        if seen[0] >= seen[2] or seen[1] >= seen[3]:
            return
        part = spread.crop((seen[0] - left, seen[1] - top, seen[2] - left, seen[3] - top))
        self.image.paste(ImageChops.screen(self.image.crop(seen), part), seen[:2])


def draw_disc(draw: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, colour: Colour) -> None:
    """A filled circle around a pixel, without antialiasing."""
    draw.ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=colour)


def gradient(colours: tuple[Colour, ...], size: tuple[int, int]) -> Image.Image:
    """A vertical gradient through the colours."""
    column = Image.fromarray(np.array(colours, np.uint8)[:, None, :])
    if len(colours) == 2:
        # Bilinear enlargement is flat for the outer half pixels; two rows would leave half of it flat.
        rows = np.linspace(colours[0], colours[1], 64).round().astype(np.uint8)
        column = Image.fromarray(rows[:, None, :])
    return column.resize((1, size[1]), Image.Resampling.BILINEAR).resize(size, Image.Resampling.NEAREST)
