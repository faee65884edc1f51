"""Server-Sent Events as a plain ASGI answer: head, heartbeats, end, and errors in the API's shape.

One task writes to one reader and waits as long as the connection takes no more; another waits for the client to
leave. When either ends, both are gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from django.db import Error as DatabaseError

from dali.lib.errors import DaliError, GoneError, MissingError
from dali.lib.web.cors import Headers
from dali.lib.web.json_answer import error_line
from dali.lib.web.streams.asgi import Message, Receive, Scope, Send

HEARTBEAT_S = 20.0
SILENCE_S = 60.0
RETRY_AFTER_S = 5
_END_TIMEOUT_S = 5.0
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_ALLOW = (b"allow", b"GET, HEAD, OPTIONS")
_RETRY_AFTER = (b"retry-after", str(RETRY_AFTER_S).encode())
# Besides the headers that every answer has, by status.
_STATUS_HEADERS: dict[int, Headers] = {
    401: [(b"www-authenticate", b'ApiKey realm="Dali", header="X-Api-Key"')],
    405: [_ALLOW],
    429: [_RETRY_AFTER],
    503: [_RETRY_AFTER],
}

T = TypeVar("T")

log = structlog.get_logger(__name__)


class StreamRefusedError(DaliError):
    """A stream is not opened. `status` and `code` are those of the HTTP answer, `attr` names the input at fault."""

    def __init__(self, status: int, code: str, message: str, attr: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.attr = attr


class ReaderStalledError(DaliError):
    """A reader is so far behind that its stream ends; it can resume."""


class EventWriter:
    """Writes to one reader."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def wait_for(self, find: Callable[[], Awaitable[T]]) -> T:
        """What `find` returns. Every HEARTBEAT_S without a result sends a comment and calls `find` again."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    return await find()
            except TimeoutError:
                await self.send(b":\n\n")

    async def send(self, events: bytes) -> None:
        """Sends one or more whole events. TimeoutError when the connection takes nothing for SILENCE_S."""
        async with asyncio.timeout(SILENCE_S):  # clients never answer, so a full connection is the only sign
            await self._send({"type": "http.response.body", "body": events, "more_body": True})


@dataclass(frozen=True, slots=True)
class EventStream:
    """One kind of event stream.

    `headers`: of every answer, errors too. `stream_headers`: of the stream alone. `retry_ms`: how long browsers wait
    before they connect again. `open`: admits the client and yields the function that writes to it until the stream
    ends. It may raise StreamRefusedError, MissingError (404), GoneError (410), ReaderStalledError and database errors.
    """

    headers: Headers
    stream_headers: Headers
    retry_ms: int
    open: Callable[[], AbstractAsyncContextManager[Callable[[EventWriter], Coroutine[Any, Any, None]]]]

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers GET and HEAD with events until either side ends the stream, OPTIONS with the allowed methods."""
        is_started, has_body = False, scope["method"] != "HEAD"

        async def run() -> None:
            nonlocal is_started
            async with self.open() as write:
                is_started = True
                await self._start(send, has_body=has_body)
                if has_body:
                    await write(EventWriter(send))

        try:
            if scope["method"] == "OPTIONS":
                await _answer(send, 204, [_ALLOW, *self.headers])
                return
            _check_method(scope)
            if await until_either(run(), _until_gone(receive)) or not has_body:
                return
        except ReaderStalledError:
            pass
        except (DaliError, DatabaseError) as error:
            refused = _refused(error, scope["path"])
            if not is_started:
                await self._refuse(send, refused)
                return
        except OSError:  # the client left during a write, or takes nothing any more (TimeoutError)
            return
        await send_last(send, {"type": "http.response.body", "body": b""})

    async def _start(self, send: Send, *, has_body: bool) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"x-accel-buffering", b"no"),  # nginx would hold events back
            _NOSNIFF,
            *self.stream_headers,
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # Servers and proxies send headers with the first bytes of the body, so some must follow at once.
        body = f"retry: {self.retry_ms}\n\n".encode() if has_body else b""
        await send({"type": "http.response.body", "body": body, "more_body": has_body})

    async def _refuse(self, send: Send, error: StreamRefusedError) -> None:
        body = error_line(error.status, error.code, str(error), error.attr)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            _NOSNIFF,
            *self.headers,
            *_STATUS_HEADERS.get(error.status, []),
        ]
        await _answer(send, error.status, headers, body)


async def until_either(write: Coroutine[Any, Any, None], end: Coroutine[Any, Any, T]) -> T | None:
    """Runs both until one is over. What `end` returned, or None when `write` was over first; raises what it raised."""
    ending, writing = asyncio.create_task(end), asyncio.create_task(write)
    try:
        await asyncio.wait({ending, writing}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            return ending.result()
        writing.result()
        return None
    finally:
        ending.cancel()
        writing.cancel()
        await asyncio.gather(ending, writing, return_exceptions=True)


async def send_last(send: Send, message: Message) -> None:
    """Sends the last message. A connection that takes nothing more is left to the server's own limits."""
    try:
        async with asyncio.timeout(_END_TIMEOUT_S):
            await send(message)
    except TimeoutError:
        pass


def _check_method(scope: Scope) -> None:
    """Raises StreamRefusedError (405, 406)."""
    if scope["method"] not in ("GET", "HEAD"):
        raise StreamRefusedError(
            405, "method_not_allowed", f'Method "{scope["method"]}" not allowed: use GET to read the stream.'
        )
    accept = dict(scope["headers"]).get(b"accept", b"*/*").decode("latin-1")
    accepted = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    if not accepted & {"text/event-stream", "text/*", "*/*", ""}:
        raise StreamRefusedError(406, "not_acceptable", "This is an event stream: accept text/event-stream.")


def _refused(error: Exception, path: str) -> StreamRefusedError:
    match error:
        case StreamRefusedError():
            return error
        case MissingError():
            return StreamRefusedError(404, "not_found", str(error))
        case GoneError():
            return StreamRefusedError(410, "gone", str(error))
        case DatabaseError():
            log.error("stream_broken", path=path, error=str(error))
            return StreamRefusedError(503, "unavailable", "The database cannot be reached; try again.")
    raise error


async def _answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _until_gone(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
