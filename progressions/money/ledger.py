"""The ledger of paid calls: how calls are recorded, and what work has cost.

`charge` is called in the transaction of the change it belongs to, so that a call is in the books exactly
when its answer is. The verdict's and the refiner's calls are charged before their variant ends: the job's `complete`
event carries the sum.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Required, TypedDict, Unpack
from uuid import UUID

from django.utils import timezone

from dali.lib.calls.answers.usage import Usage
from dali.lib.db.sql import insert_rows
from knowledgebase.pricing import cost_of
from progressions.enums import Purpose
from progressions.models import Charge
from progressions.money.spending import Spending, grouped, spending_of, summed

_PLACES = Decimal("0.00000001")


class PaidFor(TypedDict, total=False):
    """What a call was made for. `attempt`: that of the variant's step, 0 by default."""

    purpose: Required[Purpose]
    project_id: Required[UUID]
    job_id: Required[UUID | None]
    variant_id: UUID
    progression_id: UUID
    attempt: int


def charge(
    *,
    usage: Usage | None,
    usd: Decimal | None,
    is_possible: bool = False,
    service: str = "",
    model: str = "",
    **paid_for: Unpack[PaidFor],
) -> None:
    """Records one call, in the caller's transaction; a call that is known to be free gets no row.

    `usd`: what it cost, None if no price is known; for a call that is only possibly billed (`is_possible`: sent, but
    never answered) what it would have cost. `service` and `model`: if there is no usage that names them.
    """
    if usd == 0 and usage is None:
        return
    values = {
        "project": paid_for["project_id"],
        "job": paid_for["job_id"],
        "variant_id": paid_for.get("variant_id"),
        "progression_id": paid_for.get("progression_id"),
        "purpose": paid_for["purpose"],
        "service": (usage.service if usage else service)[:40],
        "model": (usage.model if usage else model)[:120],
        "usage": {} if usage is None else usage.as_json(),
        "usd": None if usd is None else usd.quantize(_PLACES),
        "is_possible": is_possible,
        "attempt": paid_for.get("attempt", 0),
        "created_at": timezone.now(),
    }
    insert_rows(Charge, tuple(values), [tuple(values.values())])


def charge_usages(
    usages: Iterable[Usage] = (), *, unseen: Iterable[Usage] = (), **paid_for: Unpack[PaidFor]
) -> None:
    """Records calls at the price of the table: one row each, in the caller's transaction.

    `unseen`: the estimated use of calls that were sent but never answered; they are recorded as possibly billed.
    """
    for usage in usages:
        charge(usage=usage, usd=cost_of(usage, today()), **paid_for)
    for estimate in unseen:
        charge(
            usage=None,
            usd=cost_of(estimate, today()),
            is_possible=True,
            service=estimate.service,
            model=estimate.model,
            **paid_for,
        )


def cost_of_usages(usages: Iterable[Usage]) -> Decimal | None:
    """What several calls cost together: 0 for none, None if no price is known, otherwise the known sum."""
    costs = [cost_of(usage, today()) for usage in usages]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if known or not costs else None


def today() -> date:
    """The current day (UTC) of the accounts."""
    return datetime.now(UTC).date()


def spent_by_job(job_id: UUID) -> Spending:
    """What a job has cost so far: images, verdicts, refined prompts; one query."""
    return spent_by_jobs([job_id]).get(job_id, Spending())


def spent_by_jobs(job_ids: Iterable[UUID]) -> dict[UUID, Spending]:
    """The spending of each job that has any paid call: one query however many there are."""
    return spending_of("job_id", job_ids)


def spent_on(day: date) -> Spending:
    """What was spent on a day (UTC), by all projects; one query."""
    start = datetime.combine(day, time(), UTC)
    rows = Charge.objects.order_by().filter(created_at__gte=start, created_at__lt=start + timedelta(days=1))
    return summed(grouped(rows))


def with_unbooked(spent: Spending, known_usd: Decimal | None) -> Spending:
    """A job's spending as it is shown: with its images that are in no row of the ledger, because they were free.

    `known_usd`: the sum of its variants' known costs, None if none is known; if no call was paid for either, nothing
    is known yet.
    """
    if spent.images != 0:
        return spent
    total = spent.total
    if known_usd:
        total = (total or Decimal(0)) + known_usd
    elif known_usd is None and not (spent.calls or spent.possible):
        total = None
    return replace(spent, images=known_usd, total=total)
