"""Adds the wording of tips to a prompt. Pure: the same prompt, kind and tips always give the same text."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dali.lib.texts import comparable

# The limit of progressions.provider.ProviderRequest; a client's own prompt has at most 32,000 characters.
MAX_CHARACTERS = 40_000

# Including typographic, Chinese and Japanese ones.
_SENTENCE_END = tuple(".!?…。！？")  # noqa: RUF001 - meant as they are
_PAUSE = tuple(",;:-–—，、；：")  # noqa: RUF001 - meant as they are
_CLOSERS = "\"'”’»)]」』）"  # noqa: RUF001 - meant as they are


@dataclass(frozen=True, slots=True)
class TipText:
    """The parts of a tip that refining needs.

    `addition`: a phrase (`soft window light`) or a whole sentence (`Keep the face as it is.`). `kinds`: the kinds of
    work it applies to; `keywords`: words or phrases of which the prompt must contain one; empty means any. `guidance`:
    whole sentences for a person or a model that rewrites the prompt.
    """

    key: str
    addition: str
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]
    position: int
    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Refined:
    """A prompt as a provider gets it, and the tips that were applied, in order."""

    prompt: str
    tips: tuple[TipText, ...]


def refine(prompt: str, kind: str, tips: Sequence[TipText]) -> Refined:
    """The prompt with the additions of the tips that fit it.

    The client's words come first, unchanged except for surrounding space. The additions follow by position, then by
    key; the order of `tips` does not matter. A tip is not applied if the text already contains its words, if it has
    none, or if the result would exceed MAX_CHARACTERS.
    """
    text = prompt.strip()
    applied = []
    for tip in fitting(text, kind, tips):
        addition = tip.addition.strip()
        if not addition or _mentions(text, addition):
            continue
        longer = _joined(text, addition)
        if len(longer) <= MAX_CHARACTERS:
            text = longer
            applied.append(tip)
    return Refined(text, tuple(applied))


def fitting(prompt: str, kind: str, tips: Iterable[TipText]) -> list[TipText]:
    """The tips that apply to the kind and the prompt, in the order of application.

    A keyword must be in the prompt as whole words, in any case: `art` is not in `party`. Only the client's words
    count, not additions of other tips. Separate from `refine`, so that a text model can use the same tips.
    """
    return sorted(
        (
            tip
            for tip in tips
            if (not tip.kinds or kind in tip.kinds)
            and (not tip.keywords or any(_mentions(prompt, keyword) for keyword in tip.keywords))
        ),
        key=lambda tip: (tip.position, tip.key),
    )


def _mentions(text: str, phrase: str) -> bool:
    words = comparable(phrase).split()
    if not words:
        return False
    pattern = r"\s+".join(re.escape(word) for word in words)
    return re.search(rf"(?<!\w){pattern}(?!\w)", comparable(text)) is not None


def _joined(text: str, addition: str) -> str:
    """The addition after the text: a phrase after a comma, a sentence after a full stop."""
    ending = text.rstrip(_CLOSERS)
    if not text or ending.endswith(_SENTENCE_END) or text.endswith(_PAUSE):
        return f"{text} {addition}".lstrip()
    if addition[0].isupper():
        return f"{text}. {addition}"
    return f"{text}, {addition}"
