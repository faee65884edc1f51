"""PostgreSQL whose pool, once it has let one thread wait in vain, lets the next ones wait but briefly.

While the database is away every request would wait the whole time, and those behind them for their threads: 100 at once
in 16 threads take six times that. The first connection that is had again ends it.
"""

from typing import Any
from weakref import WeakSet

from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool, PoolTimeout

BRIEFLY_S = 0.25

# Pools that let a thread wait in vain and have given no connection since.
_empty: WeakSet[ConnectionPool[Any]] = WeakSet()


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection. Django looks for this name in the module `base` of a backend."""

    def get_new_connection(self, conn_params: Any) -> Any:
        """Called where the thread has no connection. Raises what the pool raises."""
        pool = self.pool
        if pool is None:
            return super().get_new_connection(conn_params)
        pool.timeout = BRIEFLY_S if pool in _empty else self.settings_dict["OPTIONS"]["pool"]["timeout"]
        try:
            connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            _empty.add(pool)
            raise
        _empty.discard(pool)
        return connection
