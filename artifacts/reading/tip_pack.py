"""Parses the tips of a knowledge pack file (`dali.tips`)."""

from pathlib import Path

from artifacts.parts.records import TIPS
from artifacts.reading.record import Fields, RecordError, read_record
from dali.lib.web.input.fields import shown
from knowledgebase.importing import TipRecord
from knowledgebase.vocabulary import TIP_KEY
from progressions.enums import Kind

MOST_TIPS = 10_000
MOST_TEXT = 32_000
MOST_KEYWORDS = 500
MOST_KEYWORD = 200
MOST_POSITION = 2**31 - 1


def read_tips(path: Path) -> list[TipRecord]:
    """Reads and checks the tips of a pack. Raises RecordError with the line or field."""
    format_, version = TIPS
    record, _ = read_record(path, format_=format_, version=version, maker="the generator knowledgePack")
    tips: dict[str, TipRecord] = {}
    for fields in record.objects("tips", most=MOST_TIPS):
        tip = _tip(fields)
        if tip.key in tips:
            raise RecordError(f"{fields.path}.key: {shown(tip.key)} occurs twice")
        tips[tip.key] = tip
    if not tips:
        raise RecordError("tips is empty: there is nothing to import")
    return list(tips.values())


def _tip(fields: Fields) -> TipRecord:
    key = fields.text("key", most=100)
    if not TIP_KEY.fullmatch(key):
        fields.refuse("key", "provider.subject in lower case, like name.camera-language")
    provider = fields.text("provider", most=40)
    if not key.startswith(f"{provider}."):
        fields.refuse("provider", f"{key.partition('.')[0]}, as in the key")
    value = fields.inner("value")
    kinds = value.texts("kinds", most=20, most_items=len(Kind))
    for kind in kinds:
        if kind not in Kind.values:
            raise RecordError(
                f"{value.path}.kinds: {shown(kind)} is not known; known: {', '.join(Kind.values)}"
            )
    tip = TipRecord(
        key=key,
        provider=provider,
        is_enabled=fields.boolean("enabled"),
        position=fields.integer("position", least=-MOST_POSITION, most=MOST_POSITION),
        guidance=value.text("guidance", most=MOST_TEXT),
        addition=value.text("addition", most=MOST_TEXT),
        kinds=kinds,
        keywords=value.texts("keywords", most=MOST_KEYWORD, most_items=MOST_KEYWORDS),
    )
    if not tip.guidance.strip() and not tip.addition.strip():
        raise RecordError(f"{value.path} is empty: it must have an addition, a guidance or both")
    return tip
