"""The view log: what is noted of a visit, how it leaves the request and how it becomes a row.

A visit is a message before it is a row, for a page must not wait for a write. It is noted with the broker before the
answer's last byte leaves (artifacts.view_notes), so that a web process that is killed then loses nothing; where the
broker does not take it within a second, the row is written from here instead, behind the answer. What came within a
blink shares a message. Messages are consumed in batches (artifacts.tasks.log_views), at least once: the id is made
here, and a row that is there stays.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypedDict
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from redis import RedisError

from artifacts.models import Artifact, ArtifactView
from artifacts.visitors import visitor_of
from dali.lib.ids import new_id
from dali.lib.sql import insert_rows

log = structlog.get_logger(__name__)

# The longest an answer waits for a broker that does not answer; one that does takes half a millisecond, on a busy
# machine 50. With less, what a killed process had answered was lost now and then.
WAIT_S = 1.0
# Visits of so long share a message where they are safe without: a message costs a millisecond of CPU on its way
# through, more than all else that a page does.
GATHER_S = min(0.1, settings.VIEWS_FLUSH_S / 4)
# A broker that failed is not asked again for so long.
PAUSE_S = 30.0
MOST_A_MESSAGE = min(50, settings.VIEWS_BATCH)
# Visits held where neither broker nor database takes them; more are dropped, and said so.
MOST_HELD = 10_000


class View(TypedDict):
    """A visit, as its message says it: JSON."""

    id: str
    artifact_id: str
    timestamp: str
    ip_address: str | None
    country: str
    city: str
    user_agent: str
    agent: str
    is_bot: bool


# What a message and a row call alike.
_SAID = ("ip_address", "country", "city", "user_agent", "agent", "is_bot")


def view_of(request: HttpRequest, artifact: Artifact) -> View:
    """What is noted of a visit."""
    visitor = visitor_of(request)
    return {
        "id": str(new_id()),
        "artifact_id": str(artifact.pk),
        "timestamp": timezone.now().isoformat(),
        "ip_address": visitor.ip_address,
        "country": visitor.country,
        "city": visitor.city,
        "user_agent": visitor.user_agent,
        "agent": visitor.agent,
        "is_bot": visitor.is_bot,
    }


def write_views(views: Sequence[View]) -> int:
    """Writes rows of visits that have none yet; returns how many there were to write.

    Visits of artifacts that are gone are dropped. Raises DatabaseError.
    """
    known = set(
        Artifact.objects.filter(id__in={view["artifact_id"] for view in views}).values_list("id", flat=True)
    )
    rows = [
        (
            UUID(view["id"]),
            UUID(view["artifact_id"]),
            datetime.fromisoformat(view["timestamp"]),
            *(view[name] for name in _SAID),  # type: ignore[literal-required]  # a tuple of keys
        )
        for view in views
        if UUID(view["artifact_id"]) in known
    ]
    with transaction.atomic():
        insert_rows(ArtifactView, ("id", "artifact", "timestamp", *_SAID), rows, keeps_known=True)
    return len(rows)


@dataclass(slots=True)
class _Parcel:
    view: View
    is_sent: threading.Event = field(default_factory=threading.Event)


class Outbox:
    """Hands visits to `send`, in a thread of its own; where that fails, to `write`.

    `note`: puts a visit where a kill of this process does not reach it. `gather_s`: how long a message waits for more
    to take along; 0: each leaves at once with those that came while the last was on its way, and answers wait for it.
    """

    def __init__(
        self,
        send: Callable[[Sequence[View]], None],
        write: Callable[[Sequence[View]], Any] = write_views,
        *,
        note: Callable[[View], None] | None = None,
        gather_s: float = 0.0,
    ) -> None:
        self._send = send
        self._write = write
        self._note = note
        self._gather_s = gather_s
        self._parcels: queue.Queue[_Parcel] = queue.Queue()  # one is done when sent, written or dropped
        self._is_flushing = threading.Event()
        self._held: list[View] = []
        self._is_away = False
        self._asked_again_at = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, view: View) -> None:
        """Takes a visit; returns once the broker has it, after WAIT_S at the latest. Never raises."""
        if self._note is not None:
            self._reaches_broker(partial(self._note, view))
        parcel = _Parcel(view)
        self._parcels.put(parcel)
        self._start()
        if not self._gather_s:
            parcel.is_sent.wait(WAIT_S)

    def flush(self, within_s: float) -> bool:
        """Waits until everything taken has left; returns whether it has."""
        self._is_flushing.set()
        try:
            with self._parcels.all_tasks_done:
                return self._parcels.all_tasks_done.wait_for(
                    lambda: not self._parcels.unfinished_tasks, timeout=within_s
                )
        finally:
            self._is_flushing.clear()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="view-outbox", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                parcels = [self._parcels.get(timeout=1.0 if self._held else None)]
            except queue.Empty:
                self._write_held()
                continue
            if self._gather_s and self._parcels.qsize() < MOST_A_MESSAGE:
                self._is_flushing.wait(self._gather_s)
            while len(parcels) < MOST_A_MESSAGE and not self._parcels.empty():
                parcels.append(self._parcels.get())
            views = [parcel.view for parcel in parcels]
            if self._reaches_broker(partial(self._send, views)):
                self._end(len(views))
            else:
                self._hold(views)
                if self._parcels.empty():
                    self._write_held()
            for parcel in parcels:
                parcel.is_sent.set()

    def _reaches_broker(self, send: Callable[[], None]) -> bool:
        """Whether it was sent. A broker that failed is left alone for a while; then one asks it for all."""
        with self._lock:
            now = time.monotonic()
            if now < self._asked_again_at:
                return False
            if self._is_away:
                self._asked_again_at = now + PAUSE_S
        try:
            send()
        except (BrokerError, RedisError, OSError) as error:
            log.warning("broker_away", error=type(error).__name__)
            self._is_away, self._asked_again_at = True, time.monotonic() + PAUSE_S
            return False
        if self._is_away:
            self._is_away, self._asked_again_at = False, 0.0
        return True

    def _hold(self, views: Sequence[View]) -> None:
        room = max(0, MOST_HELD - len(self._held))
        self._held += views[:room]
        if len(views) > room:
            log.error("views_dropped", views=len(views) - room)
            self._end(len(views) - room)

    def _write_held(self) -> None:
        try:
            self._write(self._held)
        except (DatabaseError, InterfaceError) as error:
            log.warning("views_not_written", views=len(self._held), error=type(error).__name__)
        else:
            self._end(len(self._held))
            self._held = []
        finally:
            if connection.vendor != "sqlite":
                connection.close()

    def _end(self, views: int) -> None:
        for _ in range(views):
            self._parcels.task_done()
