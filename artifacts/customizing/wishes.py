"""What a message to the Artifact Agent asks for, read without a model: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Action = Literal[
    "set",
    "pick",
    "latest",
    "find",
    "image",
    "fill",
    "skip",
    "back",
    "show",
    "change",
    "start_over",
    "more",
    "help",
    "done",
    "yes",
    "no",
]


@dataclass(frozen=True, slots=True)
class Offer:
    """One numbered choice on show; `words` are an image's prompt, notes and tags."""

    n: int
    label: str
    value: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """One placeholder of the template; `value` is None while it is not filled."""

    name: str
    is_image: bool
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What the user sees while writing: the placeholder asked for, the choices on show, names of the projects.

    `is_confirming`: the choices answer a question of the agent's own, of the kind that is answered yes or no.
    """

    asked: str | None
    slots: tuple[Slot, ...]
    offers: tuple[Offer, ...]
    projects: tuple[str, ...]
    is_confirming: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing to do. `placeholder` is the one the user named; None: the one asked.

    `text`: of `set` the value, of `find` what is looked for, of `image` an id or URL, of `fill` the project's name
    (empty: the only one, or any). `number`: of `pick`.
    """

    action: Action
    placeholder: str | None = None
    text: str = ""
    number: int | None = None


def understand(message: str, situation: Situation) -> list[Wish] | None:
    """The wishes in a message, in order; None where it is not certain what is meant."""
    raise NotImplementedError(message, situation)


def matches(words: str, offers: Sequence[Offer]) -> list[Offer]:
    """The choices whose words hold all words of the phrase, the best first."""
    raise NotImplementedError(words, offers)
