"""Timeouts of connections to PostgreSQL."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

# Transactions take milliseconds. One that waits longer for a row fails: the client gets 503, or it is retried.
LOCK_TIMEOUT_S = 4
# A process that stops with an open transaction (paused, swapped out, its machine gone) loses the transaction and its
# row locks after this time. It is shorter than a lease, so that another worker can take over at once.
IDLE_IN_TRANSACTION_S = 15
CONNECT_TIMEOUT_S = 5
# Detects a dead server after about 25 s; with the system's defaults it takes two hours.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def bounded_waits(given: Mapping[str, object]) -> dict[str, object]:
    """Connection parameters of libpq that limit every wait; those `given` in DATABASE_URL take precedence."""
    bounds = (
        f"-c lock_timeout={LOCK_TIMEOUT_S}s -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S}s"
    )
    options = f"{bounds} {given.get('options', '')}".strip()
    return {"connect_timeout": CONNECT_TIMEOUT_S, **_KEEPALIVES, **given, "options": options}


def wait_at_most(seconds: float) -> None:
    """Sets how long this process waits for a connection: a worker up to a minute, a web process less."""
    options: Any = connection.settings_dict["OPTIONS"]
    if "pool" in options:  # only PostgreSQL has one
        options["pool"]["timeout"] = seconds
