"""From any thread to the feeds of every process: hints that a session's log has grown.

The log is the truth. A hint that is lost, late, doubled or out of order costs a reader time, never an event:
feeds fill gaps from the rows and read the newest number of each session again every few seconds.
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

WAITING_CHARS = 16 * 1024 * 1024  # of text waiting for Redis; what comes on top is left to the log
_MESSAGE_CHARS = 256 * 1024  # of text in one message to Redis; more goes in several
_SEND_TIMEOUT_S = 2.0
_PAUSE_S = 1.0  # after a failure, so that a dead Redis is not asked for each event

log = structlog.get_logger(__name__)

Events = Sequence[tuple[int, str]]


def group_of(session_id: str) -> str:
    """The channel layer's group of a session.

    A layer's names allow less than session ids do. The database's name is part of it, so that two Dalis that
    share a Redis do not hear each other.
    """
    name = f"{connections.settings[DEFAULT_DB_ALIAS]['NAME']}\n{session_id}"
    return "stream." + hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def publish(session_id: str, events: Events) -> None:
    """Hands committed events `(seq, text)` to the feeds that listen to the session, in every process.

    For any thread. Never raises and never waits: without a listener, or with Redis down, nothing happens.
    """
    try:
        layer = get_channel_layer()
        if isinstance(layer, LoopChannelLayer):
            layer.post_to_group(group_of(session_id), message_of(session_id, events))
        elif layer is not None:
            _courier.take(session_id, events)
    except Exception:  # a hint must never harm the committed work that it tells of
        log.exception("publish_failed", sessionId=session_id)


def message_of(session_id: str, events: Events) -> dict[str, Any]:
    """What goes through the channel layer: plain values, for it may travel as msgpack."""
    return {"type": MESSAGE_TYPE, "sessionId": session_id, "events": list(events)}


class Courier:
    """One thread with an event loop that carries all hints of this process to Redis.

    `async_to_sync` would make an event loop and a Redis connection for each call. While one message is
    under way, what comes for the same session is gathered into the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[tuple[int, str]]] = {}
        self._chars = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()

    def take(self, session_id: str, events: Events) -> None:
        """Takes events over, from any thread; drops them where too much waits already."""
        self.put(session_id, events)
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

    def put(self, session_id: str, events: Events) -> None:
        """Lets events wait, up to WAITING_CHARS of text in all."""
        chars = sum(len(text) for _, text in events)
        with self._lock:
            if self._chars + chars <= WAITING_CHARS:
                self._chars += chars
                self._waiting.setdefault(session_id, []).extend(events)

    def waiting(self) -> dict[str, list[tuple[int, str]]]:
        """Takes out what waits, by session."""
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
            except Exception as error:  # noqa: BLE001 - whatever Redis or its client raise, the log has the events
                log.warning(
                    "broadcast_failed", error=str(error) or type(error).__name__, sessions=len(waiting)
                )
                await asyncio.sleep(_PAUSE_S)

    async def _send_all(self, waiting: dict[str, list[tuple[int, str]]]) -> None:
        layer = get_channel_layer()
        for session_id, events in waiting.items():
            for piece in pieces(events):
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await layer.group_send(group_of(session_id), message_of(session_id, piece))


def pieces(events: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """The events in runs of at most `_MESSAGE_CHARS`, or of one that is longer."""
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
