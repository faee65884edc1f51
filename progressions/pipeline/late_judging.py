"""Judging again: images whose judge could not say, and those that were never shown to one."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from dali.lib.db import connections
from progressions.enums import VariantStatus
from progressions.errors import JudgeError
from progressions.judge import Judge, Verdict
from progressions.models import ImageProgression, Job, Variant
from progressions.pipeline import tools, writes
from progressions.stream import events
from progressions.stream.event_types import JudgedNames, JudgeEvent

log = structlog.get_logger(__name__)

# Minutes until a judge that could not say is asked again; after the last it is left.
AGAIN_AFTER_MIN = (1, 5, 30, 120, 720)
# Nobody else judges an image that is being judged; a process that dies frees it this long after the judge's deadline.
CLAIM_S = 240


def give_up_for_now(progression: ImageProgression) -> None:
    """Sets when the judge is to look again, in the caller's transaction; never after five failures."""
    failures = progression.judge_attempts
    again = AGAIN_AFTER_MIN[failures] if failures < len(AGAIN_AFTER_MIN) else None
    progression.judge_attempts = failures + 1
    progression.judge_due_at = None if again is None else connections.now() + timedelta(minutes=again)
    progression.save(update_fields=["judge_attempts", "judge_due_at"])


def ask_again(*, progression_ids: Iterable[UUID]) -> int:
    """Has the judge look at images again, verdict or not, and returns how many; rollbacks have no job and stay."""
    made = ImageProgression.objects.filter(id__in=list(progression_ids), job__isnull=False)
    return made.update(judge_due_at=connections.now(), judge_attempts=0)


def due_for_judging(limit: int) -> list[UUID]:
    """Ids of images that the judge is to look at now, the longest due first."""
    due = ImageProgression.objects.filter(judge_due_at__lte=connections.now()).order_by("judge_due_at")
    return list(due.values_list("id", flat=True)[:limit])


def judge_late(progression_id: UUID) -> bool:
    """Judges one image that is due, and tells its session; False where it is not due (any longer)."""
    now = connections.now()
    taken = ImageProgression.objects.filter(id=progression_id, judge_due_at__lte=now).update(
        judge_due_at=now + timedelta(seconds=settings.JUDGE_TIMEOUT_S + CLAIM_S)
    )
    if not taken:
        return False
    progression = ImageProgression.objects.select_related("job").get(id=progression_id)
    job = progression.job
    if job is None:
        ImageProgression.objects.filter(id=progression_id).update(judge_due_at=None)
        return False
    with structlog.contextvars.bound_contextvars(jobId=str(job.id), sessionId=job.session_id):
        try:
            verdict = look(progression, job)
        except JudgeError as error:
            write_failure(progression, error)
        else:
            write_late(progression, job, verdict)
    return True


def look(progression: ImageProgression, job: Job, judge: Judge | None = None) -> Verdict:
    """What the judge in use, or the one given, says about an image; without the database. Raises JudgeError."""
    picture = tools.open_picture(progression.generated_image_r2_key)
    return tools.ask_judge(job, progression.kind, picture, judge)


def write_late(progression: ImageProgression, job: Job, verdict: Verdict) -> bool:
    """Writes a verdict that comes after the image's variant has ended, and tells its session.

    A judge that could not say takes no verdict back: then only its price is written, and the answer is False.
    """
    if verdict.judgment is None and progression.judgment is not None:
        with transaction.atomic():
            writes.charge_verdict(progression, verdict.usage, verdict.unseen)
            ImageProgression.objects.filter(id=progression.id).update(judge_due_at=None)
        log.info("verdict_kept", progressionId=str(progression.id), notes=verdict.notes)
        return False
    with transaction.atomic():
        writes.write_verdict(progression, verdict)
        events.append(job.session_id, [_late_body(progression, verdict)])
    log.info("judged_late", judgment=verdict.judgment and verdict.judgment.value, judge=verdict.judge)
    return True


def write_failure(progression: ImageProgression, error: JudgeError) -> None:
    """Writes that a judge could not look; it is asked again later. A verdict that is there stays."""
    log.warning("judge_failed", error=str(error), progressionId=str(progression.id))
    with transaction.atomic():
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
