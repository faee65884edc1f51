"""Slideshow: one image a screen, by keys, touch or itself, with notes for whoever speaks."""

from collections.abc import Callable
from dataclasses import dataclass, field

from artifacts.generator import File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material


@dataclass(frozen=True, slots=True)
class SlideshowOptions(ImageOptions):
    """What a slideshow may be told."""

    seconds: float = field(
        default=6.0,
        metadata={"help": "How long a slide stands while it plays by itself.", "least": 1, "most": 600},
    )
    autoplay: bool = field(
        default=False,
        metadata={"help": "Whether it plays from the start, unless the visitor wants less motion."},
    )
    notes: bool = field(
        default=True,
        metadata={"help": "Whether the judge's notes, tips, seed and cost are in the page, for the speaker."},
    )


class Slideshow(Generator):
    """See the module."""

    name = "slideshow"
    title = "Slideshow"
    description = "One image a screen, by keys, touch or itself, with speaker notes; printed one a page."
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
