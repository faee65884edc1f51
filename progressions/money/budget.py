"""Caps on the cost of a job and of a day, checked at submission and between calls.

A job of unknown price is accepted, and its cap acts on what its calls turn out to cost. Running calls are not
aborted, so a cap can be exceeded if estimates are too low.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Avg, Sum

from dali.lib.errors import InputError
from knowledgebase.pricing import Quote, cost_of, quote
from progressions.enums import Kind, Purpose, VariantStatus
from progressions.models import Charge, Job, Variant
from progressions.money import ledger
from progressions.provider import Draft, Provider, providers

_NOTHING = Decimal(0)
# Of how many of today's verdicts and refined prompts the usual cost is taken.
_SAMPLE = 50
_UNFINISHED = (VariantStatus.QUEUED, VariantStatus.RUNNING)


def admit(job: Job, asked: Sequence[tuple[str, str]]) -> list[Decimal | None]:
    """What each variant of a new job, asked for as (provider, model), is expected to cost; None if unknown.

    Raises InputError if that is more than the job's `max_cost_usd` or the rest of the day's cap.
    """
    by_asked = {pair: _cost(job, *pair) for pair in set(asked)}
    costs = [by_asked[pair] for pair in asked]
    known = sum((cost for cost in costs if cost is not None), _NOTHING)
    if not known or (job.max_cost_usd is None and not settings.DAY_CAP_USD):
        return costs
    known += _usual_extras() * sum(1 for cost in costs if cost)
    if job.max_cost_usd is not None and known > job.max_cost_usd:
        raise InputError(
            "maxCostUsd",
            f"The job is estimated at {_usd(known)} ({_priced(by_asked, asked)}) and may cost at most"
            f" {_usd(job.max_cost_usd)}: raise maxCostUsd, or ask for fewer variants, a smaller size or a cheaper"
            " model.",
        )
    if settings.DAY_CAP_USD:
        _check_day(known)
    return costs


def excess(job: Job) -> str | None:
    """A sentence that says why this job may make no further paid call; None if it may.

    Counts every call of the job, or of the day: images, verdicts, refined prompts, and by their estimate those that
    were possibly billed. A job with only free variants is never stopped.
    """
    if job.max_cost_usd is not None:
        spent = ledger.spent_by_job(job.pk).at_most
        if spent and spent >= job.max_cost_usd:
            return f"The job has spent {_usd(spent)} of at most {_usd(job.max_cost_usd)} (maxCostUsd)."
    cap = _day_cap()
    if cap is not None:
        today = ledger.spent_on(ledger.today()).at_most
        if today >= cap and job.variants.exclude(estimate_usd=0).exists():
            return (
                f"{_usd(today)} of at most {_usd(cap)} a day (DALI_DAY_CAP_USD) are spent;"
                f" a new day begins at {_next_day()}."
            )
    return None


def quote_of(provider: Provider) -> Quote | None:
    """What one image of a provider costs with its defaults, by the price table; None if unknown."""
    kind = Kind.GENERATE if Kind.GENERATE in provider.kinds else min(provider.kinds)
    draft = Draft(kind=kind, prompt=_SAMPLE_PROMPT, model=provider.default_model(), size=None, options={})
    usage = provider.estimate(draft)
    return None if usage is None else quote(usage, ledger.today())


_SAMPLE_PROMPT = "a lighthouse at dusk, oil on canvas"


def _cost(job: Job, name: str, model: str) -> Decimal | None:
    """What one image of one provider is expected to cost."""
    provider = providers.get(name)
    draft = Draft(
        kind=Kind(job.kind),
        prompt=job.prompt,
        model=model,
        size=job.size_px,
        options=job.options.get(name, {}),
    )
    usage = provider.estimate(draft)
    if usage is not None:
        return cost_of(usage, ledger.today())
    return None if provider.price is None else Decimal(str(provider.price["usd_per_image"]))


def _usual_extras() -> Decimal:
    """The average cost of a verdict and a refined prompt today, together; 0 if none was paid for."""
    usual = _NOTHING
    start = datetime.combine(ledger.today(), time(), UTC)
    for purpose in (Purpose.JUDGE, Purpose.REFINE):
        newest = Charge.objects.filter(created_at__gte=start, purpose=purpose, usd__isnull=False)
        ids = newest.order_by("-created_at").values("id")[:_SAMPLE]
        average = Charge.objects.filter(id__in=ids).aggregate(usd=Avg("usd"))["usd"]
        usual += Decimal(average or 0)
    return usual


def _check_day(known: Decimal) -> None:
    cap = _day_cap()
    if cap is None:
        return
    spent = ledger.spent_on(ledger.today()).at_most
    unfinished = Variant.objects.filter(status__in=_UNFINISHED, original_key="")
    reserved = Decimal(unfinished.aggregate(usd=Sum("estimate_usd"))["usd"] or 0)
    left = cap - spent - reserved
    if known > left:
        raise InputError(
            "variants",
            f"The job is estimated at {_usd(known)}, and of today's {_usd(cap)} (DALI_DAY_CAP_USD)"
            f" {_usd(max(left, _NOTHING))} are left: {_usd(spent)} are spent and {_usd(reserved)} are"
            f" reserved. Ask for less, or try again after {_next_day()}, when a new day begins.",
        )


def _day_cap() -> Decimal | None:
    cap = Decimal(str(settings.DAY_CAP_USD))
    return cap if cap > 0 else None


def _next_day() -> str:
    return f"{ledger.today() + timedelta(days=1):%Y-%m-%d} 00:00 UTC"


def _priced(costs: Mapping[tuple[str, str], Decimal | None], asked: Sequence[tuple[str, str]]) -> str:
    """As `openai 2 x 0.053 USD, workers 2 x no known price`."""
    return ", ".join(f"{pair[0]} {count} x {_usd(costs[pair])}" for pair, count in Counter(asked).items())


def _usd(amount: Decimal | None) -> str:
    """An amount for people, with four decimals if it is small: `0.0528 USD`, `12.40 USD`, `no known price`."""
    if amount is None:
        return "no known price"
    text = f"{amount:.2f}" if amount >= 1 or not amount else f"{amount:.4f}"
    return f"{text} USD"
