"""Lookbook: a cover and a gallery with captions, provider and verdict, for any device."""

from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.generator import ImageOptions
from artifacts.making.page import ChosenImagesPage
from artifacts.material import ImageFacts
from artifacts.options import option


@dataclass(frozen=True, slots=True)
class LookbookOptions(ImageOptions):
    """Options of a lookbook."""

    captions: bool = option(True, "Whether prompt, provider and verdict are shown below each image.")


class Lookbook(ChosenImagesPage):
    """See the module."""

    name = "lookbook"
    title = "Lookbook"
    description = "A cover and a responsive gallery with captions; images open large by keyboard and touch."
    template = "lookbook.html"
    options = LookbookOptions

    def context(self, images: Sequence[ImageFacts], options: LookbookOptions) -> dict[str, object]:
        """See ChosenImagesPage."""
        return {
            "providers": sorted({image.provider for image in images}),
            "last_day": max(image.created_at for image in images),
        }
