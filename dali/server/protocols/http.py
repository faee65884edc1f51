"""The web process's HTTP: refuses bodies that are too long while they arrive, limits how long a request may take to
arrive, and sends answers at the reader's pace."""

import asyncio
import re
from typing import IO, Any

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.protocols.basic import LineReceiver
from twisted.web import http

from dali.lib.web.cors import Headers, cors_headers
from dali.lib.web.json_answer import error_line
from dali.lib.web.streams.allowance import Allowance
from dali.server.protocols.access import log_action
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
# Shorter chunks are counted: a byte in its own chunk costs 100 times as much as one in a long chunk.
SMALL_PART_BYTES = 1024
MOST_HEAD_LINES = 200
MOST_TRAILER_BYTES = 4096
# No real length has more digits.
MOST_LENGTH_DIGITS = 18


def _cors_headers(target: bytes, origin: bytes | None) -> Headers:
    """CORS headers for the server's own answers, on the API's routes."""
    if not re.match(settings.CORS_URLS_REGEX, target.decode("latin-1")):
        return []
    return cors_headers(None if origin is None else origin.decode("latin-1"))


class Inbox(asyncio.Queue[dict[str, Any]]):
    """The messages of one request to the application: parts of the body, read when needed, then the disconnect.

    Daphne puts the whole body into the queue at once, even while the request waits for its turn; here it stays in its
    file.
    """

    def __init__(self, content: IO[bytes]) -> None:
        super().__init__()
        self._content = content
        self._offset = 0
        self._has_body = True

    def put_nowait(self, item: dict[str, Any]) -> None:
        """Called by Daphne with parts of the body, which are ignored, and with the disconnect."""
        if item["type"] != "http.request":
            super().put_nowait(item)

    async def get(self) -> dict[str, Any]:
        """The next part of the body; after the last one, the disconnect."""
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
        # Django parses forms. Twisted would also parse them, in the event loop, and hold a second copy.
        super().__init__(channel, queued, parsePOSTFormSubmission=False)
        self.gate = Gate()
        self._body_bytes = 0
        self._paid_bytes = 0

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called as the body arrives. The length of a chunked body is only known here."""
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
        self.requestHeaders.removeHeader(b"daphne-root-path")  # any client could send it
        self.registerProducer(self.gate, True)
        processing = super().process()
        if self.transport is None:  # a WebSocket has taken the connection over
            self.server.channels.discard(self.channel)
        return processing

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Called with each part of the answer. Drops the body for HEAD: Twisted drops only its first part, and
        Daphne bypasses that."""
        if self.method == b"HEAD" and message.get("body"):
            message = {**message, "body": b""}
        super().handle_reply(message)

    def finish(self) -> None:
        """Ends the answer."""
        if self.producer:
            self.unregisterProducer()
        super().finish()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        """Answers in place of the application, in the API's error shape."""
        code = "error" if status >= 500 else "bad_request"
        content = error_line(status, code, body)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
            *_cors_headers(self.uri, self.getHeader(b"origin")),
        ]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": content})

    def handle_exception(self, exception: BaseException) -> None:
        """Called when the application raised: answers 500, or cuts the connection if the answer has begun."""
        if self._response_started:
            self.channel.transport.abortConnection()
        else:
            self.basic_error(500, b"Internal Server Error", "The server failed. The reason is in its log.")

    def cut(self) -> None:
        """Called when the server stops: ends an endless answer."""
        if self._response_started and not self.finished and not self._disconnected:
            self.finish()


class Channel(http.HTTPChannel):
    """One HTTP/1.1 connection: one request after the other."""

    requestFactory = Request  # type: ignore[assignment]  # noqa: N815 - Twisted's name; Daphne is untyped
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
        """Called with what the client sent. A request's timeout starts with its first byte; later bytes do not
        restart it, otherwise a client could make a request last forever."""
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
        """Called when the connection may read again."""
        if self.transport.connected and not self._waitingForTransport:
            self.transport.resumeProducing()

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:  # noqa: N802 - Twisted's name
        """Called with each header. Twisted passes any number of digits to `int`, which accepts 4,300 at most."""
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
        """Called when a request's headers have arrived: refuses a body that is announced as too long, also for
        `Expect: 100-continue`."""
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
        """Called for a line that is too long."""
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
            413, "too_large", f"The body is larger than {self.body_limit} bytes, the limit for this route."
        )

    def refuse(self, status: int, code: str, detail: str) -> None:
        """Answers before the request has arrived, then reads on for a while and discards everything: a connection
        that is closed with unread bytes is reset, and the client would not see the answer."""
        self.is_refused = True
        content = error_line(status, code, detail)
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
        log_action(
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
        """Called every two seconds: drops a client that takes nothing, or too little, of what is waiting for it."""
        if self.transport.connected and self.transport.idle_s(self.limits.pace_bytes) > self.limits.silence_s:
            self.transport.abortConnection()

    def go_away(self) -> None:
        """Called when the server stops: closes the connection after the current answer."""
        self.persistent = False
        if not self.requests:
            self.loseConnection()


class HttpFactory(http.HTTPFactory):
    """Makes a `Channel` for each connection."""

    protocol = Channel  # type: ignore[assignment]  # it is itself what Twisted's wraps

    def __init__(self, server: Host) -> None:
        super().__init__(timeout=server.limits.request_s)
        self.server = server

    def log(self, request: http.Request) -> None:
        """Does nothing: the server has its own access log."""
