"""The feeds of this process: one for each session that has readers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import structlog

from dali.lib.web.streams.sse import ReaderStalledError
from dali.lib.web.streams.subscription import Subscriptions
from progressions.stream import history
from progressions.stream.feed import UNREAD, Cursor, Feed

# Between two looks at the log for events that no hint told of.
REREAD_S = 2.0

log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def reading(session_id: str, after: int | None) -> AsyncIterator[Cursor]:
    """A cursor in the session's log, for as long as the context lasts. `after`: as in `history.find_start`.

    The body is cancelled, and ReaderStalledError raised, when the reader falls STALLED_CHARS behind. Raises what the
    database raises.
    """
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    with FEEDS.reading(session_id, FEEDS.find(session_id) or Feed(session_id)) as feed:
        cursor = Cursor(feed, on_stalled=task.cancel)
        feed.cursors.add(cursor)  # first, so that no event is lost between the rows and the hints
        try:
            await feed.has_tried_to_listen.wait()
            start, bounds = await history.find_start_async(session_id, after)
            feed.learn(bounds.newest)
            cursor.begin(start, bounds)
            yield cursor
        except asyncio.CancelledError:
            if (
                cursor.is_stalled and not task.uncancel()
            ):  # otherwise the task was cancelled from outside as well
                raise ReaderStalledError(f"The reader of session {session_id!r} is too far behind.") from None
            raise
        finally:
            feed.cursors.discard(cursor)


async def _reread() -> None:
    """Asks the log for the newest number of every session with readers, again and again, in one query."""
    while True:
        await asyncio.sleep(REREAD_S)
        feeds = FEEDS.open()
        try:
            newest = await history.newest_of_async(list(feeds))
        except Exception as error:  # noqa: BLE001 - the database may be away in many ways; the next look tries again
            log.warning("stream_not_read", error=str(error))
            continue
        for session_id, seq in newest.items():
            if session_id in feeds and feeds[session_id].head != UNREAD:
                feeds[session_id].learn(seq)


FEEDS = Subscriptions[Feed](watch=_reread)
