"""Appends events to a session's log.

An event is a row before it is a message. `append` numbers it in the transaction of the change that it reports, so
commit order is number order; after commit the text is published (dali.lib.web.streams.broadcast).
"""

import json
import time
from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from dali.lib.db.sql import insert_rows
from dali.lib.web.streams import broadcast
from progressions.models import Event, Job, Variant
from progressions.stream import event_types
from progressions.stream.event_types import JobCompleteEvent, Summary, VariantNames

Body = event_types.Body


def append(session_id: str, bodies: Sequence[Body]) -> None:
    """Appends events to a session's log, in order, and publishes them once the transaction commits.

    Must be the last write of a short transaction: the session's counter row is locked from here to its end
    (lock order everywhere: variant, job, project, session counter).
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("events are appended inside a transaction")
    if not bodies:
        return
    last = _advance(session_id, len(bodies))
    first = last - len(bodies) + 1
    now = timezone.now()
    ts = int(time.time() * 1000)
    rows = []
    for seq, body in enumerate(bodies, start=first):
        text = json.dumps(
            {"seq": seq, "type": body["type"], "ts": ts, "sessionId": session_id, **body},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        job_id = body.get("jobId")
        rows.append((session_id, seq, body["type"], UUID(str(job_id)) if job_id else None, text, now))
    insert_rows(Event, ("session_id", "seq", "type", "job_id", "text", "created_at"), rows)
    published = [(row[1], row[4]) for row in rows]
    transaction.on_commit(lambda: broadcast.publish(session_id, published), robust=True)


def _advance(session_id: str, count: int) -> int:
    """Raises the session's counter, which it creates if needed, and returns the new value."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Foreign keys are checked at commit, which locks the rows they name. A duplicate's commit would wait for
            # the variant it resembles, and that variant's insert for this session's counter: a deadlock. Check now.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(
            "INSERT INTO stream_sessions (session_id, last_seq, pruned_seq, updated_at) VALUES (%s, %s, 0, %s)"
            " ON CONFLICT (session_id) DO UPDATE"
            " SET last_seq = stream_sessions.last_seq + excluded.last_seq, updated_at = excluded.updated_at"
            " RETURNING last_seq",
            [session_id, count, timezone.now()],
        )
        row: tuple[int] = cursor.fetchone()
    return row[0]


def of_variant(variant: Variant) -> VariantNames:
    """The part of an event that names its variant."""
    return {
        "jobId": str(variant.job_id),
        "projectId": str(variant.project_id),
        "variantId": str(variant.id),
        "provider": variant.provider,
        "variantIndex": variant.index,
    }


def of_job(job: Job, summary: Summary, cost_usd: float | None) -> JobCompleteEvent:
    """The last event of a job: all its variants have ended."""
    return {
        "type": "complete",
        "scope": "job",
        "jobId": str(job.id),
        "projectId": str(job.project_id),
        "summary": summary,
        "costUsd": cost_usd,
    }
