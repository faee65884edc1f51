"""Reads of the stream's log: where a reader starts, what it missed, what is newest.

All reads use the primary database: a replica may lag behind the hints.
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db.models import Min

from dali.lib.web.streams.reads import asynchronous
from progressions.enums import JobStatus
from progressions.models import Event, Job, StreamSession

_CHUNK_ROWS = 500
_CHUNK_CHARS = 128 * 1024
_SESSIONS_A_QUERY = 500

# Threads of their own: pages of the admin and replays never wait for each other.
THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="dali-stream")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The newest number of a session, and the newest that was pruned; each 0 if there is none."""

    newest: int
    pruned: int


def find_start(session_id: str, after: int | None) -> tuple[int, Bounds]:
    """The number after which a reader begins that asks for the events after `after`, and the session's bounds.

    With None it begins at the first event of the session's oldest unfinished job, otherwise of its newest job,
    otherwise with the next event. `after` may be pruned or beyond the newest: the caller checks the bounds.
    """
    bounds = bounds_of(session_id)
    if after is None:
        first = _first_of_current_job(session_id)
        after = bounds.newest if first is None else first - 1
    return after, bounds


def bounds_of(session_id: str) -> Bounds:
    """The bounds of one session's log."""
    row = StreamSession.objects.filter(pk=session_id).values_list("last_seq", "pruned_seq").first()
    return Bounds(*row) if row else Bounds(0, 0)


def newest_of(session_ids: Collection[str]) -> dict[str, int]:
    """The newest number by session; sessions without events are left out."""
    found: dict[str, int] = {}
    ids = list(session_ids)
    for first in range(0, len(ids), _SESSIONS_A_QUERY):
        rows = StreamSession.objects.filter(pk__in=ids[first : first + _SESSIONS_A_QUERY])
        found.update(rows.values_list("session_id", "last_seq"))
    return found


def events_after(session_id: str, after: int) -> list[tuple[int, str]]:
    """The next events `(seq, text)` after a number: a run without gaps, at most one chunk long.

    The first number is `after + 1` unless that event was pruned. Empty if there are no later events.
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


find_start_async = asynchronous(find_start, THREADS)
bounds_of_async = asynchronous(bounds_of, THREADS)
newest_of_async = asynchronous(newest_of, THREADS)
events_after_async = asynchronous(events_after, THREADS)
