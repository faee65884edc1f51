"""The pool of PostgreSQL while the database is down."""

import os
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from dali.lib.db.postgresql.base import BRIEFLY_S, DatabaseWrapper
from tests.flows.proxy import Proxy, proxy_to

pytestmark = [pytest.mark.django_db, pytest.mark.services]

USUAL_S = 3.0


@pytest.fixture
def way() -> Iterator[Proxy]:
    """A proxy to PostgreSQL that can be cut."""
    address = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not address.scheme.startswith("postgres"):
        pytest.skip("needs DATABASE_URL (PostgreSQL)")
    with proxy_to(address.hostname or "127.0.0.1", address.port or 5432) as proxy:
        yield proxy


@pytest.fixture
def database(way: Proxy) -> Iterator[DatabaseWrapper]:
    """A separate connection, with its own pool, through the proxy."""
    settings: dict[str, Any] = connections.configure_settings(None)[DEFAULT_DB_ALIAS] | {
        "HOST": "127.0.0.1",
        "PORT": way.port,
        "NAME": "postgres",
        "OPTIONS": {"pool": {"min_size": 0, "max_size": 2, "timeout": USUAL_S, "reconnect_timeout": 1}},
    }
    wrapper = DatabaseWrapper(settings, alias="away")
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def wait_in_vain(database: DatabaseWrapper) -> float:
    """How long an attempt to connect took."""
    started = time.monotonic()
    with pytest.raises(OperationalError):
        database.ensure_connection()
    return time.monotonic() - started


def test_one_thread_waits_for_a_database_that_is_down_and_later_calls_fail_sooner(
    database: DatabaseWrapper, way: Proxy
) -> None:
    way.cut()
    assert wait_in_vain(database) >= USUAL_S
    assert BRIEFLY_S <= wait_in_vain(database) < USUAL_S
    way.mend()
    until = time.monotonic() + 60
    while database.connection is None and time.monotonic() < until:
        try:
            database.ensure_connection()
        except OperationalError:
            time.sleep(0.1)
    database.close()
    way.cut()
    assert wait_in_vain(database) >= USUAL_S
