"""Live answers of open pages: one look at the rows for all readers of a page in this process.

A hint (artifacts.boards.nudges) names the images to look at; a look at the whole page every REREAD_S finds what no
hint told of. A reader keeps the number of the newest change it has seen and gets what changed since, so a slow reader
gets fewer, larger events, and needs no queue.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from artifacts.boards import nudges
from artifacts.boards.pages import BoardPage, get_page
from artifacts.boards.totals import ImageAnswers, answers_on, nothing_on
from dali.lib.errors import GoneError, MissingError
from dali.lib.web.streams.broadcast import Events
from dali.lib.web.streams.reads import asynchronous
from dali.lib.web.streams.subscription import Subscription, Subscriptions

# Between two looks that hints ask for: votes come in bursts.
SHORTEST_S = 0.3
# Between two looks at the whole page.
REREAD_S = 15.0

THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="dali-live")


@dataclass(frozen=True, slots=True)
class PageLook:
    """The result of one look: the page, and the answers to the images looked at (None: to all)."""

    page: BoardPage
    images: frozenset[UUID] | None
    answers: dict[UUID, ImageAnswers]


def look(slug: str, names: Collection[str]) -> PageLook:
    """Reads the page and the answers to the images named; to all for WHOLE_PAGE or an unknown id.

    Raises MissingError, GoneError.
    """
    page = get_page(slug)
    ids = {str(image): image for image in page.images}
    images = None if set(names) - ids.keys() else frozenset(ids[name] for name in names)
    return PageLook(page, images, answers_on(page, images))


look_async = asynchronous(look, THREADS)


class LivePage(Subscription):
    """One page as it is now. `version` is the number of its newest change."""

    def __init__(self, slug: str, first: PageLook) -> None:
        super().__init__(f"live {slug}", nudges.key_of(first.page.artifact_id))
        self.version = 1
        self._slug = slug
        self._is_closed = first.page.is_closed
        self._answers = first.answers
        self._changed = dict.fromkeys(first.answers, 1)
        self._events: dict[int, bytes] = {}
        self._asked: set[str] = set()
        self._timer = asyncio.get_running_loop().call_later(REREAD_S, self.reread)

    async def next(self, seen: int) -> int:
        """Waits until there is a change after `seen`, or the page `has_ended`; the number of the newest change."""
        while self.version <= seen and not self.has_ended:
            await self.wait()
        return self.version

    def event_since(self, seen: int) -> bytes:
        """The event with all changes after `seen` (0: everything). Made once for all readers at the same place."""
        event = self._events.get(seen)
        if event is None:
            changed = [image for image, version in self._changed.items() if version > seen]
            images = {str(image): self._answers[image] for image in changed}
            body = {"closed": self._is_closed, "images": images}
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            event = self._events[seen] = f"data: {text}\n\n".encode()
        return event

    def take(self, found: PageLook) -> None:
        """Takes over the result of a look, and wakes readers if anything changed."""
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
        self.wake()

    def hear(self, events: Events) -> None:
        """Plans a look at the images that a hint names."""
        self._asked.update(name for _, name in events)
        self.look_soon()

    def reread(self) -> None:
        """Plans a look at the whole page."""
        self.hear([(0, nudges.WHOLE_PAGE)])

    def is_behind(self) -> bool:
        """Whether a look was asked for."""
        return bool(self._asked)

    async def look(self) -> None:
        """Looks at what was asked for, then pauses; ends a page that is gone."""
        names, self._asked = self._asked, set()
        if nudges.WHOLE_PAGE in names:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(REREAD_S, self.reread)
        try:
            self.take(await look_async(self._slug, names))
        except (GoneError, MissingError):
            self.has_ended = True
            self.wake()
            return
        await asyncio.sleep(SHORTEST_S)

    def close(self) -> None:
        """Stops listening and looking."""
        self._timer.cancel()
        super().close()


PAGES = Subscriptions[LivePage]()


@contextlib.asynccontextmanager
async def watching(slug: str) -> AsyncIterator[LivePage]:
    """The live page, for as long as the context lasts.

    Raises MissingError, GoneError and what the database raises.
    """
    page = PAGES.find(slug)
    if page is None:
        first = await look_async(slug, [nudges.WHOLE_PAGE])
        page = PAGES.find(slug) or LivePage(slug, first)  # another reader may have been faster
    with PAGES.reading(slug, page):
        await page.has_tried_to_listen.wait()
        yield page
