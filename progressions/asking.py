"""The `generate` step: one call to the provider at a time, its answer stored at once, its failures judged."""

import random
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from dali.lib.clock import Deadline
from dali.lib.images import InvalidImageError
from progressions import claims, services, tools, wakeups
from progressions.enums import Code
from progressions.errors import ProviderError
from progressions.models import Cooldown, Variant
from progressions.provider import ProviderImage
from progressions.run import EndedError, Run, ms_since
from progressions.steps import Kept

log = structlog.get_logger(__name__)

# How far along a variant is when its call has left, and when it is answered.
SENT, ANSWERED = 0.1, 0.6
# A provider that asks for a longer pause than this is not waited for.
LONGEST_PAUSE_S = 150.0
BACKOFF_S = (1.0, 2.0, 4.0)


def obtain(run: Run) -> bytes:
    """The provider's own bytes: stored before, found stored by a process that died, or asked for now.

    Raises EndedError where the variant ended instead, or waits for its next attempt.
    """
    key = tools.original_key(run.variant)
    if run.journal.result_of("generate") is not None:
        return _stored(key)
    if run.journal.unanswered("generate"):
        content = tools.find_stored(key)
        if content is not None:
            return _adopt(run, key, content)
        run.give_up_unanswered()
    _end_if_over_budget(run)
    if run.variant.attempts >= settings.MAX_ATTEMPTS:
        run.fail(
            Code.PROVIDER_ERROR, f"No answer was seen in {run.variant.attempts} attempts.", is_retryable=True
        )
    return _ask(run, key)


def reject(run: Run, error: InvalidImageError) -> None:
    """Takes back an answer that was stored and does not decode; the second one ends the variant."""
    tools.discard(tools.original_key(run.variant))
    kept = Kept({"code": Code.INVALID_IMAGE.value}, {"original_key": ""})
    run.journal.revoke("generate", kept, error=str(error))
    if run.journal.failures("generate", Code.INVALID_IMAGE) > 1:
        run.fail(Code.INVALID_IMAGE, f"The answer does not decode: {error}", is_retryable=False)


def _stored(key: str) -> bytes:
    content = tools.find_stored(key)
    if content is None:
        raise FileNotFoundError(f"the original {key} is gone from its storage")
    return content


def _adopt(run: Run, key: str, content: bytes) -> bytes:
    """Takes the answer stored by a process that died before it could say so: nothing is paid twice."""
    attempt = run.journal.unanswered_attempt("generate")
    image = ProviderImage(content, run.variant.model, run.variant.seed)
    run.journal.answer("generate", attempt, _kept_answer(run, key, image, is_adopted=True), ms=None)
    return content


def _ask(run: Run, key: str) -> bytes:
    """One call; its bytes are stored and journaled before anything else can fail."""
    number = run.variant.attempts + 1
    sent = run.progress_body("generate", SENT)
    sent["attempt"] = number
    fields = {"attempts": number, "progress": sent["progress"]}
    attempt = run.journal.send("generate", Kept(fields=fields, tell=lambda: [sent]))
    run.variant.attempts = number
    started = time.perf_counter()
    deadline = Deadline.after(settings.PROVIDER_TIMEOUT_S)
    claims.extend(run.lease, settings.PROVIDER_TIMEOUT_S + tools.GRACE_S + claims.STEP_LIMIT_S)
    try:
        request = tools.build_request(run.variant, run.job, attempt=number, deadline=deadline)
        image = tools.call_provider(run.variant, request)
        content = tools.store_answer(key, image)
    except ProviderError as error:
        _after_failure(run, attempt, error, ms=ms_since(started))
        raise EndedError from error
    claims.extend(run.lease, claims.STEP_LIMIT_S)
    kept = _kept_answer(run, key, replace(image, content=content), is_adopted=False)
    run.journal.answer("generate", attempt, kept, ms=ms_since(started))
    return content


def _kept_answer(run: Run, key: str, image: ProviderImage, *, is_adopted: bool) -> Kept:
    """What is written of an answer, in the same transaction as the step's row."""
    variant = run.variant
    variant.original_key, variant.model = key, image.model
    if image.cost_usd is not None:
        variant.cost_usd = (variant.cost_usd or Decimal(0)) + image.cost_usd
    meta: dict[str, Any] = {**image.meta, "attempts": variant.attempts}
    if run.job.size:
        meta.setdefault("requested", {"size": run.job.size})
    result = {
        "key": key,
        "bytes": len(image.content),
        "model": image.model,
        "seed": image.seed,
        "costUsd": None if image.cost_usd is None else float(image.cost_usd),
        "meta": meta,
        "adopted": is_adopted,
    }
    body = run.progress_body("generate", ANSWERED)
    fields = {
        "original_key": key,
        "model": image.model,
        "cost_usd": variant.cost_usd,
        "progress": body["progress"],
    }
    return Kept(result, fields, tell=lambda: [body])


def _after_failure(run: Run, attempt: int, error: ProviderError, *, ms: int) -> None:
    """Decides what follows from a failed call: another attempt later, or the end."""
    result = {
        "code": error.code.value,
        "status": error.status,
        "requestId": error.request_id,
        "excerpt": error.excerpt,
    }
    if not _may_try_again(run, error):
        run.journal.fail("generate", attempt, Kept(result), error=str(error), ms=ms)
        run.fail(error.code, str(error), is_retryable=error.is_retryable)
    pause_s = _pause_s(run, error)
    due = timezone.now() + timedelta(seconds=pause_s)
    body = run.progress_body("generate", SENT)
    body["attempt"], body["retryInMs"], body["error"] = run.variant.attempts, int(pause_s * 1000), str(error)

    def give_back() -> None:
        Variant.objects.filter(id=run.variant.id).update(lease_until=None, not_before=due, nudged_at=None)
        if error.code == Code.RATE_LIMITED:
            Cooldown.objects.update_or_create(
                provider=run.variant.provider, defaults={"until": due, "reason": str(error)[:500]}
            )

    kept = Kept(result, also=give_back, tell=lambda: [body])
    run.journal.fail("generate", attempt, kept, error=str(error), ms=ms)
    wakeups.wake_after(pause_s)


def _may_try_again(run: Run, error: ProviderError) -> bool:
    if run.variant.attempts >= settings.MAX_ATTEMPTS:
        return False
    if error.code == Code.INVALID_IMAGE:
        return run.journal.failures("generate", Code.INVALID_IMAGE) == 0
    return error.is_retryable and (error.retry_after_s or 0) <= LONGEST_PAUSE_S


def _pause_s(run: Run, error: ProviderError) -> float:
    """Seconds until the next attempt: what the provider asks for, else 1, 2, 4 s, with jitter."""
    if error.retry_after_s is not None:
        return error.retry_after_s + random.uniform(0, 0.25)  # noqa: S311 - jitter, not a secret
    step = BACKOFF_S[min(run.variant.attempts, len(BACKOFF_S)) - 1]
    return step * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


def _end_if_over_budget(run: Run) -> None:
    """Ends the variant before it costs anything where the job has spent what it may."""
    limit = run.job.max_cost_usd
    if limit is None:
        return
    _, spent = services.summarise(run.job.id)
    if spent is not None and spent > 0 and Decimal(str(spent)) >= limit:
        error = f"The job has spent {spent:g} of at most {limit:g} USD."
        run.fail(Code.BUDGET, error, is_retryable=False)
