"""The stream's two faces, WebSocket and Server-Sent Events: plain ASGI applications for one reader each.

One task writes, from the reader's own cursor, and waits as long as the connection cannot take more; another
waits for the client to go. Nothing of a reader is left when either ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from django.db import Error as DatabaseError

from dali.lib.web.cors import cors_headers
from dali.lib.web.streams.allowance import FRAMES_A_SECOND, FRAMES_AT_ONCE, Allowance
from dali.lib.web.streams.frames import EXTENSION
from progressions.stream import answers
from progressions.stream.admission import StreamRefusedError, StreamRequest, admit, headers_of
from progressions.stream.feed import Batch, Cursor
from progressions.stream.hub import reading

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLIENT_MESSAGE_BYTES = 4 * 1024
HEARTBEAT_S = 20.0
SILENCE_S = 60.0
# A reader of batches that has caught up gathers for so long: few frames under load, and no delay without.
BATCH_TICK_S = 0.005
_CLOSE_TIMEOUT_S = 5.0

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
TOO_SLOW = 4408
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
TRY_LATER = 1013

log = structlog.get_logger(__name__)


async def websocket_stream(scope: Scope, receive: Receive, send: Send, session_id: str) -> None:
    """Serves one WebSocket until either side ends it.

    A page of a foreign origin is refused in the handshake (403). Who else is refused is accepted and closed, since
    only so does a browser see why: 4400 for bad input, 4401 without a key or ticket.
    """
    await receive()  # websocket.connect
    try:
        request = await admit(scope, session_id)
    except StreamRefusedError as error:
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
    try:
        write = _write_frames if EXTENSION in scope.get("extensions", {}) else _write_messages
        code = await _serve(request, lambda cursor: write(cursor, request, send), _until_closed(receive))
    except OSError:  # the client went while it was written to
        return
    except DatabaseError as error:
        log.error("stream_broken", sessionId=session_id, error=str(error))  # noqa: TRY400 - one line is enough
        code = TRY_LATER
    if code is not None:
        await _close(send, code)


async def event_stream(scope: Scope, receive: Receive, send: Send, session_id: str) -> None:
    """Answers GET and HEAD with Server-Sent Events until the client goes, OPTIONS with what may be asked."""
    headers = headers_of(scope)
    cors = cors_headers(headers.get("origin"), vary="Origin, Accept")
    is_started = False

    async def write(cursor: Cursor) -> None:
        nonlocal is_started
        await answers.start_events(send, cors, more_body=True)
        is_started = True
        await _write_events(cursor, request, send)

    try:
        if scope["method"] == "OPTIONS":
            await answers.answer_options(send, cors)
            return
        answers.check_method(scope["method"], headers.get("accept", "*/*"))
        request = await admit(scope, session_id)
        if scope["method"] == "HEAD":
            await answers.start_events(send, cors, more_body=False)
            return
        await _serve(request, write, _until_gone(receive))
    except StreamRefusedError as error:
        await answers.answer_refused(send, error, cors)
        return
    except DatabaseError as error:
        log.error("stream_broken", sessionId=session_id, error=str(error))  # noqa: TRY400 - one line is enough
        if not is_started:
            await answers.answer_unavailable(send, cors)
            return
    except OSError:  # the client went while it was written to, or takes nothing any more (TimeoutError)
        return
    if is_started:
        await _send_within(send, {"type": "http.response.body", "body": b""})


async def _serve(
    request: StreamRequest,
    write: Callable[[Cursor], Coroutine[Any, Any, None]],
    until_end: Coroutine[Any, Any, int | None],
) -> int | None:
    """Writes to one reader until `until_end` says it is over, or writing fails (raised).

    Returns the code to close with: what `until_end` returned, or TOO_SLOW.
    """
    is_stalled = False

    async def run() -> None:
        async with reading(request.session_id, request.after, on_stalled=give_up) as cursor:
            await write(cursor)

    def give_up() -> None:
        nonlocal is_stalled
        is_stalled = True
        writer.cancel()

    end = asyncio.create_task(until_end)
    writer = asyncio.create_task(run())
    try:
        await asyncio.wait({end, writer}, return_when=asyncio.FIRST_COMPLETED)
        if is_stalled:
            return TOO_SLOW
        if end.done():
            return end.result()
        writer.result()
        return None
    finally:
        end.cancel()
        writer.cancel()
        await asyncio.gather(end, writer, return_exceptions=True)


async def _write_frames(cursor: Cursor, request: StreamRequest, send: Send) -> None:
    while True:
        batch = await cursor.next()
        frames = cursor.feed.framed(batch, is_joined=request.is_batch)
        await send({"type": EXTENSION, "frames": frames})
        cursor.sent(batch)
        if request.is_batch and not batch.is_full:
            await asyncio.sleep(BATCH_TICK_S)


async def _write_messages(cursor: Cursor, request: StreamRequest, send: Send) -> None:
    while True:
        batch = await cursor.next()
        if request.is_batch:
            await send({"type": "websocket.send", "text": cursor.feed.joined(batch)})
        else:
            for text in batch.texts:
                await send({"type": "websocket.send", "text": text})
        cursor.sent(batch)
        if request.is_batch and not batch.is_full:
            await asyncio.sleep(BATCH_TICK_S)


async def _write_events(cursor: Cursor, request: StreamRequest, send: Send) -> None:
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                batch = await cursor.next()
        except TimeoutError:
            await _send_event_text(send, ":\n\n")
            continue
        array = f"id: {batch.last}\ndata: {cursor.feed.joined(batch)}\n\n" if request.is_batch else None
        await _send_event_text(send, array or _numbered(batch))
        cursor.sent(batch)


def _numbered(batch: Batch) -> str:
    # A gap message has an id too: who resumes after it lacks nothing.
    first = batch.last - len(batch.texts) + 1
    return "".join(f"id: {seq}\ndata: {text}\n\n" for seq, text in enumerate(batch.texts, start=first))


async def _send_event_text(send: Send, text: str) -> None:
    async with asyncio.timeout(SILENCE_S):  # nothing answers a comment: that it leaves is all one can see
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _until_closed(receive: Receive) -> int | None:
    """Reads and ignores what the client says; the code to close with where it says too much.

    Dali's own server passes no messages on and has bounds of its own; others do and have none.
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


async def _until_gone(receive: Receive) -> int | None:
    while (await receive())["type"] != "http.disconnect":
        pass
    return None


async def _close(send: Send, code: int, reason: str = "") -> None:
    # RFC 6455 gives the reason 123 bytes.
    short = reason.encode()[:120].decode("utf-8", "ignore")
    await _send_within(send, {"type": "websocket.close", "code": code, "reason": short})


async def _send_within(send: Send, message: Message) -> None:
    """Sends the last word; a connection that takes nothing more is left to the server's own limits."""
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await send(message)
    except TimeoutError:
        pass
