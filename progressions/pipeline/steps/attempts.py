"""After a call that failed: another attempt later or the variant's end, and what the call cost nevertheless."""

import random
from datetime import datetime, timedelta
from typing import NoReturn

from django.conf import settings

from dali.lib.db import connections
from dali.lib.db.sql import update_where
from progressions.enums import Code
from progressions.errors import RETRYABLE, ProviderError
from progressions.models import Variant
from progressions.money.receipts import Receipt, charge_possible
from progressions.pipeline.run import EndedError, Run
from progressions.work import claim_sql, wakeups
from progressions.work.steps import StepRecord

# The progress of a variant whose call was sent.
SENT = 0.1
# If a provider asks for a longer pause, the variant fails instead.
LONGEST_PAUSE_S = 150.0
BACKOFF_S = (1.0, 2.0, 4.0)


def after_failure(
    run: Run, attempt: int, error: ProviderError, receipt: Receipt | None, *, ms: int | None
) -> NoReturn:
    """Records a failed call and decides between another attempt later and the end of the variant.

    `receipt`: of an answer that arrived but cannot be used. Always raises EndedError.
    """
    if receipt is None and error.usage is not None:
        receipt = Receipt.of_usage(error.usage)
    again = None
    if _may_try_again(run, error):
        again = connections.now() + timedelta(seconds=_pause_s(run, error))
    kept = _kept(run, attempt, error, receipt, again=again)
    run.journal.fail("generate", attempt, kept, error=str(error), ms=ms)
    if again is None:
        run.fail(error.code, str(error), is_retryable=error.is_retryable and error.code in RETRYABLE)
    wakeups.wake_after((again - connections.now()).total_seconds())
    raise EndedError from error


def _kept(
    run: Run, attempt: int, error: ProviderError, receipt: Receipt | None, *, again: datetime | None
) -> StepRecord:
    """What is written about a failed call, in one transaction. `again`: when it is repeated, if it is."""
    variant = run.variant
    result: dict[str, object] = {
        "code": error.code.value,
        "status": error.status,
        "requestId": error.request_id,
        "excerpt": error.excerpt,
    }
    if receipt is not None:
        receipt.add_to(variant)
    elif error.is_possibly_billed:
        variant.possibly_billed += 1
        result["possiblyBilled"] = True

    def also() -> None:
        if receipt is not None:
            receipt.charge(variant, attempt)
        elif error.is_possibly_billed:
            charge_possible(variant, attempt)
        if again is not None:
            waits = {"lease_until": None, "not_before": again, "nudged_at": None}
            update_where(Variant, waits, {"id": variant.id})
        if error.code == Code.RATE_LIMITED and (error.retry_after_s or 0) <= LONGEST_PAUSE_S:
            until = again or connections.now() + timedelta(seconds=_pause_s(run, error))
            claim_sql.cool_down(variant.provider, until, str(error)[:500])

    fields = {"cost_usd": variant.cost_usd, "possibly_billed": variant.possibly_billed}
    if again is None:
        return StepRecord(result, fields, also)
    pause_ms = int((again - connections.now()).total_seconds() * 1000)
    body = run.progress_body("generate", SENT, attempt=variant.attempts, retryInMs=pause_ms, error=str(error))
    return StepRecord(result, fields, also, lambda: [body])


def _may_try_again(run: Run, error: ProviderError) -> bool:
    if run.variant.attempts >= settings.MAX_ATTEMPTS:
        return False
    if error.code == Code.INVALID_IMAGE and run.journal.failures("generate", Code.INVALID_IMAGE):
        return False
    return error.is_retryable and (error.retry_after_s or 0) <= LONGEST_PAUSE_S


def _pause_s(run: Run, error: ProviderError) -> float:
    """Seconds until the next attempt: what the provider asks for, otherwise 1, 2, 4 s, with jitter."""
    if error.retry_after_s is not None:
        return error.retry_after_s + random.uniform(0, 0.25)  # noqa: S311 - jitter, not a secret
    step = BACKOFF_S[min(run.variant.attempts, len(BACKOFF_S)) - 1]
    return step * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
