"""Live subscriptions: hints trigger a look at the rows, and every reader in this process gets what is new.

The rows are the truth. A lost, late, repeated or reordered hint (dali.lib.web.streams.broadcast) costs a reader
time, never data. Readers have no queues: each keeps its own place, so a slow reader holds up no other.
"""

import asyncio
import contextlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

import structlog
from channels.layers import get_channel_layer

from dali.lib.loop_layer import OVERFLOW
from dali.lib.web.streams import broadcast

RETRY_S = 2.0
_LAYER_TIMEOUT_S = 2.0

log = structlog.get_logger(__name__)


class Subscription(ABC):
    """What the readers of one key share in this process. Lives on one event loop.

    `name` names its tasks; `key` is what hints are published under. A subclass calls `look_soon` when rows must
    be read, `wake` when there is news for readers, and sets `has_ended` when nothing will come again.
    """

    def __init__(self, name: str, key: str) -> None:
        self.readers = 0
        self.has_ended = False
        self.has_tried_to_listen = asyncio.Event()
        self._name = name
        self._key = key
        self._news = asyncio.Event()
        self._look_task: asyncio.Task[None] | None = None
        self._listen_task = asyncio.create_task(self._listen(), name=name)

    @abstractmethod
    def hear(self, events: broadcast.Events) -> None:
        """Takes one hint."""

    @abstractmethod
    def reread(self) -> None:
        """Called when hints may have been lost: must plan a look at everything."""

    @abstractmethod
    def is_behind(self) -> bool:
        """Whether another look is needed."""

    @abstractmethod
    async def look(self) -> None:
        """Reads rows once. After an error it is called again, RETRY_S later and after `reread`."""

    def look_soon(self) -> None:
        """Looks in the background until `is_behind` is false."""
        if self._look_task is None:
            self._look_task = asyncio.create_task(self._look_until_current(), name=f"{self._name} look")

    async def wait(self) -> None:
        """Returns at the next `wake`."""
        await self._news.wait()

    def wake(self) -> None:
        """Wakes all readers that wait now."""
        self._news.set()
        self._news.clear()  # the next wait is for the next news

    def close(self) -> None:
        """Stops listening and looking."""
        self._listen_task.cancel()
        if self._look_task is not None:
            self._look_task.cancel()

    async def _look_until_current(self) -> None:
        try:
            while not self.has_ended and self.is_behind():
                try:
                    await self.look()
                except Exception as error:  # noqa: BLE001 - a database fails in many ways; the next look tries again
                    log.warning("subscription_not_read", subscription=self._name, error=str(error))
                    self.reread()
                    await asyncio.sleep(RETRY_S)
        finally:
            self._look_task = None

    async def _listen(self) -> None:
        """Keeps one channel in the key's group and subscribes again after every failure."""
        channel = f"stream.{uuid.uuid4().hex}"
        while True:
            try:
                await self._receive(channel)
            except Exception as error:  # noqa: BLE001 - Redis and its client raise many errors; the rows have it all
                log.warning(
                    "not_subscribed", subscription=self._name, error=str(error) or type(error).__name__
                )
            self.has_tried_to_listen.set()
            await asyncio.sleep(RETRY_S)

    async def _receive(self, channel: str) -> None:
        layer = get_channel_layer()
        group = broadcast.group_of(self._key)
        first = asyncio.create_task(layer.receive(channel))  # makes the channel, which a group needs
        try:
            await asyncio.sleep(0)
            async with asyncio.timeout(_LAYER_TIMEOUT_S):
                await layer.group_add(group, channel)
            self.reread()
            self.has_tried_to_listen.set()
            message = await first
            while True:  # nothing else is awaited here: a layer ends a channel when its receive is cancelled
                if message == OVERFLOW:
                    self.reread()
                else:
                    self.hear(message["events"])
                message = await layer.receive(channel)
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            with contextlib.suppress(Exception):  # without Redis there is no group to leave
                async with asyncio.timeout(_LAYER_TIMEOUT_S):
                    await layer.group_discard(group, channel)


S = TypeVar("S", bound=Subscription)


class Subscriptions(Generic[S]):
    """The subscriptions of one kind, by event loop and key. Each opens with its first reader, closes with its last.

    `watch` runs on every loop that has subscriptions.
    """

    def __init__(self, watch: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        self._open: dict[asyncio.AbstractEventLoop, dict[str, S]] = {}
        self._watch = watch
        self._watch_tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}

    def open(self) -> dict[str, S]:
        """The subscriptions of the running loop, by key."""
        return self._open.get(asyncio.get_running_loop(), {})

    def find(self, key: str) -> S | None:
        """The subscription of a key, unless it has ended."""
        found = self.open().get(key)
        return None if found is None or found.has_ended else found

    @contextlib.contextmanager
    def reading(self, key: str, subscription: S) -> Iterator[S]:
        """Counts a reader of `subscription`, which is the one that `find` returned or a new one."""
        loop = asyncio.get_running_loop()
        self._open.setdefault(loop, {})[key] = subscription
        if self._watch is not None and loop not in self._watch_tasks:
            self._watch_tasks[loop] = asyncio.create_task(self._watch(), name="stream watch")
        subscription.readers += 1
        try:
            yield subscription
        finally:
            subscription.readers -= 1
            if not subscription.readers:
                subscription.close()
                self._forget(loop, key, subscription)

    def _forget(self, loop: asyncio.AbstractEventLoop, key: str, subscription: S) -> None:
        here = self._open.get(loop, {})
        if here.get(key) is not subscription:  # it had ended, and another has replaced it
            return
        del here[key]
        if not here:
            del self._open[loop]
            if (task := self._watch_tasks.pop(loop, None)) is not None:
                task.cancel()
