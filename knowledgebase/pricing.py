"""What a call costs by the price table: the units it used, each at the price of its day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dali.lib.calls.answers.usage import Unit, Usage
from knowledgebase.models import Price

# No call costs as much; the columns of costs hold several of them.
MOST_USD = 100_000


@dataclass(frozen=True, slots=True)
class UnitPrice:
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


# Plain SQL, for each call is priced by it: 0.1 ms of CPU; the same by the ORM takes three times that.
_ENABLED = """
    SELECT id, unit, usd, per, valid_from, source, read_on
    FROM prices WHERE service = %s AND model = %s AND enabled
"""


def cost_of(usage: Usage, on: date) -> Decimal | None:
    """US dollars for a usage on a day; None where any unit that was used has no price."""
    quoted = quote(usage, on)
    return None if quoted is None else quoted.usd


def quote(usage: Usage, on: date) -> Quote | None:
    """As `cost_of`, with where the prices come from. None also where nothing is said to have been used, or more than
    any call costs: then it was not counted."""
    rates = _rates(usage.service, usage.model)
    used = {unit: amount for unit, amount in usage.units.items() if amount}
    total, sources, read_on = Decimal(0), list[str](), list[date]()
    for unit, amount in used.items():
        rate = _rate_on(rates.get(Unit(unit).value, ()), on)
        if rate is None:
            return None
        total += rate.usd * Decimal(amount)
        if rate.source not in sources:
            sources.append(rate.source)
        read_on.append(rate.read_on)
    return Quote(total, "; ".join(sources), min(read_on)) if used and total <= MOST_USD else None


def _rate_on(rates: Iterable[UnitPrice], on: date) -> UnitPrice | None:
    """The newest price that holds on the day."""
    held = [rate for rate in rates if rate.valid_from is None or rate.valid_from <= on]
    return max(held, key=lambda rate: rate.valid_from or date.min, default=None)


def _rates(service: str, model: str) -> dict[str, list[UnitPrice]]:
    """The prices of one model by unit, as the table is now: a change by any process counts from the next call on."""
    found: dict[str, list[UnitPrice]] = {}
    for row in Price.objects.raw(_ENABLED, [service, model]):
        found.setdefault(row.unit, []).append(
            UnitPrice(row.usd / row.per, row.valid_from, row.source, row.read_on)
        )
    return found
