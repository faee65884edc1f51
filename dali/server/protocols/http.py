"""HTTP as the web process speaks it: bodies refused while they arrive, requests that must arrive in time,
answers that wait for their reader."""

import asyncio
import json
import re
from typing import IO, Any

from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings
from twisted.protocols.basic import LineReceiver
from twisted.web import http

from dali.lib.web.cors import Headers, cors_headers
from dali.lib.web.streams.allowance import Allowance
from dali.server.protocols.connection import KERNEL_UNSENT_BYTES, Connection, Gate
from dali.server.protocols.host import Host
from dali.server.protocols.limits import Limits, body_limit

REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    413: b"Content Too Large",
    431: b"Request Header Fields Too Large",
}


BODY_PART_BYTES = 64 * 1024
# Chunks below this are counted: a byte in a chunk of its own costs 100 times what it costs in a long one.
SMALL_PART_BYTES = 1024
MOST_HEAD_LINES = 200
MOST_TRAILER_BYTES = 4096
# More digits than any length has.
MOST_LENGTH_DIGITS = 18


def error_body(status: int, code: str, detail: str) -> bytes:
    """The body of an error, in the one shape that the API has for errors."""
    kind = "server_error" if status >= 500 else "client_error"
    return (
        json.dumps({"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}).encode()
        + b"\n"
    )


def _cors_headers(target: bytes, origin: bytes | None) -> Headers:
    """What lets the page that asks read an answer of the server's own, on the routes where the API's are read."""
    if not re.match(settings.CORS_URLS_REGEX, target.decode("latin-1")):
        return []
    return cors_headers(None if origin is None else origin.decode("latin-1"))


class Inbox(asyncio.Queue[dict[str, Any]]):
    """What an application receives of one request: the body, read when it is asked for, then the rest.

    Daphne puts the whole body into the queue at once, while the request may still wait for its turn; here
    it stays in its file.
    """

    def __init__(self, content: IO[bytes]) -> None:
        super().__init__()
        self._content = content
        self._offset = 0
        self._has_body = True

    def put_nowait(self, item: dict[str, Any]) -> None:
        """Called by Daphne with parts of the body, which are let go, and with the client's going."""
        if item["type"] != "http.request":
            super().put_nowait(item)

    async def get(self) -> dict[str, Any]:
        """The next part of the body, or, after it, that the client went."""
        if not self._has_body or self._content.closed:
            return await super().get()
        self._content.seek(self._offset)
        part = self._content.read(BODY_PART_BYTES)
        self._offset += len(part)
        self._has_body = len(part) == BODY_PART_BYTES
        return {"type": "http.request", "body": part, "more_body": self._has_body}


class Request(WebRequest):  # type: ignore[misc]  # daphne ships no types
    """One HTTP request and its answer."""

    def __init__(self, channel: "Channel", queued: bool = False) -> None:  # noqa: FBT001, FBT002 - Twisted's
        # Django parses forms; Twisted would do it first, in the event loop, and hold a second copy.
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self.gate = Gate()
        self._body_bytes = 0
        self._paid_bytes = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called as the body arrives; a chunked one shows only here how long it is."""
        channel: Channel = self.channel
        if channel.is_refused:
            return
        self._body_bytes += len(data)
        channel.small_parts += len(data) < SMALL_PART_BYTES and channel.length is None
        if self._body_bytes > channel.body_limit:
            channel.refuse_body()
            return
        if self._body_bytes - self._paid_bytes >= channel.limits.body_pace_bytes:
            self._paid_bytes = self._body_bytes
            channel.resetTimeout()
        super().handleContentChunk(data)

    def process(self) -> Any:
        """Called when the request has arrived; hands it to the application."""
        self.requestHeaders.removeHeader(b"daphne-root-path")  # anybody could send it
        self.registerProducer(self.gate, True)
        processing = super().process()
        if self.transport is None:  # a WebSocket has taken the connection over
            self.server.channels.discard(self.channel)
        return processing

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Called with each part of the answer. The answer to HEAD has no body: Twisted withholds the first part
        alone, which Daphne writes past it."""
        if self.method == b"HEAD" and message.get("body"):
            message = {**message, "body": b""}
        super().handle_reply(message)

    def finish(self) -> None:
        """Ends the answer."""
        if self.producer:
            self.unregisterProducer()
        super().finish()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answers, in the application's place, in the API's error shape."""
        code = "error" if status >= 500 else "bad_request"
        content = error_body(status, code, body)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            *_cors_headers(self.uri, self.getHeader(b"origin")),
        ]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": content})

    def handle_exception(self, exception: BaseException) -> None:
        """Called when the application raised: 500, or, where the answer has begun, a cut connection."""
        if self._response_started:
            self.channel.transport.abortConnection()
        else:
            self.basic_error(500, b"Internal Server Error", "The server failed; its log says why.")

    def cut(self) -> None:
        """Called when the server stops, for an answer that has no end of its own: ends it where it is."""
        if self._response_started and not self.finished and not self._disconnected:
            self.finish()


class Channel(http.HTTPChannel):
    """One connection that speaks HTTP/1.1: a request after another."""

    maxHeaders = 100  # noqa: N815 - Twisted's name
    factory: "HttpFactory"
    transport: Connection  # type: ignore[assignment]  # the listening port makes no other
    _command: bytes
    _path: bytes = b""  # type: ignore[assignment]  # inferred wrongly

    def __init__(self) -> None:
        super().__init__()
        self.is_refused = False
        self.body_limit = 0
        self.small_parts = 0  # of a body, in what was read last
        self._head_lines = 0
        self._origin: bytes | None = None  # of the request that arrives
        self._is_receiving = False
        self._discarded_bytes = 0

    @property
    def limits(self) -> Limits:
        """The server's bounds."""
        return self.factory.server.limits

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Called when the client has connected."""
        self._allowance = Allowance(self.limits.parts_at_once, self.limits.parts_a_second)
        self.transport.bufferSize = self.limits.request_read_bytes
        self.transport.high_water_bytes = self.limits.answer_high_water_bytes
        self.transport.bound_kernel_buffer(KERNEL_UNSENT_BYTES)
        self.factory.server.channels.add(self)
        super().connectionMade()

    def connectionLost(self, reason: Any) -> None:  # type: ignore[override]  # noqa: N802 - Twisted's name
        """Called when the connection is gone."""
        self.factory.server.channels.discard(self)
        super().connectionLost(reason)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called with what the client sent. The clock of a request runs from its first byte and is not set
        back by each byte that follows, else a client could make one request last for ever."""
        if self.is_refused:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > self.limits.linger_bytes:
                self.transport.abortConnection()
            return
        if not self._is_receiving:
            self._is_receiving = True
            self.resetTimeout()
        LineReceiver.dataReceived(self, data)
        if self.small_parts:
            wait_s = self._allowance.spend(self.small_parts)
            self.small_parts = 0
            if wait_s and not self.is_refused:
                self.transport.pauseProducing()
                self.factory.server.loop.call_later(wait_s, self._read_on)

    def _read_on(self) -> None:
        """Called when what was read has been paid for by waiting."""
        if self.transport.connected and not self._waitingForTransport:
            self.transport.resumeProducing()

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:  # noqa: N802 - Twisted's name
        """Called with each header. Twisted passes any number of digits to `int`, which takes 4,300."""
        if header == b"Content-Length" and data.isdigit():
            data = data.lstrip(b"0") or b"0"
            if len(data) > MOST_LENGTH_DIGITS:
                self.body_limit = body_limit(self._command, self._path)
                self.refuse_body()
                return False
        is_right: bool = super()._maybeChooseTransferDecoder(header, data)
        if is_right and data.lower() == b"chunked" and header == b"Transfer-Encoding":
            decoder: Any = self._transferDecoder
            decoder._maxTrailerHeadersSize = MOST_TRAILER_BYTES  # noqa: SLF001 - it takes 64 KiB of short lines
        return is_right

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Called when a request's headers have arrived: a body announced as too long is refused here,
        also to a client that asks first (`Expect: 100-continue`)."""
        self.body_limit = body_limit(self._command, self._path)
        if self.length is not None and self.length > self.body_limit:
            self.refuse_body()
            return
        super().allHeadersReceived()

    def allContentReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Called when a request has arrived whole."""
        self._is_receiving = False
        if not self.is_refused:
            super().allContentReceived()
        self._path, self._origin, self._head_lines = b"", None, 0

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called with each line of a request's head."""
        if line[:7].lower() == b"origin:":
            self._origin = line[7:].strip()
        self._head_lines += 1
        if self._head_lines > MOST_HEAD_LINES and not self.is_refused:
            self.refuse(431, "header_too_large", "The request's head has too many lines.")
        if not self.is_refused:
            super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called with parts of a body."""
        if not self.is_refused:
            super().rawDataReceived(data)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called for a line no request needs."""
        self.refuse(431, "header_too_large", "A line of the request's head is too long.")

    def timeoutConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Called when the clock runs out: between requests, within one, or after a refusal."""
        if self.is_refused:
            self.transport.abortConnection()
        elif self._is_receiving:
            self.refuse(408, "timeout", f"The request did not arrive within {self.limits.request_s} s.")
        else:
            super().timeoutConnection()

    def refuse_body(self) -> None:
        """Answers 413."""
        self.refuse(
            413, "too_large", f"The body is larger than the {self.body_limit} bytes that are taken here."
        )

    def refuse(self, status: int, code: str, detail: str) -> None:
        """Answers before the request has arrived, and reads on for a while without keeping anything:
        a connection closed with bytes unread is reset, and the client would not see the answer."""
        self.is_refused = True
        server = self.factory.server
        content = error_body(status, code, detail)
        lines = [
            b"HTTP/1.1 %d %s" % (status, REASONS[status]),
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(content),
            b"Connection: close",
            *(b"%s: %s" % header for header in _cors_headers(self._path, self._origin)),
        ]
        self.transport.unregisterProducer()
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + content)
        self.transport.loseWriteConnection()
        self.setTimeout(self.limits.linger_s)
        peer = self.transport.getPeer()
        server.log_action(
            "http",
            "refused",
            {
                "path": self._path.decode("ascii", "replace"),
                "status": status,
                "method": getattr(self, "_command", b"").decode("ascii", "replace"),
                "client": f"{peer.host}:{peer.port}",
            },
        )

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802 - Twisted's name
        if not self.is_refused:
            self.refuse(400, "bad_request", "This is not a request of HTTP/1.1.")

    def check_timeouts(self) -> None:
        """Called every two seconds: drops a client that takes nothing of what waits for it, or next to nothing."""
        if self.transport.connected and self.transport.idle_s(self.limits.pace_bytes) > self.limits.silence_s:
            self.transport.abortConnection()

    def go_away(self) -> None:
        """Called when the server stops: closes the connection, after the answer that is under way."""
        self.persistent = False
        if not self.requests:
            self.loseConnection()


class HttpFactory(HTTPFactory):  # type: ignore[misc]  # daphne ships no types
    """Makes a `Channel` for each connection."""

    protocol = Channel

    def __init__(self, server: Host) -> None:
        http.HTTPFactory.__init__(self, timeout=server.limits.request_s)
        self.server = server

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 - Twisted's name
        """A channel for a new connection."""
        channel = http.HTTPFactory.buildProtocol(self, addr)
        channel.requestFactory = Request  # type: ignore[union-attr]
        return channel

    def log(self, request: http.Request) -> None:
        """Nothing: the server writes structured lines of its own."""
