"""Writes of variants and their images: end, insert, judge, cancel, keep, roll back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from dali.lib.calls.answers.usage import Usage
from dali.lib.db import connections
from dali.lib.db.sql import insert, update_where
from dali.lib.errors import ConflictError
from dali.lib.pictures import phash as hashes
from dali.lib.pictures.images import CPU_GATE, decode
from progressions.delivery import public_url
from progressions.enums import ROLLBACK, Code, JobStatus, Purpose, StepStatus, VariantStatus
from progressions.judge import Verdict
from progressions.models import ImageProgression, Job, Step, Variant
from progressions.money import ledger
from progressions.money.receipts import charge_possible
from progressions.money.spending import Spending
from progressions.pipeline import duplicates, tools
from progressions.pipeline.ingest import find_stored, load_area
from progressions.queries import get_variant, search_text_for
from progressions.stream import events
from progressions.stream.event_types import JudgeDetails, JudgedNames, JudgeEvent, Summary, VariantFailEvent
from progressions.work import claim_sql, leases
from progressions.work.idempotency import Once
from projects.models import Project


@dataclass(frozen=True, slots=True)
class Ending:
    """How a variant ends: its final state, why it failed, and other `fields` of its row."""

    status: VariantStatus
    code: str = ""
    error: str = ""
    is_retryable: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """What is written to the variant's row."""
        return {
            "status": self.status,
            "code": self.code,
            "error": self.error,
            "retryable": self.is_retryable,
            "ended_at": timezone.now(),
            "lease_until": None,
            **self.fields,
        }


CANCELLED = Ending(VariantStatus.CANCELLED, Code.CANCELLED, "The job was cancelled.", is_retryable=True)


def end_variant(variant: Variant, ending: Ending, *bodies: events.Body) -> None:
    """Ends a variant, and its job if it was the last one; without `bodies` its event is `fail`.

    Inside the caller's fenced transaction, as its last write: the end, the job's count and the events
    are one, so that exactly one of two last variants sends the job's `complete`.
    """
    update_where(Variant, ending.columns(), {"id": variant.id})
    if ending.status in (VariantStatus.FAILED, VariantStatus.CANCELLED):
        duplicates.void(variant_id=variant.id)
    _count_down(variant.job, 1, bodies or [_fail_body(variant, ending)])


def _fail_body(variant: Variant, ending: Ending) -> VariantFailEvent:
    """The `fail` event of a variant that ended without an image."""
    names = events.of_variant(variant)
    return {
        "type": "fail",
        **names,
        "error": ending.error,
        "code": ending.code,
        "retryable": ending.is_retryable,
    }


def end_all(job: Job, variants: Sequence[Variant], ending: Ending) -> None:
    """Ends several variants of a job in the same way, in the caller's transaction, unless they have ended already."""
    ended: list[events.Body] = []
    for variant in variants:
        row = Variant.objects.filter(id=variant.id, status__in=(VariantStatus.QUEUED, VariantStatus.RUNNING))
        if row.update(**ending.columns(), lease_token=F("lease_token") + 1):
            duplicates.void(variant_id=variant.id)
            _give_up_unanswered(variant)
            ended.append(_fail_body(variant, ending))
    if ended:
        _count_down(job, len(ended), ended)


def _give_up_unanswered(variant: Variant) -> None:
    """Records the call of a dead worker as possibly billed: its answer will not be looked for again."""
    sent = {"owner_id": variant.id, "name": "generate", "status": StepStatus.SENT}
    if variant.attempts and update_where(
        Step, {"status": StepStatus.UNKNOWN, "result": {"possiblyBilled": True}}, sent
    ):
        Variant.objects.filter(id=variant.id).update(possibly_billed=F("possibly_billed") + 1)
        charge_possible(variant, variant.attempts)


def _count_down(job: Job, count: int, bodies: Sequence[events.Body]) -> None:
    remaining, was_cancelled = claim_sql.count_down(job.id, count)
    told = list(bodies)
    if remaining == 0:
        summary, spent = summarise(job.id)
        is_cancelled = was_cancelled and summary["cancelled"] > 0
        Job.objects.filter(id=job.id).update(
            status=JobStatus.CANCELLED if is_cancelled else JobStatus.COMPLETE,
            ended_at=timezone.now(),
            lease_until=None,
        )
        cost_usd = None if spent.total is None else float(spent.total)
        told.append(events.of_job(job, summary, cost_usd))
    events.append(job.session_id, told)


