"""The `generate` step: one call to the provider at a time; its answer is stored at once, then decoded."""

import time
from collections.abc import Mapping
from typing import Any, NoReturn

import structlog
from django.conf import settings

from dali.lib.clock import Deadline, ms_since
from dali.lib.db.connections import release_db_connection
from dali.lib.db.errors import classify
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import originals
from dali.lib.pictures.images import InvalidImageError
from dali.lib.pictures.previews import preview_url
from progressions.enums import Code
from progressions.errors import LeaseLostError, ProviderError
from progressions.money import budget
from progressions.money.receipts import Receipt
from progressions.pipeline import tools
from progressions.pipeline.ingest import load_area
from progressions.pipeline.run import INTERNAL_ERROR, EndedError, Run
from progressions.pipeline.steps.attempts import SENT, after_failure
from progressions.provider import ProviderRequest
from progressions.stream import events
from progressions.work import leases, slots
from progressions.work.steps import StepRecord

log = structlog.get_logger(__name__)


def generate(run: Run) -> None:
    """Obtains an image that decodes. Raises EndedError if the variant ended or waits for its next attempt."""
    while True:
        content = _obtain(run)
        started = time.perf_counter()
        try:
            run.derived = tools.derive(content, load_area(run.job, run.variant.kind))
        except InvalidImageError as error:
            _reject(run, error)
        else:
            run.derive_ms = ms_since(started)
            return


def _obtain(run: Run) -> bytes:
    """The image's bytes: from the journal, found in the storage after a crash, or from a new call."""
    if run.journal.result_of("generate") is not None:
        return originals().read(tools.original_key(run.variant))
    if run.journal.unanswered("generate"):
        found = tools.find_answer(run.variant)
        if found is not None:
            return _adopt(run, found)
        run.give_up_unanswered()
    if (excess := budget.excess(run.job)) is not None:
        run.fail(Code.BUDGET, excess, is_retryable=False)
    if run.variant.attempts >= settings.MAX_ATTEMPTS:
        error = f"No answer was seen in {run.variant.attempts} attempts."
        run.fail(Code.PROVIDER_ERROR, error, is_retryable=True)
    if not slots.has_taken(run.lease, run.variant.provider):
        _stand_back(run)
    return _ask(run)


def _reject(run: Run, error: InvalidImageError) -> None:
    """Discards an answer that does not decode, though it was paid for. The second one ends the variant."""
    tools.discard(run.variant)
    kept = StepRecord({"code": Code.INVALID_IMAGE.value}, {"original_key": ""})
    run.journal.revoke("generate", kept, error=str(error))
    if run.journal.failures("generate", Code.INVALID_IMAGE) > 1:
        run.fail(Code.INVALID_IMAGE, f"The answer does not decode: {error}", is_retryable=False)


def _stand_back(run: Run) -> NoReturn:
    """Gives the variant back; the worker that frees a slot of its provider takes it."""
    with leases.fenced(run.lease, lease_until=None):
        pass
    raise EndedError


def _adopt(run: Run, found: tools.StoredAnswer) -> bytes:
    """Uses an answer that a process stored before it died, so that nothing is paid for twice."""
    attempt = run.journal.unanswered_attempt("generate")
    receipt = Receipt.found(found.note, run.variant)
    content = found.content
    slots.free(run.lease)
    if not found.is_finished:
        request = tools.build_request(run.variant, run.job, attempt=attempt, deadline=Deadline.after(0))
        try:
            content = tools.finish_answer(run.variant, request, content, receipt.note(attempt))
        except ProviderError as error:
            after_failure(run, attempt, error, receipt, ms=None)
    kept = _kept(run, receipt, attempt, len(content), is_adopted=True)
    run.journal.answer("generate", attempt, kept, ms=None)
    return content


