"""What a call costs by the price table: the units it used, each at the price of its day."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from dali.lib.vendors.usage import Unit, Usage
from knowledgebase.models import Price

# How long a process goes by what it has read: a price changed by another process counts after that.
KEPT_S = 10.0


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of one unit from a day on (None: from ever)."""

    usd: Decimal
    valid_from: date | None
    source: str
    read_on: date


@dataclass(frozen=True, slots=True)
class Quote:
    """What a usage costs, from which sources, the oldest of them read on `read_on`."""

    usd: Decimal
    source: str
    read_on: date


Rates = Mapping[tuple[str, str, str], tuple[Rate, ...]]


def cost_of(usage: Usage, on: date) -> Decimal | None:
    """US dollars for a usage on a day; None where any unit that was used has no price."""
    quoted = quote(usage, on)
    return None if quoted is None else quoted.usd


def quote(usage: Usage, on: date) -> Quote | None:
    """As `cost_of`, with where the prices come from. None also where nothing is said to have been used."""
    rates = _rates()
    used = {unit: amount for unit, amount in usage.units.items() if amount}
    total, sources, read_on = Decimal(0), list[str](), list[date]()
    for unit, amount in used.items():
        rate = _rate_on(rates.get((usage.service, usage.model, Unit(unit).value), ()), on)
        if rate is None:
            return None
        total += rate.usd * Decimal(amount)
        if rate.source not in sources:
            sources.append(rate.source)
        read_on.append(rate.read_on)
    return Quote(total, "; ".join(sources), min(read_on)) if used else None


def _rate_on(rates: tuple[Rate, ...], on: date) -> Rate | None:
    """The newest price that holds on the day."""
    held = [rate for rate in rates if rate.valid_from is None or rate.valid_from <= on]
    return max(held, key=lambda rate: rate.valid_from or date.min, default=None)


class _Kept:
    """The table as this process has last read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rates: Rates | None = None
        self._until = 0.0
        self._edition = 0

    def rates(self) -> Rates:
        rates = self._rates
        if rates is not None and time.monotonic() < self._until:
            return rates
        edition = self._edition
        found = _read()
        with self._lock:
            if edition == self._edition:  # nothing was saved while it was read
                self._rates, self._until = found, time.monotonic() + KEPT_S
        return found

    def forget(self) -> None:
        with self._lock:
            self._rates = None
            self._edition += 1


_kept = _Kept()
_rates = _kept.rates


def forget() -> None:
    """Has this process read the table again before the next price."""
    _kept.forget()


def _read() -> Rates:
    found: dict[tuple[str, str, str], list[Rate]] = {}
    for row in Price.objects.filter(enabled=True):
        rate = Rate(row.usd / row.per, row.valid_from, row.source, row.read_on)
        found.setdefault((row.service, row.model, row.unit), []).append(rate)
    return {key: tuple(rates) for key, rates in found.items()}


def _changed(**kwargs: object) -> None:
    """A price was saved or deleted: forgotten at once for this transaction, and again once others can see it."""
    forget()
    transaction.on_commit(forget)


post_save.connect(_changed, sender=Price, dispatch_uid="prices_saved")
post_delete.connect(_changed, sender=Price, dispatch_uid="prices_deleted")
