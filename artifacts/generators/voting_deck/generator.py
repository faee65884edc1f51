"""Voting deck: one image at a time to say yes, maybe or no to, and a summary of what was chosen."""

from collections.abc import Callable
from dataclasses import dataclass, field

from artifacts.generator import Answers, File, Generator, ImageOptions, chosen_images, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import Material


@dataclass(frozen=True, slots=True)
class VotingDeckOptions(ImageOptions):
    """What a deck may be told."""

    maybe: bool = field(default=True, metadata={"help": "Whether people may say maybe beside yes and no."})
    blind: bool = field(
        default=True,
        metadata={"help": "Whether provider and verdict are left out, so that they sway nobody."},
    )
    votes: bool = field(
        default=True,
        metadata={"help": "Whether votes are sent; else they stay on the page, to be copied or printed."},
    )


class VotingDeck(Generator):
    """See the module."""

    name = "votingDeck"
    title = "Voting deck"
    description = (
        "One image at a time to vote on by key, click or swipe, an overview, and a summary to copy or print."
    )
    output = "html"
    options = VotingDeckOptions

    def answers_for(self, options: VotingDeckOptions) -> Answers:
        """Votes, where they are sent."""
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
    """What can be chosen: value and label."""
    maybe = [("maybe", "Maybe")] if options.maybe else []
    return [("yes", "Yes"), *maybe, ("no", "No")]
