"""What a user can ask of the Artifact Agent, and what they see while asking."""

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
class ProjectName:
    """A project of the artifact."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One numbered choice; `words` are an image's prompt, notes and tags."""

    n: int
    label: str
    value: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """One placeholder of the template; `value` is None if it is not filled."""

    name: str
    is_image: bool
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What the user sees while writing: the placeholder asked for, the choices offered, the names of the projects.

    `is_confirming`: the choices answer a yes/no question of the agent.
    """

    asked: str | None
    slots: tuple[Slot, ...]
    offers: tuple[Offer, ...]
    projects: tuple[str, ...]
    is_confirming: bool = False

    def slot(self, name: str | None) -> Slot | None:
        """The placeholder with that name."""
        return next((slot for slot in self.slots if slot.name == name), None)

    def numbers(self) -> set[int]:
        """The numbers of the choices."""
        return {offer.n for offer in self.offers}


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing to do. `placeholder`: the one the user named; None: the one asked for.

    `text`: the value for `set`, the words for `find`, an id or URL for `image`, the project's name for `fill` (empty:
    the only one, or any). `number`: for `pick`, as offered when the message was written.
    """

    action: Action
    placeholder: str | None = None
    text: str = ""
    number: int | None = None
