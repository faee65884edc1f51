"""Review board: every image large, with its number, prompt and verdict, and a form for comments."""

from collections.abc import Callable
from dataclasses import dataclass

from artifacts.generator import Answers, File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material
from artifacts.options import option

PRINTED_LINES = 7


@dataclass(frozen=True, slots=True)
class ReviewBoardOptions(ImageOptions):
    """Options of a review board."""

    verdicts: bool = option(True, "Whether the judge's verdict and notes are shown beside each image.")
    comments: bool = option(True, "Whether visitors can write comments.")


class ReviewBoard(Generator):
    """See the module."""

    name = "reviewBoard"
    title = "Review board"
    description = "Every image large and numbered, with prompt, verdict and comments; also for print."
    output = "html"
    options = ReviewBoardOptions

    def answers_for(self, options: ReviewBoardOptions) -> Answers:
        """Comments, if the option allows them."""
        return Answers(comments=options.comments)

    def generate(
        self, material: Material, options: ReviewBoardOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        context = {
            "images": images,
            "verdicts": options.verdicts,
            "comments": options.comments,
            "lines": range(PRINTED_LINES),
        }
        return [html_file("review_board.html", material, context, cover=cover_of(images))]
