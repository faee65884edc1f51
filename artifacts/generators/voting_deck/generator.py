"""Voting deck: one image at a time to vote yes, maybe or no on, and a summary of the votes."""

from collections.abc import Callable
from dataclasses import dataclass

from artifacts.generator import Answers, File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material
from artifacts.options import option


@dataclass(frozen=True, slots=True)
class VotingDeckOptions(ImageOptions):
    """Options of a voting deck."""

    maybe: bool = option(True, "Whether visitors can vote maybe besides yes and no.")
    blind: bool = option(True, "Whether to hide provider and verdict, so that they do not influence votes.")
    votes: bool = option(True, "Whether votes are sent; otherwise they stay on the page, to copy or print.")


class VotingDeck(Generator):
    """See the module."""

    name = "votingDeck"
    title = "Voting deck"
    description = (
        "One image at a time to vote on by key, click or swipe; an overview; and a summary to copy or print."
    )
    output = "html"
    options = VotingDeckOptions

    def answers_for(self, options: VotingDeckOptions) -> Answers:
        """Votes, if they are sent."""
        return Answers(votes=tuple(value for value, _ in _choices(options)) if options.votes else ())

    def generate(
        self, material: Material, options: VotingDeckOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        context = {
            "images": images,
            "choices": _choices(options),
            "blind": options.blind,
            "votes": options.votes,
        }
        return [html_file("voting_deck.html", material, context, cover=cover_of(images))]


def _choices(options: VotingDeckOptions) -> list[tuple[str, str]]:
    """The choices: value and label."""
    maybe = [("maybe", "Maybe")] if options.maybe else []
    return [("yes", "Yes"), *maybe, ("no", "No")]
