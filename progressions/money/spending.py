"""What work has cost: sums over the ledger's rows, by project, by job or of a day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, QuerySet, Sum

from progressions.models import Charge
from progressions.money.amounts import dollars

_NOTHING = Decimal(0)
_PLACES = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Spending:
    """What calls to services cost, in US dollars.

    A sum is 0 if no call was made, and None if calls were made but no price is known. Otherwise it is the known cost,
    and `unknown` counts the calls that it leaves out. No sum includes calls that were sent but never answered:
    `possible` counts them, `possible_usd` is what they would have cost.
    """

    images: Decimal | None = _NOTHING
    judging: Decimal | None = _NOTHING
    refining: Decimal | None = _NOTHING
    agents: Decimal | None = _NOTHING
    total: Decimal | None = _NOTHING
    calls: int = 0
    unknown: int = 0
    possible: int = 0
    possible_usd: Decimal | None = _NOTHING

    @property
    def at_most(self) -> Decimal:
        """The amount that caps limit: the known cost plus the possibly billed cost."""
        return (self.total or _NOTHING) + (self.possible_usd or _NOTHING)


def in_words(spending: Spending) -> str:
    """A spending for people: `$0.302, 1 call of unknown price, 2 possibly billed ($0.04)`."""
    parts = [dollars(spending.total)]
    if spending.unknown:
        noun = "call" if spending.unknown == 1 else "calls"
        parts.append(f"{spending.unknown} {noun} of unknown price")
    if spending.possible:
        parts.append(f"{spending.possible} possibly billed ({dollars(spending.possible_usd)})")
    return ", ".join(parts)


def spending_of(by: Literal["project_id", "job_id"], ids: Iterable[UUID]) -> dict[UUID, Spending]:
    """The spending of each project or job that has any paid call: one query."""
    wanted = list(ids)
    rows: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in grouped(Charge.objects.order_by().filter(**{f"{by}__in": wanted}), by) if wanted else ():
        rows[row[by]].append(row)
    return {key: summed(found) for key, found in rows.items()}


def grouped(rows: QuerySet[Any], *by: str) -> QuerySet[Any, dict[str, Any]]:
    """What `summed` takes, for each value of the fields `by`."""
    sums = {"calls": Count("*"), "known": Count("usd"), "sum_usd": Sum("usd")}
    found: QuerySet[Any, dict[str, Any]] = rows.values(*by, "purpose", "is_possible").annotate(**sums)
    return found


def summed(rows: Iterable[Mapping[str, Any]]) -> Spending:
    """The spending in rows of `grouped`: `purpose, is_possible, calls, known, sum_usd`."""
    every = list(rows)
    certain = [row for row in every if not row["is_possible"]]
    possible = [row for row in every if row["is_possible"]]

    def of(purpose: str) -> Decimal | None:
        return _sum([row for row in every if row["purpose"] == purpose])

    return Spending(
        images=of("image"),
        judging=of("judge"),
        refining=of("refine"),
        agents=of("agent"),
        total=_sum(every),
        calls=sum(row["calls"] for row in certain),
        unknown=sum(row["calls"] - row["known"] for row in certain),
        possible=sum(row["calls"] for row in possible),
        possible_usd=_known(possible) if possible else _NOTHING,
    )


def _sum(rows: list[Mapping[str, Any]]) -> Decimal | None:
    """What the answered calls cost; 0 without any call, None if no answered call has a price."""
    return _known([row for row in rows if not row["is_possible"]]) if rows else _NOTHING


def _known(rows: list[Mapping[str, Any]]) -> Decimal | None:
    sums = [Decimal(row["sum_usd"]) for row in rows if row["sum_usd"] is not None]
    return sum(sums, _NOTHING).quantize(_PLACES) if sums else None
