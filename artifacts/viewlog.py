"""The view log: what is noted of a visit, how it leaves the request and how it becomes a row.

A visit is a message before it is a row, for a page must not wait for a write. The message is with the broker
before the answer's last byte leaves, so that a web process that is killed then loses nothing; where the broker
does not take it within a second, the row is written from here instead, behind the answer. Messages are consumed
in batches (artifacts.tasks.log_views), at least once: the id is made here, and a row that is there stays.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from artifacts.models import Artifact, ArtifactView
from artifacts.visitors import visitor_of
from dali.lib.ids import new_id

log = structlog.get_logger(__name__)

# The longest an answer waits for a broker that does not answer; one that does takes half a millisecond, on a busy
# machine 50. With less, what a killed process had answered was lost now and then.
WAIT_S = 1.0
# A broker that failed is not asked again for so long.
PAUSE_S = 30.0
MOST_A_MESSAGE = 50
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
        ArtifactView(
            id=UUID(view["id"]),
            artifact_id=UUID(view["artifact_id"]),
            timestamp=datetime.fromisoformat(view["timestamp"]),
            ip_address=view["ip_address"],
            country=view["country"],
            city=view["city"],
            user_agent=view["user_agent"],
            agent=view["agent"],
            is_bot=view["is_bot"],
        )
        for view in views
        if UUID(view["artifact_id"]) in known
    ]
    ArtifactView.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


@dataclass(slots=True)
class _Parcel:
    view: View
    is_sent: threading.Event = field(default_factory=threading.Event)


class Outbox:
    """Hands visits to `send`, in a thread of its own; where that fails, to `write`.

    One message for all that came while the last was on its way: one costs a third of a millisecond of CPU.
    """

    def __init__(
        self, send: Callable[[Sequence[View]], None], write: Callable[[Sequence[View]], Any] = write_views
    ) -> None:
        self._send = send
        self._write = write
        self._parcels: queue.SimpleQueue[_Parcel] = queue.SimpleQueue()
        self._held: list[View] = []
        self._asked_again_at = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, view: View) -> None:
        """Takes a visit; returns once the broker has it, after WAIT_S at the latest. Never raises."""
        parcel = _Parcel(view)
        self._parcels.put(parcel)
        self._start()
        parcel.is_sent.wait(WAIT_S)

    def flush(self, within_s: float) -> bool:
        """Waits until everything taken has left; returns whether it has."""
        until = time.monotonic() + within_s
        while (not self._parcels.empty() or self._held) and time.monotonic() < until:
            time.sleep(0.01)
        return self._parcels.empty() and not self._held

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
            while len(parcels) < MOST_A_MESSAGE and not self._parcels.empty():
                parcels.append(self._parcels.get())
            views = [parcel.view for parcel in parcels]
            if not self._is_sent(views):
                self._hold(views)
                if self._parcels.empty():
                    self._write_held()
            for parcel in parcels:
                parcel.is_sent.set()

    def _is_sent(self, views: Sequence[View]) -> bool:
        if time.monotonic() < self._asked_again_at:
            return False
        try:
            self._send(views)
        except (BrokerError, OSError) as error:
            log.warning("broker_away", error=type(error).__name__)
            self._asked_again_at = time.monotonic() + PAUSE_S
            return False
        return True

    def _hold(self, views: Sequence[View]) -> None:
        room = max(0, MOST_HELD - len(self._held))
        self._held += views[:room]
        if len(views) > room:
            log.error("views_dropped", views=len(views) - room)

    def _write_held(self) -> None:
        try:
            self._write(self._held)
        except (DatabaseError, InterfaceError) as error:
            log.warning("views_not_written", views=len(self._held), error=type(error).__name__)
        else:
            self._held = []
        finally:
            if connection.vendor != "sqlite":
                connection.close()
