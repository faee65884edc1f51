"""The database's clock, shared by all processes, and the release of connections."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

# How long a reading of the database's clock is used; a slow reading is inaccurate and is repeated earlier.
READ_AGAIN_S = 15.0
_SLOW_S, _READ_SLOW_AGAIN_S = 0.1, 1.0
# A new reading that differs by less confirms the earlier one. Without small steps back, delayed work is due when its
# alarm rings.
_ERROR_S = 0.05


@dataclass(frozen=True, slots=True)
class _Reading:
    """The time of the database's clock at a moment of this process's monotonic clock."""

    shown: datetime
    at_s: float

    def now(self) -> datetime:
        return self.shown + timedelta(seconds=time.monotonic() - self.at_s)


class _Clock:
    """The database's time, without a query each time: between readings the monotonic clock is added.

    So a machine whose clock is wrong or is changed does not take a live worker's lease or delay work. The query is made
    without a lock: two threads may read at the same time.
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
        connection.ensure_connection()  # so that a wait for the pool does not count
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
    """The aware time in UTC by the database's clock: for leases, waits and other times that processes compare.

    With SQLite, by the process's clock. Raises OperationalError if the database was never read and is not available.
    """
    return timezone.now() if connection.vendor == "sqlite" else _clock.now()


def forget_clock() -> None:
    """Makes the next use read the database's clock; for tests that change it."""
    _clock.forget()


def release_db_connection() -> None:
    """Returns this thread's connection to the pool, before a wait, a call or work on pixels.

    SQLite has no pool, and opening it again costs a millisecond, so its connection is kept.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()
