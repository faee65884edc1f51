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
_POSTGRESQL = {
    "25P03": Trouble.BUSY,  # idle_in_transaction_session_timeout
    "25P04": Trouble.BUSY,  # transaction_timeout, PostgreSQL 17
    "40001": Trouble.BUSY,  # serialization_failure
    "40P01": Trouble.BUSY,  # deadlock_detected
    "53300": Trouble.BUSY,  # too_many_connections
    "55P03": Trouble.BUSY,  # lock_not_available
    "57014": Trouble.BUSY,  # query_canceled, also after a statement timeout
    "53100": Trouble.FULL,  # disk_full
    "25006": Trouble.AWAY,  # read_only_sql_transaction: the primary has become a replica
}
_SQLITE = {
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
}
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
        is_away = isinstance(error, OperationalError | InterfaceError)
        return _POSTGRESQL.get(state, Trouble.AWAY if is_away else None)
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
    is_fault = primary == sqlite3.SQLITE_ERROR or not isinstance(error, sqlite3.OperationalError)
    return _SQLITE.get(primary, None if is_fault else Trouble.AWAY)


def _of_text(error: BaseException) -> Trouble | None:
    """For errors without a code: from a driver, a pool, or `dali.lib.db.sqlite`."""
    text = str(error).lower()
    if "locked" in text or "idle-in-transaction" in text:
        return Trouble.BUSY
    if "disk is full" in text:
        return Trouble.FULL
    return None if isinstance(error, InternalError) else Trouble.AWAY
