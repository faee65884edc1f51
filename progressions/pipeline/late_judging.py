"""Late judging: images whose judge gave no verdict, and those that no judge has seen."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import transaction
from django.db.models import QuerySet

from dali.lib.db import connections
from progressions.enums import VariantStatus
from progressions.errors import JudgeError, LeaseLostError
from progressions.judge import Judge, Verdict
from progressions.models import ImageProgression, Job, Variant
from progressions.pipeline import tools, writes
from progressions.stream import events
from progressions.stream.event_types import JudgedNames, JudgeEvent
from progressions.work import leases, nudges

log = structlog.get_logger(__name__)

# Minutes until a judge that gave no verdict is asked again; after the last it is not asked again.
AGAIN_AFTER_MIN = (1, 5, 30, 120, 720)
# Until an image whose judging broke is tried again: each attempt may be paid.
BROKEN_S = 300


def give_up_for_now(progression: ImageProgression) -> None:
    """Sets when the judge is to look again, in the caller's transaction; never after five failures."""
    failures = progression.judge_attempts
    again = AGAIN_AFTER_MIN[failures] if failures < len(AGAIN_AFTER_MIN) else None
    progression.judge_attempts = failures + 1
    progression.judge_due_at = None if again is None else connections.now() + timedelta(minutes=again)
    progression.save(update_fields=["judge_attempts", "judge_due_at"])


def ask_again(*, progression_ids: Iterable[UUID]) -> int:
    """Marks images as due for the judge, verdict or not; returns how many. Rollbacks have no job and stay."""
    made = ImageProgression.objects.filter(id__in=list(progression_ids), job__isnull=False)
    return made.update(judge_due_at=connections.now(), judge_attempts=0)


def due_for_judging(limit: int) -> list[UUID]:
    """Ids of images that the judge is to look at now, the longest due first."""
    due = _due().filter(leases.unheld()).order_by("judge_due_at")
    return list(due.values_list("id", flat=True)[:limit])


def nudge_due(**kwargs: object) -> int:
    """Sends a message about each image that is due; returns how many."""
    images = due_for_judging(settings.WORKER_THREADS)
    for progression_id in images:
        if not nudges.send(nudges.JUDGE_LATE, str(progression_id)):
            break
    return len(images)


def judge_late(progression_id: UUID) -> bool:
    """Judges one image that is due, and tells its session; False if it is not due or another process judges it."""
    lease = claim(_due().filter(id=progression_id))
    if lease is None:
        return False
    with leases.working(lease):
        try:
            _judge(lease, ImageProgression.objects.select_related("job").get(id=progression_id))
        except (LeaseLostError, DatabaseFailure):
            raise
        except Exception:  # noqa: BLE001 - the edge: an error in one image ends only that attempt
            log.exception("late_judging_broke")
            later = connections.now() + timedelta(seconds=BROKEN_S)
            leases.write(lease, lease_until=None, judge_due_at=later)
    return True


def claim(images: QuerySet[ImageProgression]) -> leases.Lease | None:
    """Takes one image for as long as a judge may look at it; None if another process holds it."""
    return leases.claim(images, settings.JUDGE_TIMEOUT_S + leases.STEP_LIMIT_S)


def _due() -> QuerySet[ImageProgression]:
    return ImageProgression.objects.filter(judge_due_at__lte=connections.now())


def _judge(lease: leases.Lease, progression: ImageProgression) -> None:
    job = progression.job
    if job is None:
        leases.write(lease, judge_due_at=None, lease_until=None)
        return
    with structlog.contextvars.bound_contextvars(jobId=str(job.id), sessionId=job.session_id):
        answer: Verdict | JudgeError
        try:
            answer = verdict = look(progression)
            write: Callable[[], object] = partial(write_late, progression, job, verdict)
        except JudgeError as error:
            answer, write = error, partial(_write_failure, progression, error)
        try:
            with leases.fenced(lease, lease_until=None):
                write()
        except LeaseLostError:
            with transaction.atomic():  # it was paid all the same
                writes.charge_verdict(progression, answer.usage, answer.unseen)
            raise


def look(progression: ImageProgression, judge: Judge | None = None) -> Verdict:
    """What the judge in use, or the one given, says about an image; without the database. Raises JudgeError.

    The image's job must be loaded.
    """
    if progression.job is None:
        raise JudgeError("The image's job is gone.")
    picture = tools.open_picture(progression.generated_image_r2_key)
    return tools.ask_judge(progression.job, progression.kind, picture, judge)


def write_late(progression: ImageProgression, job: Job, verdict: Verdict) -> bool:
    """Writes a verdict that comes after the image's variant has ended, and tells its session.

    In the caller's transaction. An answer without a verdict never replaces a verdict: then only its price is written,
    and the result is False.
    """
    if verdict.judgment is None and progression.judgment is not None:
        writes.charge_verdict(progression, verdict.usage, verdict.unseen)
        ImageProgression.objects.filter(id=progression.id).update(judge_due_at=None)
        log.info("verdict_kept", progressionId=str(progression.id), notes=verdict.notes)
        return False
    writes.write_verdict(progression, verdict)
    events.append(job.session_id, [_late_body(progression, verdict)])
    log.info("judged_late", judgment=verdict.judgment and verdict.judgment.value, judge=verdict.judge)
    return True


def _write_failure(progression: ImageProgression, error: JudgeError) -> None:
    """Writes that the judge failed; it is asked again later. An earlier verdict stays."""
    log.warning("judge_failed", error=str(error), progressionId=str(progression.id))
    if progression.judgment is None:
        note = f"Not judged yet: {error}"
        writes.write_verdict(progression, Verdict(None, [note], usage=error.usage, unseen=error.unseen))
    else:
        writes.charge_verdict(progression, error.usage, error.unseen)
    give_up_for_now(progression)


def _late_body(progression: ImageProgression, verdict: Verdict) -> JudgeEvent:
    variant = Variant.objects.filter(progression=progression).exclude(status=VariantStatus.QUEUED).first()
    names: JudgedNames = {"projectId": str(progression.project_id)}
    if variant is not None:
        names = {**events.of_variant(variant)}
    body = writes.judge_body(names, progression, verdict)
    body["late"] = True
    return body
