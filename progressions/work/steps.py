"""The step journal: each outside effect runs as a named step, and a step that succeeded is never run again.

Failed attempts stay on record. A step's row, the fields it changes and the events about it are one fenced transaction.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import structlog
from django.utils import timezone

from dali.lib.cleaning import clean_text
from dali.lib.clock import ms_since
from dali.lib.db.sql import insert_rows, update_where
from progressions.enums import StepStatus
from progressions.errors import LeaseLostError
from progressions.models import Step
from progressions.stream import events
from progressions.work import leases

log = structlog.get_logger(__name__)

T = TypeVar("T")
_COLUMNS = ("owner_id", "name", "attempt", "status", "result", "error", "started_at", "ms")
Result = dict[str, Any]  # what a step keeps for the record: JSON-able, read again when it is resumed


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What is written about a step's outcome, in one transaction.

    `fields` of the leased row; `also`, further writes, which may still add to `result`; the step's row with its
    `result`; and last the events that `tell` returns (the session's counter is locked from there on).
    """

    result: Result = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)
    also: Callable[[], None] | None = None
    tell: Callable[[], Sequence[events.Body]] | None = None


@dataclass(frozen=True, slots=True)
class Success:
    """A step that succeeded: when it began, how many milliseconds it took, what is written about it."""

    name: str
    kept: StepRecord
    started_at: datetime
    ms: int


