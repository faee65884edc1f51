"""Reads of the stream's log: where a reader starts, what it missed, what is newest.

All of it is read from the primary database: a replica may lag behind the hints.
"""

from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.db.models import Min

from progressions.enums import JobStatus
from progressions.models import Event, Job, StreamSession

_CHUNK_ROWS = 500
_CHUNK_CHARS = 128 * 1024
_SESSIONS_A_QUERY = 500

# Threads of their own, so that a page of the admin never waits behind a thousand replays, nor they behind it.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="dali-stream")

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The newest number of a session, and up to which number its events are gone; 0 where there are none."""

    newest: int
    pruned: int


@dataclass(frozen=True, slots=True)
class Start:
    """Where a reader begins: `after` this number. `bounds` are those that the decision was made by."""

    after: int
    bounds: Bounds


def find_start(session_id: str, after: int | None) -> Start:
    """Where a reader begins who asks for what came after `after`, or who does not say (None).

    Who does not say gets the session from the first event of its oldest unfinished job on, else of its newest
    job, else what comes. What is asked for may be pruned or beyond the newest: that is the caller's to tell.
    """
    bounds = bounds_of(session_id)
    if after is None:
        first = _first_of_current_job(session_id)
        after = bounds.newest if first is None else first - 1
    return Start(after, bounds)


def bounds_of(session_id: str) -> Bounds:
    """The bounds of one session's log."""
    row = StreamSession.objects.filter(pk=session_id).values_list("last_seq", "pruned_seq").first()
    return Bounds(*row) if row else Bounds(0, 0)


def newest_of(session_ids: Collection[str]) -> dict[str, int]:
    """The newest number of each of the sessions that has one."""
    found: dict[str, int] = {}
    ids = list(session_ids)
    for first in range(0, len(ids), _SESSIONS_A_QUERY):
        rows = StreamSession.objects.filter(pk__in=ids[first : first + _SESSIONS_A_QUERY])
        found.update(rows.values_list("session_id", "last_seq"))
    return found


def events_after(session_id: str, after: int) -> list[tuple[int, str]]:
    """The next events `(seq, text)` after a number: a run without gaps, as long as one chunk allows.

    Its first number is `after + 1` unless that was pruned. Empty where nothing is left.
    """
    rows = Event.objects.filter(session_id=session_id, seq__gt=after).order_by("seq")
    run: list[tuple[int, str]] = []
    chars = 0
    for seq, text in rows.values_list("seq", "text")[:_CHUNK_ROWS]:
        if run and (seq != run[-1][0] + 1 or chars + len(text) > _CHUNK_CHARS):
            break
        run.append((seq, text))
        chars += len(text)
    return run


def _first_of_current_job(session_id: str) -> int | None:
    jobs = Job.objects.filter(session_id=session_id)
    unfinished = jobs.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING])
    job_id = (
        unfinished.order_by("created_at", "id").values_list("id", flat=True).first()
        or jobs.order_by("-created_at", "-id").values_list("id", flat=True).first()
    )
    if job_id is None:
        return None
    first: int | None = Event.objects.filter(job_id=job_id, session_id=session_id).aggregate(
        first=Min("seq")
    )["first"]
    return first


def asynchronous(
    read: Callable[P, R], threads: ThreadPoolExecutor = _threads
) -> Callable[P, Coroutine[Any, Any, R]]:
    """A read for the event loop: done in one of the `threads`, which keeps no connection afterwards."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return read(*args, **kwargs)
        finally:
            close_old_connections()

    return sync_to_async(run, thread_sensitive=False, executor=threads)


find_start_async = asynchronous(find_start)
bounds_of_async = asynchronous(bounds_of)
newest_of_async = asynchronous(newest_of)
events_after_async = asynchronous(events_after)
