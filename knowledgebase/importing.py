"""Tips of another knowledge base taken into this one: what would change, and the change itself."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
from django.db import transaction

from knowledgebase.models import Tip
from knowledgebase.queries import tip_text
from knowledgebase.services import digest_of, is_a_curators, read_fixture

log = structlog.get_logger(__name__)

_PARTS = ("addition", "guidance", "kinds", "keywords")

Fate = Literal["new", "same", "changed", "kept"]


@dataclass(frozen=True, slots=True)
class TipRecord:
    """A tip as another knowledge base has it."""

    key: str
    provider: str
    is_enabled: bool
    position: int
    guidance: str
    addition: str
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a tip, as it is here and as the other has it."""

    part: str
    here: object
    there: object


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one tip. `kept`: it differs, and stays, for a curator changed it here."""

    key: str
    fate: Fate
    differences: tuple[Difference, ...] = ()
    is_a_curators: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of each tip, in the order given, and how many tips only this knowledge base has."""

    changes: tuple[Change, ...]
    only_here: int

    def count(self, fate: Fate) -> int:
        """How many there are of one fate."""
        return sum(change.fate == fate for change in self.changes)


def import_tips(
    tips: Sequence[TipRecord], *, fixture: Path, should_force: bool = False, is_dry: bool = False
) -> Imported:
    """Adds the tips that are not here and gives the others the other's words, kinds, keywords, place and switch.

    A tip that a curator made or changed here stays as it is, unless `should_force`; tips that are only here are
    never touched. What else stands in a tip's value stays. `fixture`: what `seed` writes. All or nothing; with `is_dry`
    nothing is written.
    """
    seeded = {tip.pk: tip for tip in read_fixture(Tip, fixture)}
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


def _differences(tip: TipRecord, row: Tip) -> Iterable[Difference]:
    here = tip_text(row)
    for part in _PARTS:
        if getattr(here, part) != getattr(tip, part):
            yield Difference(part, getattr(here, part), getattr(tip, part))
    for part, is_here, is_there in (
        ("provider", row.provider, tip.provider),
        ("position", row.position, tip.position),
        ("enabled", row.enabled, tip.is_enabled),
    ):
        if is_here != is_there:
            yield Difference(part, is_here, is_there)


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
    """What was written and what was there before stands in the log."""
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