def summarise(job_id: UUID) -> tuple[Summary, Spending]:
    """How many variants of the job are in each state, and what it has cost: images, verdicts, refined prompts.

    The total is the sum of the known costs, None if none is known.
    """
    by_status = Variant.objects.filter(job_id=job_id).values("status")
    rows = list(by_status.annotate(n=Count("id"), usd=Sum("cost_usd")))
    counts = dict.fromkeys(VariantStatus.values, 0) | {row["status"]: row["n"] for row in rows}
    costs = [row["usd"] for row in rows if row["usd"] is not None]
    cost = sum(costs, Decimal(0)) if costs else None
    return cast("Summary", counts), ledger.with_unbooked(ledger.spent_by_job(job_id), cost)


def insert_progression(
    variant: Variant, derived: tools.Derived, delivery: str, answer: dict[str, Any], *, is_judged_later: bool
) -> ImageProgression:
    """Writes the row of a variant's image and moves the project's `updated_at`, in the caller's transaction.

    `delivery`: what Delivery.place returned; `answer`: the result of the variant's `generate` step, empty if unknown.
    """
    job, picture = variant.job, derived.picture
    row = ImageProgression(
        project_id=job.project_id,
        parent_progression_id=job.parent_id,
        job=job,
        variant_index=variant.index,
        kind=variant.kind,
        ai_provider=variant.provider,
        model=variant.model,
        prompt=job.prompt,
        refined_prompt=variant.refined_prompt,
        tips_applied=variant.tips,
        start_image_url=job.start_image_url,
        start_image_delivery_url=job.start_image_delivery,
        generated_image_url=delivery,
        original_image_r2_key=job.start_image_key or variant.original_key,
        generated_image_r2_key=variant.original_key,
        phash=hashes.short(derived.phash),
        phash_version=hashes.VERSION,
        ground=picture.ground_level,
        width=picture.width,
        height=picture.height,
        bytes=derived.size_bytes,
        seed=answer.get("seed"),
        cost_usd=variant.cost_usd,
        provider_meta=answer.get("meta", {}),
        judge_due_at=connections.now() if is_judged_later else None,
        search_text=search_text_for(job.prompt, [], []),
    )
    insert(row)
    touch_project(job.project_id)
    return row


def touch_project(project_id: UUID) -> None:
    """Sets a project's `updated_at`, because work was added to it."""
    update_where(Project, {"updated_at": timezone.now()}, {"id": project_id})


def write_verdict(progression: ImageProgression, verdict: Verdict) -> None:
    """Writes a verdict to the image's row and its cost to the ledger, in the caller's transaction."""
    charge_verdict(progression, verdict.usage, verdict.unseen)
    notes, tags = list(verdict.notes), list(verdict.tags)
    said = {
        "judgment": verdict.judgment,
        "ai_notes": notes,
        "ai_tags": tags,
        "retry_suggestion": verdict.retry_suggestion,
        "judge_due_at": None,
        "search_text": search_text_for(progression.prompt, notes, tags),
    }
    update_where(ImageProgression, said, {"id": progression.id})


def charge_verdict(
    progression: ImageProgression, usage: Iterable[Usage], unseen: Iterable[Usage] = ()
) -> None:
    """Records the judge's paid calls, and those without an answer as possibly billed, in the caller's transaction."""
    ledger.charge_usages(
        usage,
        unseen=unseen,
        purpose=Purpose.JUDGE,
        project_id=progression.project_id,
        job_id=progression.job_id,
        progression_id=progression.id,
    )


def judge_body(names: JudgedNames, progression: ImageProgression, verdict: Verdict) -> JudgeEvent:
    """The `judge` event."""
    details: JudgeDetails = {"retrySuggestion": verdict.retry_suggestion} if verdict.retry_suggestion else {}
    return {
        "type": "judge",
        **names,
        "progressionId": str(progression.id),
        "generatedImageUrl": public_url(progression.generated_image_url),
        "judgment": verdict.judgment.value if verdict.judgment else None,
        "notes": list(verdict.notes),
        "tags": list(verdict.tags),
        **details,
    }


