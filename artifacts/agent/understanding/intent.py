"""What can be asked of the Artifact Agent, and what its user sees while asking."""

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

    def slot(self, name: str | None) -> Slot | None:
        """The placeholder of that name."""
        return next((slot for slot in self.slots if slot.name == name), None)

    def numbers(self) -> set[int]:
        """The numbers on show."""
        return {offer.n for offer in self.offers}


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing to do. `placeholder` is the one the user named; None: the one asked.

    `text`: of `set` the value, of `find` what is looked for, of `image` an id or URL, of `fill` the project's name
    (empty: the only one, or any). `number`: of `pick`, as it was on show when the message was written.
    """

    action: Action
    placeholder: str | None = None
    text: str = ""
    number: int | None = None
