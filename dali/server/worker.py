"""The Celery worker of the embedded server: the same tasks as production's, in threads of this process."""

import threading
import time

import structlog
from celery import Celery
from celery.worker import WorkController, state

log = structlog.get_logger(__name__)

RESTART_AFTER_S = 1.0
# Which queues are consumed is said to the application, not to the worker: of two that start at once, both would
# consume the queue of the one that said it last. So one starts after the other.
_starting = threading.Lock()


class EmbeddedWorker:
    """Consumes a queue of this process (memory://) from `start` to `stop`.

    `prefetch`: messages taken for each thread; 0: as many as come, which batches need and which holds for a whole
    worker, so that what is batched has a worker of its own.
    """

    def __init__(self, app: Celery, *, threads: int, queue: str = "", prefetch: int | None = None) -> None:
        self._app = app
        self._queue = queue or str(app.conf.task_default_queue)
        self._options: dict[str, object] = {"concurrency": threads}
        if prefetch is not None:
            self._options["prefetch_multiplier"] = prefetch
        self._is_stopping = False
        self._thread = threading.Thread(target=self._work, name=f"worker-{self._queue}", daemon=True)

    def start(self) -> None:
        """Starts the worker; what is sent before it is ready waits in the queue."""
        self._app.finalize()
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Asks the worker to take no more messages; it looks within two seconds."""
        self._is_stopping = True
        state.should_stop = 0  # type: ignore[assignment]  # the exit code; None means: go on

    def stop(self, *, within_s: float) -> bool:
        """Stops the worker, waiting for tasks under way that long; returns whether all have ended."""
        self.ask_to_stop()
        self._thread.join(within_s)
        if self._thread.is_alive():
            return False
        state.should_stop = None
        return True

    def _work(self) -> None:
        while not self._is_stopping:
            turn = _Turn()
            try:
                controller = WorkController(
                    app=self._app,
                    hostname=f"{self._queue}@localhost",
                    pool="threads",
                    queues=[self._queue],
                    ready_callback=turn.end,
                    without_gossip=True,
                    without_mingle=True,
                    without_heartbeat=True,
                    loglevel="WARNING",
                    **self._options,
                )
                controller.start()  # returns when told to stop, and when it failed, which it has logged
            finally:
                turn.end()
            if not self._is_stopping:
                log.error("worker_stopped_by_itself", exit_code=controller.exitcode)
                time.sleep(RESTART_AFTER_S)


class _Turn:
    """A worker's turn to start: taken when made, over once it consumes or has failed."""

    def __init__(self) -> None:
        _starting.acquire()
        self._lock = threading.Lock()
        self._is_over = False

    def end(self, *_: object) -> None:
        """Lets the next one start; nothing happens a second time."""
        with self._lock:
            if not self._is_over:
                self._is_over = True
                _starting.release()
