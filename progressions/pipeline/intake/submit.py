"""Submits and retries jobs: a job, its variants and their events are written in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from django.db import transaction

from dali.lib.db import connections
from dali.lib.errors import ConflictError
from dali.lib.files import disk
from dali.lib.ids import new_id
from progressions.enums import ROLLBACK, VariantStatus
from progressions.models import ImageProgression, Job, Variant
from progressions.money import budget
from progressions.pipeline import writes
from progressions.pipeline.intake.drafts import (
    MAX_PROMPT,
    Images,
    JobDraft,
    Wanted,
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
    job, wanted = prepare_job(project, draft)
    job.owner = owner
    _store(job, wanted, once)
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
    wanted = []
    for variant in lost:
        index = counts.get(variant.provider, 0)
        counts[variant.provider] = index + 1
        wanted.append(Wanted(variant.provider, index, variant.seed, variant.model))
    draft = replace(
        JobDraft.of(job),
        session_id=session_id or job.session_id,
        providers=list(counts),
        variants=max(counts.values()),
    )
    again = Job(project_id=job.project_id, owner=owner, retry_of=job, **draft.columns())
    set_images(again, _images_of(job), has_parent=job.parent_id is not None)
    _store(again, wanted, once)
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
    job, wanted = prepare_job(progression.project, draft, images=_images_of(earlier))
    job.owner, job.parent = owner, progression
    _store(job, wanted, once)
    return job


def _images_of(job: Job) -> Images:
    """What an earlier job started from: its stored objects if it had fetched them, otherwise its addresses."""
    if job.ingest == Job.Ingest.DONE:
        return Images(
            job.start_image_url,
            job.mask_image_url,
            job.start_image_key,
            job.start_image_delivery,
            job.mask_key,
        )
    return Images(job.start_image_url, job.mask_image_url)


def _store(job: Job, wanted: Sequence[Wanted], once: Once | None) -> None:
    """Writes the job, its variants and their `queued` events, and sends the first messages after commit.

    Raises InputError if the estimate is above the limit, UnavailableError if the disk has no room for images.
    """
    disk.refuse_where_short()
    costs = budget.admit(job, [(want.provider, want.model) for want in wanted])
    # Due at once, also for a process whose reading of the database's clock is a little behind.
    job.remaining, job.not_before = len(wanted), connections.now() - timedelta(seconds=1)
    variants = [
        Variant(
            id=new_id(),
            job=job,
            project_id=job.project_id,
            provider=want.provider,
            index=want.index,
            number=number,
            kind=job.kind,
            seed=want.seed,
            model=want.model,
            estimate_usd=cost,
            not_before=job.not_before,
        )
        for number, (want, cost) in enumerate(zip(wanted, costs, strict=True))
    ]
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
