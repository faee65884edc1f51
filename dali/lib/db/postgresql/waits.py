"""What a connection to PostgreSQL waits for, and how long."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

# Transactions take milliseconds. One that waits this long for a row gives up: the answer is 503, or it is tried again.
LOCK_TIMEOUT_S = 4
# A process that stands still with a transaction open (stopped, swapped out, its machine gone) loses it after this long,
# and with it the rows it holds. Less than a lease, so that the work can be taken up at once.
IDLE_IN_TRANSACTION_S = 15
CONNECT_TIMEOUT_S = 5
# A server whose machine has vanished is given up after about 25 s; the system's own defaults take two hours.
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def bounded_waits(given: Mapping[str, object]) -> dict[str, object]:
    """Connection parameters of libpq with a bound on every wait; what is `given` (by DATABASE_URL) wins."""
    bounds = (
        f"-c lock_timeout={LOCK_TIMEOUT_S}s -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S}s"
    )
    options = f"{bounds} {given.get('options', '')}".strip()
    return {"connect_timeout": CONNECT_TIMEOUT_S, **_KEEPALIVES, **given, "options": options}


def wait_at_most(seconds: float) -> None:
    """Bounds how long this process waits for a connection. A worker may wait a minute; a client would sooner know."""
    options: Any = connection.settings_dict["OPTIONS"]
    if "pool" in options:  # of PostgreSQL alone
        options["pool"]["timeout"] = seconds
