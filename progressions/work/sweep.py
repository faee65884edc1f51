"""The sweep: every few seconds one process looks for due and lost work; once an hour it removes old rows."""

import threading
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.dispatch import Signal

from dali.lib.db import connections
from dali.lib.db.errors import classify
from progressions.models import Duty
from progressions.work import wakeups

log = structlog.get_logger(__name__)

# Two sweeps are at least this far apart, however many processes there are.
LEAST_S = 0.4
TIDY_S = 3600

# Sent at each sweep. Each kind of row has a receiver that sends messages about due rows and returns how many it sent.
looking = Signal()
# Sent once an hour: receivers remove rows that are too old.
tidying = Signal()


class Sweeper:
    """The thread that sweeps."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts sweeping, the first time at once."""
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self, wait_s: float = 2.0) -> None:
        """Stops sweeping; waits at most that long for a sweep under way."""
        self._stop.set()
        wakeups.wake_after(0)
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        trouble = None
        while not self._stop.is_set():
            try:
                sweep()
            except Exception as error:  # noqa: BLE001 - the thread must outlive a database or broker that is away
                trouble = _log_failure(error, earlier=trouble)
            else:
                if trouble is not None:
                    log.info("sweep_goes_on")
                trouble = None
            finally:
                connection.close()
            wakeups.wait(settings.SWEEP_S)


def _log_failure(error: Exception, *, earlier: str | None) -> str:
    """Logs one line while a database is away, but every error of our own; returns what is wrong."""
    trouble = classify(error)
    if trouble is None:
        log.error("sweep_failed", exc_info=error)
    elif trouble != earlier:
        log.error("sweep_waits", trouble=trouble.value, error=str(error)[:500])
    return trouble or "failed"


def sweep() -> int:
    """One round in one process at a time; returns how many messages were sent, 0 in the other processes."""
    if not _take_duty("sweep", LEAST_S):
        # Work that became due since the last sweep must not wait for a full period.
        wakeups.wake_after(LEAST_S)
        return 0
    sent = look()
    if _take_duty("tidy", TIDY_S):
        tidying.send(sender=None)
    return sent


def look() -> int:
    """Sends messages about all due rows; returns how many."""
    return sum(int(sent or 0) for _, sent in looking.send(sender=None))


def _take_duty(name: str, every_s: float) -> bool:
    """Whether this process is the one to do the duty now; the next time is `every_s` seconds from now."""
    now = connections.now()
    Duty.objects.get_or_create(name=name, defaults={"due_at": now})
    taken = Duty.objects.filter(name=name, due_at__lte=now).update(due_at=now + timedelta(seconds=every_s))
    return taken == 1
