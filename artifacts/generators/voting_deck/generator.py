"""Voting deck: one image at a time to vote yes, maybe or no on, and a summary of the votes."""

from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.generator import Answers, ImageOptions
from artifacts.making.page import ChosenImagesPage
from artifacts.material import ImageFacts
from artifacts.options import option


@dataclass(frozen=True, slots=True)
class VotingDeckOptions(ImageOptions):
    """Options of a voting deck."""

    maybe: bool = option(True, "Whether visitors can vote maybe besides yes and no.")
    blind: bool = option(True, "Whether to hide provider and verdict, so that they do not influence votes.")
    votes: bool = option(True, "Whether votes are sent; otherwise they stay on the page, to copy or print.")


class VotingDeck(ChosenImagesPage):
    """See the module."""

    name = "votingDeck"
    title = "Voting deck"
    description = (
        "One image at a time to vote on by key, click or swipe; an overview; and a summary to copy or print."
    )
    template = "voting_deck.html"
    options = VotingDeckOptions

    def answers_for(self, options: VotingDeckOptions) -> Answers:
        """Votes, if they are sent."""
        return Answers(votes=tuple(value for value, _ in _choices(options)) if options.votes else ())

    def context(self, images: Sequence[ImageFacts], options: VotingDeckOptions) -> dict[str, object]:
        """See ChosenImagesPage."""
        return {
            "choices": _choices(options),
        }


def _choices(options: VotingDeckOptions) -> list[tuple[str, str]]:
    """The choices: value and label."""
    maybe = [("maybe", "Maybe")] if options.maybe else []
    return [("yes", "Yes"), *maybe, ("no", "No")]
