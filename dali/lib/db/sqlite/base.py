"""SQLite whose writing threads wait for each other on a lock instead of polling the file.

When the file is busy, SQLite sleeps and tries again, up to 100 ms at a time and in no order: 64 threads spent most of
their time on that. A lock in the process before `BEGIN IMMEDIATE` wakes the next writer at once. Between processes the
lock of the file still applies.
"""

import threading
from collections import defaultdict
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from dali.lib.texts import composed

_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_locks_guard = threading.Lock()


# The methods that begin and end transactions are not in Django's stubs, hence the ignores below.
class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection. Django looks for this name in the module `base` of a backend."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: threading.Lock | None = None

    def get_new_connection(self, conn_params: Any) -> Any:
        """Adds `dali_nfc(text)`, the equivalent of PostgreSQL's `normalize(text, NFC)`."""
        connection = super().get_new_connection(conn_params)
        connection.create_function("dali_nfc", 1, composed, deterministic=True)
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        self._enter()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:  # noqa: BLE001 - a transaction that did not begin holds no lock, whatever failed
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        # If the commit failed, Django rolls back, which also calls _leave.
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._leave()

    def _enter(self) -> None:
        if self._held is not None:
            return
        with _locks_guard:
            lock = _locks[str(self.settings_dict["NAME"])]
        timeout_s = float(self.settings_dict["OPTIONS"].get("timeout", 30))
        if not lock.acquire(timeout=timeout_s):
            raise OperationalError(f"the database was locked for {timeout_s:g} s by another thread")
        self._held = lock

    def _leave(self) -> None:
        if self._held is not None:
            lock, self._held = self._held, None
            lock.release()
