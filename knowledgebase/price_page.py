"""Generates docs/prices.md, the page of the initial prices, from the fixtures."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from django.conf import settings

from knowledgebase.models import Price
from knowledgebase.services import fixture_rows
from knowledgebase.vocabulary import title_of

_INTRODUCTION = """\
# Prices

The cost of a call is the units that the service reports (or, if it reports none, the units that it is known to charge
for) times the prices in Dali's price table. `./manage.py seed` fills the table with the prices below, from
`progressions/vendors/*/prices.json`; you keep it up to date in the admin under Prices. `seed` never overwrites a price
that was changed there. `./manage.py describe_prices --write` writes this page; a test compares it with the files.

- **Prices are not guaranteed.** They were read on the day shown; no bill was checked. Before you rely on a price marked
  *not confirmed*, look at the service's own page.
- A price applies from its day on, until a later one; without a day, always. Days are in UTC.
- If a model or a unit has no price, the cost of its calls is **unknown: null, never 0**. Sums leave unknown calls out
  and count them separately (`unknownCalls`).
- Prices are those of the paid plans without discounts. They leave out free allowances, batch prices, taxes and the
  surcharges of resellers. Calls to your own server that implements a service's API are charged by the names of its
  models: give them their own prices, for instance 0.
- A call (image, verdict, refined prompt, chat) that was sent but whose answer never arrived may have been billed. No
  sum includes it; it is counted (`possiblyBilledCalls`), and the caps take its estimated cost into account.

## Caps

`maxCostUsd` of a job and `DALI_DAY_CAP_USD` of a day (UTC, all jobs together) limit spending. A new job is refused
(400, with estimate and cap) if its images, plus verdicts and refined prompts at today's usual cost, are estimated at
more than `maxCostUsd`, or at more than what is left of the day's cap after what was spent and what unfinished jobs are
estimated to cost. A job of unknown price is accepted; the caps apply to the actual cost of its calls. Before each call
to a provider the sums are checked again, for all purposes and including possibly billed calls. Once a cap is reached
the variant ends with the code `budget`. Calls in progress are not cancelled, so a sum can exceed its cap by their cost.
The day's cap never blocks free work (the built-in provider).

"""


def page_path() -> Path:
    """The path of docs/prices.md."""
    return Path(settings.BASE_DIR) / "docs" / "prices.md"


def prices_page() -> str:
    """The text of the page: a table for each service, a row for each model and period, in the fixtures' order."""
    lines = [_INTRODUCTION.rstrip(), ""]
    for service, prices in groupby(fixture_rows(Price), key=lambda price: price.service):
        lines += [f"## {title_of(service)}", ""]
        lines += ["| model | US dollars | read | source |", "|---|---|---|---|"]
        of_models = groupby(prices, key=lambda price: (price.model, price.valid_from))
        lines += [_row(list(of_model)) for _, of_model in of_models]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(prices: Sequence[Price]) -> str:
    since = f" from {prices[0].valid_from} on" if prices[0].valid_from else ""
    read = ", ".join(dict.fromkeys(str(price.read_on) for price in prices))
    return f"| `{prices[0].model}`{since} | {_amounts(prices)} | {read} | {_sources(prices)} |"


def _amounts(prices: Sequence[Price]) -> str:
    """For example `text input tokens 5, image output tokens 30 (for a million)`."""
    shown = []
    for per, group in groupby(prices, key=lambda price: price.per):
        amounts = ", ".join(f"{_words(price)} {price.usd.normalize():f}" for price in group)
        shown.append(f"{amounts} ({'for a million' if per == 1_000_000 else 'each'})")
    return "; ".join(shown)


def _sources(prices: Sequence[Price]) -> str:
    """Each source once, with its units if there are several sources."""
    units: dict[str, list[str]] = {}
    for price in prices:
        units.setdefault(price.source, []).append(_words(price))
    if len(units) == 1:
        return prices[0].source
    return "; ".join(f"{', '.join(words)}: {source}" for source, words in units.items())


def _words(price: Price) -> str:
    return price.unit.replace("_", " ")
