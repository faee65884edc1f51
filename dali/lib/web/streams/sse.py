"""Server-Sent Events as a plain ASGI answer: head, heartbeats, end, and errors in the API's shape.

One task writes to one reader and waits as long as the connection takes no more; another waits for the client to
leave. When either ends, both are gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
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
    """Writes one stream of events to one reader."""

    def __init__(self, scope: Scope, send: Send, headers: Headers) -> None:
        self.is_started = False
        self.has_body: bool = scope["method"] != "HEAD"
        self._send = send
        self._headers = headers

    async def start(self, headers: Headers, *, retry_ms: int) -> bool:
        """Answers 200, after which no refusal can be sent. False for HEAD: the answer is complete.

        `headers`: of the stream alone. `retry_ms`: how long browsers wait before they connect again.
        """
        self.is_started = True
        head = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"x-accel-buffering", b"no"),  # nginx would hold events back
            _NOSNIFF,
            *headers,
            *self._headers,
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": head})
        # Servers and proxies send headers with the first bytes of the body, so some must follow at once.
        body = f"retry: {retry_ms}\n\n".encode() if self.has_body else b""
        await self._send({"type": "http.response.body", "body": body, "more_body": self.has_body})
        return self.has_body

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


Write = Callable[[EventWriter], Coroutine[Any, Any, None]]


async def serve_events(scope: Scope, receive: Receive, send: Send, headers: Headers, write: Write) -> None:
    """Answers GET and HEAD with events until either side ends the stream, OPTIONS with the allowed methods.

    `headers`: of every answer, errors too. `write` admits the client, calls `EventWriter.start`, and sends events
    until the stream ends. Until it calls `start` it may raise StreamRefusedError, MissingError (404) and GoneError
    (410); at any time ReaderStalledError and database errors.
    """
    events = EventWriter(scope, send, headers)
    try:
        if scope["method"] == "OPTIONS":
            await _answer(send, 204, [_ALLOW, *headers])
            return
        _check_method(scope)
        if await until_either(write(events), _until_gone(receive)) or not events.has_body:
            return
    except ReaderStalledError:
        pass
    except (DaliError, DatabaseError) as error:
        refused = _refused(error, scope["path"])
        if not events.is_started:
            await _refuse(send, refused, headers)
            return
    except OSError:  # the client left during a write, or takes nothing any more (TimeoutError)
        return
    await send_last(send, {"type": "http.response.body", "body": b""})


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


async def _refuse(send: Send, error: StreamRefusedError, headers: Headers) -> None:
    body = error_line(error.status, error.code, str(error), error.attr)
    all_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        _NOSNIFF,
        *headers,
        *_STATUS_HEADERS.get(error.status, []),
    ]
    await _answer(send, error.status, all_headers, body)


async def _answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _until_gone(receive: Receive) -> bool:
    while (await receive())["type"] != "http.disconnect":
        pass
    return True
