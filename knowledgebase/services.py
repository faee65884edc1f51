"""Writes to the knowledge base: the initial tips and prices, and switching them on and off."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core import serializers
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from knowledgebase.models import Price, Tip

R = TypeVar("R", Tip, Price)

_FILES: dict[type[Tip | Price], str] = {Tip: "tips.json", Price: "prices.json"}
# What identifies a row, and what `seed` writes.
_KEYS: dict[type[Tip | Price], tuple[str, ...]] = {
    Tip: ("key",),
    Price: ("service", "model", "unit", "valid_from"),
}
_FIELDS: dict[type[Tip | Price], tuple[str, ...]] = {
    Tip: ("value", "provider", "enabled", "position"),
    Price: ("usd", "per", "source", "read_on", "enabled"),
}


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows of the fixtures were made, unchanged, kept because a curator changed them, or restored."""

    made: int
    unchanged: int
    curated: int
    restored: int


def seed(model: type[R], *, should_restore: bool = False) -> Seeded:
    """Makes the missing tips or prices of the fixtures; existing rows stay as they are.

    A row that differs from its fixture counts as a curator's work and is kept, unless `should_restore`: then it gets
    the fixture's values. Rows that are in no fixture are never changed.
    """
    wanted = {_key(row): row for row in fixture_rows(model)}
    for row in wanted.values():
        if isinstance(row, Tip):
            row.given_digest = digest_of(row)
    with transaction.atomic():
        present = {_key(row): row for row in model._default_manager.select_for_update()}
        missing = [row for key, row in wanted.items() if key not in present]
        differing = [row for key, row in wanted.items() if key in present and _differs(row, present[key])]
        # Another process may seed at the same time; the rows of the first one are kept.
        model._default_manager.bulk_create(missing, ignore_conflicts=True)
        if should_restore:
            for row in differing:
                row.pk = present[_key(row)].pk
                row.save(force_update=True)
    changed = len(differing)
    return Seeded(
        made=len(missing),
        unchanged=len(wanted) - len(missing) - changed,
        curated=0 if should_restore else changed,
        restored=changed if should_restore else 0,
    )


def digest_of(tip: Tip) -> str:
    """SHA-256, in hex, of a tip's value, provider, switch and position."""
    said = [getattr(tip, name) for name in _FIELDS[Tip]]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def is_a_curators(tip: Tip, seeded: Tip | None) -> bool:
    """Whether a curator made or changed the tip.

    True if it differs from what `seed` or an import last wrote, and from `seeded`, the fixture's tip (None: none).
    """
    return tip.given_digest != digest_of(tip) and (seeded is None or _differs(tip, seeded))


def switch(rows: QuerySet[R], *, enabled: bool) -> int:
    """Switches tips or prices on or off and returns how many changed.

    A tip's switch applies from the next variant of each job on. Recorded charges stay as they are.
    """
    ids = list(rows.values_list("pk", flat=True))
    changed = rows.model._default_manager.filter(pk__in=ids).exclude(enabled=enabled)
    return changed.update(enabled=enabled, updated_at=timezone.now())


def fixture_rows(model: type[R]) -> list[R]:
    """The initial tips or prices, from every folder of FIXTURE_DIRS that has some; not saved."""
    files = [path for folder in settings.FIXTURE_DIRS if (path := Path(folder) / _FILES[model]).is_file()]
    rows = (row.object for file in files for row in serializers.deserialize("json", file.read_text("utf-8")))
    return [row for row in rows if isinstance(row, model)]


def _key(row: Tip | Price) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in _KEYS[type(row)])


def _differs(one: R, other: R) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in _FIELDS[type(one)])
