"""Writes to the knowledge base: the tips and prices it starts with, and the switch of a tip."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.core import serializers
from django.db import transaction
from django.utils import timezone

from knowledgebase.models import Price, Tip

_SEEDED_FIELDS = ("value", "provider", "enabled", "position")
_PRICE_KEY = ("service", "model", "unit", "valid_from")
_PRICE_FIELDS = ("usd", "per", "source", "read_on", "enabled")

R = TypeVar("R", Tip, Price)


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows of the fixture were made, were as they should be, were a curator's, were restored."""

    made: int
    unchanged: int
    curated: int
    restored: int


def seed_tips(*, fixture: Path, should_restore: bool = False) -> Seeded:
    """Makes the fixture's tips where they are missing; a tip that is there stays as it is.

    A tip that differs from the fixture is taken for a curator's work and left alone, unless `should_restore`:
    then it gets the fixture's wording, place and switch. Tips that the fixture does not know are never touched.
    """
    wanted = {tip.pk: tip for tip in read_fixture(Tip, fixture)}
    for tip in wanted.values():
        tip.given_digest = digest_of(tip)
    with transaction.atomic():
        there = Tip.objects.select_for_update().in_bulk(wanted)
        missing = [tip for key, tip in wanted.items() if key not in there]
        differing = [
            tip for key, tip in wanted.items() if key in there and _differs(tip, there[key], _SEEDED_FIELDS)
        ]
        # Another process may seed at the same moment: the first one's rows stand.
        Tip.objects.bulk_create(missing, ignore_conflicts=True)
        if should_restore:
            for tip in differing:
                tip.save(force_update=True)
    return _counted(missing, there, differing, should_restore=should_restore)


def seed_prices(*, fixture: Path, should_restore: bool = False) -> Seeded:
    """Makes the fixture's prices where they are missing, as `seed_tips` does the tips.

    A price is known by service, model, unit and the day it holds from: one that a curator changed or switched off
    stays so.
    """
    wanted = {_price_key(price): price for price in read_fixture(Price, fixture)}
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
    """What a tip says, fits and is switched to, in 64 characters."""
    said = [getattr(tip, name) for name in _SEEDED_FIELDS]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def is_a_curators(tip: Tip, seeded: Tip | None) -> bool:
    """Whether somebody made or changed the tip by hand: it is neither as `seed` or an import last wrote it
    nor as the fixture has it (`seeded`, None where it does not know the key)."""
    return tip.given_digest != digest_of(tip) and (seeded is None or _differs(tip, seeded, _SEEDED_FIELDS))


def switch_tips(*, keys: Iterable[str], enabled: bool) -> int:
    """Switches tips on or off and returns how many were not so already. Jobs see it from their next variant."""
    changed = Tip.objects.filter(key__in=list(keys)).exclude(enabled=enabled)
    return changed.update(enabled=enabled, updated_at=timezone.now())


def switch_prices(*, ids: Iterable[int], enabled: bool) -> int:
    """Switches prices on or off and returns how many were not so already. What was charged stays as it is."""
    changed = Price.objects.filter(id__in=list(ids)).exclude(enabled=enabled)
    return changed.update(enabled=enabled, updated_at=timezone.now())


def read_fixture(model: type[R], fixture: Path) -> list[R]:
    """The rows of a fixture, not stored."""
    rows = serializers.deserialize("json", fixture.read_text(encoding="utf-8"))
    return [row.object for row in rows if isinstance(row.object, model)]


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
