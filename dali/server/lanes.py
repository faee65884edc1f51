"""Limits how many requests Django works on at once, and in which threads.

Django's handler gives each request a thread for its synchronous parts, so requests never wait for each other; but it
creates a new thread for each request, without a limit. Here a request borrows a lane, which is a permanent thread: at
most `LANES` views run at once, and each view stays in one thread (database connections belong to threads). The lane is
given back when the answer begins, because the view has ended; a slow client holds no lane.

Writes to one project wait for that project's row, which a stuck process may hold. They share a quarter of the lanes, so
that other requests are still answered. Visitors share half of the lanes; sign-ins share two.
"""

import asyncio
import io
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any
from weakref import WeakValueDictionary

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections

from dali.lib.calls.circuit_breaker import request_budget
from dali.lib.errors import UnavailableError
from dali.lib.web.cors import cors_headers
from dali.lib.web.unavailable_answer import answer_unavailable, log_unavailable

LANES = 32
# The longest wait for a lane, including the turn among writes to the same thing; then the answer is 503.
WAIT_S = 10.0
RETRY_AFTER_S = 2
_SIGN_IN = "/admin/login/"
# More would hash passwords at the same time, which blocks the cores, and would not see each other's failures.
_SIGN_INS_AT_ONCE = 2
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_THING = re.compile(r"/(?:api|public)/[^/]+/[^/]+")
_VISITED = ("/public/", "/images/")

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

# For what Django does in a thread after the answer: closing files and sending `request_finished`.
_afterwards = ThreadPoolExecutor(max_workers=2, thread_name_prefix="afterwards")


def lanes_beside(connections: int) -> int:
    """The number of lanes for a pool of so many connections. A quarter of those is for streams, which take no lane."""
    return min(LANES, max(2, connections * 3 // 4))


def _usual_lanes() -> int:
    options: Any = settings.DATABASES["default"].get("OPTIONS", {})
    pool = options.get("pool")
    return lanes_beside(pool["max_size"]) if pool else LANES


def written_thing(scope: dict[str, Any]) -> str | None:
    """What a request writes to, such as `/api/projects/<id>`; None if it reads or its path does not tell."""
    if scope["method"] in _READS:
        return None
    found = _THING.match(scope["path"])
    return found[0] if found else _SIGN_IN if scope["path"] == _SIGN_IN else None


class _Thread(Executor):
    """Runs the synchronous parts of one request: in its lane, and in another thread once its answer has begun."""

    def __init__(self, lane: ThreadPoolExecutor) -> None:
        self.executor = lane

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """Called by asyncio for each part."""
        return self.executor.submit(*args, **kwargs)


class Lanes:
    """An ASGI application that runs the HTTP requests of another one in a limited number of threads."""

    def __init__(self, application: Application, *, lanes: int | None = None, wait_s: float = WAIT_S) -> None:
        self._application = application
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        self._unmade = lanes or _usual_lanes()
        self._share = max(1, self._unmade // 4)
        self._visitors = asyncio.Semaphore(max(1, self._unmade // 2))
        self._wait_s = wait_s
        # The turns for each thing that requests are writing to.
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serves one request."""
        turns = self._turns_of(scope)
        asked_at = time.monotonic()
        try:
            lane = await self._borrow(turns)
        except TimeoutError:
            await _refuse(scope, send)
            return
        thread = _Thread(lane)

        def give_back() -> None:
            if thread.executor is lane:
                thread.executor = _afterwards
                self._give_back(lane, turns)

        async def send_without_lane(message: dict[str, Any]) -> None:
            give_back()
            await send(message)

        try:
            with request_budget(waited_s=time.monotonic() - asked_at):
                async with ThreadSensitiveContext(executor=thread):
                    await self._application(scope, receive, send_without_lane)
        finally:
            give_back()

    def _turns_of(self, scope: dict[str, Any]) -> asyncio.Semaphore | None:
        """The semaphore that limits the request's share of lanes; None if it may take any lane."""
        thing = written_thing(scope)
        if thing is not None:
            share = min(self._share, _SIGN_INS_AT_ONCE) if thing == _SIGN_IN else self._share
            return self._turns.setdefault(thing, asyncio.Semaphore(share))
        return self._visitors if scope["path"].startswith(_VISITED) else None

    async def _borrow(self, turns: asyncio.Semaphore | None) -> ThreadPoolExecutor:
        """Waits for a turn, then for a lane. Raises TimeoutError."""
        async with asyncio.timeout(self._wait_s):
            if turns is not None:
                await turns.acquire()
            try:
                return await self._find_lane()
            except BaseException:  # noqa: BLE001 - the turn is given back, also when the request is cancelled
                if turns is not None:
                    turns.release()
                raise

    async def _find_lane(self) -> ThreadPoolExecutor:
        if self._free.empty() and self._unmade > 0:
            self._unmade -= 1
            return ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        return await self._free.get()

    def _give_back(self, lane: ThreadPoolExecutor, turns: asyncio.Semaphore | None) -> None:
        # A view whose client left may still run in the lane, which is free only when the view has ended.
        loop = asyncio.get_running_loop()

        def free() -> None:
            self._free.put_nowait(lane)
            if turns is not None:
                turns.release()

        def ended(_: Future[None]) -> None:
            loop.call_soon_threadsafe(free)

        lane.submit(close_old_connections).add_done_callback(ended)


async def _refuse(scope: dict[str, Any], send: Any) -> None:
    """Answers 503: no lane or turn became free in time."""
    text = (
        "The server is busy; try again."
        if written_thing(scope) in (None, _SIGN_IN)
        else "The project is busy; try again."
    )
    request = ASGIRequest(scope, io.BytesIO())
    answer = answer_unavailable(request, UnavailableError(text, RETRY_AFTER_S))
    log_unavailable(UnavailableError("no thread became free in time"), answer, request)
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    if re.match(settings.CORS_URLS_REGEX, request.path):
        headers += cors_headers(request.headers.get("origin"))
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else answer.content})
