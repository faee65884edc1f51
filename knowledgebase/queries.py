"""Reads of the knowledge base."""

from knowledgebase.models import Tip
from knowledgebase.refine import TipText


def tips_for(provider: str) -> list[TipText]:
    """The provider's enabled tips, by position and key."""
    rows = Tip.objects.filter(provider=provider, enabled=True).order_by("position", "key")
    return [tip_text(row) for row in rows]


def tips_by_provider() -> dict[str, list[TipText]]:
    """The enabled tips of every provider that has any, by position and key, in one query."""
    tips: dict[str, list[TipText]] = {}
    for row in Tip.objects.filter(enabled=True).order_by("provider", "position", "key"):
        tips.setdefault(row.provider, []).append(tip_text(row))
    return tips


def tip_text(row: Tip) -> TipText:
    """The parts of a row's value; a part that is missing or of another type counts as empty."""
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
