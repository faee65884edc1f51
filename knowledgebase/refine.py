"""Works tips into a prompt: pure, so that the same prompt, kind and tips always give the same words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dali.lib.texts import comparable

# The most a provider is handed (progressions.provider.ProviderRequest); a client's own prompt ends at 32,000.
MAX_CHARACTERS = 40_000

# Also those of typographers and of Chinese and Japanese.
_SENTENCE_END = tuple(".!?…。！？")  # noqa: RUF001 - meant as they are
_PAUSE = tuple(",;:-–—，、；：")  # noqa: RUF001 - meant as they are
_CLOSERS = "\"'”’»)]」』）"  # noqa: RUF001 - meant as they are


@dataclass(frozen=True, slots=True)
class TipText:
    """What refining needs to know of one tip.

    `addition` is a phrase (`soft window light`) or a whole sentence (`Keep the face as it is.`). `kinds`: the
    kinds of work it fits; `keywords`: words or phrases that call for it; either empty: it fits any.
    `guidance` says in whole sentences, to whoever rewrites a prompt by hand or by model, what it is after.
    """

    key: str
    addition: str
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]
    position: int
    guidance: str = ""


@dataclass(frozen=True, slots=True)
class Refined:
    """A prompt as a provider gets it, and the tips that changed it, in the order they were applied."""

    prompt: str
    tips: tuple[TipText, ...]


def refine(prompt: str, kind: str, tips: Sequence[TipText]) -> Refined:
    """The prompt with the additions of the tips that fit it.

    Order: the client's words first and unchanged (surrounding space is trimmed), then one addition after the
    other from the lowest position to the highest, tips of one position by key; the order of `tips` does not
    matter. A tip is left out, and not named as applied, where the prompt or an earlier addition says the same
    words already, where it adds none, or where the result would pass 40,000 characters.
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
    """The tips that fit the kind and the prompt, in the order they are applied.

    A keyword fits where it stands in the prompt as whole words, whatever the case: `art` is not in `party`.
    Only the client's words count, not those that other tips add. Choosing tips is apart from wording
    them, so that something else than `refine` can word the same choice by the tips' guidance.
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
    """Both, as one would write them: a phrase after a comma, a sentence after a full stop."""
    ending = text.rstrip(_CLOSERS)
    if not text or ending.endswith(_SENTENCE_END) or text.endswith(_PAUSE):
        return f"{text} {addition}".lstrip()
    if addition[0].isupper():
        return f"{text}. {addition}"
    return f"{text}, {addition}"
