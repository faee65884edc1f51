"""The feeds of this process: one for each session that somebody reads, gone with its last reader."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog

from progressions.stream import history
from progressions.stream.feed import UNREAD, Cursor, Feed

# Between two looks at the log for what hints did not tell.
REREAD_S = 2.0

log = structlog.get_logger(__name__)

HUBS: dict[asyncio.AbstractEventLoop, "Hub"] = {}


@contextlib.asynccontextmanager
async def reading(
    session_id: str, after: int | None, *, on_stalled: Callable[[], None]
) -> AsyncIterator[Cursor]:
    """A cursor in the session's log, for as long as the context lasts.

    `after` as in `history.find_start`; `on_stalled` as in `Cursor`. Raises what the database raises.
    """
    hub = HUBS.setdefault(asyncio.get_running_loop(), Hub())
    cursor = hub.add(session_id, on_stalled)  # first, so that nothing slips between the rows and what comes
    try:
        await cursor.feed.has_tried_to_listen.wait()
        start = await history.find_start_async(session_id, after)
        cursor.feed.learn(start.bounds.newest)
        cursor.begin(start)
        yield cursor
    finally:
        hub.remove(cursor)


class Hub:
    """The feeds of one event loop, and one task that looks at the log for all of them."""

    def __init__(self) -> None:
        self.feeds: dict[str, Feed] = {}
        self._watch_task: asyncio.Task[None] | None = None

    def add(self, session_id: str, on_stalled: Callable[[], None]) -> Cursor:
        """A new cursor on the session's feed, which is made where there is none."""
        feed = self.feeds.get(session_id)
        if feed is None:
            feed = self.feeds[session_id] = Feed(session_id)
        cursor = Cursor(feed, on_stalled)
        feed.readers.add(cursor)
        if self._watch_task is None:
            self._watch_task = asyncio.create_task(self._watch(), name="stream watch")
        return cursor

    def remove(self, cursor: Cursor) -> None:
        """Takes a reader away; with the last one the feed goes, with the last feed the hub."""
        feed = cursor.feed
        feed.readers.discard(cursor)
        if feed.readers:
            return
        feed.close()
        del self.feeds[feed.session_id]
        if not self.feeds and self._watch_task is not None:
            self._watch_task.cancel()
            del HUBS[asyncio.get_running_loop()]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(REREAD_S)
            try:
                newest = await history.newest_of_async(list(self.feeds))
            except Exception as error:  # noqa: BLE001 - the database may be away in many ways; the next look tries again
                log.warning("stream_not_read", error=str(error))
                continue
            for session_id, seq in newest.items():
                if session_id in self.feeds and self.feeds[session_id].head != UNREAD:
                    self.feeds[session_id].learn(seq)
