"""Publishes hints that rows changed, from any thread to the subscriptions of every process.

The rows are the truth: subscriptions read them again every few seconds, so a lost, late, repeated or reordered hint
costs a reader time, never data.
"""

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import structlog
from channels.layers import get_channel_layer
from django.db import DEFAULT_DB_ALIAS, connections

from dali.lib.loop_layer import LoopChannelLayer

MESSAGE_TYPE = "stream.events"

WAITING_CHARS = 16 * 1024 * 1024  # of text waiting for Redis; more is dropped, readers find it in the rows
_MESSAGE_CHARS = 256 * 1024  # of text in one message to Redis
_SEND_TIMEOUT_S = 2.0
_PAUSE_S = 1.0  # after a failure, so that a dead Redis is not tried for each event

log = structlog.get_logger(__name__)

Events = Sequence[tuple[int, str]]


def group_of(key: str) -> str:
    """The channel layer's group of a key, hashed because group names allow few characters.

    The database's name is part of it, so that two installations can share a Redis.
    """
    name = f"{connections.settings[DEFAULT_DB_ALIAS]['NAME']}\n{key}"
    return "stream." + hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def publish(key: str, events: Events) -> None:
    """Sends committed events `(seq, text)` to the key's subscriptions in every process.

    For any thread. Never raises and never waits: without a listener, or with Redis down, nothing happens.
    """
    try:
        layer = get_channel_layer()
        if isinstance(layer, LoopChannelLayer):
            layer.post_to_group(group_of(key), message_of(key, events))
        elif layer is not None:
            _courier.take(key, events)
    except Exception:  # noqa: BLE001 - a hint must never harm the committed work that it reports
        log.exception("publish_failed", key=key)


def message_of(key: str, events: Events) -> dict[str, Any]:
    """The message for the channel layer: plain values, because it may travel as msgpack."""
    return {"type": MESSAGE_TYPE, "sessionId": key, "events": list(events)}


class Courier:
    """One thread with an event loop that sends all hints of this process to Redis.

    `async_to_sync` would make an event loop and a Redis connection for each call. Hints that arrive during a send
    are gathered, by key, for the next one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[tuple[int, str]]] = {}
        self._chars = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()

    def take(self, key: str, events: Events) -> None:
        """Queues events, from any thread; drops them if too much is waiting."""
        self.put(key, events)
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._loop.run_until_complete,
                    args=(self._run(),),
                    name="dali-broadcast",
                    daemon=True,
                ).start()
            self._loop.call_soon_threadsafe(self._news.set)

    def put(self, key: str, events: Events) -> None:
        """Queues events, up to WAITING_CHARS of text in all."""
        chars = sum(len(text) for _, text in events)
        with self._lock:
            if self._chars + chars <= WAITING_CHARS:
                self._chars += chars
                self._waiting.setdefault(key, []).extend(events)

    def waiting(self) -> dict[str, list[tuple[int, str]]]:
        """Takes all queued events, by key."""
        with self._lock:
            waiting, self._waiting, self._chars = self._waiting, {}, 0
            return waiting

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            waiting = self.waiting()
            try:
                await self._send_all(waiting)
            except Exception as error:  # noqa: BLE001 - Redis and its client raise many errors; the rows have it all
                log.warning("broadcast_failed", error=str(error) or type(error).__name__, keys=len(waiting))
                await asyncio.sleep(_PAUSE_S)

    async def _send_all(self, waiting: dict[str, list[tuple[int, str]]]) -> None:
        layer = get_channel_layer()
        for key, events in waiting.items():
            for piece in pieces(events):
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await layer.group_send(group_of(key), message_of(key, piece))


def pieces(events: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """The events in pieces of at most `_MESSAGE_CHARS`, or one longer event each."""
    found: list[list[tuple[int, str]]] = []
    chars = _MESSAGE_CHARS
    for event in events:
        chars += len(event[1])
        if chars > _MESSAGE_CHARS:
            found.append([])
            chars = len(event[1])
        found[-1].append(event)
    return found


_courier = Courier()
