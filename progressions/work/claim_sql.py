"""The SQL of the hot path: which variant or ingest is due, its claim, and the countdown of a job's variants.

For SQLite and PostgreSQL. Every idle thread claims, so this is written by hand: 1 ms of CPU, against 9 ms through the
ORM, most of it for building the query.
"""
# ruff: noqa: S608 - the statements are put together from constants of this module; values are parameters

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from dali.lib.errors import MissingError
from progressions.models import Job, Variant

# Not ended, due, and not held, or held under a lease that has ended.
_FREE = (
    "{row}.status IN ('queued', 'running') AND {row}.not_before <= %(now)s"
    " AND ({row}.lease_until IS NULL OR {row}.lease_until < %(now)s)"
)
# While an answer waits for the storage, no other variant may call its provider.
_STORAGE_IS_THERE = (
    " AND (v.original_key <> '' OR EXISTS (SELECT 1 FROM held_answers h WHERE h.variant_id = v.id) OR NOT EXISTS ("
    "SELECT 1 FROM held_answers h JOIN variants w ON w.id = h.variant_id WHERE w.status IN ('queued', 'running')))"
)
_DUE_VARIANT = (
    _FREE.format(row="v")
    + " AND NOT EXISTS (SELECT 1 FROM cooldowns c WHERE c.provider = v.provider AND c.until > %(now)s)"
    + _STORAGE_IS_THERE
)
_DUE_INGEST = "j.ingest = 'waiting' AND " + _FREE.format(row="j")

