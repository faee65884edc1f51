"""How long the calls to an outside service may take: requests of clients soon know, workers may wait.

A request has REQUEST_S for all that it asks of a service that is slow, however many calls that are. Once a service has
let a request wait in vain, others are refused at once, save one at a time that finds out whether it answers again: so
a service that hangs holds few threads, and a request that waited for its thread does not wait a second time.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from dali.lib.calls.deadlines import within
from dali.lib.clock import Deadline
from dali.lib.db.connections import release_db_connection

# An answer with 503 is promised within 15 s.
REQUEST_S = 8.0
# A worker's picture of 20 MB goes through a line of 3 Mbit/s. Below the limit of a step (progressions.work.leases).
WORKER_S = 60.0
# A call that succeeds in less does not count: a page may be made of hundreds of objects.
_QUICK_S = 1.0
# What is left to a request that waited long for its thread.
_LEAST_S = 2.0
_TRIAL_EVERY_S = 3.0


@dataclass
class _Budget:
    """What is left of a request's time for calls that are slow or fail."""

    left_s: float

    def spend(self, seconds: float) -> None:
        self.left_s = max(0.0, self.left_s - max(0.0, seconds))


# Of the request that is answered here; None where no client waits.
_budget: ContextVar[_Budget | None] = ContextVar("patience", default=None)


@contextmanager
def of_request(waited_s: float = 0.0) -> Iterator[None]:
    """The block answers a client, who has waited already: what it calls shares what is left of REQUEST_S.

    A block within another one is part of the same request. Threads that it starts are not.
    """
    left_s = max(_LEAST_S, REQUEST_S - waited_s)
    token = _budget.set(_budget.get() or _Budget(left_s))
    try:
        yield
    finally:
        _budget.reset(token)


class Patience:
    """The calls to one service, from any thread."""

    def __init__(self, worker_s: float = WORKER_S, trial_every_s: float = _TRIAL_EVERY_S) -> None:
        self._worker_s = worker_s
        self._trial_every_s = trial_every_s
        self._lock = threading.Lock()
        self._is_hanging = False
        self._next_trial_at = 0.0

    @contextmanager
    def call(self) -> Iterator[Deadline]:
        """Bounds what the block does on the network, by one deadline for all of it.

        The thread gives its database connection back first: a service that hangs must not drain the pool.

        Raises TimeoutError, before anything is sent, where the service has just let another request wait in vain.
        """
        release_db_connection()
        budget = _budget.get()
        if budget is None:
            deadline = Deadline.after(self._worker_s)
            with within(deadline):
                yield deadline
            return
        self._enter()
        started, given_s = time.monotonic(), min(budget.left_s, self._worker_s)
        deadline = Deadline.after(given_s)
        try:
            with within(deadline):
                yield deadline
        except BaseException:
            # A budget that was used up before says little of the service now.
            self._leave(is_hanging=deadline.has_passed and given_s >= _LEAST_S)
            budget.spend(time.monotonic() - started)
            raise
        self._leave(is_hanging=False)
        budget.spend(time.monotonic() - started - _QUICK_S)

    def __reduce__(self) -> "tuple[type[Patience], tuple[float, float]]":
        return Patience, (self._worker_s, self._trial_every_s)

    def _enter(self) -> None:
        with self._lock:
            if self._is_hanging:
                now = time.monotonic()
                if now < self._next_trial_at:
                    raise TimeoutError("it let another request wait in vain a moment ago")
                # The next trial comes when this one has ended, or if it never does.
                self._next_trial_at = now + REQUEST_S + self._trial_every_s

    def _leave(self, *, is_hanging: bool) -> None:
        with self._lock:
            self._is_hanging = is_hanging
            self._next_trial_at = time.monotonic() + self._trial_every_s
