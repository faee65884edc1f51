"""Django's ASGI handler, sending bodies without holding a request thread or the whole body in memory.

Django reads a synchronous body whole before it sends the first byte, and keeps the request's thread until the last
byte is sent. This handler reads such a body piece by piece, each time the client has taken the one before, in threads
that no request waits for. Content that a view made in memory stays there up to CONTENTS_BYTES in all; the rest goes to
temporary files.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from dali.lib.calls.circuit_breaker import request_budget
from dali.lib.web.files.pieces import SMALL_BYTES, pieces_of

# The limit for all contents that are being sent from memory; one shorter than a piece is always allowed.
CONTENTS_BYTES = 16 * 1024 * 1024
# A piece takes microseconds from a disk and a round trip from a bucket.
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="piece")


class Handler(ASGIHandler):
    """Runs views as Django does, and sends answers at the client's pace."""

    _held_bytes = 0

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        """The view's answer. For HEAD without a body: servers drop it only after reading it."""
        response: HttpResponseBase = await super().run_get_response(request)
        if request.method == "HEAD":
            if response.streaming:
                cast("StreamingHttpResponse", response).streaming_content = ()
            else:
                cast("HttpResponse", response).content = b""
        return response

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        """Sends the answer. Django closes an answer that was sent whole; one that fails midway is closed here."""
        try:
            await self._send(response, send)
        except Exception:  # noqa: BLE001 - the response is closed, whatever failed
            await sync_to_async(response.close)()
            raise

    async def _send(self, response: HttpResponseBase, send: Any) -> None:
        if response.streaming:
            streamed = cast("StreamingHttpResponse", response)
            if not streamed.is_async:
                streamed.streaming_content = pulled(cast("Iterator[bytes]", streamed.streaming_content))
            await super().send_response(streamed, send)
            return
        size = len(cast("HttpResponse", response).content)
        if size > SMALL_BYTES and self._held_bytes + size > CONTENTS_BYTES:
            await self._send_from_file(cast("HttpResponse", response), send)
            return
        self._held_bytes += size
        try:
            await super().send_response(response, send)
        finally:
            self._held_bytes -= size

    async def _send_from_file(self, response: HttpResponse, send: Any) -> None:
        try:
            file = await asyncio.get_running_loop().run_in_executor(_threads, _file_with, response.content)
        except OSError:  # the disk is full
            await super().send_response(response, send)
            return
        response.content = b""
        with file:
            streamed = StreamingHttpResponse(pulled(pieces_of(file)), status=response.status_code)
            streamed.headers, streamed.cookies = response.headers, response.cookies
            await super().send_response(streamed, send)


async def pulled(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a blocking iterator; each is read in a thread when it is needed.

    If it is cancelled it waits for the thread first, so that the iterator may be closed.
    """
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.run_in_executor(_threads, _next_piece, pieces)
        try:
            piece = await asyncio.shield(asked)
        finally:
            if not asked.done():
                await asyncio.wait({asked})
        if piece is None:
            return
        yield piece
        del piece, asked  # before the next one is made


def _next_piece(pieces: Iterator[bytes]) -> bytes | None:
    # Each piece has a whole budget: the client's time for the other pieces does not count.
    with request_budget():
        return next(pieces, None)


def _file_with(content: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        file.write(content)
        file.seek(0)  # also flushes the buffer
    except BaseException:  # noqa: BLE001 - no descriptor is left open, whatever failed
        file.close()
        raise
    return file
