"""What the stream answers over plain HTTP: the head of an event stream, and errors in the API's one shape."""

from collections.abc import Awaitable, Callable
from typing import Any

from dali.lib.web.cors import Headers
from dali.lib.web.json_answer import error_line
from progressions.stream.admission import StreamRefusedError

Send = Callable[[dict[str, Any]], Awaitable[None]]

RETRY_AFTER_S = 5


def check_method(method: str, accept: str) -> None:
    """RefusedError (405, 406) for what the stream cannot answer."""
    if method not in ("GET", "HEAD"):
        raise StreamRefusedError(
            405, "method_not_allowed", f'Method "{method}" not allowed: the stream is read by GET.'
        )
    accepted = {part.split(";")[0].strip().lower() for part in accept.split(",")}
    if not accepted & {"text/event-stream", "text/*", "*/*", ""}:
        raise StreamRefusedError(
            406, "not_acceptable", "The stream is text/event-stream; accept that, or open a WebSocket."
        )


async def start_events(send: Send, headers: Headers, *, more_body: bool) -> None:
    """Begins an event stream; without `more_body` it is the answer to HEAD."""
    all_headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-cache, no-transform"),
        (b"x-accel-buffering", b"no"),  # nginx would hold events back
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": all_headers})
    # Something must follow at once, for servers and proxies send headers with the first bytes of the body.
    body = b"retry: 1000\n\n" if more_body else b""
    await send({"type": "http.response.body", "body": body, "more_body": more_body})


async def answer_options(send: Send, headers: Headers) -> None:
    """Says what may be asked."""
    all_headers = [(b"allow", b"GET, HEAD, OPTIONS"), *headers]
    await send({"type": "http.response.start", "status": 204, "headers": all_headers})
    await send({"type": "http.response.body", "body": b""})


async def answer_refused(send: Send, error: StreamRefusedError, headers: Headers) -> None:
    """Says why there is no stream."""
    if error.status == 401:
        headers = [*headers, (b"www-authenticate", b'ApiKey realm="Dali", header="X-Api-Key"')]
    if error.status == 405:
        headers = [*headers, (b"allow", b"GET, HEAD, OPTIONS")]
    await _answer(send, error.status, error_line(error.status, error.code, str(error), error.attr), headers)


async def answer_unavailable(send: Send, headers: Headers) -> None:
    """Says that the database is away."""
    headers = [*headers, (b"retry-after", str(RETRY_AFTER_S).encode())]
    body = error_line(503, "unavailable", "The database cannot be reached; try again.")
    await _answer(send, 503, body, headers)


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    all_headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