class Journal:
    """The steps of one leased row, read once when the row is taken; its events go to `session_id`."""

    def __init__(self, lease: leases.Lease, session_id: str) -> None:
        self._lease = lease
        self._session_id = session_id
        self._done: dict[str, Result] = {}
        self._attempts: Counter[str] = Counter()  # the newest attempt at each step
        self._unanswered: dict[str, int] = {}
        self._failures: Counter[tuple[str, str]] = Counter()  # by step and code
        self._pending: list[Success] = []
        # A row under its first lease has no steps yet.
        known = Step.objects.filter(owner_id=lease.id).order_by("id") if lease.token > 1 else ()
        for step in known:
            self._attempts[step.name] = max(step.attempt, self._attempts[step.name])
            if step.status == StepStatus.OK:
                self._done[step.name] = step.result
            elif step.status == StepStatus.SENT:
                self._unanswered[step.name] = step.attempt
            elif step.status == StepStatus.FAILED:
                self._failures[step.name, step.result.get("code", "")] += 1

    def result_of(self, name: str) -> Result | None:
        """The result of the step; None if it has not succeeded."""
        return self._done.get(name)

    def failures(self, name: str, code: str) -> int:
        """How many attempts at the step failed with this code."""
        return self._failures[name, code]

    def unanswered(self, name: str) -> bool:
        """Whether a process sent an attempt and died before it saw the answer."""
        return name in self._unanswered

    def run(
        self, name: str, work: Callable[[], T], *, keep: Callable[[T], StepRecord], is_pure: bool = False
    ) -> Result:
        """The result if the step succeeded before; otherwise does the work and writes what `keep` returns.

        What `work` raises is recorded as a failed attempt and raised on. LeaseLostError: another worker has the
        row; nothing was written. A step that `is_pure` has no outside effect and may as well be run
        again: it is written together with the next one.
        """
        if (kept := self._done.get(name)) is not None:
            return kept
        started_at, started = timezone.now(), time.perf_counter()
        try:
            value = work()
        except LeaseLostError:
            raise
        except Exception as error:  # noqa: BLE001 - every failed attempt is recorded, then raised
            self.record_failure(name, error, started_at=started_at, ms=ms_since(started))
            raise
        success = Success(name, keep(value), started_at, ms_since(started))
        write = self.hold if is_pure else self.record
        write(success)
        return success.kept.result

    def hold(self, success: Success) -> None:
        """Keeps a success in memory and writes it together with the next one."""
        self._pending.append(success)
        self._done[success.name] = success.kept.result

    def record(self, success: Success) -> None:
        """Writes a success and its outcome in one fenced transaction."""
        self._write([success])

    def send(self, name: str, kept: StepRecord) -> int:
        """Records an attempt before it is sent; returns its number, from 1."""
        row = self._row(name, StepStatus.SENT, kept.result, timezone.now())
        self._write([], kept, lambda: insert_rows(Step, _COLUMNS, [row]))
        return self._attempts[name]

    def answer(self, name: str, attempt: int, kept: StepRecord, *, ms: int | None) -> None:
        """Records that the sent attempt succeeded, in one fenced transaction with its outcome."""
        self._close(name, attempt, StepStatus.OK, kept, ms=ms)
        self._done[name] = kept.result
        log.info("step_done", step=name, ms=ms, attempt=attempt)

    def fail(self, name: str, attempt: int, kept: StepRecord, *, error: str, ms: int | None) -> None:
        """Records that the sent attempt failed; `kept.result["code"]` says how."""
        self._close(name, attempt, StepStatus.FAILED, kept, ms=ms, error=error)
        log.warning("step_failed", step=name, ms=ms, attempt=attempt, error=error, **kept.result)

    def give_up_unanswered(self, name: str, kept: StepRecord) -> None:
        """Marks the sent attempt as `unknown`: its answer will never arrive."""
        attempt = self._unanswered[name]
        self._close(name, attempt, StepStatus.UNKNOWN, kept, ms=None)
        log.warning("step_unknown", step=name, attempt=attempt)

    def unanswered_attempt(self, name: str) -> int:
        """The number of the attempt whose answer never arrived. Raises KeyError."""
        return self._unanswered[name]

    def revoke(self, name: str, kept: StepRecord, *, error: str) -> None:
        """Turns a success into a failure: its result is unusable, and the step must run again."""
        self._close(name, self._attempts[name], StepStatus.FAILED, kept, ms=None, error=error)
        del self._done[name]
        log.warning("step_revoked", step=name, error=error)

    def record_failure(self, name: str, error: Exception, *, started_at: datetime, ms: int) -> None:
        """Records a failed attempt that `send` did not announce."""
        code, text = type(error).__name__, clean_text(str(error), 2000)
        with leases.fenced(self._lease):
            row = self._row(name, StepStatus.FAILED, {"code": code}, started_at, ms=ms, error=text)
            insert_rows(Step, _COLUMNS, [row])
        self._failures[name, code] += 1
        log.warning("step_failed", step=name, ms=ms, error=str(error)[:500])

    def _close(
        self,
        name: str,
        attempt: int,
        status: StepStatus,
        kept: StepRecord,
        *,
        ms: int | None,
        error: str = "",
    ) -> None:
        def update() -> None:
            changes: dict[str, object] = {"status": status, "result": kept.result, "error": error[:2000]}
            if ms is not None:
                changes["ms"] = ms
            update_where(Step, changes, {"owner_id": self._lease.id, "name": name, "attempt": attempt})

        self._write([], kept, update)
        self._unanswered.pop(name, None)
        if status == StepStatus.FAILED:
            self._failures[name, str(kept.result.get("code", ""))] += 1

    def _write(
        self,
        successes: Sequence[Success],
        other: StepRecord | None = None,
        write_other: Callable[[], None] | None = None,
    ) -> None:
        """The one transaction of every write: fields, further writes, rows of steps, events."""
        successes = [*self._pending, *successes]
        every = [success.kept for success in successes]
        if other is not None:
            every.append(other)
        fields: dict[str, object] = {}
        for kept in every:
            fields.update(kept.fields)
        with leases.fenced(self._lease, **fields):
            for kept in every:
                if kept.also is not None:
                    kept.also()
            if successes:
                rows = [
                    self._row(one.name, StepStatus.OK, one.kept.result, one.started_at, ms=one.ms)
                    for one in successes
                ]
                insert_rows(Step, _COLUMNS, rows)
            if write_other is not None:
                write_other()
            told = [body for kept in every if kept.tell is not None for body in kept.tell()]
            events.append(self._session_id, told)
        self._pending = []
        for success in successes:
            self._done[success.name] = success.kept.result
            log.info("step_done", step=success.name, ms=success.ms, attempt=self._attempts[success.name])

    def _row(
        self,
        name: str,
        status: StepStatus,
        result: Result,
        started_at: datetime,
        *,
        ms: int | None = None,
        error: str = "",
    ) -> tuple[Any, ...]:
        """The row of the next attempt at a step."""
        self._attempts[name] += 1
        return self._lease.id, name, self._attempts[name], status, result, error, started_at, ms
