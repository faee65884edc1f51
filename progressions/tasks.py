"""Celery tasks: shells that say no more than "look"; what there is to do stands in the rows."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from celery import Task, shared_task
from celery.utils.nodenames import worker_direct
from django.conf import settings
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from progressions import claims, judging, orchestrator, slots

log = structlog.get_logger(__name__)

# A worker's thread goes on to the next row by itself, but lets other messages in now and then.
ROWS_A_MESSAGE = 20
# A message about a free slot is of no use after that many seconds: others have come by.
SLOT_MESSAGE_S = 60


# The name of the worker whose threads these are; known with the first message.
_worker = ""


@shared_task(name="progressions.work", ignore_result=True, bind=True)
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
    nudge(1)


@shared_task(name="progressions.judge_late", ignore_result=True)
def judge_late(progression_id: str) -> None:
    """Lets the judge look at an image that is due."""
    judging.judge_late(UUID(progression_id))


def nudge_judging(images: Sequence[UUID]) -> None:
    """Sends a message for each image that the judge is to look at."""
    try:
        for progression_id in images:
            judge_late.delay(str(progression_id))
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)


@receiver(slots.freed)
def nudge_this_worker(**kwargs: object) -> None:
    """Sends for another thread of this very process: the slot that came free is its own."""
    try:
        if settings.IS_EMBEDDED or not _worker:
            work.delay()
        else:
            work.apply_async(queue=worker_direct(_worker), expires=SLOT_MESSAGE_S)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)


def nudge(rows: int) -> None:
    """Sends as many messages as rows are due, at most one for each thread of a worker.

    A message that cannot be sent is no loss: the sweep sends again what nobody took.
    """
    try:
        for _ in range(min(rows, settings.WORKER_THREADS)):
            work.delay()
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)
