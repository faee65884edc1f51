"""`GET <page>/live`: Server-Sent Events of the answers on a page, a plain ASGI application for one reader each.

The first event is the whole state, as `{"closed", "images": {id: {"votes", "comments"}}}`; later ones have the images
that changed. `event: gone` means that the page was unpublished or deleted.
"""

import contextlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from artifacts.boards.live import THREADS, LivePage, watching
from artifacts.boards.throttles import AnswersThrottle
from dali.lib.web.client_address import client_ip, customer
from dali.lib.web.streams.asgi import Receive, Scope, Send
from dali.lib.web.streams.reads import asynchronous
from dali.lib.web.streams.sse import EventWriter, StreamRefusedError, serve_events

MOST_LISTENERS = 5_000
MOST_OF_AN_ADDRESS = 50
_HEADERS = [(b"cache-control", b"no-store"), (b"cross-origin-resource-policy", b"same-origin")]
_PATH = re.compile(r"/public/(?:lookbook|artifact)/([^/]+)/live")

_listeners: Counter[str] = Counter()


def live_application(django: Any) -> Any:
    """Serves `/public/artifact/{slug}/live`, or `lookbook`, and passes the rest to `django`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            await django(scope, receive, send)
        else:
            await live_events(scope, receive, send, match[1])

    return application


async def live_events(scope: Scope, receive: Receive, send: Send, slug: str) -> None:
    """Answers GET and HEAD with events until either side ends the stream, OPTIONS with the allowed methods."""

    async def write(events: EventWriter) -> None:
        with _counted(await _admit_async(scope)):
            async with watching(slug) as page:
                if await events.start([], retry_ms=3_000):
                    await _write(page, events)

    await serve_events(scope, receive, send, _HEADERS, write)


def _admit(scope: Scope) -> str:
    """The address that the reader is counted by. Raises StreamRefusedError (400, 429)."""
    request = ASGIRequest(scope, io.BytesIO())
    try:
        request.get_host()
    except DisallowedHost as error:
        message = "The request cannot be taken; check its host and headers."
        raise StreamRefusedError(400, "bad_request", message) from error
    if AnswersThrottle().seconds_to_wait(request) is not None:
        raise StreamRefusedError(
            429, "throttled", "There were too many requests from this address; try again later."
        )
    return customer(client_ip(request))


_admit_async = asynchronous(_admit, THREADS)


@contextlib.contextmanager
def _counted(address: str) -> Iterator[None]:
    """Counts a reader. Raises StreamRefusedError (429, 503) if there are too many."""
    if _listeners[address] >= MOST_OF_AN_ADDRESS:
        text = (
            f"This address already has {MOST_OF_AN_ADDRESS} live pages open; read the page's state instead."
        )
        raise StreamRefusedError(429, "throttled", text)
    if _listeners.total() >= MOST_LISTENERS:
        raise StreamRefusedError(
            503, "unavailable", "Too many live pages are open; read the page's state instead."
        )
    _listeners[address] += 1
    try:
        yield
    finally:
        _listeners[address] -= 1
        if not _listeners[address]:
            del _listeners[address]


async def _write(page: LivePage, events: EventWriter) -> None:
    """Writes changes until the page is gone."""
    seen = 0
    while True:
        newest = await events.wait_for(partial(page.next, seen))
        if page.has_ended:
            await events.send(b"event: gone\ndata: {}\n\n")
            return
        event = page.event_since(seen)
        seen = newest
        await events.send(event)