# A variant that is answered already takes no provider slot.
_LEFT_OUT = " AND (v.provider NOT IN ({names}) OR v.original_key <> '')"
_NEEDIEST_JOB = f"""
    SELECT j.id, j.ingest FROM jobs j
    WHERE j.status IN ('queued', 'running') AND (
        ({_DUE_INGEST})
        OR (
            j.ingest <> 'waiting'
            AND EXISTS (SELECT 1 FROM variants v WHERE v.job_id = j.id AND {_DUE_VARIANT}{{left_out}})
        )
    )
    ORDER BY j.served_at NULLS FIRST, j.id LIMIT 1
"""
_LEASE = "lease_owner = %(owner)s, lease_until = %(until)s, lease_token = lease_token + 1, nudged_at = NULL"
_TAKE_VARIANT = f"""
    UPDATE variants SET status = 'running', {_LEASE}
    WHERE id = (
        SELECT v.id FROM variants v WHERE v.job_id = %(job)s AND {_DUE_VARIANT}{{left_out}}
        ORDER BY v.number LIMIT 1 {{lock}}
    ) RETURNING id, lease_token, provider, original_key <> ''
"""
_TAKE_INGEST = f"""
    UPDATE jobs SET {_LEASE}
    WHERE id = (SELECT j.id FROM jobs j WHERE j.id = %(job)s AND {_DUE_INGEST} {{lock}}) RETURNING id, lease_token
"""
_IS_CANCELLED = "SELECT 1 FROM jobs WHERE id = %(job)s AND cancel_requested_at IS NOT NULL"
_SERVED = "UPDATE jobs SET served_at = %(now)s WHERE id = %(job)s"
_COUNT_DOWN = """
    UPDATE jobs SET remaining = remaining - %(count)s WHERE id = %(job)s RETURNING remaining, cancel_requested_at
"""
# A worker that got a message about these skipped them, because the provider was cooling down.
_SILENT_VARIANT = (
    " AND (v.nudged_at IS NULL OR v.nudged_at < %(silent)s OR EXISTS ("
    "SELECT 1 FROM cooldowns c WHERE c.provider = v.provider AND c.until > v.nudged_at))"
)
# The longer of two pauses applies.
_COOL_DOWN = """
    INSERT INTO cooldowns (provider, until, reason) VALUES (%(provider)s, %(until)s, %(reason)s)
    ON CONFLICT (provider) DO UPDATE SET until = excluded.until, reason = excluded.reason
    WHERE cooldowns.until < excluded.until
"""
_TO_NUDGE = {
    Variant: (
        "SELECT v.id FROM variants v JOIN jobs j ON j.id = v.job_id"
        f" WHERE {_DUE_VARIANT}{_SILENT_VARIANT} AND j.ingest <> 'waiting' LIMIT %(most)s"
    ),
    Job: (
        f"SELECT j.id FROM jobs j WHERE {_DUE_INGEST}"
        " AND (j.nudged_at IS NULL OR j.nudged_at < %(silent)s) LIMIT %(most)s"
    ),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A row that was taken and the token of its lease; of a variant, its provider and whether that has answered."""

    id: UUID
    token: int
    provider: str = ""
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class NeedyJob:
    """The next job: of those with due work, the one served least recently."""

    key: Any  # its id as this database writes it
    is_ingest: bool


def neediest_job(now: datetime, left_out: Sequence[str] = ()) -> NeedyJob | None:
    """The job that a worker serves next; None if only calls to the providers `left_out` are due."""
    condition, names = _leave_out(left_out)
    row = _one(_NEEDIEST_JOB.format(left_out=condition), now=_moment(now), **names)
    return None if row is None else NeedyJob(row[0], is_ingest=row[1] == "waiting")


def take(
    job: NeedyJob, *, owner: str, now: datetime, until: datetime, left_out: Sequence[str] = ()
) -> Taken | None:
    """Leases the job's ingest, or its lowest due variant; None if other workers have taken all of them.

    Skips variants that would call one of the providers `left_out`. Inside a transaction. On PostgreSQL it skips rows
    that other workers are taking, and does not wait for them.
    """
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    values = {"job": job.key, "owner": owner, "now": _moment(now), "until": _moment(until)}
    if job.is_ingest:
        row = _one(_TAKE_INGEST.format(lock=lock), **values)
        return None if row is None else Taken(_uuid(row[0]), row[1])
    condition, names = _leave_out(left_out)
    row = _one(_TAKE_VARIANT.format(lock=lock, left_out=condition), **values, **names)
    if row is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_SERVED, {"now": values["now"], "job": job.key})
    return Taken(_uuid(row[0]), row[1], row[2], bool(row[3]))


def _leave_out(providers: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The condition that leaves out variants of these providers, and its parameters."""
    if not providers:
        return "", {}
    names = {f"full_{number}": name for number, name in enumerate(providers)}
    return _LEFT_OUT.format(names=", ".join(f"%({name})s" for name in names)), names


def cool_down(provider: str, until: datetime, reason: str) -> None:
    """Stops all processes from calling a provider until then; a later end that was set before stays."""
    values = {"provider": provider, "until": _moment(until), "reason": reason}
    with connection.cursor() as cursor:
        cursor.execute(_COOL_DOWN, values)


def is_cancelled(job_id: UUID) -> bool:
    """Whether the job is being cancelled."""
    return _one(_IS_CANCELLED, job=_key(job_id)) is not None


def count_down(job_id: UUID, count: int) -> tuple[int, bool]:
    """Counts `count` variants as ended; returns how many are left, and whether the job was cancelled.

    Inside the transaction that ends them: of two that end at once, exactly one gets 0.
    """
    row = _one(_COUNT_DOWN, job=_key(job_id), count=count)
    if row is None:
        raise MissingError(f"there is no job {job_id}")
    return row[0], row[1] is not None


def to_nudge(model: type[Job | Variant], now: datetime, *, silent_since: datetime, most: int) -> list[UUID]:
    """Ids of due variants, or of jobs whose ingest is due, for which no message was sent since `silent_since`."""
    values = {"now": _moment(now), "silent": _moment(silent_since), "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_TO_NUDGE[model], values)
        return [_uuid(row[0]) for row in cursor.fetchall()]


def _one(statement: str, **values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def _key(job_id: UUID) -> Any:
    """The id as the database compares it."""
    return Job._meta.pk.get_db_prep_value(job_id, connection)


def _moment(value: datetime) -> Any:
    """The value as the database compares it: SQLite stores times as text."""
    return connection.ops.adapt_datetimefield_value(value)


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
