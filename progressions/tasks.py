"""Celery tasks: shells that say no more than "look"; what there is to do stands in the rows."""

from uuid import UUID

from celery import Task, shared_task
from celery.utils.nodenames import worker_direct
from django.conf import settings
from django.dispatch import receiver

from progressions.pipeline import late_judging, orchestrator
from progressions.work import claims, nudges, slots

# A worker's thread goes on to the next row by itself, but lets other messages in now and then.
ROWS_A_MESSAGE = 20
# A message about a free slot is of no use after that many seconds: others have come by.
SLOT_MESSAGE_S = 60


# The name of the worker whose threads these are; known with the first message.
_worker = ""


@shared_task(name=nudges.WORK, ignore_result=True, bind=True)
def work(self: "Task[[], None]") -> None:
    """Takes what is due, row after row, until nothing is."""
    global _worker  # noqa: PLW0603 - one worker a process
    _worker = self.request.hostname or ""
    for _ in range(ROWS_A_MESSAGE):
        if claims.is_stopping():
            return
        lease = claims.claim_next()
        if lease is None:
            return
        orchestrator.run_lease(lease)
    nudges.nudge(1)


@shared_task(name=nudges.JUDGE_LATE, ignore_result=True)
def judge_late(progression_id: str) -> None:
    """Lets the judge look at an image that is due."""
    late_judging.judge_late(UUID(progression_id))


@receiver(slots.freed)
def nudge_this_worker(**kwargs: object) -> None:
    """Sends for another thread of this very process: the slot that came free is its own."""
    if settings.IS_EMBEDDED or not _worker:
        nudges.send(nudges.WORK)
    else:
        nudges.send(nudges.WORK, queue=worker_direct(_worker), expires=SLOT_MESSAGE_S)
