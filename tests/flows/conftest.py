"""Fixtures of the end-to-end tests."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest


@pytest.fixture
def production_services() -> Iterator[dict[str, str]]:
    """The environment of a deployment: a new PostgreSQL database and Redis, if the tests were given both."""
    database, redis = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if not (database.startswith("postgres") and redis):
        reason = "needs DATABASE_URL (PostgreSQL) and REDIS_URL"
        if os.environ.get("DALI_REQUIRE_SERVICES"):
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"dali_flow_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
    try:
        yield {"DATABASE_URL": urlunsplit(urlsplit(database)._replace(path=f"/{name}")), "REDIS_URL": redis}
    finally:
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
