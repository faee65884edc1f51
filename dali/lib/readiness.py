"""Whether what a process depends on can be used now: asked all at once, within a bound, once for all who ask."""

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
    """A dependency cannot be used. Anyone may see the message: no setting, path, address or bucket's name in it."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What came of one check; `error` is empty where it passed."""

    name: str
    ms: int
    error: str = ""


class Check:
    """One question about one dependency, in a thread of its own, of which there is never a second.

    `ask` returns, or raises NotReadyError; of any other error only the log has the text. It may hang: the answer
    goes out without it, and the next one waits for the same thread.
    """

    def __init__(self, name: str, ask: Callable[[], None]) -> None:
        self.name = name
        self._ask = ask
        self._lock = threading.Lock()
        self._under_way: Future[CheckOutcome] | None = None
        self._is_failing = False

    def begin(self) -> "Future[CheckOutcome]":
        """The outcome of the question under way, or of one that begins now."""
        with self._lock:
            if self._under_way is None:
                self._under_way = Future()
                threading.Thread(target=self._run, args=(self._under_way,), name="ready", daemon=True).start()
            return self._under_way

    def note(self, reason: str) -> None:
        """Called with each outcome, empty where it passed: the log has a line for each change."""
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
        except Exception as error:  # noqa: BLE001 - whatever a client of a service raises, it cannot be used
            shown, reason = "it cannot be used", f"{type(error).__name__}: {error}"
        self.note(reason)
        with self._lock:
            self._under_way = None
        future.set_result(CheckOutcome(self.name, round((time.monotonic() - began) * 1000), shown))


class Readiness:
    """The checks of a process. Asked in one event loop; a result holds for FRESH_S, and one run for all who wait."""

    def __init__(self, checks: Sequence[Check], *, wait_s: float = WAIT_S, fresh_s: float = FRESH_S) -> None:
        self._checks = checks
        self._wait_s = wait_s
        self._fresh_s = fresh_s
        self._run: asyncio.Task[list[CheckOutcome]] | None = None
        self._fresh_until = 0.0

    async def outcomes(self) -> list[CheckOutcome]:
        """What came of each check, in their order, at most `wait_s` later."""
        if self._run is None or (self._run.done() and time.monotonic() >= self._fresh_until):
            self._run = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._run)  # a client that goes must not end it for the others

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
