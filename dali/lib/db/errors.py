"""What a database failure means: away, busy or full. Only this module knows the databases' codes."""

import sqlite3
from enum import StrEnum

from django.db import Error, InterfaceError, InternalError, OperationalError

from dali.lib.errors import UnavailableError


class Trouble(StrEnum):
    """Why the database failed. Each kind passes by itself, or after an operator acts."""

    AWAY = "away"
    BUSY = "busy"
    FULL = "full"


_ANSWERS = {
    Trouble.AWAY: ("The database cannot be reached; try again.", 5),
    Trouble.BUSY: ("The project is busy; try again.", 2),
    Trouble.FULL: ("The server's disk is full; try again later.", 60),
}

# https://www.postgresql.org/docs/15/errcodes-appendix.html, read 2026-11-30.
_BUSY_STATES = frozenset(
    {
        "25P03",  # idle_in_transaction_session_timeout
        "25P04",  # transaction_timeout, PostgreSQL 17
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "53300",  # too_many_connections
        "55P03",  # lock_not_available
        "57014",  # query_canceled, also after a statement timeout
    }
)
_FULL_STATES = frozenset({"53100"})  # disk_full
_AWAY_STATES = frozenset({"25006"})  # read_only_sql_transaction: the primary has become a replica
_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF  # the lowest byte of SQLite's extended result codes


def classify(error: BaseException) -> Trouble | None:
    """The kind of trouble that a database error reports; None for other errors.

    Also None for our own faults that databases report as operational, such as a missing table on SQLite.
    """
    if not isinstance(error, Error):
        return None
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _of_postgresql(error, state)
    if isinstance(error, OperationalError | InterfaceError | InternalError):
        return _of_text(error)
    return None


def as_unavailable(error: BaseException) -> UnavailableError | None:
    """The error for the client (503), without settings in its text; None as in `classify`."""
    trouble = classify(error)
    return None if trouble is None else UnavailableError(*_ANSWERS[trouble])


def _of_sqlite(error: sqlite3.Error) -> Trouble | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # of the sqlite3 module itself, for example for a closed connection
        return _of_text(error) if isinstance(error, sqlite3.OperationalError) else None
    primary = code & _PRIMARY_CODE
    if primary in _BUSY_CODES:
        return Trouble.BUSY
    if primary == sqlite3.SQLITE_FULL:
        return Trouble.FULL
    is_fault = primary == sqlite3.SQLITE_ERROR or not isinstance(error, sqlite3.OperationalError)
    return None if is_fault else Trouble.AWAY


def _of_postgresql(error: Error, state: str) -> Trouble | None:
    if state in _BUSY_STATES:
        return Trouble.BUSY
    if state in _FULL_STATES:
        return Trouble.FULL
    is_away = state in _AWAY_STATES or isinstance(error, OperationalError | InterfaceError)
    return Trouble.AWAY if is_away else None


def _of_text(error: BaseException) -> Trouble | None:
    """For errors without a code: from a driver, a pool, or `dali.lib.db.sqlite`."""
    text = str(error).lower()
    if "locked" in text or "idle-in-transaction" in text:
        return Trouble.BUSY
    if "disk is full" in text:
        return Trouble.FULL
    return None if isinstance(error, InternalError) else Trouble.AWAY
