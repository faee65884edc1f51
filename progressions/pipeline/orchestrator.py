"""The life of a job's images and of each variant, from claim to end: the only file that sees every part of it.

Business decisions are made here and in progressions.pipeline.generate_step: what is tried again and when, what is a
duplicate, what a verdict leads to. Every outside effect is a tool (progressions.pipeline.tools) run through the step
journal (progressions.work.steps).
"""

import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from dali.lib.db import connections
from dali.lib.db.errors import classify
from dali.lib.db.sql import update_where
from dali.lib.errors import UnavailableError
from dali.lib.pictures.images import InvalidImageError
from knowledgebase.queries import tips_for
from progressions.enums import Code, JobStatus, VariantStatus
from progressions.errors import DeliveryError, JudgeError, LeaseLostError, StartImageError
from progressions.judge import Verdict
from progressions.models import ImageProgression, Job, Variant
from progressions.pipeline import deliver_step, duplicates, generate_step, tools, writes
from progressions.pipeline.ingest import Ingested, ingest_images, load_area
from progressions.pipeline.late_judging import give_up_for_now
from progressions.pipeline.rewrite import Refinement, refine_prompt
from progressions.pipeline.run import INTERNAL_ERROR, EndedError, Run, ms_since, pause_after_s
from progressions.stream import events
from progressions.stream.event_types import (
    AppliedTip,
    VariantCompleteEvent,
    VariantRunningEvent,
    VariantSkippedEvent,
)
from progressions.work import leases, wakeups
from progressions.work.steps import Journal, StepRecord, Success
from projects.models import Project

log = structlog.get_logger(__name__)

# How far along a variant is once a step is done.
PROGRESS = {"refine": 0.05, "dedupe": 0.7, "deliver": 0.8, "insert": 0.9}
INGEST_ATTEMPTS = 4
# A storage that is away is asked again after 5, 5, 8, 16, 32 s, then every minute.
STORAGE_PAUSE_S = 60.0
STORAGE_AWAY = "The image storage cannot be reached at the moment; the work goes on when it is back."


def run_lease(lease: leases.Lease) -> None:
    """Does the work of a claimed row, as far as it goes: a variant's steps or a job's `ingest`.

    However it ends, also where the row cannot be read, lease and slot are free afterwards.
    """
    with leases.working(lease), suppress(EndedError):
        if lease.model is Variant:
            variant = Variant.objects.select_related("job").get(id=lease.id)
            work, job = partial(_run_variant, lease, variant), variant.job
        else:
            job = Job.objects.get(id=lease.id)
            work = partial(_run_ingest, lease, job)
        with structlog.contextvars.bound_contextvars(jobId=str(job.id), sessionId=job.session_id):
            work()


# --- a job's images


def _run_ingest(lease: leases.Lease, job: Job) -> None:
    """Fetches and stores the start image and mask, once for all variants of the job."""
    journal = Journal(lease, job.session_id)
    try:
        journal.run("ingest", lambda: ingest_images(job), keep=_keep_ingested)
    except StartImageError as error:
        _fail_ingest(lease, job, error.code, str(error), is_retryable=False)
    except LeaseLostError:
        raise
    except UnavailableError as error:
        if isinstance(error, DeliveryError) and error.code is not None:
            _fail_ingest(lease, job, error.code, error.public_message, is_retryable=False)
        else:
            _ingest_later(lease, error, journal.failures("ingest", type(error).__name__))
    except Exception as error:  # noqa: BLE001 - the edge: one job's accident ends that job and harms no other
        if classify(error) is not None:
            raise
        log.exception("ingest_broke")
        failures = journal.failures("ingest", type(error).__name__)
        if failures >= INGEST_ATTEMPTS:
            _fail_ingest(lease, job, Code.INTERNAL, INTERNAL_ERROR, is_retryable=True)
        else:
            _ingest_later(lease, error, failures)


def _ingest_later(lease: leases.Lease, error: Exception, failures: int) -> None:
    pause_s = pause_after_s(error, failures, STORAGE_PAUSE_S)
    again = connections.now() + timedelta(seconds=pause_s)
    with leases.fenced(lease, lease_until=None, not_before=again, nudged_at=None):
        wakeups.wake_after(pause_s)


def _keep_ingested(found: Ingested) -> StepRecord:
    fields = {
        "ingest": Job.Ingest.DONE,
        "start_image_key": found.start_key,
        "start_image_delivery": found.start_delivery,
        "mask_key": found.mask_key,
    }
    result = {"key": found.start_key, "width": found.width, "height": found.height, "mask": found.mask_key}
    return StepRecord(result, fields)


