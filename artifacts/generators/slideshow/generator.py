"""Slideshow: one image per screen, with keys, touch or autoplay, and speaker notes."""

from collections.abc import Callable
from dataclasses import dataclass

from artifacts.generator import File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material
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


class Slideshow(Generator):
    """See the module."""

    name = "slideshow"
    title = "Slideshow"
    description = (
        "One image per screen, with keys, touch or autoplay, and speaker notes; prints one image per page."
    )
    output = "html"
    options = SlideshowOptions

    def generate(
        self, material: Material, options: SlideshowOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        context = {
            "images": images,
            "providers": sorted({image.provider for image in images}),
            "ms": round(options.seconds * 1000),
            "autoplay": options.autoplay,
            "notes": options.notes,
            "total": len(images) + 1,
        }
        return [html_file("slideshow.html", material, context, cover=cover_of(images))]
