"""Django's backend for PostgreSQL, with a pool that is not waited for while the database is away."""

from typing import Any

from django.db import connection


def wait_at_most(seconds: float) -> None:
    """Bounds how long this process waits for a connection. A worker may wait a minute; a client would sooner know."""
    options: Any = connection.settings_dict["OPTIONS"]
    if "pool" in options:  # of PostgreSQL alone
        options["pool"]["timeout"] = seconds
