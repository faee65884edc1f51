"""The stream's two protocols, WebSocket and Server-Sent Events: plain ASGI applications for one reader each."""

import asyncio

import structlog
from django.db import Error as DatabaseError

from dali.lib.web.cors import cors_headers
from dali.lib.web.streams import sse
from dali.lib.web.streams.allowance import FRAMES_A_SECOND, FRAMES_AT_ONCE, Allowance
from dali.lib.web.streams.asgi import Receive, Scope, Send
from dali.lib.web.streams.frames import EXTENSION
from progressions.stream.admission import StreamRequest, admit, headers_of
from progressions.stream.feed import Batch, Cursor
from progressions.stream.hub import reading

CLIENT_MESSAGE_BYTES = 4 * 1024
# A batch reader that has caught up waits this long, so that load makes few frames; the first event is not delayed.
BATCH_TICK_S = 0.005
_SSE_HEADERS = [(b"cache-control", b"no-cache, no-transform")]
_SSE_RETRY_MS = 1_000

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
TOO_SLOW = 4408
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
TRY_LATER = 1013

log = structlog.get_logger(__name__)


async def websocket_stream(scope: Scope, receive: Receive, send: Send, session_id: str) -> None:
    """Serves one WebSocket until either side ends it.

    A page of a foreign origin is refused in the handshake (403). Other refusals are accepted and then closed, because
    browsers show the reason only then: 4400 for bad input, 4401 without a key or ticket.
    """
    await receive()  # websocket.connect
    try:
        request = await admit(scope, session_id)
    except sse.StreamRefusedError as error:
        if error.status != 403:
            await send({"type": "websocket.accept"})
        await _close(send, UNAUTHORIZED if error.status == 401 else BAD_REQUEST, str(error))
        return
    except DatabaseError as error:
        log.error("stream_unavailable", sessionId=session_id, error=str(error))  # noqa: TRY400 - one line is enough
        await send({"type": "websocket.accept"})
        await _close(send, TRY_LATER)
        return
    await send({"type": "websocket.accept"})
    write = _write_messages(request, send, as_frames=EXTENSION in scope.get("extensions", {}))
    try:
        code = await sse.until_either(write, _until_closed(receive))
    except OSError:  # the client left during a write
        return
    except sse.ReaderStalledError:
        code = TOO_SLOW
    except DatabaseError as error:
        log.error("stream_broken", sessionId=session_id, error=str(error))  # noqa: TRY400 - one line is enough
        code = TRY_LATER
    if code is not None:
        await _close(send, code)


async def event_stream(scope: Scope, receive: Receive, send: Send, session_id: str) -> None:
    """Answers GET and HEAD with Server-Sent Events until the client leaves, OPTIONS with the allowed methods."""

    async def write(events: sse.EventWriter) -> None:
        request = await admit(scope, session_id)
        if scope["method"] == "HEAD":  # needs no place in the log
            await events.start(_SSE_HEADERS, retry_ms=_SSE_RETRY_MS)
            return
        async with reading(request.session_id, request.after) as cursor:
            await events.start(_SSE_HEADERS, retry_ms=_SSE_RETRY_MS)
            await _write_events(cursor, events, is_batch=request.is_batch)

    cors = cors_headers(headers_of(scope).get("origin"), vary="Origin, Accept")
    await sse.serve_events(scope, receive, send, cors, write)


async def _write_messages(request: StreamRequest, send: Send, *, as_frames: bool) -> None:
    async with reading(request.session_id, request.after) as cursor:
        while True:
            batch = await cursor.next()
            if as_frames:
                frames = cursor.feed.framed(batch, is_joined=request.is_batch)
                await send({"type": EXTENSION, "frames": frames})
            else:
                for text in [cursor.feed.joined(batch)] if request.is_batch else batch.texts:
                    await send({"type": "websocket.send", "text": text})
            cursor.sent(batch)
            if request.is_batch and not batch.is_full:
                await asyncio.sleep(BATCH_TICK_S)


async def _write_events(cursor: Cursor, events: sse.EventWriter, *, is_batch: bool) -> None:
    while True:
        batch = await events.wait_for(cursor.next)
        array = f"id: {batch.last}\ndata: {cursor.feed.joined(batch)}\n\n" if is_batch else None
        await events.send((array or _numbered(batch)).encode())
        cursor.sent(batch)


def _numbered(batch: Batch) -> str:
    # A gap message has an id too: resuming after it misses nothing.
    first = batch.last - len(batch.texts) + 1
    return "".join(f"id: {seq}\ndata: {text}\n\n" for seq, text in enumerate(batch.texts, start=first))


async def _until_closed(receive: Receive) -> int | None:
    """Reads and ignores client messages. Returns the code to close with when there are too many or too large ones.

    Dali's own server passes no messages on and has limits of its own; other servers do and have none.
    """
    allowance = Allowance(FRAMES_AT_ONCE, FRAMES_A_SECOND)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        if allowance.spend() > 0:
            return POLICY_VIOLATION
        content = message.get("bytes") or (message.get("text") or "").encode()
        if len(content) > CLIENT_MESSAGE_BYTES:
            return MESSAGE_TOO_BIG


async def _close(send: Send, code: int, reason: str = "") -> None:
    # RFC 6455 gives the reason 123 bytes.
    short = reason.encode()[:120].decode("utf-8", "ignore")
    await sse.send_last(send, {"type": "websocket.close", "code": code, "reason": short})
