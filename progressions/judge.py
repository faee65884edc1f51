"""The contract of judges, and their registry.

The orchestrator calls a judge in a worker thread after the image's row is written, with no transaction open; `manage.py
judge` and late judging call it in the same way. A judge looks at the picture and returns a verdict, once: it touches no
row, no storage and no other plug-in, and it does not repeat a failed call. If it raises, the image keeps a null
judgment with a note and is judged again later; the image itself is never changed or held back.
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
from dali.lib.registry import Configurable, Registry
from progressions.enums import Judgment, Kind

_MOST_NOTES, _MOST_NOTE = 40, 2_000
_MOST_TAGS, _MOST_TAG = 20, 40


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """What a judge sees.

    `prompt`: the client's own, not the refined one. `generated_image`, `start_image`: decoded pictures
    (dali.lib.pictures.images); the start image is None for `generate`. `mask`: mode L, of the start image's size,
    255 = was to be repainted; None except for `inpaint`. `size`: the (width, height) in pixels that the client asked
    for, or None. `deadline` applies to the whole call.
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
    """What a judge says about an image. Texts are cleaned and cut here, so that they can be stored.

    `judgment`: pass or fail; None if the judge could not decide. `notes`: whole sentences for people that say what was
    checked and what was not, at most 40 of 2,000 characters. `tags`: lower-case words for the filter, at most 20 of 40
    characters. `retry_suggestion`: after a fail, what to change in the prompt. `model`: the model that judged.
    `usage`: one for each call that was paid for; empty if judging is free. `unseen`: estimates for calls that were
    sent but never answered. `judge`: the judge's name, set by the caller.
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
        """Cleans and cuts the texts; any judgment other than pass or fail becomes None."""
        said = str(self.judgment)
        object.__setattr__(self, "judgment", Judgment(said) if said in set(Judgment) else None)
        notes = [text for note in self.notes if (text := clean_text(note, _MOST_NOTE))]
        tags = [text for tag in self.tags if (text := clean_text(tag, _MOST_TAG))]
        object.__setattr__(self, "notes", notes[:_MOST_NOTES])
        object.__setattr__(self, "tags", tags[:_MOST_TAGS])
        object.__setattr__(self, "retry_suggestion", clean_text(self.retry_suggestion, _MOST_NOTE))
        object.__setattr__(self, "model", clean_text(self.model, _MOST_TAG * 3))


class Judge(Configurable, ABC):
    """One way to judge an image."""

    name: ClassVar[str]  # lower case; the value of DALI_JUDGE
    # `auto` takes the configured judge with the highest preference. 0: used only if DALI_JUDGE names it.
    preference: ClassVar[int] = 0

    def estimate(self, request: JudgeRequest) -> Usage | None:
        """The approximate usage of one verdict, recorded if a sent call gets no answer; None if free. Pure."""
        return None

    @abstractmethod
    def judge(self, request: JudgeRequest) -> Verdict:
        """Looks at the image and returns a verdict, within `request.deadline`.

        Raises JudgeError, with the usage of what was paid, if the judge cannot answer now and a later attempt may
        succeed. Any other exception is logged and has the same effect.
        """


judges: Registry[Judge] = Registry(Judge, "progressions.vendors", "judge", group="progressions.judges")


def judge_in_use() -> Judge:
    """The judge that DALI_JUDGE names; for `auto`, the configured judge with the highest preference.

    Raises UnknownPluginError, which lists the known names, if DALI_JUDGE names none of them.
    """
    if settings.JUDGE != "auto":
        return judges.get(settings.JUDGE)
    preferred = [judge for judge in judges.all() if judge.preference > 0 and not judge.missing()]
    return max(preferred, key=lambda judge: judge.preference)
