"""How database errors are classified, and what a client sees."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db import IntegrityError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.utils import DatabaseErrorWrapper, Error
from psycopg import errors as states
from psycopg_pool import PoolTimeout

from dali.lib.db.errors import Trouble, as_unavailable, classify


def raised_by_sqlite(act: Callable[[], object]) -> Error:
    """The exception that Django makes of an error from sqlite3."""
    wrapper = DatabaseErrorWrapper(DatabaseWrapper({"NAME": ":memory:"}))
    with pytest.raises(Error) as caught, wrapper:
        act()
    return caught.value


def from_psycopg(kind: type[Error], cause: psycopg.Error) -> Error:
    error = kind(str(cause))
    error.__cause__ = cause
    return error


def test_a_locked_sqlite_file_is_busy(tmp_path: Path) -> None:
    first, second = (sqlite3.connect(tmp_path / "db", timeout=0) for _ in range(2))
    first.execute("BEGIN EXCLUSIVE")
    assert classify(raised_by_sqlite(lambda: second.execute("BEGIN IMMEDIATE"))) is Trouble.BUSY
    first.close()
    second.close()


def test_a_sqlite_file_that_cannot_grow_is_full(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("CREATE TABLE t (content BLOB)")
    connection.execute("PRAGMA max_page_count = 3")
    error = raised_by_sqlite(lambda: connection.execute("INSERT INTO t VALUES (zeroblob(100000))"))
    assert classify(error) is Trouble.FULL
    connection.close()


def test_a_sqlite_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    error = raised_by_sqlite(lambda: sqlite3.connect(tmp_path / "none" / "db"))
    assert classify(error) is Trouble.AWAY


def test_a_missing_table_is_a_bug() -> None:
    connection = sqlite3.connect(":memory:")
    assert classify(raised_by_sqlite(lambda: connection.execute("SELECT * FROM nothing"))) is None
    connection.close()


@pytest.mark.parametrize(
    ("kind", "cause", "trouble"),
    [
        (OperationalError, states.LockNotAvailable("lock timeout"), Trouble.BUSY),
        (OperationalError, states.DeadlockDetected("deadlock"), Trouble.BUSY),
        (OperationalError, states.QueryCanceled("statement timeout"), Trouble.BUSY),
        (OperationalError, states.SerializationFailure("again"), Trouble.BUSY),
        (OperationalError, states.TooManyConnections("full"), Trouble.BUSY),
        (InternalError, states.IdleInTransactionSessionTimeout("idle"), Trouble.BUSY),
        (
            OperationalError,
            psycopg.OperationalError("terminating connection due to idle-in-transaction timeout"),
            Trouble.BUSY,
        ),
        (OperationalError, states.DiskFull("No space left on device"), Trouble.FULL),
        (OperationalError, states.AdminShutdown("shutdown"), Trouble.AWAY),
        (OperationalError, states.CannotConnectNow("starting up"), Trouble.AWAY),
        (OperationalError, psycopg.OperationalError("connection refused"), Trouble.AWAY),
        (OperationalError, PoolTimeout("couldn't get a connection after 3.00 sec"), Trouble.AWAY),
        (InterfaceError, psycopg.InterfaceError("the connection is closed"), Trouble.AWAY),
        (InternalError, states.ReadOnlySqlTransaction("read only"), Trouble.AWAY),
        (InternalError, states.InFailedSqlTransaction("aborted"), None),
        (ProgrammingError, states.UndefinedTable("no such table"), None),
        (IntegrityError, states.UniqueViolation("twice"), None),
    ],
)
def test_an_error_of_postgresql_is_classified_by_its_state(
    kind: type[Error], cause: psycopg.Error, trouble: Trouble | None
) -> None:
    assert classify(from_psycopg(kind, cause)) is trouble


def test_other_errors_are_not_the_databases() -> None:
    assert classify(ValueError("locked")) is None
    assert classify(OSError("disk is full")) is None
    assert as_unavailable(KeyError("x")) is None


def test_the_client_gets_a_fitting_message_without_settings() -> None:
    away = as_unavailable(OperationalError("connection to 10.1.2.3 port 5432 failed"))
    busy = as_unavailable(OperationalError("the database was locked for 30 s by another thread"))
    full = as_unavailable(OperationalError("database or disk is full"))
    assert [str(error) for error in (away, busy, full)] == [
        "The database cannot be reached; try again.",
        "The project is busy; try again.",
        "The server's disk is full; try again later.",
    ]
    assert [error.retry_after_s for error in (away, busy, full) if error] == [5, 2, 60]
