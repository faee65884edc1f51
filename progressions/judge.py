"""The contract of judges, and their registry.

A judge is called in a worker thread after an image's row is written, with no transaction open. It looks
and says; what follows from a verdict is the orchestrator's business. It must never change or block
the image: whatever it raises leaves the judgment null with a note, and the image is judged again later.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from django.conf import settings
from PIL import Image

from dali.lib.calls.answers.usage import Usage
from dali.lib.cleaning import clean_text
from dali.lib.clock import Deadline
from dali.lib.pictures.images import Picture
from dali.lib.registry import Registry
from progressions.enums import Judgment, Kind

_MOST_NOTES, _MOST_NOTE = 40, 2_000
_MOST_TAGS, _MOST_TAG = 20, 40


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """What a judge is shown.

    `prompt`: the client's own, not the refined one. `generated_image`, `start_image`: decoded pictures
    (dali.lib.pictures.images).
    `mask`: mode L, 255 = was to be repainted, of the start image's size, for `inpaint`.
    `size`: (width, height) asked for, None where none was.
    """

    kind: Kind
    prompt: str
    generated_image: Picture
    deadline: Deadline
    start_image: Picture | None = None
    mask: Image.Image | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says.

    `judgment` is null where it could not say; `notes` are whole sentences for people, saying what was
    looked at and what was not; `tags` are lower-case words for the filter, at most 20 of at most 40 characters;
    `retry_suggestion` says, on a fail, what to change in the prompt. `usage`: of each call that was paid for
    it; empty where it costs nothing. `unseen`: estimates of calls that were sent and never answered. `judge`: who said
    it; filled in by whoever asks the judge.
    """

    judgment: Judgment | None
    notes: list[str]
    tags: list[str] = field(default_factory=list)
    retry_suggestion: str = ""
    model: str = ""
    usage: tuple[Usage, ...] = ()
    judge: str = ""
    unseen: tuple[Usage, ...] = ()

    def __post_init__(self) -> None:
        """What models say is cleaned and bounded, whoever's judge it is; another judgment than the two is none."""
        said = str(self.judgment)
        object.__setattr__(self, "judgment", Judgment(said) if said in set(Judgment) else None)
        notes = [text for note in self.notes if (text := clean_text(note, _MOST_NOTE))]
        tags = [text for tag in self.tags if (text := clean_text(tag, _MOST_TAG))]
        object.__setattr__(self, "notes", notes[:_MOST_NOTES])
        object.__setattr__(self, "tags", tags[:_MOST_TAGS])
        object.__setattr__(self, "retry_suggestion", clean_text(self.retry_suggestion, _MOST_NOTE))
        object.__setattr__(self, "model", clean_text(self.model, _MOST_TAG * 3))


class Judge(ABC):
    """One way of judging an image."""

    name: ClassVar[str]

    def missing(self) -> list[str]:
        """Names of the settings that must be set before it can be asked; empty: it is configured."""
        return []

    def estimate(self, request: JudgeRequest) -> Usage | None:
        """About what one look uses, for the books where no answer is seen; None where looking costs nothing."""
        return None

    @abstractmethod
    def judge(self, request: JudgeRequest) -> Verdict:
        """Looks at the image and says, within `request.deadline`.

        Raises JudgeError where it cannot say now and asking again later may help.
        """


judges: Registry[Judge] = Registry(Judge, "progressions.vendors", "judge", group="progressions.judges")

# The best first; `local` needs nothing, so that there is always one.
AUTO_ORDER = ("workers", "openai", "gemini", "local")


def judge_in_use() -> Judge:
    """The judge that DALI_JUDGE names; `auto`: the first of AUTO_ORDER that is there and configured.

    Raises UnknownPluginError, naming the known, where it names none.
    """
    if settings.JUDGE != "auto":
        return judges.get(settings.JUDGE)
    there = {judge.name: judge for judge in judges.all()}
    return next(there[name] for name in AUTO_ORDER if name in there and not there[name].missing())
