"""The page of the prices that the price table starts with, docs/prices.md, written from its fixture."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from django.conf import settings

from knowledgebase.models import Price
from knowledgebase.services import read_fixture

_INTRODUCTION = """\
# Prices

What Dali takes a call to cost: the units a service reports (or, where it reports none, those it is known to charge by)
times the prices of its table. The table starts with what stands below, `fixtures/prices.json`, loaded by
`./manage.py seed`, and is kept up in the admin under Prices; `seed` never overwrites what was changed there. This
page is written by `./manage.py describe_prices --write`; a test compares it with the fixture.

- **None of these prices is a promise.** They were read on the day that stands with them, without asking any service
  for a bill; what is marked *not confirmed* deserves a look at the service's own page before it is relied on.
- A price holds from its day on, until a later one; without a day, from ever. Days are those of UTC.
- A model, or a unit, that has no price makes the cost of its calls **unknown: null, never 0**. Of what is summed up,
  unknown calls are left out and counted beside (`unknownCalls`).
- Prices are those of the paid plans without discounts: free allowances (Workers AI gives 10,000 neurons a day), batch
  prices, taxes and what a reseller adds are not in them. An OpenAI-compatible server of one's own is charged by the
  names of its models: give them prices of their own, 0 for instance.
- A call (image, verdict, refined prompt, talk) that was sent and whose answer was never seen may have been billed. It
  is in no sum, is counted (`possiblyBilledCalls`), and what it would have cost is taken into account by the caps.

## Caps

`maxCostUsd` of a job and `DALI_DAY_CAP_USD` of a day (UTC, all jobs together) bound what is spent. A job is refused
when it is submitted (400, naming estimate and cap) where its images, with the verdicts and refined prompts at what
they have usually cost today, are estimated at more than `maxCostUsd`, or at more than the day has left once what is
spent and what unfinished jobs are estimated at are taken off. A job whose price is unknown is let in: its caps act on
what its calls turn out to cost. Before each call to a provider the sums are looked at again, all purposes and
possibly billed calls included; where a cap is reached the variant ends with the code `budget`. Calls that are under
way then are not called back, so a sum can pass its cap by what was under way. Free work (the built-in provider) is
never held back by the day's cap.

"""
_TITLES = {
    "openai": "OpenAI",
    "gemini": "Google Gemini",
    "workers": "Cloudflare Workers AI",
    "mock": "Built in",
}


def fixture_path() -> Path:
    """Where the fixture lies."""
    return Path(settings.FIXTURE_DIRS[0]) / "prices.json"


def page_path() -> Path:
    """Where the page belongs."""
    return Path(settings.BASE_DIR) / "docs" / "prices.md"


def prices_page() -> str:
    """The page: a table for each service, a row for each model and period, in the fixture's order."""
    lines = [_INTRODUCTION.rstrip(), ""]
    for service, prices in groupby(read_fixture(Price, fixture_path()), key=lambda price: price.service):
        lines += [f"## {_TITLES.get(service, service)}", ""]
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
    """As `text input tokens 5, image output tokens 30 (for a million)`."""
    shown = []
    for per, group in groupby(prices, key=lambda price: price.per):
        amounts = ", ".join(f"{_words(price)} {price.usd.normalize():f}" for price in group)
        shown.append(f"{amounts} ({'for a million' if per == 1_000_000 else 'each'})")
    return "; ".join(shown)


def _sources(prices: Sequence[Price]) -> str:
    """Each source once, with the units it is for where there are several."""
    units: dict[str, list[str]] = {}
    for price in prices:
        units.setdefault(price.source, []).append(_words(price))
    if len(units) == 1:
        return prices[0].source
    return "; ".join(f"{', '.join(words)}: {source}" for source, words in units.items())


def _words(price: Price) -> str:
    return price.unit.replace("_", " ")
