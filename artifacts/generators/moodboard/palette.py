"""The dominant colours of pictures: shares, common palettes and names. Pure, without randomness."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dali.lib.pictures.colour.names import NAMED, Colour
from dali.lib.pictures.ground import visible_alpha

_Points: TypeAlias = NDArray[np.float64]

# Pictures are reduced to about this many pixels a side before their colours are counted.
_REDUCED_PX = 64
_ROUNDS = 12
# In OKLab: colours closer than this look alike; below this chroma a colour looks grey.
_ALIKE = 0.05
_GREY_CHROMA = 0.03
# People tell hues apart more easily than lightness.
_HUE_WEIGHT = 1.7
# A colour this much lighter or darker than its namesake is called light or dark.
_SHADE = 0.13
# Relative luminance above which black text has the better contrast (WCAG 2.2; then at least 4.5 to 1).
_BRIGHT = 0.179
# A hue this many degrees off counts as much as black against white.
_HUE_DEGREES = 75
# Crimson and scarlet are pure reds: muted ones are brown or pink.
_HUES = tuple(
    name for name in NAMED if name not in ("black", "gray", "grey", "silver", "white", "crimson", "scarlet")
)
_GREYS = ((0.93, "white"), (0.78, "silver"), (0.5, "grey"), (0.28, "dark grey"), (0.0, "black"))

# Björn Ottosson's OKLab (bottosson.github.io/posts/oklab, read 2026-11-22): linear sRGB to cone response to Lab.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@dataclass(frozen=True, slots=True)
class Swatch:
    """A colour and its share of the whole, 0 to 1."""

    colour: Colour
    share: float

    @property
    def hex(self) -> str:
        """`#1a2b3c`."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)

    @property
    def rgb(self) -> str:
        """`26 43 60`."""
        return " ".join(str(part) for part in self.colour)

    @property
    def percent(self) -> int:
        """The share in whole percent, at least 1."""
        return max(1, round(self.share * 100))

    @property
    def ink(self) -> str:
        """Black or white, whichever is more legible on the colour."""
        return "#000000" if _luminance(self.colour) > _BRIGHT else "#ffffff"

    @property
    def lightness(self) -> float:
        """Perceived lightness, 0 (black) to 1 (white)."""
        return float(_lab(self.colour)[0])

    @property
    def chroma(self) -> float:
        """0 (grey) to about 0.37 (the purest colours of sRGB)."""
        _, a, b = _lab(self.colour)
        return float(np.hypot(a, b))

    @property
    def hue(self) -> float:
        """In degrees, 0 to 360: red near 30, green near 140, blue near 260."""
        _, a, b = _lab(self.colour)
        return float(np.degrees(np.arctan2(b, a)) % 360)

    @property
    def name(self) -> str:
        """The nearest plain name, such as `teal` or `dark teal`."""
        if self.chroma < _GREY_CHROMA:
            return next(name for least, name in _GREYS if self.lightness >= least)
        nearest = min(_HUES, key=lambda name: self._distance(Swatch(NAMED[name][0], 1.0)))
        difference = self.lightness - Swatch(NAMED[nearest][0], 1.0).lightness
        return f"{'light ' if difference > _SHADE else 'dark ' if difference < -_SHADE else ''}{nearest}"

    def _distance(self, other: "Swatch") -> float:
        """How different two colours are to someone naming them: hue counts most."""
        apart = abs(self.hue - other.hue)
        hue = min(apart, 360 - apart) / _HUE_DEGREES
        return abs(self.lightness - other.lightness) + 2.5 * abs(self.chroma - other.chroma) + hue


