"""How many requests Django works on at once, and in which threads.

Django's handler gives each request one thread for its synchronous parts, so that requests never wait for
each other; but it makes that thread anew for each request and sets no bound. Here a request borrows a lane, a
thread that lives on: at most `LANES` views run at once, each request stays in one thread (database
connections belong to threads), and none is made or joined on the way.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import close_old_connections

from dali.lib.endless import needs_thread

LANES = 32
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Lanes:
    """An ASGI application that runs another one's HTTP requests in a bounded number of threads.

    Event streams need no lane: they last, and they read the database by themselves. Nor does the question whether the
    process is well, which must be answered when every lane is taken.
    """

    def __init__(self, application: Application, *, lanes: int = LANES) -> None:
        self._application = application
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        self._unmade = lanes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serves one connection."""
        if scope["type"] != "http" or not needs_thread(scope["path"]):
            await self._application(scope, receive, send)
            return
        lane = await self._borrow()
        try:
            async with ThreadSensitiveContext(executor=lane):
                await self._application(scope, receive, send)
        finally:
            self._give_back(lane)

    async def _borrow(self) -> ThreadPoolExecutor:
        if self._free.empty() and self._unmade > 0:
            self._unmade -= 1
            return ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        return await self._free.get()

    def _give_back(self, lane: ThreadPoolExecutor) -> None:
        # A view whose client went away may still run in the lane: it is free when it has ended.
        loop = asyncio.get_running_loop()

        def free(_: Future[None]) -> None:
            loop.call_soon_threadsafe(self._free.put_nowait, lane)

        lane.submit(close_old_connections).add_done_callback(free)
