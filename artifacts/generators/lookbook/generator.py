"""Lookbook: a cover and a gallery with captions, provider and verdict, for any device."""

from collections.abc import Callable
from dataclasses import dataclass

from artifacts.generator import File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material
from artifacts.options import option


@dataclass(frozen=True, slots=True)
class LookbookOptions(ImageOptions):
    """Options of a lookbook."""

    captions: bool = option(True, "Whether prompt, provider and verdict are shown below each image.")


class Lookbook(Generator):
    """See the module."""

    name = "lookbook"
    title = "Lookbook"
    description = "A cover and a responsive gallery with captions; images open large by keyboard and touch."
    output = "html"
    options = LookbookOptions

    def generate(
        self, material: Material, options: LookbookOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        context = {
            "images": images,
            "captions": options.captions,
            "providers": sorted({image.provider for image in images}),
            "last_day": max(image.created_at for image in images),
        }
        return [html_file("lookbook.html", material, context, cover=cover_of(images))]
