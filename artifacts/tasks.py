"""Celery tasks of artifacts: shells that say no more than "look"."""

import time
from collections.abc import Sequence
from uuid import UUID

import structlog
from celery import shared_task
from celery_batches import Batches, SimpleRequest
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from kombu.exceptions import OperationalError

from artifacts import builds, services
from artifacts.models import Artifact
from artifacts.viewlog import Outbox, View, view_of, write_views

log = structlog.get_logger(__name__)

VIEWS_QUEUE = "views"
# A database that is away is not asked in a hurry.
_AGAIN_S = 1.0


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


@shared_task(
    base=Batches,
    name="artifacts.log_views",
    queue=VIEWS_QUEUE,
    flush_every=settings.VIEWS_BATCH,
    flush_interval=settings.VIEWS_FLUSH_S,
    acks_late=True,  # a batch whose process dies is delivered again
    ignore_result=True,
)
def log_views(requests: Sequence[SimpleRequest]) -> None:
    """Writes a batch of views. One that raised would be acknowledged and lost: what fails is sent again."""
    views: list[View] = [view for request in requests for view in request.kwargs["views"]]
    try:
        write_views(views)
    except (DatabaseError, InterfaceError) as error:
        log.warning("views_not_written", views=len(views), error=type(error).__name__)
        time.sleep(_AGAIN_S)
        _send_views(views)


def _send_views(views: Sequence[View]) -> None:
    log_views.apply_async(kwargs={"views": list(views)}, retry=False)


outbox = Outbox(_send_views)


def note_view(request: HttpRequest, artifact: Artifact, **kwargs: object) -> None:
    """Puts a visit behind the answer; for the signal `viewed`."""
    outbox.put(view_of(request, artifact))


def write_views_now() -> int:
    """Writes the views that this process holds for the next flush; for the embedded server's orderly end."""
    outbox.flush(within_s=1.0)
    held: list[View] = []
    buffer = log_views._buffer  # noqa: SLF001 - celery-batches has no other way to ask for it
    while not buffer.empty():
        held += buffer.get_nowait().kwargs["views"]
    return write_views(held) if held else 0
