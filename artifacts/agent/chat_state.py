"""Where a chat stands between two messages: what is asked, what is on show, the way back. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from artifacts.agent.understanding.intent import Offer

# What the choices on show are for: values of the placeholder asked, projects to fill from, or a yes and a no.
Question = Literal["value", "project", "start_over", "publish"]
QUESTIONS: tuple[Question, ...] = ("value", "project", "start_over", "publish")
# Of the way back so many placeholders are remembered.
MOST_BEFORE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """One numbered choice; `thumbnail` is the address of an image, empty for words."""

    n: int
    label: str
    value: str
    words: str = ""
    thumbnail: str = ""

    @property
    def offer(self) -> Offer:
        """As the message is understood by."""
        return Offer(self.n, self.label, self.value, self.words)


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Where "more" goes on in a list of images: behind image `after`, of which `shown` were on show so far."""

    after: str
    shown: int
    words: str = ""


@dataclass(slots=True)
class Standing:
    """One chat. `asked`: the placeholder asked for; `heading`: a sentence on the choices that are on show;
    `before`: the placeholders asked before it, the last one last."""

    is_greeted: bool = False
    asked: str | None = None
    question: Question = "value"
    heading: str = ""
    choices: list[Choice] = field(default_factory=list)
    place: ListPosition | None = None
    before: list[str] = field(default_factory=list)

    @property
    def is_confirming(self) -> bool:
        """Whether a yes or a no is waited for."""
        return self.question in ("start_over", "publish")

    def ask(self, name: str | None) -> None:
        """Takes the placeholder as the one asked; nothing is on show yet."""
        if self.asked is not None and self.asked != name:
            self.before = [*(one for one in self.before if one != self.asked), self.asked][-MOST_BEFORE:]
        self.asked = name
        self.clear()

    def clear(self) -> None:
        """Takes what is on show away."""
        self.question, self.heading, self.choices, self.place = "value", "", [], None

    def as_json(self) -> dict[str, Any]:
        """For the row."""
        return asdict(self)


def standing_of(data: Mapping[str, Any], names: frozenset[str]) -> Standing:
    """The chat of a row; whatever names no placeholder of the template is dropped."""
    place = data.get("place")
    asked = data.get("asked")
    question = data.get("question")
    return Standing(
        is_greeted=bool(data.get("is_greeted")),
        asked=asked if asked in names else None,
        question=question if question in QUESTIONS else "value",
        heading=str(data.get("heading") or ""),
        choices=[Choice(**choice) for choice in data.get("choices", ())],
        place=ListPosition(**place) if place else None,
        before=[name for name in data.get("before", ()) if name in names],
    )
