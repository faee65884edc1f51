"""The state of a chat between two messages: the open question, the choices, the placeholders asked before. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from artifacts.agent.understanding.intent import Offer

# What the choices are for: a value of the placeholder asked for, a project to fill from, or a yes/no question.
Question = Literal["value", "project", "start_over", "publish"]
QUESTIONS: tuple[Question, ...] = ("value", "project", "start_over", "publish")
# How many placeholders “back” can return to.
MOST_BEFORE = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """One numbered choice; `thumbnail` is the URL of an image, empty for text."""

    n: int
    label: str
    value: str
    words: str = ""
    thumbnail: str = ""

    @property
    def offer(self) -> Offer:
        """The choice as the rules and the text model see it."""
        return Offer(self.n, self.label, self.value, self.words)


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Where “more” continues in a list of images: after image `after`; `shown` images were offered so far."""

    after: str
    shown: int
    words: str = ""


@dataclass(slots=True)
class ChatState:
    """One chat. `asked`: the placeholder asked for; `heading`: the sentence above the choices;
    `before`: the placeholders asked before, latest last."""

    is_greeted: bool = False
    asked: str | None = None
    question: Question = "value"
    heading: str = ""
    choices: list[Choice] = field(default_factory=list)
    place: ListPosition | None = None
    before: list[str] = field(default_factory=list)

    @property
    def is_confirming(self) -> bool:
        """Whether the open question needs a yes or a no."""
        return self.question in ("start_over", "publish")

    def ask(self, name: str | None) -> None:
        """Asks for this placeholder; no choices are offered yet."""
        if self.asked is not None and self.asked != name:
            self.before = [*(one for one in self.before if one != self.asked), self.asked][-MOST_BEFORE:]
        self.asked = name
        self.clear()

    def clear(self) -> None:
        """Removes the choices and their question."""
        self.question, self.heading, self.choices, self.place = "value", "", [], None


def read_chat_state(data: Mapping[str, Any], names: frozenset[str]) -> ChatState:
    """The state from a chat's row, without names that the template no longer has."""
    place = data.get("place")
    asked = data.get("asked")
    question = data.get("question")
    return ChatState(
        is_greeted=bool(data.get("is_greeted")),
        asked=asked if asked in names else None,
        question=question if question in QUESTIONS else "value",
        heading=str(data.get("heading") or ""),
        choices=[Choice(**choice) for choice in data.get("choices", ())],
        place=ListPosition(**place) if place else None,
        before=[name for name in data.get("before", ()) if name in names],
    )
