"""Checks whether the database answers, on a new connection, independent of pools and other threads."""

import sqlite3
from contextlib import closing
from typing import Any
from urllib.parse import quote

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from dali.lib.errors import UnavailableError
from dali.lib.logs import mask_secrets


def ask_database(*, connect_within_s: int) -> None:
    """Connects and makes one query. Raises UnavailableError with the database's reason in one line.

    A server that accepts the connection and then hangs may block for longer: call this in a thread.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    parameters: dict[str, Any] = connection.get_connection_params()
    try:
        if connection.vendor == "sqlite":
            _ask_file(str(parameters["database"]), connect_within_s)
        else:
            _ask_server(parameters | {"connect_timeout": connect_within_s, "autocommit": True})
    except (psycopg.Error, sqlite3.Error, OSError) as error:
        raise UnavailableError(one_line(error)) from error


def one_line(error: BaseException) -> str:
    """The text of an error, without line breaks and secrets."""
    return mask_secrets(" ".join(str(error).split()) or type(error).__name__)


def _ask_file(path: str, within_s: int) -> None:
    name = path if path.startswith("file:") else f"file:{quote(path)}"
    with closing(sqlite3.connect(name, uri=True, timeout=within_s)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _ask_server(parameters: dict[str, Any]) -> None:
    with psycopg.connect(**parameters) as connection:
        connection.execute("SELECT 1").fetchone()
