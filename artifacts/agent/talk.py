"""One turn of a talk: what there is, what was done so far, and what is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from artifacts.agent.chat_state import Choice, Question, Standing
from artifacts.agent.tools import Tools
from artifacts.agent.understanding import phrases
from artifacts.agent.understanding.intent import ProjectName, Situation, Slot, Wish
from artifacts.filling.placeholders import Placeholder, TemplatePage
from artifacts.models import Artifact


@dataclass(slots=True)
class Talk:
    """The turn as it goes on. `on_show`, `question`: as they were when the message was written.

    `is_posed`: the question that is asked has been put to the user, with its choices; `wants_page`: the user asked
    for the page itself.
    """

    artifact: Artifact
    page: TemplatePage
    standing: Standing
    tools: Tools
    projects: tuple[ProjectName, ...]
    filled: dict[str, str]
    said: list[str] = field(default_factory=list)
    has_changed: bool = False
    is_posed: bool = True
    wants_page: bool = False
    on_show: tuple[Choice, ...] = ()
    question: Question = "value"

    def __post_init__(self) -> None:
        """Remembers what the user sees."""
        self.on_show, self.question = tuple(self.standing.choices), self.standing.question
        self.is_posed = self.standing.asked is not None

    @property
    def remaining(self) -> list[str]:
        """The placeholders without a value, in the order of the page."""
        return [slot.name for slot in self.page.placeholders if slot.name not in self.filled]

    @property
    def project_ids(self) -> list[str]:
        """Whose images may be shown."""
        return [project.id for project in self.projects]

    @property
    def asked(self) -> Placeholder | None:
        """The placeholder that is asked for."""
        return self.slot(self.standing.asked)

    def slot(self, name: str | None) -> Placeholder | None:
        """The placeholder of that name."""
        return next((slot for slot in self.page.placeholders if slot.name == name), None)

    def target(self, wish: Wish) -> Placeholder | None:
        """The placeholder that a wish is about: the one named, the one asked, the one that comes next."""
        if wish.placeholder is not None:
            return self.slot(wish.placeholder)
        if self.standing.asked is None and self.has_changed and self.remaining:
            return self.slot(self.remaining[0])
        return self.asked

    def say(self, sentence: str) -> None:
        """Adds to the reply."""
        self.said.append(sentence)

    def ask(self, name: str | None) -> None:
        """Has the placeholder asked for; None: whichever comes next."""
        self.standing.ask(name)
        self.is_posed = False

    def clear(self) -> None:
        """Takes the choices on show away; the question is put again."""
        self.standing.clear()
        self.is_posed = False

    def put(self, question: Question, heading: str, choices: list[Choice]) -> None:
        """Puts choices on show, with a sentence on them."""
        self.standing.clear()
        self.standing.question, self.standing.heading, self.standing.choices = question, heading, choices
        self.is_posed = True

    def pictured(self) -> dict[str, str]:
        """What is filled, as it is spoken of: of images their labels, as far as they are known."""
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
        """Saves choices; a placeholder that was asked for is then no longer."""
        self.tools.save_configuration(values)
        self.has_changed = True
        for name, value in values.items():
            if value is None:
                self.filled.pop(name, None)
            else:
                self.filled[name] = value
        if self.standing.asked in values:
            self.ask(None)

    def situation(self) -> Situation:
        """As a message is understood by."""
        return Situation(
            asked=self.standing.asked,
            slots=tuple(
                Slot(slot.name, slot.is_image, self.filled.get(slot.name)) for slot in self.page.placeholders
            ),
            offers=tuple(choice.offer for choice in self.standing.choices),
            projects=tuple(project.name for project in self.projects),
            is_confirming=self.standing.is_confirming,
        )
