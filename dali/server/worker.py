"""The Celery worker of the embedded server: the same tasks as production's, in threads of this process."""

import threading
import time

import structlog
from celery import Celery
from celery.worker import WorkController, state

log = structlog.get_logger(__name__)

RESTART_AFTER_S = 1.0


class EmbeddedWorker:
    """Consumes this process's queue (memory://) from `start` to `stop`."""

    def __init__(self, app: Celery, *, threads: int) -> None:
        self._app = app
        self._threads = threads
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Starts the worker. Messages sent before it is ready wait in the queue."""
        self._app.finalize()
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Asks the worker to take no more messages; it notices within two seconds."""
        self._is_stopping = True
        state.should_stop = 0  # type: ignore[assignment]  # the exit code; None means: continue

    def stop(self, *, within_s: float) -> None:
        """Stops the worker and waits for running tasks to end."""
        self.ask_to_stop()
        self._thread.join(within_s)
        if not self._thread.is_alive():
            state.should_stop = None

    def _work(self) -> None:
        while not self._is_stopping:
            controller = WorkController(
                app=self._app,
                hostname="embedded@localhost",
                pool="threads",
                concurrency=self._threads,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
                loglevel="WARNING",
            )
            controller.start()  # returns when stopped, or after a failure that it has logged
            if not self._is_stopping:
                log.error("worker_stopped_by_itself", exit_code=controller.exitcode)
                time.sleep(RESTART_AFTER_S)
