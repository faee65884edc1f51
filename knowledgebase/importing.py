"""Imports tips from another knowledge base: what would change, and the change itself."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog
from django.db import transaction

from knowledgebase.models import Tip
from knowledgebase.queries import tip_text
from knowledgebase.services import digest_of, fixture_rows, is_a_curators

log = structlog.get_logger(__name__)

_PARTS = ("addition", "guidance", "kinds", "keywords")

Fate = Literal["new", "same", "changed", "kept"]


@dataclass(frozen=True, slots=True)
class TipRecord:
    """A tip of another knowledge base. `kinds` and `keywords`: empty means any."""

    key: str
    provider: str
    is_enabled: bool
    position: int
    guidance: str
    addition: str
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TipDifference:
    """One part of a tip that differs: its value here and in the other knowledge base."""

    part: str
    here: object
    there: object


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one tip. `kept`: it differs, but a curator changed it here."""

    key: str
    fate: Fate
    differences: tuple[TipDifference, ...] = ()
    is_a_curators: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What happened to each tip, in the order given, and how many tips exist only here."""

    changes: tuple[Change, ...]
    only_here: int

    def count(self, fate: Fate) -> int:
        """How many changes have this fate."""
        return sum(change.fate == fate for change in self.changes)


def import_tips(tips: Sequence[TipRecord], *, should_force: bool = False, is_dry: bool = False) -> Imported:
    """Adds the tips that are missing here, and updates wording, kinds, keywords, position and switch of the others.

    A tip that a curator made or changed here is kept, unless `should_force`. Tips that exist only here, and other
    parts of a tip's value, are never changed. All or nothing; with `is_dry` nothing is written.
    """
    seeded = {tip.pk: tip for tip in fixture_rows(Tip)}
    with transaction.atomic():
        there = Tip.objects.select_for_update().in_bulk([tip.key for tip in tips])
        changes = tuple(
            _change(tip, there.get(tip.key), seeded.get(tip.key), should_force=should_force) for tip in tips
        )
        if not is_dry:
            _write(tips, changes, there)
        only_here = Tip.objects.exclude(key__in=[tip.key for tip in tips]).count()
    if not is_dry:
        _log(changes)
    return Imported(changes, only_here)


def _change(tip: TipRecord, row: Tip | None, seeded: Tip | None, *, should_force: bool) -> Change:
    if row is None:
        return Change(tip.key, "new")
    differences = tuple(_differences(tip, row))
    if not differences:
        return Change(tip.key, "same")
    by_hand = is_a_curators(row, seeded)
    fate: Fate = "kept" if by_hand and not should_force else "changed"
    return Change(tip.key, fate, differences, by_hand)


def _differences(tip: TipRecord, row: Tip) -> Iterable[TipDifference]:
    text = tip_text(row)
    pairs = {part: (getattr(text, part), getattr(tip, part)) for part in _PARTS} | {
        "provider": (row.provider, tip.provider),
        "position": (row.position, tip.position),
        "enabled": (row.enabled, tip.is_enabled),
    }
    return [TipDifference(part, here, there) for part, (here, there) in pairs.items() if here != there]


def _write(tips: Iterable[TipRecord], changes: Iterable[Change], there: dict[str, Tip]) -> None:
    for tip, change in zip(tips, changes, strict=True):
        if change.fate not in ("new", "changed"):
            continue
        row = there.get(tip.key) or Tip(key=tip.key)
        kept = row.value if isinstance(row.value, dict) else {}
        row.value = {
            **kept,
            "guidance": tip.guidance,
            "addition": tip.addition,
            "kinds": list(tip.kinds),
            "keywords": list(tip.keywords),
        }
        row.provider, row.enabled, row.position = tip.provider, tip.is_enabled, tip.position
        row.given_digest = digest_of(row)
        row.save()


def _log(changes: Iterable[Change]) -> None:
    """Logs what was written and what it replaced."""
    for change in changes:
        if change.fate == "new":
            log.info("tip_imported", key=change.key, fate="new")
        if change.fate == "changed":
            before = {one.part: one.here for one in change.differences}
            log.info(
                "tip_imported",
                key=change.key,
                fate="changed",
                was_a_curators=change.is_a_curators,
                before=json.dumps(before, ensure_ascii=False),
            )
