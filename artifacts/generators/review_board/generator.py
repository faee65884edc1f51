"""Review board: every image large, with its number, prompt and verdict, and room for what people say of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from artifacts.generator import Answers, File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material

PRINTED_LINES = 7


@dataclass(frozen=True, slots=True)
class ReviewBoardOptions(ImageOptions):
    """What a board may be told."""

    verdicts: bool = field(
        default=True, metadata={"help": "Whether the judge's verdict and notes stand beside each image."}
    )
    comments: bool = field(default=True, metadata={"help": "Whether visitors are asked to write."})


class ReviewBoard(Generator):
    """See the module."""

    name = "reviewBoard"
    title = "Review board"
    description = (
        "Every image large and numbered, with prompt and verdict and room for comments, also on paper."
    )
    output = "html"
    options = ReviewBoardOptions

    def answers_for(self, options: ReviewBoardOptions) -> Answers:
        """Comments, where visitors are asked to write."""
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
