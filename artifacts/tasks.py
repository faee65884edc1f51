"""Celery tasks of artifacts: shells that say no more than "look"."""

from uuid import UUID

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from artifacts import builds, services

log = structlog.get_logger(__name__)


@shared_task(name="artifacts.build", ignore_result=True)
def build(artifact_id: str) -> None:
    """Makes an artifact that takes long, where nobody else does."""
    builds.build_next(UUID(artifact_id))


def nudge_build(artifact_id: UUID) -> None:
    """Sends a message about a build; one that cannot be sent is no loss: the sweep sends again."""
    try:
        build.delay(str(artifact_id))
    except (OperationalError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)


def nudge_waiting(**kwargs: object) -> None:
    """Sends a message about each build that nobody holds; at each sweep."""
    for artifact_id in services.waiting_builds():
        nudge_build(artifact_id)