def cancel_job(*, job_id: UUID) -> None:
    """Cancels a job: waiting variants end now, running ones at their next step. Idempotent."""
    with transaction.atomic():
        waiting = Variant.objects.filter(job_id=job_id).filter(
            Q(status=VariantStatus.QUEUED) | Q(status=VariantStatus.RUNNING) & leases.unheld()
        )
        variants = list(waiting.select_for_update(no_key=True).order_by("number"))
        job = Job.objects.select_for_update(no_key=True).get(id=job_id)
        if job.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
            return
        if job.cancel_requested_at is None:
            Job.objects.filter(id=job_id).update(cancel_requested_at=timezone.now(), nudged_at=None)
        end_all(job, variants, CANCELLED)


CREATED, FOUND = 201, 200  # the HTTP status of the answer


def keep_variant(*, variant_id: UUID, once: Once | None = None) -> tuple[ImageProgression, bool]:
    """The progression of a variant that was skipped as a near-duplicate, and whether this call made it.

    `once` is kept with it. Raises MissingError for an unknown variant, ConflictError for one that was not skipped and
    IntegrityError if another request kept `once`.
    """
    variant = get_variant(variant_id)
    if variant.status != VariantStatus.SKIPPED:
        raise ConflictError(f"only a skipped variant can be kept; this one is {variant.status}")
    if variant.progression is not None:
        return _found(variant.progression, once)
    content = _read_original(variant.original_key)
    derived = tools.derive(content, load_area(variant.job, variant.kind))
    delivery = tools.place_delivery(derived)
    with transaction.atomic():
        variant = Variant.objects.select_for_update(no_key=True).get(id=variant_id)
        if variant.progression_id is not None:
            return _found(ImageProgression.objects.get(id=variant.progression_id), once)
        answer = tools.kept_answer(variant)
        progression = insert_progression(variant, derived, delivery, answer, is_judged_later=True)
        Variant.objects.filter(id=variant.id).update(progression=progression)
        duplicates.reserve(variant=variant, phash=derived.phash)
        if once is not None:
            once.keep(progression.id, CREATED)
    return progression, True


def _found(progression: ImageProgression, once: Once | None) -> tuple[ImageProgression, bool]:
    if once is not None:
        with transaction.atomic():
            once.keep(progression.id, FOUND)
    return progression, False


def roll_back(*, progression: ImageProgression, once: Once | None = None) -> ImageProgression:
    """A new progression on top of this one that shows its start image, or its own image if it had none.

    Stored objects are shared, not copied; nothing is judged. `once` is kept with it. Raises IntegrityError if another
    request kept `once`.
    """
    has_start = bool(progression.start_image_delivery_url)
    key = progression.original_image_r2_key if has_start else progression.generated_image_r2_key
    width, height, size_bytes = progression.width, progression.height, progression.bytes
    ground = progression.ground
    if has_start:
        content = _read_original(key)
        with CPU_GATE:
            picture = decode(content)
        width, height, size_bytes = picture.width, picture.height, len(content)
        ground = picture.ground_level
    with transaction.atomic():
        row = ImageProgression.objects.create(
            project_id=progression.project_id,
            parent_progression=progression,
            kind=ROLLBACK,
            ai_provider=progression.ai_provider,
            prompt=progression.prompt,
            generated_image_url=progression.start_image_delivery_url or progression.generated_image_url,
            original_image_r2_key=key,
            generated_image_r2_key=key,
            ground=ground,
            width=width,
            height=height,
            bytes=size_bytes,
            search_text=search_text_for(progression.prompt, [], []),
        )
        touch_project(progression.project_id)
        if once is not None:
            once.keep(row.id, CREATED)
    return row


def _read_original(key: str) -> bytes:
    """The bytes of an original. Raises ConflictError if they are gone."""
    content = find_stored(key)
    if content is None:
        raise ConflictError(f"the original '{key}' is gone from its storage; restore it, then ask again")
    return content
