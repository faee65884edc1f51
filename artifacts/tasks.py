"""Celery tasks of artifacts: shells that say no more than "look"."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import structlog
from celery import Celery, shared_task
from celery_batches import Batches, SimpleRequest
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from kombu.exceptions import OperationalError
from redis import RedisError

from artifacts import builds, services
from artifacts.models import Artifact
from artifacts.view_notes import find_notes
from artifacts.viewlog import GATHER_S, Outbox, View, view_of, write_views

log = structlog.get_logger(__name__)

VIEWS_QUEUE = "views"
# A database that is away is not asked in a hurry.
_AGAIN_S = 1.0
# How many views a message holds.
_VIEWS_HEADER = "dali_views"


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


class ViewBatches(Batches):  # type: ignore[misc]  # celery-batches ships no types
    """Batches that count views, of which a message holds many."""

    _views = 0

    def Strategy(self, task: Batches, app: Celery, consumer: Any) -> Callable[..., None]:  # noqa: N802 - Celery's name
        """What a worker does with each message."""
        take = super().Strategy(task, app, consumer)

        def take_and_count(message: Any, *args: Any, **kwargs: Any) -> None:
            take(message, *args, **kwargs)
            self._views += int(message.headers.get(_VIEWS_HEADER, 1))
            if self._views >= settings.VIEWS_BATCH:
                self._do_flush()

        return take_and_count

    def flush(self, requests: Collection[Any]) -> Any:
        """Hands a batch to the task."""
        self._views = 0
        return super().flush(requests)


@shared_task(
    base=ViewBatches,
    name="artifacts.log_views",
    queue=VIEWS_QUEUE,
    flush_every=settings.VIEWS_BATCH,
    flush_interval=settings.VIEWS_FLUSH_S - GATHER_S,
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
        return
    _forget(views)


def _send_views(views: Sequence[View]) -> None:
    log_views.apply_async(kwargs={"views": list(views)}, headers={_VIEWS_HEADER: len(views)}, retry=False)


_notes = find_notes()
# A visit that neither is noted nor stays in this process anyway is safe only once its message is sent.
outbox = Outbox(
    _send_views,
    note=None if _notes is None else _notes.keep,
    gather_s=GATHER_S if _notes is not None or settings.IS_EMBEDDED else 0.0,
)


def _forget(views: Sequence[View]) -> None:
    if _notes is None:
        return
    try:
        _notes.drop(views)
    except (RedisError, OSError) as error:  # they are looked at once more, and then dropped
        log.warning("broker_away", error=type(error).__name__)


def note_view(request: HttpRequest, artifact: Artifact, **kwargs: object) -> None:
    """Puts a visit behind the answer; for the signal `viewed`."""
    outbox.put(view_of(request, artifact))


def write_left_behind(**kwargs: object) -> None:
    """Writes the views whose messages were lost, with a killed process or with the queue; at each sweep."""
    if _notes is None or not _notes.is_look_due():
        return
    try:
        for views in _notes.left_behind(older_than_s=settings.VIEWS_REDELIVERY_S):
            log.info("views_left_behind", views=len(views), written=write_views(views))
            _notes.drop(views)
    except (RedisError, OSError) as error:
        log.warning("broker_away", error=type(error).__name__)


def write_views_now() -> int:
    """Writes the views that this process holds for the next flush; for the embedded server's orderly end."""
    outbox.flush(within_s=1.0)
    held: list[View] = []
    buffer = log_views._buffer  # noqa: SLF001 - celery-batches has no other way to ask for it
    while not buffer.empty():
        held += buffer.get_nowait().kwargs["views"]
    return write_views(held) if held else 0
