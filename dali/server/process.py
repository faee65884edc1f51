"""The life of a serving process: signals, a stop that is bounded in time, and what runs beside the web server."""

import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, Protocol

import structlog

from dali.server.web import WebServer

log = structlog.get_logger(__name__)

# Answers under way get this long to end, and the whole stop so long; then the process ends all the same.
GRACE_S = 2.0
STOP_S = 5.0
INTERRUPTED = 130


class Background(Protocol):
    """What works beside the web server in the same process."""

    def start(self) -> None:
        """Called in the main thread when the server takes connections; must not block."""

    def stop(self, *, within_s: float) -> None:
        """Called once, in a thread of its own; gives up what it holds and returns within that time."""


def run(server: WebServer, *, background: Background | None = None, on_ready: Callable[[], None]) -> NoReturn:
    """Serves until SIGTERM or Ctrl-C and ends the process: 0 when it was stopped, 130 by a second Ctrl-C.

    The process ends by `os._exit`, for the interpreter would join threads that hang in calls of 30 seconds.
    """
    _Life(server, background, on_ready).run()


def raise_file_limit() -> None:
    """Lets the process open as many connections as it may: the usual default is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Life:
    def __init__(
        self, server: WebServer, background: Background | None, on_ready: Callable[[], None]
    ) -> None:
        self._server = server
        self._background = background
        self._on_ready = on_ready
        self._interrupts = 0
        self._is_stopping = False
        self._is_started = False
        self._stop_by = 0.0
        self._stopping_background: threading.Thread | None = None

    def run(self) -> NoReturn:
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)
        exit_code = 1
        try:
            self._server.run(self._ready)
            exit_code = 0 if self._is_stopping else 1
        finally:
            if self._stopping_background is not None:
                self._stopping_background.join(max(0.0, self._stop_by - time.monotonic()))
            log.info("stopped")
            _end(exit_code)

    def _ready(self) -> None:
        if self._is_stopping:
            return
        self._is_started = True
        if self._background is not None:
            self._background.start()
        self._on_ready()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        # Runs between any two instructions of the main thread: no logging, no locks.
        if signum == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                os._exit(INTERRUPTED)
        if not self._is_stopping:
            self._is_stopping = True
            self._stop_by = time.monotonic() + STOP_S
            self._server.loop.call_soon_threadsafe(self._begin_stop)

    def _begin_stop(self) -> None:
        log.info("stopping", within_s=STOP_S)
        watchdog = threading.Timer(STOP_S + 0.5, self._end_late)
        watchdog.daemon = True
        watchdog.start()
        if self._background is not None and self._is_started:
            self._stopping_background = threading.Thread(
                target=self._background.stop, kwargs={"within_s": STOP_S - 0.5}, name="stop", daemon=True
            )
            self._stopping_background.start()
        self._stopping_web = self._server.loop.create_task(self._server.stop_gently(GRACE_S))

    def _end_late(self) -> None:
        log.warning("stopped_late", after_s=STOP_S)
        _end(0)


def _end(exit_code: int) -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
