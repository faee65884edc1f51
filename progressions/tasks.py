"""Celery tasks: each message says no more than "look"; the rows say what there is to do."""

from uuid import UUID

from celery import Task, shared_task
from celery.utils.nodenames import worker_direct
from django.conf import settings
from django.dispatch import receiver

from progressions.pipeline import late_judging, orchestrator
from progressions.work import claims, leases, nudges, slots

# A worker's thread takes the next row by itself, but lets other messages in now and then.
ROWS_A_MESSAGE = 20
# A message about a free slot is useless after that many seconds: other threads have looked by then.
SLOT_MESSAGE_S = 60

# The name of the worker whose threads these are; known with the first message.
_worker = ""


@shared_task(name=nudges.WORK, ignore_result=True, bind=True)
def work(self: "Task[[], None]") -> None:
    """Works on due rows, one after the other, until none is left."""
    global _worker  # noqa: PLW0603 - one worker a process
    _worker = self.request.hostname or ""
    for _ in range(ROWS_A_MESSAGE):
        if leases.is_stopping():
            return
        lease = claims.claim_next()
        if lease is None:
            return
        orchestrator.run_lease(lease)
    nudges.nudge(1)


@shared_task(name=nudges.JUDGE_LATE, ignore_result=True)
def judge_late(progression_id: str) -> None:
    """Has the judge look at an image that is due."""
    late_judging.judge_late(UUID(progression_id))


@receiver(slots.freed)
def nudge_this_worker(**kwargs: object) -> None:
    """Sends a message for another thread of this process, because the free slot belongs to it."""
    if settings.IS_EMBEDDED or not _worker:
        nudges.send(nudges.WORK)
    else:
        nudges.send(nudges.WORK, queue=worker_direct(_worker), expires=SLOT_MESSAGE_S)
