"""Writes to the knowledge base: the tips it starts with, and the switch of a tip."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.core import serializers
from django.db import transaction
from django.utils import timezone

from knowledgebase.models import Tip

_SEEDED_FIELDS = ("value", "provider", "enabled", "position")


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many tips of the fixture were made, were as they should be, were a curator's, were restored."""

    made: int
    unchanged: int
    curated: int
    restored: int


def seed_tips(*, fixture: Path, should_restore: bool = False) -> Seeded:
    """Makes the fixture's tips where they are missing; a tip that is there stays as it is.

    A tip that differs from the fixture is taken for a curator's work and left alone, unless `should_restore`:
    then it gets the fixture's wording, place and switch. Tips that the fixture does not know are never touched.
    """
    wanted = {tip.pk: tip for tip in _read(fixture)}
    with transaction.atomic():
        there = Tip.objects.select_for_update().in_bulk(wanted)
        missing = [tip for key, tip in wanted.items() if key not in there]
        differing = [tip for key, tip in wanted.items() if key in there and not _is_same(tip, there[key])]
        # Another process may seed at the same moment: the first one's rows stand.
        Tip.objects.bulk_create(missing, ignore_conflicts=True)
        if should_restore:
            for tip in differing:
                tip.save(force_update=True)
    restored = len(differing) if should_restore else 0
    return Seeded(
        made=len(missing),
        unchanged=len(there) - len(differing),
        curated=len(differing) - restored,
        restored=restored,
    )


def switch_tips(*, keys: Iterable[str], enabled: bool) -> int:
    """Switches tips on or off and returns how many were not so already. Jobs see it from their next variant."""
    changed = Tip.objects.filter(key__in=list(keys)).exclude(enabled=enabled)
    return changed.update(enabled=enabled, updated_at=timezone.now())


def _read(fixture: Path) -> list[Tip]:
    rows = serializers.deserialize("json", fixture.read_text(encoding="utf-8"))
    return [row.object for row in rows if isinstance(row.object, Tip)]


def _is_same(one: Tip, other: Tip) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _SEEDED_FIELDS)
