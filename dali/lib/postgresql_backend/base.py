"""PostgreSQL whose pool, once it has let one thread wait in vain, lets the next ones wait but briefly.

While the database is away every request would wait the whole time, and those behind them for their threads: 100 at once
in 16 threads take six times that. The first connection that is had again ends it.
"""

from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool, PoolTimeout

BRIEFLY_S = 0.25

# The usual patience of pools that let a thread wait in vain and have given no connection since.
_usual_s: WeakKeyDictionary[ConnectionPool[Any], float] = WeakKeyDictionary()


# The methods that open connections are not in Django's stubs, hence the ignores below.
class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection. Django looks for this name in the module `base` of a backend."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """Called where the thread has no connection. Raises what the pool raises."""
        pool = self.pool
        try:
            connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            _usual_s.setdefault(pool, pool.timeout)
            pool.timeout = BRIEFLY_S
            raise
        if pool in _usual_s:
            pool.timeout = _usual_s.pop(pool, pool.timeout)
        return connection