def swatches_of(image: Image.Image, count: int = 5) -> tuple[Swatch, ...]:
    """The colours of a picture (RGB or RGBA), at most `count`, largest share first; pixels count by their alpha."""
    small = image.reduce(max(1, max(image.size) // _REDUCED_PX))
    pixels = np.asarray(small).reshape(-1, len(small.getbands()))
    weights = np.ones(len(pixels))
    if small.mode == "RGBA":
        alpha = np.asarray(visible_alpha(small), np.float64).ravel()
        if not alpha.any():
            return (Swatch((255, 255, 255), 1.0),)
        pixels, weights = pixels[alpha > 0], alpha[alpha > 0]
    # Counted in bins of 8 levels per channel: a few hundred points instead of thousands of pixels.
    bins = (pixels[:, :3] >> 3).astype(np.int32) @ np.array([1024, 32, 1], np.int32)
    _, place = np.unique(bins, return_inverse=True)
    counts = np.bincount(place, weights).astype(np.float64)
    sums = [np.bincount(place, pixels[:, channel] * weights) for channel in range(3)]
    return _grouped(np.stack(sums, axis=1) / counts[:, None], counts, count)


def common_swatches(pictures: Sequence[Sequence[Swatch]], count: int) -> tuple[Swatch, ...]:
    """The colours that many pictures have in common, each picture with equal weight; largest share first.

    Each is a colour of one picture: an average of many would be greyer than all of them.
    """
    every = [swatch for picture in pictures for swatch in picture]
    if not every:
        return ()
    colours = np.array([swatch.colour for swatch in every], np.float64)
    shares = np.array([swatch.share for swatch in every])
    chroma = np.array([swatch.chroma for swatch in every])
    return _grouped(colours, shares, count, stands_for=shares * (_GREY_CHROMA + chroma))


def _grouped(
    colours: _Points, weights: _Points, count: int, stands_for: _Points | None = None
) -> tuple[Swatch, ...]:
    """Weighted k-means in OKLab. A group's colour: its mean, or the member that `stands_for` rates highest."""
    points = _lab_of(colours) * (1, _HUE_WEIGHT, _HUE_WEIGHT)
    centres = _spread(points, weights, count)
    member = np.zeros(len(points), np.intp)
    for _ in range(_ROUNDS):
        member = np.argmin(np.linalg.norm(points[:, None] - centres[None], axis=2), axis=1)
        moved = np.array([_mean(points, weights, member == one, centres[one]) for one in range(len(centres))])
        if np.allclose(moved, centres, atol=1e-4):
            break
        centres = moved
    total = float(weights.sum())
    found: list[tuple[float, Colour]] = []
    for one in range(len(centres)):
        mine = member == one
        if mine.any():
            if stands_for is None:
                best = _mean(colours, weights, mine, colours[0])
            else:
                best = colours[int(np.argmax(np.where(mine, stands_for, -1)))]
            r, g, b = (round(float(part)) for part in best)
            found.append((float(weights[mine].sum()) / total, (r, g, b)))
    found.sort(key=lambda pair: (-round(pair[0], 6), pair[1]))
    return tuple(Swatch(colour, round(share, 4)) for share, colour in found)


def _spread(points: _Points, weights: _Points, count: int) -> _Points:
    """Initial groups: the heaviest point, then repeatedly the heavy point farthest from all chosen."""
    chosen = [int(np.argmax(weights))]
    nearest = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < count:
        # The root: a small but striking colour deserves a swatch.
        best = int(np.argmax(np.sqrt(weights) * nearest**2))
        if nearest[best] < _ALIKE:
            break
        chosen.append(best)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[best], axis=1))
    return points[chosen]


def _mean(points: _Points, weights: _Points, mine: NDArray[np.bool_], otherwise: _Points) -> _Points:
    if not mine.any():
        return otherwise
    return np.average(points[mine], axis=0, weights=weights[mine])


def _linear(colours: _Points) -> _Points:
    parts = colours / 255
    return np.asarray(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4), np.float64)


def _lab_of(colours: _Points) -> _Points:
    return np.asarray(np.cbrt(_linear(colours) @ _TO_LMS.T) @ _TO_LAB.T, np.float64)


@lru_cache(maxsize=4096)
def _lab(colour: Colour) -> _Points:
    lab: _Points = _lab_of(np.array(colour, np.float64))
    return lab


def _luminance(colour: Colour) -> float:
    r, g, b = _linear(np.array(colour, np.float64))
    return float(0.2126 * r + 0.7152 * g + 0.0722 * b)
