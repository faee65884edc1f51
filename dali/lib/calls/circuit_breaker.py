"""How long calls to an outside service may take: requests fail fast, workers may wait.

The slow calls of one request share REQUEST_S, however many there are. When a request gets no answer in time, the
service's circuit opens: other requests fail at once, except one at a time that tries whether the service answers again.
So a service that hangs holds few threads.
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

# The API promises a 503 within 15 s.
REQUEST_S = 8.0
# Enough for a worker's picture of 20 MB at 3 Mbit/s; below the limit of a step (progressions.work.claims).
WORKER_S = 60.0
# Faster calls that succeed are not charged to the budget: a page may need hundreds of objects.
_QUICK_S = 1.0
# The least budget of a request that waited long for its thread.
_LEAST_S = 2.0
_TRIAL_EVERY_S = 3.0


@dataclass
class _Budget:
    """The time that a request has left for slow or failing calls."""

    left_s: float

    def spend(self, seconds: float) -> None:
        self.left_s = max(0.0, self.left_s - max(0.0, seconds))


# Of the current request; None in a worker.
_budget: ContextVar[_Budget | None] = ContextVar("request_budget", default=None)


@contextmanager
def request_budget(waited_s: float = 0.0) -> Iterator[None]:
    """Limits the calls in the block to REQUEST_S in all, less the time that the client has already waited.

    A nested block shares the budget of the outer one. Threads that the block starts have none.
    """
    left_s = max(_LEAST_S, REQUEST_S - waited_s)
    token = _budget.set(_budget.get() or _Budget(left_s))
    try:
        yield
    finally:
        _budget.reset(token)


class CircuitBreaker:
    """Guards the calls to one service, from any thread."""

    def __init__(self, worker_s: float = WORKER_S, trial_every_s: float = _TRIAL_EVERY_S) -> None:
        self._worker_s = worker_s
        self._trial_every_s = trial_every_s
        self._lock = threading.Lock()
        self._is_open = False
        self._next_trial_at = 0.0

    @contextmanager
    def call(self) -> Iterator[Deadline]:
        """Sets one deadline for all network operations in the block.

        Releases the thread's database connection first: a service that hangs must not drain the pool.

        Raises TimeoutError without calling the service while the circuit is open for requests.
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
        except BaseException:  # noqa: BLE001 - however the block ends, its place and its time are given back
            # With little of the budget left, a timeout says little about the service.
            self._leave(is_open=deadline.has_passed and given_s >= _LEAST_S)
            budget.spend(time.monotonic() - started)
            raise
        self._leave(is_open=False)
        budget.spend(time.monotonic() - started - _QUICK_S)

    def __reduce__(self) -> "tuple[type[CircuitBreaker], tuple[float, float]]":
        return CircuitBreaker, (self._worker_s, self._trial_every_s)

    def _enter(self) -> None:
        with self._lock:
            if self._is_open:
                now = time.monotonic()
                if now < self._next_trial_at:
                    raise TimeoutError("it did not answer another request a moment ago")
                # The next trial starts after this one, even if this one never ends.
                self._next_trial_at = now + REQUEST_S + self._trial_every_s

    def _leave(self, *, is_open: bool) -> None:
        with self._lock:
            self._is_open = is_open
            self._next_trial_at = time.monotonic() + self._trial_every_s
