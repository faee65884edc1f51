"""Reads of the knowledge base."""

from dataclasses import dataclass

from knowledgebase.models import Tip
from knowledgebase.refine import TipText


@dataclass(frozen=True, slots=True)
class TipSet:
    """A provider's tips: those switched on, and those switched off."""

    on: list[TipText]
    off: list[TipText]


def tips_for(provider: str) -> list[TipText]:
    """The provider's enabled tips, by position and key."""
    rows = Tip.objects.filter(provider=provider, enabled=True).order_by("position", "key")
    return [tip_text(row) for row in rows]


def tips_by_provider() -> dict[str, TipSet]:
    """The tips by provider, each sorted by position and key, in one query."""
    tips: dict[str, TipSet] = {}
    for row in Tip.objects.order_by("provider", "position", "key"):
        tip_set = tips.setdefault(row.provider, TipSet([], []))
        (tip_set.on if row.enabled else tip_set.off).append(tip_text(row))
    return tips


def tip_text(row: Tip) -> TipText:
    """The parts of a row's value; a missing part, or one of the wrong type, counts as empty."""
    value = row.value if isinstance(row.value, dict) else {}
    return TipText(
        key=row.key,
        addition=_text(value.get("addition")),
        kinds=_words(value.get("kinds")),
        keywords=_words(value.get("keywords")),
        position=row.position,
        guidance=_text(value.get("guidance")),
    )


def _text(part: object) -> str:
    return part if isinstance(part, str) else ""


def _words(part: object) -> tuple[str, ...]:
    return tuple(word for word in part if isinstance(word, str)) if isinstance(part, list) else ()
