"""The context of one turn: what the user sees, what is filled, what has changed, what the agent says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from artifacts.agent.chat_state import ChatState, Choice, Question
from artifacts.agent.tools import Tools
from artifacts.agent.understanding import phrases
from artifacts.agent.understanding.intent import Intent, ProjectName, Situation, Slot
from artifacts.filling.placeholders import Placeholder, TemplatePage
from artifacts.models import Artifact


@dataclass(slots=True)
class TurnContext:
    """One turn in progress. `on_show`, `question`: the choices and the question as the user saw them when writing.

    `is_asked`: the open question has been asked, with its choices; `wants_page`: the user asked for the page.
    """

    artifact: Artifact
    page: TemplatePage
    state: ChatState
    tools: Tools
    projects: tuple[ProjectName, ...]
    filled: dict[str, str]
    said: list[str] = field(default_factory=list)
    has_changed: bool = False
    is_asked: bool = True
    wants_page: bool = False
    on_show: tuple[Choice, ...] = ()
    question: Question = "value"

    def __post_init__(self) -> None:
        """Remembers what the user sees."""
        self.on_show, self.question = tuple(self.state.choices), self.state.question
        self.is_asked = self.state.asked is not None

    @property
    def remaining(self) -> list[str]:
        """The placeholders without a value, in page order."""
        return [slot.name for slot in self.page.placeholders if slot.name not in self.filled]

    @property
    def project_ids(self) -> list[str]:
        """The projects whose images may be used."""
        return [project.id for project in self.projects]

    @property
    def asked(self) -> Placeholder | None:
        """The placeholder asked for."""
        return self.slot(self.state.asked)

    def slot(self, name: str | None) -> Placeholder | None:
        """The placeholder with that name."""
        return next((slot for slot in self.page.placeholders if slot.name == name), None)

    def target(self, intent: Intent) -> Placeholder | None:
        """The placeholder an intent is about: the one it names, the one asked for, or the next one."""
        if intent.placeholder is not None:
            return self.slot(intent.placeholder)
        if self.state.asked is None and self.has_changed and self.remaining:
            return self.slot(self.remaining[0])
        return self.asked

    def say(self, sentence: str) -> None:
        """Adds a sentence to the reply."""
        self.said.append(sentence)

    def ask(self, name: str | None) -> None:
        """Asks for this placeholder; None: for the next empty one."""
        self.state.ask(name)
        self.is_asked = False

    def clear(self) -> None:
        """Removes the choices; the question will be asked again."""
        self.state.clear()
        self.is_asked = False

    def show_choices(self, question: Question, heading: str, choices: list[Choice]) -> None:
        """Offers choices under a sentence."""
        self.state.clear()
        self.state.question, self.state.heading, self.state.choices = question, heading, choices
        self.is_asked = True

    def display_values(self) -> dict[str, str]:
        """The values as the agent speaks of them: images by their label, if it is known."""
        images = [
            slot.name for slot in self.page.placeholders if slot.is_image and self.filled.get(slot.name)
        ]
        if not images:
            return self.filled
        placed = sorted({self.filled[name] for name in images})
        found = self.tools.get_images_for_project(self.project_ids, placed=placed).images
        labels = {image.url: phrases.quoted(image.label) for image in found}
        return {**self.filled, **{name: labels.get(self.filled[name], self.filled[name]) for name in images}}

    def save(self, values: Mapping[str, str | None]) -> None:
        """Saves choices, and drops the open question about a placeholder that now has a value."""
        self.tools.save_configuration(values)
        self.has_changed = True
        for name, value in values.items():
            if value is None:
                self.filled.pop(name, None)
            else:
                self.filled[name] = value
        if self.state.asked in values:
            self.ask(None)

    def fill(self, slot: Placeholder, value: str, label: str = "") -> None:
        """Saves one value and says so; `label`: what the image shows."""
        self.save({slot.name: value})
        self.say(phrases.set_to(slot, value, label))

    def situation(self) -> Situation:
        """What the user sees, as the rules and the text model need it."""
        return Situation(
            asked=self.state.asked,
            slots=tuple(
                Slot(slot.name, slot.is_image, self.filled.get(slot.name)) for slot in self.page.placeholders
            ),
            offers=tuple(choice.offer for choice in self.state.choices),
            projects=tuple(project.name for project in self.projects),
            is_confirming=self.state.is_confirming,
        )
