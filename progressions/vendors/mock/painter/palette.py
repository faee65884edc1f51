"""Palettes: the colours of a scene under one light."""

from dataclasses import dataclass

import numpy as np

from dali.lib.pictures.colour.names import Colour, mix, shade


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of sky, sun, land and water; `ambient` is how much light falls on things, 0 to 1."""

    light: str
    top: Colour
    middle: Colour
    horizon: Colour
    sun: Colour
    far: Colour
    near: Colour
    water: Colour
    ambient: float
    accents: tuple[Colour, ...]

    @property
    def is_dark(self) -> bool:
        """Whether windows are lit and lamps show."""
        return self.ambient < 0.62

    def lit(self, colour: Colour) -> Colour:
        """A thing of that colour under this light."""
        return mix(shade(colour, 0.42 + 0.58 * self.ambient), self.middle, 0.08)

    def land(self, nearness: float, tint: Colour | None = None) -> Colour:
        """The colour of land, from the hazy distance (0) to the foreground (1)."""
        near = self.near if tint is None else mix(self.near, self.lit(tint), 0.72)
        return mix(self.far, near, nearness)


# The fields of Palette from `top` to `water`, and `ambient`.
# fmt: off
_BASES: dict[str, tuple[Colour, Colour, Colour, Colour, Colour, Colour, Colour, float]] = {
    "day": (
        (46, 112, 190), (116, 178, 226), (222, 236, 236), (255, 248, 224),
        (138, 172, 190), (38, 78, 58), (28, 98, 138), 1.0,
    ),
    "dawn": (
        (92, 118, 178), (222, 172, 184), (255, 220, 174), (255, 236, 196),
        (168, 154, 184), (54, 60, 88), (108, 134, 170), 0.8,
    ),
    "golden": (
        (104, 132, 166), (240, 190, 122), (255, 228, 158), (255, 244, 204),
        (206, 158, 116), (72, 50, 40), (148, 132, 118), 0.85,
    ),
    "dusk": (
        (38, 36, 94), (178, 74, 116), (255, 152, 84), (255, 202, 118),
        (128, 76, 122), (30, 22, 48), (78, 54, 108), 0.5,
    ),
    "night": (
        (6, 10, 30), (18, 34, 78), (52, 84, 130), (242, 240, 218),
        (34, 52, 92), (5, 9, 22), (12, 26, 58), 0.22,
    ),
    "storm": (
        (34, 40, 50), (80, 90, 98), (166, 168, 156), (224, 226, 210),
        (88, 98, 106), (22, 28, 32), (40, 60, 68), 0.5,
    ),
    "fog": (
        (172, 184, 190), (200, 208, 208), (232, 232, 224), (252, 250, 238),
        (188, 196, 198), (62, 76, 80), (140, 158, 164), 0.85,
    ),
}
# fmt: on
LIGHTS = tuple(_BASES)
_ACCENTS: tuple[Colour, ...] = (
    (226, 82, 56), (244, 182, 62), (238, 226, 204), (64, 132, 150), (196, 64, 108), (120, 92, 168), (86, 140, 84),
)  # fmt: skip


def palette_for(light: str, colours: tuple[Colour, ...], rng: np.random.Generator) -> Palette:
    """The palette of a light; named colours take over sky, land and sun, in this order."""
    top, middle, horizon, sun, far, near, water, ambient = _BASES[light]
    drift = _ACCENTS[int(rng.integers(len(_ACCENTS)))]
    amount = float(rng.uniform(0.0, 0.14))
    top, middle, far = mix(top, drift, amount), mix(middle, drift, amount), mix(far, drift, amount)
    if colours:
        colour = colours[0]
        top = mix(top, shade(colour, 0.62 + 0.3 * ambient), 0.8)
        middle = mix(middle, colour, 0.84)
        horizon = mix(horizon, colour, 0.35)
        water = mix(water, shade(colour, 0.8), 0.6)
    if len(colours) > 1:
        far = mix(far, colours[1], 0.75)
        near = mix(near, shade(colours[1], 0.75), 0.7)
    if len(colours) > 2:
        sun = horizon = mix(horizon, colours[2], 0.85)
    accents = colours or tuple(_ACCENTS[int(index)] for index in rng.permutation(len(_ACCENTS))[:4])
    return Palette(light, top, middle, horizon, sun, far, near, water, ambient, accents)
