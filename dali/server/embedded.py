"""The background work of the embedded server, under the directory's lock: worker, sweep and view log."""

import time
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import connections

from dali.celery import app
from dali.lib.memory import share_heaps
from dali.server.worker import EmbeddedWorker

if TYPE_CHECKING:
    from progressions.work.sweep import Sweeper

log = structlog.get_logger(__name__)

# The part of a stop's time that is reserved for giving leases back.
RELEASE_S = 1.5
# The part of that for writing the last views; the next start writes the rest.
VIEWS_S = 0.7


class Engine:
    """Worker, sweep and view log of the embedded server. The caller holds the data directory's lock."""

    def __init__(self) -> None:
        share_heaps()
        self._worker = EmbeddedWorker(app, threads=settings.WORKER_THREADS)
        self._sweeper: Sweeper | None = None

    def take_over(self) -> None:
        """Ends the leases that a killed server left. The lock proves that no process works under them."""
        from progressions.work import claims, leases

        leases.take_over()
        claims.forget_nudges()

    def start(self) -> None:
        """Starts all of it."""
        from artifacts.publishing.viewlog import view_log
        from progressions.work.sweep import Sweeper

        self._worker.start()
        view_log().start()
        self._sweeper = Sweeper()
        self._sweeper.start()

    def stop(self, *, within_s: float) -> None:
        """Takes no more work, lets running work end while there is time, and gives the rest back."""
        from artifacts.publishing.viewlog import view_log
        from progressions.work import leases, nudges

        until = time.monotonic() + within_s - RELEASE_S
        leases.stop_claiming()
        self._worker.ask_to_stop()
        nudges.nudge(1)  # otherwise a waiting worker notices two seconds later
        if self._sweeper is not None:
            self._sweeper.stop()
        self._worker.stop(within_s=max(0.0, until - time.monotonic()))
        view_log().stop(within_s=VIEWS_S)
        if rows := leases.release_all():
            log.info("work_given_back", rows=rows)
        connections.close_all()
