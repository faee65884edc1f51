"""Review board: every image large, with its number, prompt and verdict, and a form for comments."""

from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.generator import Answers, ImageOptions
from artifacts.making.page import ChosenImagesPage
from artifacts.material import ImageFacts
from artifacts.options import option

PRINTED_LINES = 7


@dataclass(frozen=True, slots=True)
class ReviewBoardOptions(ImageOptions):
    """Options of a review board."""

    verdicts: bool = option(True, "Whether the judge's verdict and notes are shown beside each image.")
    comments: bool = option(True, "Whether visitors can write comments.")


class ReviewBoard(ChosenImagesPage):
    """See the module."""

    name = "reviewBoard"
    title = "Review board"
    description = "Every image large and numbered, with prompt, verdict and comments; also for print."
    template = "review_board.html"
    options = ReviewBoardOptions

    def answers_for(self, options: ReviewBoardOptions) -> Answers:
        """Comments, if the option allows them."""
        return Answers(comments=options.comments)

    def context(self, images: Sequence[ImageFacts], options: ReviewBoardOptions) -> dict[str, object]:
        """See ChosenImagesPage."""
        return {
            "lines": range(PRINTED_LINES),
        }
