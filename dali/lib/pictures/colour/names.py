"""Named colours: the RGB value of a word, and how much of a picture has that colour."""

import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ColourFamily:
    """The pixels that count as a colour: hue in degrees (may wrap past 360), saturation and value 0 to 1."""

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]


_RED = ColourFamily((343, 375), (0.35, 1), (0.22, 1))
_ORANGE = ColourFamily((10, 44), (0.38, 1), (0.4, 1))
_YELLOW = ColourFamily((38, 72), (0.3, 1), (0.45, 1))
_GREEN = ColourFamily((68, 168), (0.18, 1), (0.14, 1))
_TEAL = ColourFamily((155, 202), (0.22, 1), (0.18, 1))
_BLUE = ColourFamily((190, 262), (0.22, 1), (0.16, 1))
_PURPLE = ColourFamily((248, 312), (0.16, 1), (0.16, 1))
_PINK = ColourFamily((288, 374), (0.14, 1), (0.45, 1))
_BROWN = ColourFamily((6, 46), (0.22, 1), (0.12, 0.68))
_BEIGE = ColourFamily((18, 62), (0.06, 0.45), (0.6, 1))
_BLACK = ColourFamily((0, 360), (0, 1), (0, 0.17))
_WHITE = ColourFamily((0, 360), (0, 0.16), (0.8, 1))
_GREY = ColourFamily((0, 360), (0, 0.2), (0.18, 0.86))

NAMED: dict[str, tuple[Colour, ColourFamily]] = {
    "red": ((208, 38, 42), _RED),
    "crimson": ((176, 22, 54), _RED),
    "scarlet": ((224, 44, 30), _RED),
    "orange": ((240, 128, 32), _ORANGE),
    "amber": ((242, 164, 40), _ORANGE),
    "yellow": ((246, 208, 52), _YELLOW),
    "gold": ((222, 176, 62), _YELLOW),
    "green": ((58, 142, 76), _GREEN),
    "emerald": ((24, 148, 96), _GREEN),
    "olive": ((128, 132, 52), ColourFamily((44, 100), (0.2, 1), (0.14, 0.75))),
    "teal": ((24, 136, 138), _TEAL),
    "turquoise": ((56, 192, 186), _TEAL),
    "cyan": ((40, 190, 214), _TEAL),
    "blue": ((42, 96, 190), _BLUE),
    "navy": ((24, 40, 96), _BLUE),
    "indigo": ((66, 52, 150), ColourFamily((225, 285), (0.2, 1), (0.14, 1))),
    "purple": ((124, 58, 160), _PURPLE),
    "violet": ((136, 84, 196), _PURPLE),
    "lilac": ((186, 156, 214), _PURPLE),
    "magenta": ((206, 42, 148), _PINK),
    "pink": ((240, 146, 176), _PINK),
    "brown": ((122, 78, 48), _BROWN),
    "beige": ((222, 202, 168), _BEIGE),
    "black": ((18, 18, 22), _BLACK),
    "white": ((246, 246, 242), _WHITE),
    "grey": ((136, 138, 142), _GREY),
    "gray": ((136, 138, 142), _GREY),
    "silver": ((188, 192, 198), _GREY),
}

_NEGATED = re.compile(r"\b(?:no|not|without|never)\s+(?:[a-z]+\s+)?$")
_NAME = re.compile(r"\b(" + "|".join(NAMED) + r")\b")
_MONOCHROME = re.compile(r"\b(black[ -]and[ -]white|black & white|b&w|monochrome|gr[ae]yscale)\b")


def is_monochrome_asked(text: str) -> bool:
    """Whether the text asks for a monochrome picture."""
    return _MONOCHROME.search(text.lower()) is not None


def find_colour_names(text: str) -> list[str]:
    """The colour names in a text, in order, each once; without forbidden ones ("no red") and
    "black and white"."""
    lowered = _MONOCHROME.sub(" ", text.lower())
    names: list[str] = []
    for match in _NAME.finditer(lowered):
        if match[1] not in names and not _NEGATED.search(lowered[: match.start()]):
            names.append(match[1])
    return names


def hsv(image: Image.Image) -> NDArray[np.uint8]:
    """Hue, saturation and value of an RGB image, (height, width, 3) uint8, 0 to 255 each."""
    return np.asarray(image.convert("HSV"))


def share(pixels: NDArray[np.uint8], name: str) -> float:
    """The share of a picture, 0 to 1, that has the named colour; `pixels`: the result of `hsv`."""
    family = NAMED[name][1]
    hue, saturation, value = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    low, high = (round(bound * 256 / 360) for bound in family.hue)
    found = (hue >= low) & (hue <= high) if high <= 255 else (hue >= low) | (hue <= high - 256)
    for channel, bounds in ((saturation, family.saturation), (value, family.value)):
        found &= (channel >= round(bounds[0] * 255)) & (channel <= round(bounds[1] * 255))
    return float(np.count_nonzero(found)) / found.size


def mix(first: Colour, second: Colour, amount: float) -> Colour:
    """The colour between the first (`amount` 0) and the second (1)."""
    r, g, b = (round(a + (z - a) * amount) for a, z in zip(first, second, strict=True))
    return r, g, b


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor below 1) or lighter (above 1)."""
    r, g, b = (max(0, min(255, round(part * factor))) for part in colour)
    return r, g, b
