"""The web process's WebSockets: a slow reader holds its writer back, a silent one is dropped."""

import time
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from dali.lib.web.streams import frames
from dali.lib.web.streams.allowance import Allowance
from dali.server.protocols.access import log_action
from dali.server.protocols.connection import Connection, Gate
from dali.server.protocols.host import Host
from dali.server.protocols.limits import Limits

GOING_AWAY = 1001
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
TOO_SLOW = 4408
# Seconds that a client has to answer a close, and that a slow one has to receive the reason.
CLOSE_S = 10
# The most a client may send before its handshake is answered.
EARLY_BYTES = 16 * 1024


class Socket(WebSocketProtocol):  # type: ignore[misc]  # daphne ships no types
    """One client's socket. Messages from clients are ignored; they only show that the client is alive."""

    transport: Connection

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Called when HTTP hands the connection over."""
        self.gate = Gate()
        self._heard_at = self._pinged_at = time.monotonic()
        self._allowance = Allowance(self.limits.frames_at_once, self.limits.frames_a_second)
        self._is_deaf = False
        self._discarded_bytes = 0
        self._early: bytes | None = None
        self.transport.bufferSize = self.limits.socket_read_bytes
        self.transport.high_water_bytes = self.limits.high_water_bytes
        self.transport.bound_kernel_buffer(None)
        self.transport.unregisterProducer()  # HTTP's, which would stop reading while the buffer is full
        self.transport.registerProducer(self.gate, True)
        super().connectionMade()

    @property
    def limits(self) -> Limits:
        """The server's bounds."""
        limits: Limits = self.factory.server_class.limits
        return limits

    def onConnect(self, request: Any) -> Any:  # noqa: N802 - Autobahn's name
        """Called with the handshake request, whose answer may take a while."""
        self._early = b""
        return super().onConnect(request)

    def onOpen(self) -> None:  # noqa: N802 - Autobahn's name
        """Called when the handshake has been answered."""
        super().onOpen()
        self.data += self._early or b""
        self._early = None

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Called with what the client sent; bytes before the handshake's answer are kept until then."""
        if self._is_deaf:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > self.limits.linger_bytes:
                self.transport.abortConnection()
        elif self._early is None:
            self._heard_at = time.monotonic()
            super().dataReceived(data)
        elif len(self._early) + len(data) <= EARLY_BYTES:
            self._early += data
        else:
            self.transport.abortConnection()

    def processData(self) -> bool:  # noqa: N802 - Autobahn's name
        """Called until it returns false."""
        has_more = not self._is_deaf and bool(super().processData())
        if self._is_deaf:
            self.data = b""
        return has_more and not self._is_deaf

    def onFrameBegin(self) -> None:  # noqa: N802 - Autobahn's name
        """Called when a frame begins, of a message or of control."""
        super().onFrameBegin()
        if self._allowance.spend() > 0 and not self._is_deaf:
            self._fail_connection(POLICY_VIOLATION, "too many frames")

    def _fail_connection(self, code: int, reason: str) -> None:
        """Called when the client broke a rule: sends the reason, then reads on for a while and discards everything.

        A connection that is closed with unread bytes is reset, and the client would not see the reason.
        """
        if self._is_deaf:
            return  # Autobahn continues with the frame that broke the rule, which may break another
        is_told = self.state == self.STATE_OPEN
        self._is_deaf = self.failedByMe = True
        log_action("websocket", reason, {"path": self.path.decode(), "client": self.peer})
        if is_told:
            self._close(code, reason)
            self.transport.loseWriteConnection()
        else:
            self.wasNotCleanReason = reason
            self.dropConnection(abort=True)

    def onMessageFrameBegin(self, length: int) -> None:  # noqa: N802 - Autobahn's name
        """Called when a part of a message begins.

        The limit is checked here because Autobahn's own would also apply to what we send.
        """
        super().onMessageFrameBegin(length)
        if self.message_data_total_length > self.limits.client_message_bytes and not self.failedByMe:
            self._fail_connection(
                MESSAGE_TOO_BIG, f"messages have at most {self.limits.client_message_bytes} bytes"
            )

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803, FBT001 - Autobahn's names
        """Ignores a client's message."""

    def onPing(self, payload: bytes) -> None:  # noqa: N802 - Autobahn's name
        """Answers a client's ping, unless it does not read what was sent before."""
        if self.gate.is_set():
            super().onPing(payload)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803, FBT001 - Autobahn's names
        """Called when the connection is gone. Daphne does not know connections whose handshake was refused."""
        if hasattr(self, "request"):
            super().onClose(wasClean, code, reason)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Sends a message of the application; ignores it once the socket is closing."""
        if self.state in (self.STATE_CLOSING, self.STATE_CLOSED):
            return
        kind, is_open = message["type"], self.state == self.STATE_OPEN
        if is_open and (kind == frames.EXTENSION or (kind == "websocket.send" and message.get("text"))):
            whole = message["frames"] if kind == frames.EXTENSION else frames.text_frame(message["text"])
            self.transport.write(whole)
            if self.transport.unsent_bytes > self.limits.most_unsent_bytes:
                self._close_too_slow()
        elif is_open and kind == "websocket.close":
            # Autobahn's `sendClose` refuses the standard's own codes, and Daphne drops the reason.
            self._close(message.get("code") or 1000, message.get("reason") or "")
        else:
            super().handle_reply(message)

    def check_timeouts(self) -> None:
        """Called every two seconds."""
        now = time.monotonic()
        if self.state == self.STATE_CONNECTING:
            if self.duration() > self.server.websocket_connect_timeout:
                self.serverReject()
            return
        if self.state != self.STATE_OPEN:
            return
        idle_s = self.transport.idle_s()
        if not self.gate.is_set() and idle_s > self.limits.stall_s:
            self._close_too_slow()
        elif now - self._heard_at > self.limits.silence_s and not self._is_taking(idle_s):
            self.wasNotCleanReason = "silent"
            self.dropConnection(abort=True)
        elif now - self._pinged_at >= self.limits.ping_s:
            self._pinged_at = now
            self.sendPing()

    def go_away(self) -> None:
        """Called when the server stops: tells the client to come back later."""
        if self.state == self.STATE_CONNECTING:
            self.dropConnection(abort=True)
        else:
            self._close(GOING_AWAY)

    def _close(self, code: int, reason: str = "") -> None:
        # RFC 6455 gives the reason 123 bytes.
        self.sendCloseFrame(code=code, reasonUtf8=reason.encode()[:123].decode(errors="ignore").encode())
        self.gate.release()

    def _is_taking(self, idle_s: float) -> bool:
        # On a slow line, megabytes may be queued before the ping that is not answered.
        return self.transport.waiting_bytes() > 0 and idle_s < self.limits.silence_s

    def _close_too_slow(self) -> None:
        self._close(TOO_SLOW)
        self.application_queue.put_nowait({"type": "websocket.disconnect", "code": TOO_SLOW})
        self.muted = True  # the application knows; onClose must not tell it again
        log_action("websocket", "too slow", {"path": self.path.decode(), "client": self.peer})


class SocketFactory(WebSocketFactory):  # type: ignore[misc]  # daphne ships no types
    """Makes a `Socket` for each connection that HTTP hands over."""

    protocol = Socket

    def __init__(self, server: Host) -> None:
        self.server_class = server
        WebSocketServerFactory.__init__(self, server="")
        self.setProtocolOptions(
            webStatus=False,
            allowNullOrigin=True,  # the application checks origins
            openHandshakeTimeout=20,
            closeHandshakeTimeout=CLOSE_S,
            failByDrop=False,  # so that a client that breaks a rule learns which
        )
