"""Moodboard: a collage ordered by colour, and the palette that the images share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, islice
from uuid import UUID

from artifacts.generator import File, Generator, ImageOptions, Report, chosen_images, cover_of, in_silence
from artifacts.generators.moodboard.palette import Swatch, common_swatches, swatches_of
from artifacts.making.page import html_file
from artifacts.material import ImageFacts, Material
from artifacts.options import option
from artifacts.parts.originals import use_original

# Originals read ahead while the pixels of others are counted.
_READERS = 4
# One in this many pictures is shown large: those with the strongest colours.
_LARGE_EVERY = 4


@dataclass(frozen=True, slots=True)
class MoodboardOptions(ImageOptions):
    """Options of a moodboard."""

    most: int = option(60, "Maximum number of images; the newest are kept.", least=1, most=200)
    colours: int = option(8, "Maximum number of colours in the shared palette.", least=2, most=16)


@dataclass(frozen=True, slots=True)
class SwatchBar:
    """A colour in the strip below a picture; the strip is 100 wide."""

    begins: float
    width: float
    fill: str


@dataclass(frozen=True, slots=True)
class CollagePiece:
    """A picture of the collage, or a colour between pictures. `size`: the CSS class of its cell."""

    size: str
    image: ImageFacts | None = None
    swatches: tuple[Swatch, ...] = ()
    bars: tuple[SwatchBar, ...] = ()
    tile: int | None = None


class Moodboard(Generator):
    """See the module."""

    name = "moodboard"
    title = "Moodboard"
    description = "A collage ordered by colour, with the palette that the images share, its values and names."
    output = "html"
    options = MoodboardOptions
    most_at_once = 60

    def generate(
        self, material: Material, options: MoodboardOptions, report: Report = in_silence
    ) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        with ThreadPoolExecutor(_READERS) as readers:
            found = []
            for swatches in readers.map(lambda image: _swatches(material, image), images):
                found.append(swatches)
                report(len(found) / len(images))
        shared = common_swatches(found, options.colours)
        palette = sorted(shared, key=lambda swatch: (round(swatch.lightness, 4), swatch.colour))
        context = {
            "images": images,
            "palette": palette,
            "pieces": _collage(list(zip(images, found, strict=True)), len(palette)),
            "unread": sum(not swatches for swatches in found),
        }
        return [html_file("moodboard.html", material, context, cover=cover_of(images))]


def _swatches(material: Material, image: ImageFacts) -> tuple[Swatch, ...]:
    """The colours of an original; none if it cannot be read (its delivery image is shown anyway)."""
    found = use_original(
        material, image, lambda original: swatches_of(original.picture.image), is_shown_anyway=True
    )
    return found or ()


def _collage(found: list[tuple[ImageFacts, tuple[Swatch, ...]]], colours: int) -> list[CollagePiece]:
    """The pictures around the colour circle, then grey ones, then unread ones; palette colours in between."""
    pieces: list[CollagePiece] = []
    tiles = iter(range(colours))
    large = _large(found)
    for place, (image, swatches) in enumerate(sorted(found, key=lambda pair: _order(*pair)), start=1):
        size = f"{_shape(image)} large" if image.id in large else _shape(image)
        pieces.append(CollagePiece(size, image, swatches, _bars(swatches)))
        due = place * colours // len(found) - (place - 1) * colours // len(found)
        pieces += [CollagePiece("one", tile=tile) for tile in islice(tiles, due)]
    return pieces


def _bars(swatches: tuple[Swatch, ...]) -> tuple[SwatchBar, ...]:
    begins = accumulate((swatch.share * 100 for swatch in swatches), initial=0.0)
    return tuple(
        SwatchBar(round(begin, 2), round(swatch.share * 100, 2), swatch.hex)
        for begin, swatch in zip(begins, swatches, strict=False)
    )


def _strongest(swatches: tuple[Swatch, ...]) -> Swatch:
    """A picture's most memorable colour: common and vivid."""
    return max(swatches, key=lambda swatch: swatch.chroma * swatch.share**0.5)


def _order(image: ImageFacts, swatches: tuple[Swatch, ...]) -> tuple[int, float, str]:
    if not swatches:
        return 2, 0.0, str(image.id)
    strongest = _strongest(swatches)
    is_grey = strongest.chroma < 0.04
    return int(is_grey), round(strongest.lightness if is_grey else strongest.hue, 3), str(image.id)


def _large(found: list[tuple[ImageFacts, tuple[Swatch, ...]]]) -> set[UUID]:
    """The pictures with the strongest colours, over their whole area."""
    ranked = sorted(
        found,
        key=lambda pair: (-round(sum(one.chroma * one.share for one in pair[1]), 4), str(pair[0].id)),
    )
    return {image.id for image, _ in ranked[: max(1, len(ranked) // _LARGE_EVERY)]}


def _shape(image: ImageFacts) -> str:
    """The CSS class of the picture's shape in the grid."""
    ratio = image.width / image.height
    return "tall" if ratio < 0.8 else "broad" if ratio > 1.9 else "one"
