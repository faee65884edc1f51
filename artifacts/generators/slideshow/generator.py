"""Slideshow: one image per screen, with keys, touch or autoplay, and speaker notes."""

from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.generator import ImageOptions
from artifacts.making.page import ChosenImagesPage
from artifacts.material import ImageFacts
from artifacts.options import option


@dataclass(frozen=True, slots=True)
class SlideshowOptions(ImageOptions):
    """Options of a slideshow."""

    seconds: float = option(6.0, "Seconds per slide during autoplay.", least=1, most=600)
    autoplay: bool = option(
        False, "Whether autoplay starts on load, unless the visitor prefers reduced motion."
    )
    notes: bool = option(
        True, "Whether the page includes speaker notes: the judge's notes, tips, seed and cost."
    )


class Slideshow(ChosenImagesPage):
    """See the module."""

    name = "slideshow"
    title = "Slideshow"
    description = (
        "One image per screen, with keys, touch or autoplay, and speaker notes; prints one image per page."
    )
    template = "slideshow.html"
    options = SlideshowOptions

    def context(self, images: Sequence[ImageFacts], options: SlideshowOptions) -> dict[str, object]:
        """See ChosenImagesPage."""
        return {
            "providers": sorted({image.provider for image in images}),
            "ms": round(options.seconds * 1000),
            "total": len(images) + 1,
        }
