"""Writes to the knowledge base: the initial tips and prices, and switching them on and off."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core import serializers
from django.db import transaction
from django.utils import timezone

from knowledgebase.models import Price, Tip

# In any folder of FIXTURE_DIRS: each service keeps its own.
TIPS_FILE, PRICES_FILE = "tips.json", "prices.json"
_SEEDED_FIELDS = ("value", "provider", "enabled", "position")
_PRICE_KEY = ("service", "model", "unit", "valid_from")
_PRICE_FIELDS = ("usd", "per", "source", "read_on", "enabled")

R = TypeVar("R", Tip, Price)


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows of the fixtures were made, unchanged, kept because a curator changed them, or restored."""

    made: int
    unchanged: int
    curated: int
    restored: int


def seed_tips(*, should_restore: bool = False) -> Seeded:
    """Makes the missing tips of the fixtures; existing tips stay as they are.

    A tip that differs from its fixture counts as a curator's work and is kept, unless `should_restore`: then it gets
    the fixture's wording, position and switch. Tips that are in no fixture are never changed.
    """
    wanted = {tip.pk: tip for tip in fixture_rows(Tip)}
    for tip in wanted.values():
        tip.given_digest = digest_of(tip)
    with transaction.atomic():
        there = Tip.objects.select_for_update().in_bulk(wanted)
        missing = [tip for key, tip in wanted.items() if key not in there]
        differing = [
            tip for key, tip in wanted.items() if key in there and _differs(tip, there[key], _SEEDED_FIELDS)
        ]
        # Another process may seed at the same time; the rows of the first one are kept.
        Tip.objects.bulk_create(missing, ignore_conflicts=True)
        if should_restore:
            for tip in differing:
                tip.save(force_update=True)
    return _counted(missing, there, differing, should_restore=should_restore)


def seed_prices(*, should_restore: bool = False) -> Seeded:
    """Makes the missing prices of the fixtures, as `seed_tips` does with tips.

    A price is identified by service, model, unit and the first day it applies. A price that a curator changed or
    switched off is kept.
    """
    wanted = {_price_key(price): price for price in fixture_rows(Price)}
    with transaction.atomic():
        there = {_price_key(row): row for row in Price.objects.select_for_update()}
        missing = [price for key, price in wanted.items() if key not in there]
        differing = []
        for key, price in wanted.items():
            if key in there and _differs(price, there[key], _PRICE_FIELDS):
                price.pk = there[key].pk
                differing.append(price)
        Price.objects.bulk_create(missing, ignore_conflicts=True)
        if should_restore:
            for price in differing:
                price.save(force_update=True)
    known = [key for key in there if key in wanted]
    return _counted(missing, known, differing, should_restore=should_restore)


def digest_of(tip: Tip) -> str:
    """SHA-256, in hex, of a tip's value, provider, switch and position."""
    said = [getattr(tip, name) for name in _SEEDED_FIELDS]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def is_a_curators(tip: Tip, seeded: Tip | None) -> bool:
    """Whether a curator made or changed the tip.

    True if it differs from what `seed` or an import last wrote, and from `seeded`, the fixture's tip (None: it has none).
    """
    return tip.given_digest != digest_of(tip) and (seeded is None or _differs(tip, seeded, _SEEDED_FIELDS))


def switch_tips(*, keys: Iterable[str], enabled: bool) -> int:
    """Switches tips on or off, from the next variant of each job on. Returns how many changed."""
    changed = Tip.objects.filter(key__in=list(keys)).exclude(enabled=enabled)
    return changed.update(enabled=enabled, updated_at=timezone.now())


def switch_prices(*, ids: Iterable[int], enabled: bool) -> int:
    """Switches prices on or off; recorded charges stay as they are. Returns how many changed."""
    changed = Price.objects.filter(id__in=list(ids)).exclude(enabled=enabled)
    return changed.update(enabled=enabled, updated_at=timezone.now())


def fixture_rows(model: type[R]) -> list[R]:
    """The initial tips or prices from all fixtures, not saved."""
    name = TIPS_FILE if model is Tip else PRICES_FILE
    files = [path for folder in settings.FIXTURE_DIRS if (path := Path(folder) / name).is_file()]
    rows = (row.object for file in files for row in serializers.deserialize("json", file.read_text("utf-8")))
    return [row for row in rows if isinstance(row, model)]


def _price_key(price: Price) -> tuple[object, ...]:
    return tuple(getattr(price, name) for name in _PRICE_KEY)


def _differs(one: R, other: R, names: Iterable[str]) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in names)


def _counted(
    missing: Iterable[R], there: Iterable[object], differing: Iterable[R], *, should_restore: bool
) -> Seeded:
    changed = len(list(differing))
    restored = changed if should_restore else 0
    return Seeded(
        made=len(list(missing)),
        unchanged=len(list(there)) - changed,
        curated=changed - restored,
        restored=restored,
    )
