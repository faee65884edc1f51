"""Messages that tell workers to look at the rows; sent by task name. If one cannot be sent, the sweep sends another."""

from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

# The names of the tasks in progressions.tasks.
WORK, JUDGE_LATE = "progressions.work", "progressions.judge_late"


def send(task: str, *args: str, **options: Any) -> bool:
    """Sends a message for the task of that name; False if the broker cannot be reached."""
    try:
        current_app.send_task(task, args, ignore_result=True, **options)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)
        return False
    return True


def nudge(rows: int) -> None:
    """Sends one message for each due row, at most as many as a worker has threads."""
    for _ in range(min(rows, settings.WORKER_THREADS)):
        if not send(WORK):
            return
