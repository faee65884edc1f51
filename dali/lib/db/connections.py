"""The database's clock, which all processes go by, and connections given back to the pool."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

# How old a reading of the database's clock may be; one that took long says little about the moment it is of.
READ_AGAIN_S = 15.0
_SLOW_S, _READ_SLOW_AGAIN_S = 0.1, 1.0
# A new reading that differs by less confirms the earlier one: without small steps back, work that was put off is due
# when the alarm that was set with it rings.
_ERROR_S = 0.05


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the database's clock showed at a moment of this process's monotonic clock."""

    shown: datetime
    at_s: float

    def now(self) -> datetime:
        return self.shown + timedelta(seconds=time.monotonic() - self.at_s)


class _Clock:
    """The database's time without asking it each time: between readings the monotonic clock goes on.

    A machine whose own clock is wrong, or is set while the process runs, then neither takes a living worker's lease nor
    holds work back. No lock is held while the database is asked: two threads may read at once.
    """

    def __init__(self) -> None:
        self._reading: _Reading | None = None
        self._read_again_at_s = 0.0

    def now(self) -> datetime:
        reading = self._reading
        if reading is None or time.monotonic() >= self._read_again_at_s:
            self._read_again_at_s = time.monotonic() + READ_AGAIN_S
            reading = self._read(reading)
        return reading.now()

    def forget(self) -> None:
        self._reading = None

    def _read(self, earlier: _Reading | None) -> _Reading:
        connection.ensure_connection()  # a wait for the pool is no part of the reading
        before_s = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (shown,) = cursor.fetchone()
        took_s = time.monotonic() - before_s
        reading = _Reading(shown.astimezone(UTC), before_s + took_s / 2)
        if took_s > _SLOW_S:
            self._read_again_at_s = time.monotonic() + _READ_SLOW_AGAIN_S
        if earlier is not None:
            difference_s = abs((reading.now() - earlier.now()).total_seconds())
            if difference_s < max(_ERROR_S, took_s / 2):
                return earlier
        self._reading = reading
        return reading


_clock = _Clock()


def now() -> datetime:
    """The time by the database's clock, aware, in UTC: for leases, waits and whatever else processes compare.

    SQLite has its process's own clock. Raises OperationalError where the database has never been asked and is away.
    """
    return timezone.now() if connection.vendor == "sqlite" else _clock.now()


def forget_clock() -> None:
    """Reads the database's clock again at the next use; for tests that set it."""
    _clock.forget()


def release_db_connection() -> None:
    """Gives this thread's connection back to the pool: none is held during a wait, a call or work on pixels.

    A file needs no pool, and opening SQLite again costs a millisecond, so it is kept.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()