def _ask(run: Run) -> bytes:
    """One call; its bytes are stored and journaled before anything else can fail."""
    number = run.variant.attempts + 1
    deadline = Deadline.after(settings.PROVIDER_TIMEOUT_S)
    request = tools.build_request(run.variant, run.job, attempt=number, deadline=deadline)
    try:
        tools.check_again(request, run.variant.provider)
    except ProviderError as error:
        run.fail(error.code, str(error), is_retryable=False)
    attempt = _send(run, number)
    started, receipt = time.perf_counter(), None
    try:
        answer = tools.call_provider(run.variant, request, lambda content: _show(run, content))
        receipt = Receipt.of(answer)
        content = _store(run, request, answer.content, receipt.note(attempt))
    except ProviderError as error:
        after_failure(run, attempt, error, receipt, ms=ms_since(started))
    except (UnavailableError, LeaseLostError):
        raise  # not the call's fault: the storage is unavailable, or another worker has the row
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and the call may have been paid for
        if classify(error) is not None:
            raise
        log.exception("generate_broke")
        broken = ProviderError(Code.INTERNAL, INTERNAL_ERROR, is_possibly_billed=True)
        after_failure(run, attempt, broken, receipt, ms=ms_since(started))
    leases.hold(run.lease, leases.STEP_LIMIT_S)
    kept = _kept(run, receipt, attempt, len(content), is_adopted=False)
    run.journal.answer("generate", attempt, kept, ms=ms_since(started))
    return content


def _send(run: Run, number: int) -> int:
    """Records that a call is about to be sent; returns the number of the attempt in the journal."""
    sent = run.progress_body("generate", SENT, attempt=number)
    fields = {"attempts": number, "progress": sent["progress"]}
    attempt = run.journal.send("generate", StepRecord(fields=fields, tell=lambda: [sent]))
    run.variant.attempts = number
    leases.hold(run.lease, settings.PROVIDER_TIMEOUT_S + tools.GRACE_S + leases.STEP_LIMIT_S)
    return attempt


def _store(run: Run, request: ProviderRequest, answer: bytes, note: Mapping[str, object]) -> bytes:
    """Stores the answer, frees the provider slot, and finishes the image if the provider leaves that to Dali.

    UnavailableError: the storage is unavailable; the answer is held in the database until it is back.
    """
    is_finished = not tools.is_finished_here(run.variant)
    key = tools.original_key(run.variant) if is_finished else tools.answer_key(run.variant)
    try:
        stored = tools.store_answer(key, answer, note)
    except UnavailableError:
        tools.hold_answer(run.variant, key, answer, note)
        raise
    slots.free(run.lease)
    return stored if is_finished else tools.finish_answer(run.variant, request, stored, note)


def _show(run: Run, content: bytes) -> None:
    """Publishes a preview during the call. Its progress is halfway from the last one to the answer."""
    try:
        url = preview_url(content)
        if url is None:
            return
        progress = (run.variant.progress + run.step.progress) / 2
        body = run.progress_body("generate", progress, attempt=run.variant.attempts, previewUrl=url)
        with leases.fenced(run.lease, progress=body["progress"]):
            events.append(run.job.session_id, [body])
    except Exception as error:  # noqa: BLE001 - a bad preview must not cost the image, which is paid for
        log.warning("preview_not_shown", error=type(error).__name__)
    finally:
        release_db_connection()


def _kept(run: Run, receipt: Receipt, attempt: int, size_bytes: int, *, is_adopted: bool) -> StepRecord:
    """What is written about an answer, in the same transaction as the step's row."""
    variant, key = run.variant, tools.original_key(run.variant)
    variant.original_key, variant.model = key, receipt.model
    receipt.add_to(variant)
    meta: dict[str, Any] = {**receipt.meta, "attempts": variant.attempts}
    if run.job.size:
        meta.setdefault("requested", {"size": run.job.size})
    result = {
        "key": key,
        "bytes": size_bytes,
        "model": receipt.model,
        "seed": receipt.seed,
        "costUsd": None if receipt.cost_usd is None else float(receipt.cost_usd),
        "meta": meta,
        "adopted": is_adopted,
    }
    body = run.done_body()
    fields = {
        "original_key": key,
        "model": receipt.model,
        "cost_usd": variant.cost_usd,
        "progress": body["progress"],
    }
    return StepRecord(result, fields, lambda: receipt.charge(variant, attempt), lambda: [body])
