"""The live end of one session's log in this process: the newest texts, and each reader's place in them.

A reader is a cursor without a queue, so nothing overflows and nothing is dropped. A reader that lags further than the
ring of texts reaches reads the rows. Text is made once for all readers.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dali.lib.web.streams.frames import text_frame
from dali.lib.web.streams.subscription import Subscription
from progressions.stream import history
from progressions.stream.event_types import GapEvent

RING_EVENTS = 4_096
RING_CHARS = 4 * 1024 * 1024
EARLY_EVENTS = 256
BATCH_EVENTS = 512
BATCH_CHARS = 128 * 1024
STALLED_CHARS = 8 * 1024 * 1024
UNREAD = -1
_STALL_CHECK_CHARS = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """What to send a reader next: JSON texts, and the reader's place after them.

    Events are numbered `last - len(texts) + 1` to `last`. A gap message is alone in its batch; resuming after its
    `last` misses nothing either.
    """

    texts: list[str]
    last: int
    is_full: bool = False
    is_gap: bool = False

    def is_same(self, other: "Batch") -> bool:
        """Whether both have the same events of one session. Gap messages are never the same."""
        is_events = not (self.is_gap or other.is_gap)
        return is_events and self.last == other.last and len(self.texts) == len(other.texts)


class Feed(Subscription):
    """The newest events of one session, in order and without gaps.

    `head` is the newest number it holds, UNREAD before the log was read for the first time.
    """

    def __init__(self, session_id: str) -> None:
        super().__init__(f"stream {session_id}", session_id)
        self.session_id = session_id
        self.head = UNREAD
        self.cursors: set[Cursor] = set()
        self.total_chars = 0
        self._texts: list[str] = []  # up to head
        self._ring_chars = 0
        self._is_stale = False  # hints may have been lost: only the log knows the newest number
        self._newest = 0  # the newest number known, from hints or from the log
        self._early: dict[int, str] = {}  # hints that came before their predecessors
        self._joined: tuple[Batch, str] | None = None
        self._framed: dict[bool, tuple[Batch, bytes]] = {}
        self._next_stall_check = _STALL_CHECK_CHARS

    def hear(self, events: Iterable[tuple[int, str]]) -> None:
        """Takes hints `(seq, text)`: appends the next event, reads rows for later ones, ignores old ones."""
        for seq, text in events:
            if seq > self.head + 1:
                self._newest = max(self._newest, seq)
                if len(self._early) < EARLY_EVENTS:
                    self._early[seq] = text
            elif seq == self.head + 1:
                self._append(text)
        self._settle()

    def learn(self, newest: int) -> None:
        """Takes the newest number in the log; missing events are read from the rows."""
        if self.head == UNREAD:
            self.head = newest
        self._newest = max(self._newest, newest)
        self._settle()

    def after(self, seq: int) -> list[str] | None:
        """The next texts after a number, at most one batch; None if the ring does not reach back that far."""
        if seq >= self.head:
            return []
        start = seq - (self.head - len(self._texts))
        if start < 0:
            return None
        texts = self._texts[start : start + BATCH_EVENTS]
        chars = 0
        for count, text in enumerate(texts):
            chars += len(text)
            if chars > BATCH_CHARS and count:
                return texts[:count]
        return texts

    def joined(self, batch: Batch) -> str:
        """The batch as one JSON array; made once for readers at the same place."""
        if self._joined is None or not batch.is_same(self._joined[0]):
            self._joined = (batch, f"[{','.join(batch.texts)}]")
        return self._joined[1]

    def framed(self, batch: Batch, *, is_joined: bool) -> bytes:
        """The batch as WebSocket frames, one for each event or one for all; made once, as `joined` is."""
        made = self._framed.get(is_joined)
        if made is None or not batch.is_same(made[0]):
            texts = [self.joined(batch)] if is_joined else batch.texts
            made = self._framed[is_joined] = (batch, b"".join(map(text_frame, texts)))
        return made[1]

    def reread(self) -> None:
        """Reads the newest number from the log."""
        if self.head != UNREAD:
            self._is_stale = True
            self._settle()

    def is_behind(self) -> bool:
        """Whether events are missing, or may be."""
        return self._is_stale or self.head < self._newest

    async def look(self) -> None:
        """Reads the newest number, or the next events that hints left out."""
        if self._is_stale:
            self._is_stale = False
            newest = await history.newest_of_async([self.session_id])
            self._newest = max(self._newest, newest.get(self.session_id, 0))
            return
        wanted = self._newest
        events = await history.events_after_async(self.session_id, self.head)
        if not events and not await self._skip_pruned() and self._newest == wanted:
            self._newest = self.head  # the log has no more
        self._merge(events)

    def _append(self, text: str) -> None:
        self.head += 1
        self._texts.append(text)
        self._ring_chars += len(text)
        self.total_chars += len(text)

    def _settle(self) -> None:
        """After a change: appends early hints that fit now, looks for missing events, wakes readers."""
        if self.head == UNREAD:
            return
        while (text := self._early.pop(self.head + 1, None)) is not None:
            self._append(text)
        if self._early:
            self._early = {seq: text for seq, text in self._early.items() if seq > self.head}
        self._trim()
        if self.is_behind():
            self.look_soon()
        self.wake()
        if self.total_chars >= self._next_stall_check:
            self._next_stall_check = self.total_chars + _STALL_CHECK_CHARS
            for cursor in list(self.cursors):
                cursor.end_if_stalled()

    def _trim(self) -> None:
        if len(self._texts) < 2 * RING_EVENTS and self._ring_chars < 2 * RING_CHARS:
            return  # trims rarely and much, because cutting a list's front moves the rest
        drop = max(0, len(self._texts) - RING_EVENTS)
        self._ring_chars -= sum(map(len, self._texts[:drop]))
        while self._ring_chars > RING_CHARS:
            self._ring_chars -= len(self._texts[drop])
            drop += 1
        del self._texts[:drop]

    def _merge(self, events: list[tuple[int, str]]) -> None:
        for seq, text in events:
            if seq > self.head + 1:  # the events between were pruned
                self._restart(seq - 1)
            if seq == self.head + 1:
                self._append(text)
        self._settle()

    async def _skip_pruned(self) -> bool:
        bounds = await history.bounds_of_async(self.session_id)
        if bounds.pruned > self.head:
            self._restart(bounds.pruned)
            return True
        return False

    def _restart(self, head: int) -> None:
        self.head = head
        self._texts = []
        self._ring_chars = 0


class Cursor:
    """One reader's place in a session's log; it moves only by what was sent.

    `on_stalled` is called once, when more than STALLED_CHARS of events arrived while one batch was being sent.
    """

    def __init__(self, feed: Feed, on_stalled: Callable[[], object]) -> None:
        self.feed = feed
        self.is_stalled = False
        self.seq = 0
        self._gap: Batch | None = None
        self._on_stalled = on_stalled
        self._sending_since: int | None = None

    def begin(self, after: int, bounds: history.Bounds) -> None:
        """Takes its place, with a gap message first if the wanted events were pruned or do not exist yet."""
        self.seq = after
        if after > bounds.newest:
            self._gap = _gap({"type": "gap", "newest": bounds.newest}, bounds.newest)
        elif after < bounds.pruned:
            self._gap = _oldest_gap(bounds.pruned)

    async def next(self) -> Batch:
        """Waits for the next batch. Call `sent` when it has been sent."""
        self._sending_since = None
        batch = self._gap
        self._gap = None
        if batch is None:
            batch = await self._next_events()
        self._sending_since = self.feed.total_chars
        return batch

    def sent(self, batch: Batch) -> None:
        """Moves behind a batch that was sent."""
        self._sending_since = None
        self.seq = batch.last

    def end_if_stalled(self) -> None:
        """Called by the feed when it grows."""
        since = self._sending_since
        if since is not None and not self.is_stalled and self.feed.total_chars - since > STALLED_CHARS:
            self.is_stalled = True
            self._on_stalled()

    async def _next_events(self) -> Batch:
        await asyncio.sleep(0)  # lets other readers run, because a send may not have to wait
        while True:
            texts = self.feed.after(self.seq)
            if texts:
                return Batch(texts, self.seq + len(texts), len(texts) >= BATCH_EVENTS)
            if texts is None:
                return await self._next_rows()
            await self.feed.wait()

    async def _next_rows(self) -> Batch:
        events = await history.events_after_async(self.feed.session_id, self.seq)
        if events and events[0][0] == self.seq + 1:
            return Batch([text for _, text in events], events[-1][0], is_full=True)
        pruned = events[0][0] - 1 if events else (await history.bounds_of_async(self.feed.session_id)).pruned
        return _oldest_gap(pruned)


def _oldest_gap(pruned: int) -> Batch:
    return _gap({"type": "gap", "oldest": pruned + 1}, pruned)


def _gap(event: GapEvent, last: int) -> Batch:
    return Batch([json.dumps(event, separators=(",", ":"))], last, is_gap=True)