def _fail_ingest(lease: leases.Lease, job: Job, code: Code, error: str, *, is_retryable: bool) -> None:
    ending = writes.Ending(VariantStatus.FAILED, code.value, error, is_retryable)
    with transaction.atomic():
        # Variants before their job: the lock order everywhere.
        variants = list(Variant.objects.select_for_update(no_key=True).filter(job=job).order_by("number"))
        with leases.fenced(lease):
            writes.end_all(job, variants, ending)


# --- a variant


def _run_variant(lease: leases.Lease, variant: Variant) -> None:
    with structlog.contextvars.bound_contextvars(provider=variant.provider, variantIndex=variant.index):
        run, started_at = Run(lease, variant), timezone.now()
        try:
            _live(run)
        except (EndedError, LeaseLostError):
            raise
        except UnavailableError as error:
            run.wait_for("store", error, since=started_at, reason=STORAGE_AWAY, longest_s=STORAGE_PAUSE_S)
        except Exception as error:  # noqa: BLE001 - the edge: one variant's accident ends that variant alone
            if classify(error) is not None:
                raise
            log.exception("variant_broke")
            ending = writes.Ending(VariantStatus.FAILED, Code.INTERNAL, INTERNAL_ERROR)
            with leases.fenced(lease):
                body = writes.fail_body(variant, Code.INTERNAL, INTERNAL_ERROR, is_retryable=False)
                writes.end_variant(variant, ending, [body])


def _live(run: Run) -> None:
    """The steps, in order; each returns at once where the journal says that it is done."""
    if run.job.cancel_requested_at is not None:
        run.end_if_cancelled()
    _refine(run)
    while True:
        content = generate_step.obtain(run)
        started = time.perf_counter()
        try:
            derived = tools.derive(content, load_area(run.job, run.variant.kind))
            break
        except InvalidImageError as error:
            generate_step.reject(run, error)
    _dedupe(run, derived, derive_ms=ms_since(started))
    progression = _deliver_and_insert(run, derived, len(content))
    _judge_and_end(run, derived, progression)


def _refine(run: Run) -> None:
    """Works the provider's tips into the prompt, and says once that the variant is running."""
    variant, job = run.variant, run.job

    def work() -> Refinement:
        if settings.REFINER == "model":
            leases.hold(run.lease, settings.REFINER_TIMEOUT_S + leases.STEP_LIMIT_S)
        return refine_prompt(variant, job.prompt, tips_for(variant.provider))

    def keep(refined: Refinement) -> StepRecord:
        tips: list[AppliedTip] = [{"key": tip.key, "addition": tip.addition} for tip in refined.tips]
        variant.refined_prompt, variant.tips = refined.prompt, tips
        fields = {
            "refined_prompt": refined.prompt,
            "tips": tips,
            "started_at": timezone.now(),
            "progress": PROGRESS["refine"],
        }

        def start_job() -> None:
            if job.status == JobStatus.QUEUED:
                Job.objects.filter(id=job.id, status=JobStatus.QUEUED).update(status=JobStatus.RUNNING)

        running: VariantRunningEvent = {
            "type": "running",
            **events.of_variant(variant),
            "refinedPrompt": refined.prompt,
            "tips": tips,
        }
        told: list[events.Body] = [running, run.progress_body("refine", PROGRESS["refine"])]
        return StepRecord(refined.record(), fields, start_job, lambda: told)

    run.journal.run("refine", work, keep=keep)


def _dedupe(run: Run, derived: tools.Derived, *, derive_ms: int) -> None:
    """Reserves the picture's hash, or ends the variant as a near-duplicate of an earlier image."""
    kept = run.journal.result_of("dedupe")
    if kept is None:
        run.end_if_cancelled()
        kept = _compare(run, derived, derive_ms)
    if (earlier := kept.get("duplicateOf")) is not None:
        _skip(run, earlier, int(kept["distance"]))


