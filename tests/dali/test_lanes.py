"""How many requests are worked on at once, and in which threads."""

import asyncio
import threading
import time
from typing import Any

from asgiref.sync import sync_to_async

from dali.server.lanes import Lanes
from tests.waiting import PATIENCE_S


class Views:
    """An application that works 0.1 s in a thread and notes how many did so at once."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = 0
        self.threads: list[tuple[int, int]] = []
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        first = await sync_to_async(self.work)()
        self.threads.append((first, await sync_to_async(threading.get_ident)()))

    def work(self) -> int:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.1)
        with self._lock:
            self.at_once -= 1
        return threading.get_ident()


async def ask(lanes: Lanes, path: str = "/") -> None:
    await lanes({"type": "http", "path": path}, None, None)


async def test_requests_run_at_once_up_to_the_bound_each_in_one_thread() -> None:
    views = Views()
    lanes = Lanes(views, lanes=4)
    await asyncio.gather(*(ask(lanes) for _ in range(10)))
    assert views.most_at_once == 4
    assert [first for first, _ in views.threads] == [second for _, second in views.threads]
    assert len({first for first, _ in views.threads}) == 4


async def test_a_request_that_is_cancelled_gives_its_lane_back_when_its_view_has_ended() -> None:
    views = Views()
    lanes = Lanes(views, lanes=1)
    given_up = asyncio.ensure_future(ask(lanes))
    await asyncio.sleep(0.02)
    given_up.cancel()
    await asyncio.gather(ask(lanes), ask(lanes))
    assert views.most_at_once == 1
    assert len(views.threads) == 2


async def test_the_stream_takes_no_lane() -> None:
    reached = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/api/stream/s":
            reached.set()
            await asyncio.Event().wait()

    lanes = Lanes(application, lanes=1)
    streams = [asyncio.ensure_future(ask(lanes, "/api/stream/s")) for _ in range(3)]
    await reached.wait()
    await asyncio.wait_for(ask(lanes), PATIENCE_S)
    for stream in streams:
        stream.cancel()
