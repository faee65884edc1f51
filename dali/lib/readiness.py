"""Checks whether the dependencies of a process are available: in parallel, within a time limit, results shared."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

WAIT_S = 2.5
FRESH_S = 1.0


class NotReadyError(Exception):
    """A dependency is not available. The message is public: it must not name settings, paths, addresses or buckets."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The result of one check; `error` is empty if it passed."""

    name: str
    ms: int
    error: str = ""


class Check:
    """A check of one dependency, in at most one thread.

    `ask` returns, or raises NotReadyError; the text of other errors goes only to the log. If it hangs, the
    response does not wait for it, and the next request waits for the same thread.
    """

    def __init__(self, name: str, ask: Callable[[], object]) -> None:
        self.name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._under_way: Future[CheckOutcome] | None = None
        self._is_failing = False

    def begin(self) -> "Future[CheckOutcome]":
        """The outcome of the run in progress, or of a new one."""
        with self._lock:
            if self._under_way is None:
                self._under_way = Future()
                threading.Thread(target=self._run, args=(self._under_way,), name="ready", daemon=True).start()
            return self._under_way

    def note(self, reason: str) -> None:
        """Called with each outcome (empty: passed). Logs changes."""
        if bool(reason) != self._is_failing:
            self._is_failing = bool(reason)
            if reason:
                log.warning("not_ready", check=self.name, reason=reason)
            else:
                log.info("ready_again", check=self.name)

    def _run(self, future: "Future[CheckOutcome]") -> None:
        began = time.monotonic()
        shown = reason = ""
        try:
            self._ask()
        except NotReadyError as error:
            shown = reason = str(error)
        except Exception as error:  # noqa: BLE001 - any error of a client library means that the service is not available
            shown, reason = "it cannot be used", f"{type(error).__name__}: {error}"
        self.note(reason)
        with self._lock:
            self._under_way = None
        future.set_result(CheckOutcome(self.name, round((time.monotonic() - began) * 1000), shown))


class Readiness:
    """The checks of a process, for one event loop. Results are valid for FRESH_S; waiting requests share a run."""

    def __init__(self, checks: Sequence[Check], *, wait_s: float = WAIT_S, fresh_s: float = FRESH_S) -> None:
        self._checks = checks
        self._wait_s = wait_s
        self._fresh_s = fresh_s
        self._run: asyncio.Task[list[CheckOutcome]] | None = None
        self._fresh_until = 0.0

    async def outcomes(self) -> list[CheckOutcome]:
        """The outcome of each check, in their order, after at most `wait_s`."""
        if self._run is None or (self._run.done() and time.monotonic() >= self._fresh_until):
            self._run = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._run)  # a client that disconnects must not cancel it for the others

    async def _ask_all(self) -> list[CheckOutcome]:
        began = time.monotonic()
        runs = [asyncio.wrap_future(check.begin()) for check in self._checks]
        await asyncio.wait(runs, timeout=self._wait_s)
        waited_ms = round((time.monotonic() - began) * 1000)
        found: list[CheckOutcome] = []
        for check, run in zip(self._checks, runs, strict=True):
            if run.done():
                found.append(run.result())
            else:
                check.note("no answer in time")
                found.append(CheckOutcome(check.name, waited_ms, "no answer in time"))
        self._fresh_until = time.monotonic() + self._fresh_s
        return found