def _compare(run: Run, derived: tools.Derived, derive_ms: int) -> dict[str, Any]:
    """Compares and reserves under the project's lock, so that of siblings that arrive at once one stays."""
    result: dict[str, Any] = {"phash": derived.phash}

    def reserve() -> None:
        if connection.features.has_select_for_update:  # SQLite has one writer anyway
            Project.objects.select_for_update(no_key=True).get(id=run.job.project_id)
        if not run.job.allow_duplicates:
            match = duplicates.find_nearest(
                variant=run.variant, phash=derived.phash, max_distance=settings.DUPLICATE_DISTANCE
            )
            if match is not None:
                result["duplicateOf"], result["distance"] = str(match.variant_id), match.distance
                return
        duplicates.reserve(variant=run.variant, phash=derived.phash)

    def tell() -> list[events.Body]:
        return [] if "duplicateOf" in result else [run.progress_body("dedupe", PROGRESS["dedupe"])]

    started_at = timezone.now() - timedelta(milliseconds=derive_ms)
    kept = StepRecord(result, {"progress": PROGRESS["dedupe"]}, reserve, tell)
    run.journal.record(Success("dedupe", kept, started_at, derive_ms))
    return result


def _skip(run: Run, duplicate_of: str, distance: int) -> None:
    """Ends the variant as skipped: its bytes are kept, and `keep` can bring it back."""
    body: VariantSkippedEvent = {
        "type": "complete",
        **events.of_variant(run.variant),
        "scope": "variant",
        "skipped": True,
        "duplicateOf": duplicate_of,
        "distance": distance,
    }
    fields = {"duplicate_of": UUID(duplicate_of), "distance": distance, "progress": 1.0}
    run.end(writes.Ending(VariantStatus.SKIPPED, fields=fields), body)


def _deliver_and_insert(run: Run, derived: tools.Derived, size_bytes: int) -> ImageProgression:
    """Places the delivery image, then writes the image's row: two steps, one transaction."""
    kept = run.journal.result_of("insert")
    if kept is not None:
        return ImageProgression.objects.get(id=kept["progressionId"])
    run.end_if_cancelled()
    started_at, started = timezone.now(), time.perf_counter()
    address = deliver_step.place(run, derived)
    place_ms = ms_since(started)
    image = writes.NewImage.of(run.variant, derived, address, size_bytes, run.journal.result_of("generate"))
    inserted: list[ImageProgression] = []
    result: dict[str, Any] = {}

    def insert() -> None:
        row = writes.insert_progression(run.variant, run.job, image, is_judged_later=False)
        update_where(Variant, {"progression": row.id}, {"id": run.variant.id})
        inserted.append(row)
        result["progressionId"] = str(row.id)

    def tell() -> list[events.Body]:
        return [run.image_body(step, PROGRESS[step], inserted[0]) for step in ("deliver", "insert")]

    kept_insert = StepRecord(result, {"progress": PROGRESS["insert"]}, insert, tell)
    run.journal.record(
        Success("deliver", StepRecord({"address": address}), started_at, place_ms),
        Success("insert", kept_insert, timezone.now(), 0),
    )
    return inserted[0]


def _judge_and_end(run: Run, derived: tools.Derived, progression: ImageProgression) -> None:
    """Lets the judge look, writes what it says and ends the variant: one transaction."""
    started_at, started = timezone.now(), time.perf_counter()
    leases.hold(run.lease, settings.JUDGE_TIMEOUT_S + leases.STEP_LIMIT_S)
    try:
        verdict = tools.ask_judge(run.job, run.variant.kind, derived.picture)
    except JudgeError as error:
        run.journal.record_failure("judge", error, started_at=started_at, ms=ms_since(started))
        note = f"Not judged yet: {error} It will be judged again later."
        verdict = Verdict(None, [note], usage=error.usage, unseen=error.unseen)
        with leases.fenced(run.lease):
            _end_complete(run, progression, verdict, is_judged_again=True)
        return
    said = verdict.judgment.value if verdict.judgment else None

    def tell() -> list[events.Body]:
        _end_complete(run, progression, verdict, is_judged_again=False)
        return []  # it has told what there is to tell: the job's end may belong to it

    kept = StepRecord({"judgment": said, "judge": verdict.judge, "model": verdict.model}, tell=tell)
    run.journal.record(Success("judge", kept, started_at, ms_since(started)))
    log.info("variant_complete", judgment=said)


def _end_complete(
    run: Run, progression: ImageProgression, verdict: Verdict, *, is_judged_again: bool
) -> None:
    writes.write_verdict(progression, verdict)
    if is_judged_again:
        give_up_for_now(progression)
    names = events.of_variant(run.variant)
    judged = writes.judge_body({**names}, progression, verdict)
    body: VariantCompleteEvent = {
        "type": "complete",
        **names,
        "scope": "variant",
        "progressionId": str(progression.id),
        "generatedImageUrl": judged["generatedImageUrl"],
        "judgment": judged["judgment"],
    }
    ending = writes.Ending(VariantStatus.COMPLETE, fields={"progress": 1.0})
    writes.end_variant(run.variant, ending, [judged, body])
