"""The view log: turns answered requests into rows.

A view is a line in a file of this process before its answer is sent (dali.lib.files.spool): a page must not wait for
the database, and kill -9 must lose nothing. A thread writes the lines as rows, in batches, at least once: the line
has the id, and an existing row is kept. Another process writes the lines that a killed one left.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection
from django.http import HttpRequest

from artifacts.models import Artifact
from artifacts.publishing.view_rows import View, view_of, write_views
from artifacts.publishing.visits import is_prefetch
from dali.lib.clock import Deadline
from dali.lib.db.connections import release_db_connection
from dali.lib.files import disk
from dali.lib.files.folders import reason_of
from dali.lib.files.spool import Segment, Spool

log = structlog.get_logger(__name__)

ADOPT_EVERY_S = 5.0
# The most views kept in memory while the disk cannot be written. More are dropped, and their number is logged.
MOST_HELD = 10_000
# Errors of rows that the database will never accept, and of lines that are not views.
_NEVER = (DataError, IntegrityError, KeyError, TypeError, ValueError)


def note_view(request: HttpRequest, artifact: Artifact, *, is_part: bool) -> None:
    """Records that a request is answered with an artifact's file, or a part of it.

    A GET of the whole file is always a view. Partial requests count once per visitor and file in half an hour.
    Prefetches do not count.
    """
    if request.method == "GET" and not is_prefetch(request):
        view = view_of(request, artifact, is_part=is_part)
        if view is not None:
            view_log().note(view)


class ViewLog:
    """Takes views from any thread; its own thread, from `start` to `stop`, writes them as rows."""

    def __init__(
        self,
        spool: Spool,
        write: Callable[[Sequence[View]], Any] = write_views,
        *,
        flush_s: float = 0.5,
        batch: int = 500,
    ) -> None:
        self._spool = spool
        self._write = write
        self._flush_s = flush_s
        self._batch = batch
        self._held: deque[View] = deque()
        self._dropped = 0
        self._spares_disk = False
        self._disk_trouble = _Trouble("views_held_in_memory", "views_on_disk_again")
        self._row_trouble = _Trouble("views_wait", "views_written_again")
        self._adopts_at = Deadline.after(0)
        self._passes = threading.Condition()
        self._begun = self._ended = 0
        self._asked = threading.Event()
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    def note(self, view: View) -> None:
        """Takes a view. It is in a file once this returns, or in memory if the disk fails. Never raises."""
        if not self._spares_disk:
            try:
                self._spool.append(json.dumps(view).encode())
            except OSError as error:
                self._disk_trouble.say(reason_of(error))
            else:
                self._disk_trouble.say("")
                return
        if len(self._held) < MOST_HELD:
            self._held.append(view)
        else:
            self._dropped += 1

    def check_writable(self) -> None:
        """Called at start. Raises UnwritableError if the disk cannot be written."""
        self._spool.check_writable()

    def start(self) -> None:
        """Starts the thread, which first looks for files of dead processes."""
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="view-log", daemon=True)
        self._thread.start()

    def stop(self, *, within_s: float) -> None:
        """Writes what is there and ends the thread. The next process writes the rest."""
        self._is_stopping = True
        self._asked.set()
        if self._thread is not None:
            self._thread.join(within_s)

    def catch_up(self, *, within_s: float) -> bool:
        """Waits until the thread has written the views before this call; returns whether it did in time."""
        with self._passes:
            if self._thread is None or not self._thread.is_alive():
                return False
            wanted = self._begun + 1
            self._asked.set()
            return self._passes.wait_for(lambda: self._ended >= wanted, within_s)

    def write_out(self) -> bool:
        """Writes what it can, in the calling thread; returns whether that was everything."""
        trouble = ""
        try:
            self._adopt()
            for segment in self._spool.left():
                try:
                    self._write_segment(segment)
                except OSError as error:  # unreadable; other files may be readable
                    trouble = reason_of(error)
            self._write_held()
        except (DatabaseError, InterfaceError) as error:
            trouble = type(error).__name__
        finally:
            release_db_connection()
        self._row_trouble.say(trouble)
        self._spares_disk = bool(trouble) and disk.is_below_reserve(self._spool.folder)
        return not trouble

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._is_stopping
            self._asked.clear()
            with self._passes:
                self._begun += 1
            try:
                self.write_out()
            except Exception:  # noqa: BLE001 - the thread must continue: without it no view would be written
                log.exception("view_log_failed")
            with self._passes:
                self._ended = self._begun
                self._passes.notify_all()
            if not is_last:
                self._asked.wait(self._flush_s)
        connection.close()

    def _adopt(self) -> None:
        if self._adopts_at.has_passed:
            self._adopts_at = Deadline.after(ADOPT_EVERY_S)
            if files := self._spool.adopt():
                log.info("views_adopted", files=files)

    def _write_segment(self, segment: Segment) -> None:
        for lines in segment.batches(self._batch):
            self._write_each(list(_views_in(lines)))
        self._spool.remove(segment)

    def _write_held(self) -> None:
        while self._held:
            views = [self._held[index] for index in range(min(self._batch, len(self._held)))]
            self._write_each(views)
            for _ in views:
                self._held.popleft()
        if self._dropped:
            log.error("views_dropped", views=self._dropped)
            self._dropped = 0

    def _write_each(self, views: list[View]) -> None:
        """Writes a batch. If the database refuses it, writes each view that it accepts."""
        if not views:
            return
        try:
            self._write(views)
        except _NEVER as error:
            if len(views) > 1:
                for view in views:
                    self._write_each([view])
            else:
                log.warning("view_refused", view=views[0].get("id"), error=f"{type(error).__name__}: {error}")


class _Trouble:
    """Writes a line when trouble begins, changes or ends."""

    def __init__(self, begun: str, ended: str) -> None:
        self._begun, self._ended = begun, ended
        self._said = ""

    def say(self, reason: str) -> None:
        """`reason`: empty when there is no trouble."""
        if reason != self._said:
            self._said = reason
            if reason:
                log.error(self._begun, reason=reason)
            else:
                log.info(self._ended)


def _views_in(lines: list[bytes]) -> Iterator[View]:
    for line in lines:
        try:
            view = json.loads(line)
        except ValueError:
            view = None
        if isinstance(view, dict):
            yield view  # type: ignore[misc]  # missing fields show when it is written
        else:
            log.error("view_unreadable", line=line[:200].decode(errors="replace"))


_view_log = ViewLog(
    Spool(settings.DATA_DIR / "views"), flush_s=settings.VIEWS_FLUSH_S, batch=settings.VIEWS_BATCH
)


def view_log() -> ViewLog:
    """This process's view log."""
    return _view_log
