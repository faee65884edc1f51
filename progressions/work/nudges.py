"""Messages that tell workers to look at the rows: sent by a task's name, and no loss where they cannot be sent."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

# The tasks of progressions.tasks, by the names that they have in messages.
WORK, JUDGE_LATE = "progressions.work", "progressions.judge_late"


def send(task: str, *args: str, **options: Any) -> bool:
    """Sends a message for the task of that name; False where the broker is away: the sweep sends it again."""
    try:
        current_app.send_task(task, args, ignore_result=True, **options)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)
        return False
    return True


def nudge(rows: int) -> None:
    """Sends as many messages as rows are due, at most one for each thread of a worker."""
    for _ in range(min(rows, settings.WORKER_THREADS)):
        if not send(WORK):
            return


def nudge_judging(images: Sequence[UUID]) -> None:
    """Sends a message for each image that waits for its judge."""
    for progression_id in images:
        if not send(JUDGE_LATE, str(progression_id)):
            return
