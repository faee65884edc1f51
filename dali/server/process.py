"""Runs a serving process: signals, a stop with a time limit, and background work beside the web server."""

import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn, Protocol

import structlog

from dali.server.web import WebServer

log = structlog.get_logger(__name__)

# Running answers get GRACE_S to end, and the whole stop STOP_S; then the process exits in any case.
GRACE_S = 2.0
STOP_S = 5.0
INTERRUPTED = 130


class Background(Protocol):
    """Background work in the same process as the web server."""

    def start(self) -> None:
        """Called in the main thread once the server takes connections. Must not block."""

    def stop(self, *, within_s: float) -> None:
        """Called once, in a separate thread. Must release what it holds and return within that time."""


def run(server: WebServer, *, background: Background | None = None, on_ready: Callable[[], None]) -> NoReturn:
    """Serves until SIGTERM or Ctrl-C, then exits with 0, or 130 after a second Ctrl-C.

    The process exits by `os._exit`: the interpreter would wait for threads that hang in calls of 30 seconds.
    """
    _Life(server, background, on_ready).run()


def raise_file_limit() -> None:
    """Raises the limit of open files, which is usually 1,024, to the most that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@dataclass
class _Life:
    server: WebServer
    background: Background | None
    on_ready: Callable[[], None]
    _interrupts: int = 0
    _is_stopping: bool = False
    _is_started: bool = False
    _stop_by: float = 0.0
    _stopping_background: threading.Thread | None = None

    def run(self) -> NoReturn:
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)
        exit_code = 1
        try:
            self.server.run(self._ready)
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
        if self.background is not None:
            self.background.start()
        self.on_ready()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        # Runs between any two instructions of the main thread: no logging, no locks.
        if signum == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                os._exit(INTERRUPTED)
        if not self._is_stopping:
            self._is_stopping = True
            self._stop_by = time.monotonic() + STOP_S
            self.server.loop.call_soon_threadsafe(self._begin_stop)

    def _begin_stop(self) -> None:
        log.info("stopping", within_s=STOP_S)
        watchdog = threading.Timer(STOP_S + 0.5, self._end_late)
        watchdog.daemon = True
        watchdog.start()
        if self.background is not None and self._is_started:
            self._stopping_background = threading.Thread(
                target=self.background.stop, kwargs={"within_s": STOP_S - 0.5}, name="stop", daemon=True
            )
            self._stopping_background.start()
        self._stopping_web = self.server.loop.create_task(self.server.stop_gently(GRACE_S))

    def _end_late(self) -> None:
        log.warning("stopped_late", after_s=STOP_S)
        _end(0)


def _end(exit_code: int) -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
