"""The cost of a call: the units it used, each at the price of the day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dali.lib.calls.answers.usage import Unit, Usage
from knowledgebase.models import Price

# More than any call costs. Cost columns can hold a multiple of it.
MOST_USD = 100_000


@dataclass(frozen=True, slots=True)
class Quote:
    """The cost of a usage, and the sources of its prices; `read_on` is the oldest date."""

    usd: Decimal
    source: str
    read_on: date


# Plain SQL, as every call is priced by it: 0.1 ms of CPU, a third of the ORM's time.
_ENABLED = """
    SELECT id, unit, usd, per, valid_from, source, read_on
    FROM prices WHERE service = %s AND model = %s AND enabled
"""


def cost_of(usage: Usage, on: date) -> Decimal | None:
    """US dollars for a usage on a day; None if any used unit has no price."""
    quoted = quote(usage, on)
    return None if quoted is None else quoted.usd


def quote(usage: Usage, on: date) -> Quote | None:
    """The cost with the sources of its prices; None if any used unit has no price.

    Also None if the usage is empty, or costs more than MOST_USD: then the service counted wrongly.
    """
    prices = list(Price.objects.raw(_ENABLED, [usage.service, usage.model]))
    used = {unit: amount for unit, amount in usage.units.items() if amount}
    total, sources, read_on = Decimal(0), list[str](), list[date]()
    for unit, amount in used.items():
        price = _price_on(prices, Unit(unit).value, on)
        if price is None:
            return None
        total += price.usd / price.per * Decimal(amount)
        if price.source not in sources:
            sources.append(price.source)
        read_on.append(price.read_on)
    return Quote(total, "; ".join(sources), min(read_on)) if used and total <= MOST_USD else None


def _price_on(prices: Iterable[Price], unit: str, on: date) -> Price | None:
    """The newest price of the unit that applies on the day; None if there is none."""
    held = [price for price in prices if price.unit == unit and (price.valid_from or on) <= on]
    return max(held, key=lambda price: price.valid_from or date.min, default=None)
