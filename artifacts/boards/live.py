"""What is said on pages that are open now: one look at the rows for all who watch the same page in this process.

A hint (artifacts.boards.nudges) says which images to look at; a look at the whole page every few seconds finds what
hints did not tell. Who watches holds the number of the newest change seen and is sent what changed since, so that
one who is slow gets less often, and never a queue.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import structlog
from channels.layers import get_channel_layer

from artifacts.boards import nudges
from artifacts.boards.pages import BoardPage, get_page
from artifacts.boards.totals import ImageAnswers, answers_on, nothing_on
from dali.lib.errors import GoneError, MissingError
from dali.lib.loop_layer import OVERFLOW
from progressions.stream.history import asynchronous

log = structlog.get_logger(__name__)

# Between two looks that hints ask for: votes come in bursts.
SHORTEST_S = 0.3
# Between two looks at the whole page.
REREAD_S = 15.0
RETRY_S = 2.0
_LAYER_TIMEOUT_S = 2.0

THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="dali-live")
_watchers: dict[tuple[asyncio.AbstractEventLoop, str], "Watcher"] = {}


@dataclass(frozen=True, slots=True)
class PageLook:
    """What one look found: the page, and what was said of the images looked at (None: of all)."""

    page: BoardPage
    images: frozenset[UUID] | None
    answers: dict[UUID, ImageAnswers]


def look(slug: str, names: Collection[str]) -> PageLook:
    """Reads the page and what was said of the images named; of all for WHOLE_PAGE, and where a name is no id.

    Raises MissingError, GoneError.
    """
    page = get_page(slug)
    ids = {str(image): image for image in page.images}
    images = None if set(names) - ids.keys() else frozenset(ids[name] for name in names)
    return PageLook(page, images, answers_on(page, images))


look_async = asynchronous(look, THREADS)


@contextlib.asynccontextmanager
async def watching(slug: str) -> AsyncIterator["Watcher"]:
    """The watcher of a page, for as long as the context lasts; the first who comes starts it, the last ends it.

    Raises MissingError, GoneError and what the database raises.
    """
    key = (asyncio.get_running_loop(), slug)
    watcher = _watchers.get(key)
    if watcher is None or watcher.is_gone:
        first = await look_async(slug, [nudges.WHOLE_PAGE])
        watcher = _watchers.get(key)  # another may have come first
        if watcher is None or watcher.is_gone:
            watcher = _watchers[key] = Watcher(slug, first)
    watcher.count += 1
    try:
        await watcher.has_tried_to_listen.wait()
        yield watcher
    finally:
        watcher.count -= 1
        if not watcher.count:
            watcher.close()
            if _watchers.get(key) is watcher:
                del _watchers[key]


class Watcher:
    """One page as it is now, and the number of the newest change to it. Lives on one event loop."""

    def __init__(self, slug: str, first: PageLook) -> None:
        self.count = 0
        self.version = 1
        self.is_gone = False
        self.has_tried_to_listen = asyncio.Event()
        self._slug = slug
        self._artifact_id = first.page.artifact_id
        self._is_closed = first.page.is_closed
        self._answers = first.answers
        self._changed = dict.fromkeys(first.answers, 1)
        self._events: dict[int, bytes] = {}
        self._asked: set[str] = set()
        self._has_asked = asyncio.Event()
        self._news = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._listen(), name=f"live {slug}"),
            asyncio.create_task(self._look_again(), name=f"live looks {slug}"),
        ]

    async def next(self, seen: int) -> int:
        """The newest change after `seen`, waited for; then ask `event_since(seen)`, unless the page `is_gone`."""
        while self.version <= seen and not self.is_gone:
            await self._news.wait()
        return self.version

    def event_since(self, seen: int) -> bytes:
        """The event that tells what changed after `seen` (0: all there is); made once for all who saw as much."""
        event = self._events.get(seen)
        if event is None:
            changed = [image for image, version in self._changed.items() if version > seen]
            images = {str(image): self._answers[image] for image in changed}
            body = {"closed": self._is_closed, "images": images}
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            event = self._events[seen] = f"data: {text}\n\n".encode()
        return event

    def take(self, found: PageLook) -> None:
        """Takes over what a look found, and wakes those who wait where it is new."""
        looked_at = found.answers.keys() | (self._answers.keys() if found.images is None else found.images)
        new = {image: found.answers.get(image) or nothing_on(found.page) for image in looked_at}
        changed = [image for image, answers in new.items() if self._answers.get(image) != answers]
        if not changed and found.page.is_closed == self._is_closed:
            return
        self.version += 1
        self._is_closed = found.page.is_closed
        for image in changed:
            self._answers[image] = new[image]
            self._changed[image] = self.version
        self._events.clear()
        self._wake()

    def ask(self, names: Collection[str]) -> None:
        """Has the images named looked at soon."""
        self._asked.update(names)
        self._has_asked.set()

    def close(self) -> None:
        """Ends the subscription and all looking."""
        for task in self._tasks:
            task.cancel()

    def _wake(self) -> None:
        self._news.set()  # wakes all who wait now ...
        self._news.clear()  # ... and lets the next wait

    async def _look_again(self) -> None:
        loop = asyncio.get_running_loop()
        whole_at = loop.time() + REREAD_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(whole_at):
                    await self._has_asked.wait()
            names, self._asked = self._asked, set()
            self._has_asked.clear()
            if loop.time() >= whole_at or nudges.WHOLE_PAGE in names:
                names, whole_at = {nudges.WHOLE_PAGE}, loop.time() + REREAD_S
            try:
                self.take(await look_async(self._slug, names))
            except (GoneError, MissingError):
                self.is_gone = True
                self._wake()
                return
            except Exception as error:  # noqa: BLE001 - the database may be away in many ways; the next look tries again
                log.warning("live_not_read", artifactId=str(self._artifact_id), error=str(error))
                self.ask([nudges.WHOLE_PAGE])
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(SHORTEST_S)

    async def _listen(self) -> None:
        """Keeps one channel of this process in the page's group; comes back after every failure."""
        channel = f"live.{uuid.uuid4().hex}"
        while True:
            try:
                await self._receive(channel)
            except Exception as error:  # noqa: BLE001 - whatever Redis or its client raise, the rows say it all
                log.warning("live_not_subscribed", artifactId=str(self._artifact_id), error=str(error))
            self.has_tried_to_listen.set()
            await asyncio.sleep(RETRY_S)

    async def _receive(self, channel: str) -> None:
        layer = get_channel_layer()
        group = nudges.group_of(self._artifact_id)
        first = asyncio.create_task(layer.receive(channel))  # makes the channel, which a group needs
        try:
            await asyncio.sleep(0)
            async with asyncio.timeout(_LAYER_TIMEOUT_S):
                await layer.group_add(group, channel)
            self.ask([nudges.WHOLE_PAGE])  # what was said before this was in place
            self.has_tried_to_listen.set()
            message = await first
            while True:  # nothing else is awaited here: a layer ends a channel when its receive is cancelled
                self.ask([nudges.WHOLE_PAGE] if message == OVERFLOW else nudges.images_in(message))
                message = await layer.receive(channel)
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            with contextlib.suppress(Exception):  # with Redis away there is nothing to leave
                async with asyncio.timeout(_LAYER_TIMEOUT_S):
                    await layer.group_discard(group, channel)
