"""`GET <page>/live`: Server-Sent Events of what is said on a page, a plain ASGI application for one reader each.

First the whole state, as `{"closed", "images": {id: {"votes", "comments"}}}`, then the same of images that changed;
`event: gone` where the page was taken back or deleted.
"""

import asyncio
import contextlib
import io
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import structlog
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import Error as DatabaseError

from artifacts.boards.live import THREADS, Watcher, watching
from artifacts.boards.throttles import AnswersThrottle
from dali.lib.errors import GoneError, MissingError
from dali.lib.web.client_address import client_ip, customer
from progressions.stream.admission import StreamRefusedError
from progressions.stream.answers import (
    RETRY_AFTER_S,
    answer_options,
    answer_refused,
    answer_unavailable,
    check_method,
)
from progressions.stream.history import asynchronous

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_LISTENERS = 5_000
MOST_OF_AN_ADDRESS = 50
HEARTBEAT_S = 20.0
SILENCE_S = 60.0
_HEADERS = [(b"cache-control", b"no-store"), (b"cross-origin-resource-policy", b"same-origin")]
_RETRY = (b"retry-after", str(RETRY_AFTER_S).encode())

log = structlog.get_logger(__name__)

_listeners: Counter[str] = Counter()


async def live_events(scope: Scope, receive: Receive, send: Send, slug: str) -> None:
    """Answers GET and HEAD with events until either side ends it, OPTIONS with what may be asked."""
    try:
        if scope["method"] == "OPTIONS":
            await answer_options(send, _HEADERS)
            return
        accept = dict(scope["headers"]).get(b"accept", b"*/*").decode("latin-1")
        check_method(scope["method"], accept)
        address = await _admit_async(scope)
        with _counted(address):
            async with watching(slug) as watcher:
                has_body = scope["method"] != "HEAD"
                await _start(send, has_body=has_body)
                if has_body:
                    await _serve(watcher, receive, send)
    except StreamRefusedError as error:
        retry = [_RETRY] if error.status in (429, 503) else []
        await answer_refused(send, error, [*_HEADERS, *retry])
    except MissingError as error:
        await answer_refused(send, StreamRefusedError(404, "not_found", str(error)), _HEADERS)
    except GoneError as error:
        await answer_refused(send, StreamRefusedError(410, "gone", str(error)), _HEADERS)
    except DatabaseError as error:
        log.error("live_unavailable", error=str(error))  # noqa: TRY400 - one line is enough
        await answer_unavailable(send, _HEADERS)
    except OSError:  # the client went while it was written to, or takes nothing any more (TimeoutError)
        return


def _admit(scope: Scope) -> str:
    """What the reader is counted by; RefusedError where it may not read now."""
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
    """Counts a reader; RefusedError where there are too many."""
    if _listeners[address] >= MOST_OF_AN_ADDRESS:
        text = f"{MOST_OF_AN_ADDRESS} readers of this address have a page open; read its state instead."
        raise StreamRefusedError(429, "throttled", text)
    if _listeners.total() >= MOST_LISTENERS:
        raise StreamRefusedError(503, "unavailable", "Too many have a page open; read its state instead.")
    _listeners[address] += 1
    try:
        yield
    finally:
        _listeners[address] -= 1
        if not _listeners[address]:
            del _listeners[address]


async def _start(send: Send, *, has_body: bool) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"x-accel-buffering", b"no"),  # nginx would hold events back
        (b"x-content-type-options", b"nosniff"),
        *_HEADERS,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = b"retry: 3000\n\n" if has_body else b""
    await send({"type": "http.response.body", "body": body, "more_body": has_body})


async def _serve(watcher: Watcher, receive: Receive, send: Send) -> None:
    """Writes to one reader until it goes, the page goes, or writing fails (raised)."""
    gone = asyncio.create_task(_until_gone(receive))
    writer = asyncio.create_task(_write(watcher, send))
    try:
        await asyncio.wait({gone, writer}, return_when=asyncio.FIRST_COMPLETED)
        if writer.done():
            writer.result()
            await _send_event(send, b"event: gone\ndata: {}\n\n")
            await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        writer.cancel()
        await asyncio.gather(gone, writer, return_exceptions=True)


async def _write(watcher: Watcher, send: Send) -> None:
    """Writes what changes until the page is gone."""
    seen = 0
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                newest = await watcher.next(seen)
        except TimeoutError:
            await _send_event(send, b":\n\n")
            continue
        if watcher.is_gone:
            return
        event = watcher.event_since(seen)
        seen = newest
        await _send_event(send, event)


async def _send_event(send: Send, event: bytes) -> None:
    async with asyncio.timeout(SILENCE_S):  # nothing answers a comment: that it leaves is all one can see
        await send({"type": "http.response.body", "body": event, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
