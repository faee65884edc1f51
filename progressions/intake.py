"""The one way in for work: what is asked is checked whole, then job, variants and events are one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from dali.lib import database, disk
from dali.lib.errors import ConflictError, IdempotencyError, InputError
from dali.lib.ids import new_id
from progressions import budget, events, services, tasks
from progressions.drafts import (
    MAX_PROMPT,
    Images,
    JobDraft,
    Wanted,
    check_session,
    find_provider,
    prepare_job,
    set_images,
)
from progressions.enums import ROLLBACK, VariantStatus
from progressions.models import ImageProgression, Job, Variant
from projects.models import Project

__all__ = ["JobDraft", "Submission", "retry_job", "retry_progression", "submit_job"]

log = structlog.get_logger(__name__)

IDEMPOTENCY_DAYS = 7


@dataclass(frozen=True, slots=True)
class Submission:
    """The job, and whether it had been made before by the same idempotency key."""

    job: Job
    is_replayed: bool


def submit_job(
    *,
    project: Project,
    draft: JobDraft,
    owner: str = "",
    idempotency_key: str | None = None,
    idempotency_digest: str = "",
) -> Submission:
    """Checks a draft and makes its job.

    Raises InputError naming field, value and cure, before anything is stored or spent, also where it is expected
    to cost more than it may, IdempotencyError where the key came before with another body, and UnavailableError where
    the disk has no room for images.
    """
    if idempotency_key is not None:
        earlier = _find_replay(project, idempotency_key, idempotency_digest)
        if earlier is not None:
            return Submission(earlier, is_replayed=True)
    job, wanted = prepare_job(project, draft)
    job.owner, job.idempotency_key, job.idempotency_digest = owner, idempotency_key, idempotency_digest
    try:
        _store(job, wanted)
    except (IntegrityError, InputError):
        # The same submission may have come twice at once: the first one's job stands, and may be what fills the cap.
        if idempotency_key is None:
            raise
        earlier = _find_replay(project, idempotency_key, idempotency_digest)
        if earlier is None:
            raise
        return Submission(earlier, is_replayed=True)
    return Submission(job, is_replayed=False)


def retry_job(*, job: Job, session_id: str | None = None, owner: str = "") -> Job:
    """A new job of the variants that failed or were cancelled, with their seeds.

    Raises ConflictError where there are none, InputError where they would cost more than they may.
    """
    ended_badly = (VariantStatus.FAILED, VariantStatus.CANCELLED)
    lost = list(job.variants.filter(status__in=ended_badly).order_by("number"))
    if not lost:
        raise ConflictError("no variant of this job failed or was cancelled: there is nothing to retry")
    if session_id is not None:
        check_session(session_id)
    counts: dict[str, int] = {}
    wanted = []
    for variant in lost:
        index = counts.get(variant.provider, 0)
        counts[variant.provider] = index + 1
        wanted.append(Wanted(variant.provider, index, variant.seed, variant.model))
    again = Job(
        project_id=job.project_id,
        session_id=session_id or job.session_id,
        owner=owner,
        prompt=job.prompt,
        kind=job.kind,
        providers=list(counts),
        variants_per_provider=max(counts.values()),
        size=job.size,
        seed=job.seed,
        provider_models=job.provider_models,
        options=job.options,
        max_cost_usd=job.max_cost_usd,
        allow_duplicates=job.allow_duplicates,
        parent_id=job.parent_id,
        retry_of=job,
    )
    set_images(again, _images_of(job), has_parent=job.parent_id is not None)
    _store(again, wanted)
    return again


def retry_progression(
    *,
    progression: ImageProgression,
    session_id: str,
    prompt: str | None = None,
    variants: int | None = None,
    owner: str = "",
) -> Job:
    """A new job like the one that made this image, on top of it, with what the judge suggested worked into the prompt.

    Raises ConflictError for a rollback, which no provider made, and InputError as `submit_job` does.
    """
    earlier = progression.job
    if progression.kind == ROLLBACK or earlier is None:
        raise ConflictError(
            "no provider made this image, so there is no call to retry; submit a job on top of it"
        )
    if prompt is None:
        hint = progression.retry_suggestion.strip()
        prompt = f"{progression.prompt.rstrip()}\n{hint}"[:MAX_PROMPT] if hint else progression.prompt
    name = progression.ai_provider
    draft = JobDraft(
        prompt=prompt,
        providers=(name,),
        session_id=session_id,
        variants=1 if variants is None else variants,
        kind=progression.kind,
        size=earlier.size,
        models={name: progression.model}
        if progression.model in find_provider("provider", name).models
        else {},
        allow_duplicates=earlier.allow_duplicates,
        max_cost_usd=earlier.max_cost_usd,
        options=earlier.options,
    )
    job, wanted = prepare_job(progression.project, draft, images=_images_of(earlier))
    job.owner, job.parent = owner, progression
    _store(job, wanted)
    return job


def _images_of(job: Job) -> Images:
    """What an earlier job started from: its stored objects where it had fetched them, else its addresses."""
    if job.ingest == Job.Ingest.DONE:
        return Images(
            job.start_image_url,
            job.mask_image_url,
            job.start_image_key,
            job.start_image_delivery,
            job.mask_key,
        )
    return Images(job.start_image_url, job.mask_image_url)


def _store(job: Job, wanted: Sequence[Wanted]) -> None:
    """Writes the job, its variants and their `queued` events, and sends the first messages after commit.

    Raises InputError where it would cost more than it may, UnavailableError where the disk has no room for images.
    """
    disk.refuse_where_short()
    costs = budget.admit(job, [(want.provider, want.model) for want in wanted])
    # Due at once for every process, also for one whose reading of the database's clock is a little behind.
    job.remaining, job.not_before = len(wanted), database.now() - timedelta(seconds=1)
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
        Variant.objects.bulk_create(variants)
        services.touch_project(job.project_id)
        events.append(job.session_id, [events.of_variant(variant, "queued") for variant in variants])
        rows = 1 if job.ingest == Job.Ingest.WAITING else len(variants)
        transaction.on_commit(lambda: tasks.nudge(rows), robust=True)
    log.info(
        "job_submitted",
        jobId=str(job.id),
        sessionId=job.session_id,
        kind=job.kind,
        providers=job.providers,
        variants=len(variants),
    )


def _find_replay(project: Project, key: str, digest: str) -> Job | None:
    """The job this key made, None where it made none within the days that keys are kept."""
    job = Job.objects.filter(project=project, idempotency_key=key).first()
    if job is None:
        return None
    if job.created_at < timezone.now() - timedelta(days=IDEMPOTENCY_DAYS):
        Job.objects.filter(id=job.id).update(idempotency_key=None)
        return None
    if job.idempotency_digest != digest:
        raise IdempotencyError(
            f"Idempotency-Key '{key[:60]}' came before with another body: send the same body, or another key"
        )
    return job
