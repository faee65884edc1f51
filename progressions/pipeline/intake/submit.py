"""Submits and retries jobs: a job, its variants and their events are written in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from django.db import transaction

from dali.lib.db import connections
from dali.lib.errors import ConflictError
from dali.lib.files import disk
from progressions.enums import ROLLBACK, VariantStatus
from progressions.models import ImageProgression, Job, Variant
from progressions.money import budget
from progressions.pipeline import writes
from progressions.pipeline.intake.drafts import (
    MAX_PROMPT,
    Images,
    JobDraft,
    find_provider,
    prepare_job,
    set_images,
)
from progressions.stream import events
from progressions.work import nudges
from progressions.work.idempotency import Once
from projects.models import Project

__all__ = ["JobDraft", "retry_job", "retry_progression", "submit_job"]

log = structlog.get_logger(__name__)

SUBMITTED = 202  # the HTTP status that a job is answered with


def submit_job(*, project: Project, draft: JobDraft, owner: str = "", once: Once | None = None) -> Job:
    """Checks a draft and stores its job; `once` is kept with it (progressions.work.idempotency).

    Raises, before anything is stored or spent, InputError, which names field, value and cure (an estimate above the
    limit included); UnavailableError if the disk has no room for images; IntegrityError if another request kept `once`.
    """
    job, variants = prepare_job(project, draft)
    job.owner = owner
    _store(job, variants, once)
    return job


def retry_job(*, job: Job, session_id: str | None = None, owner: str = "", once: Once | None = None) -> Job:
    """A new job of the variants that failed or were cancelled, with their seeds; `once` as for `submit_job`.

    Raises ConflictError if there are none, InputError if their estimate is above the limit.
    """
    ended_badly = (VariantStatus.FAILED, VariantStatus.CANCELLED)
    lost = list(job.variants.filter(status__in=ended_badly).order_by("number"))
    if not lost:
        raise ConflictError("no variant of this job failed or was cancelled: there is nothing to retry")
    counts: dict[str, int] = {}
    variants = []
    for one in lost:
        index = counts.get(one.provider, 0)
        counts[one.provider] = index + 1
        variants.append(Variant(provider=one.provider, index=index, seed=one.seed, model=one.model))
    draft = replace(
        JobDraft.of(job),
        session_id=session_id or job.session_id,
        providers=list(counts),
        variants=max(counts.values()),
    )
    again = Job(project_id=job.project_id, owner=owner, retry_of=job, **draft.columns())
    set_images(again, Images.of(job), has_parent=job.parent_id is not None)
    _store(again, variants, once)
    return again


def retry_progression(
    *,
    progression: ImageProgression,
    session_id: str,
    prompt: str | None = None,
    variants: int | None = None,
    owner: str = "",
    once: Once | None = None,
) -> Job:
    """A new job like the one that made this image, built on it, with the judge's suggestion added to the prompt.

    Raises ConflictError for a rollback, which no provider made, and InputError as `submit_job` does.
    """
    earlier = progression.job
    if progression.kind == ROLLBACK or earlier is None:
        raise ConflictError(
            "no provider made this image, so there is nothing to retry; submit a job that builds on it"
        )
    if prompt is None:
        hint = progression.retry_suggestion.strip()
        prompt = f"{progression.prompt.rstrip()}\n{hint}"[:MAX_PROMPT].strip()
    name = progression.ai_provider
    is_model_known = progression.model in find_provider("provider", name).models
    draft = replace(
        JobDraft.of(earlier),
        prompt=prompt,
        providers=[name],
        session_id=session_id,
        variants=variants or 1,
        kind=progression.kind,
        parent_progression_id=None,
        seed=None,
        models={name: progression.model} if is_model_known else {},
    )
    job, made = prepare_job(progression.project, draft, images=Images.of(earlier))
    job.owner, job.parent = owner, progression
    _store(job, made, once)
    return job


def _store(job: Job, variants: Sequence[Variant], once: Once | None) -> None:
    """Writes the job, its variants and their `queued` events, and sends the first messages after commit.

    Raises InputError if the estimate is above the limit, UnavailableError if the disk has no room for images.
    """
    disk.refuse_where_short()
    costs = budget.admit(job, [(variant.provider, variant.model) for variant in variants])
    # Due at once, also for a process whose reading of the database's clock is a little behind.
    job.remaining, job.not_before = len(variants), connections.now() - timedelta(seconds=1)
    for number, (variant, cost) in enumerate(zip(variants, costs, strict=True)):
        variant.job, variant.project_id, variant.kind = job, job.project_id, job.kind
        variant.number, variant.estimate_usd, variant.not_before = number, cost, job.not_before
    with transaction.atomic():
        job.save(force_insert=True)
        if once is not None:
            once.keep(job.id, SUBMITTED)
        Variant.objects.bulk_create(variants)
        writes.touch_project(job.project_id)
        queued: list[events.Body] = [{"type": "queued", **events.of_variant(variant)} for variant in variants]
        events.append(job.session_id, queued)
        rows = 1 if job.ingest == Job.Ingest.WAITING else len(variants)
        transaction.on_commit(lambda: nudges.nudge(rows), robust=True)
    log.info(
        "job_submitted",
        jobId=str(job.id),
        sessionId=job.session_id,
        kind=job.kind,
        providers=job.providers,
        variants=len(variants),
    )
