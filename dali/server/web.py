"""The web server: Daphne with limits, run in the main thread and stopped gracefully."""

import asyncio
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from daphne.server import Server, reactor, twisted_loop
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from zope.interface import implementer

from dali.lib.errors import UnavailableError
from dali.lib.web.streams import frames
from dali.lib.web.streams.endless import is_endless
from dali.server.lanes import Application
from dali.server.protocols import access, http, websocket
from dali.server.protocols.connection import Connection
from dali.server.protocols.limits import Limits

logger = logging.getLogger(__name__)
log = structlog.get_logger(__name__)

# The most blocking calls of the loop at once, such as name resolution.
EXECUTOR_THREADS = 16


class WebServer(Server):  # type: ignore[misc]  # daphne ships no types
    """Serves an ASGI application on one listening socket until it is stopped.

    Daphne buffers without limit in both directions (measured November 2026: 300 MB for a client that did not read,
    200 MB of body before the application was called), so its protocols are replaced by ones with limits. There can be
    only one per process: Twisted's reactor runs once.
    """

    def __init__(
        self, application: Application, listener: socket.socket, limits: Limits | None = None
    ) -> None:
        super().__init__(
            application=application,
            endpoints=[f"fd:fileno={listener.fileno()}"],
            signal_handlers=False,
            http_timeout=None,  # streams last
            request_buffer_size=http.BODY_PART_BYTES,
            websocket_timeout=-1,
            server_name="",
        )
        self.limits = limits or Limits()
        self.channels: set[http.Channel] = set()
        self.loop: asyncio.AbstractEventLoop = twisted_loop
        self._listener = listener

    def run(self, on_ready: Callable[[], None]) -> None:
        """Serves until stopped. `on_ready` is called in the loop once connections are accepted."""
        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = http.HttpFactory(self)
        self.ws_factory = websocket.SocketFactory(self)
        globalLogBeginner.beginLoggingTo([_log_failure], redirectStandardIO=False, discardBuffer=True)
        self.loop.set_default_executor(ThreadPoolExecutor(EXECUTOR_THREADS, thread_name_prefix="loop"))
        asyncio.set_event_loop(self.loop)
        self._port = reactor.adoptStreamPort(
            self._listener.fileno(), self._listener.family, self.http_factory
        )
        self._port.transport = Connection
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        reactor.callWhenRunning(on_ready)
        reactor.run(installSignalHandlers=False)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Sends a message of the application; returns when the client can take more."""
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            return
        try:
            self.check_headers_type(message)
        except ValueError:
            protocol.basic_error(500, b"Server Error", "The server failed. The reason is in its log.")
            raise
        protocol.handle_reply(message)
        await protocol.gate.wait()  # returns at once while it is open

    log_action = staticmethod(access.log_action)  # Daphne's protocols call it for each request and socket

    def timeout_checker(self) -> None:
        """Called every two seconds: pings clients, and drops those that are silent or take nothing."""
        for channel in list(self.channels):
            channel.check_timeouts()
        for protocol in list(self.connections):
            if isinstance(protocol, websocket.Socket):
                protocol.check_timeouts()
        reactor.callLater(2, self.timeout_checker)

    async def stop_gently(self, grace_s: float) -> None:
        """Stops listening, tells sockets to come back later, lets answers end, then stops `run`."""
        until = self.loop.time() + grace_s
        try:
            self._port.stopListening()
            for channel in list(self.channels):
                channel.go_away()
            for protocol, details in list(self.connections.items()):
                if isinstance(protocol, websocket.Socket):
                    protocol.go_away()
                elif details.get("is_stream"):
                    protocol.cut()
            while self.loop.time() < until and self._is_busy():  # noqa: ASYNC110 - no single event tells
                await asyncio.sleep(0.02)
        finally:
            reactor.stop()

    def create_application(
        self, protocol: Any, scope: dict[str, Any]
    ) -> "asyncio.Queue[dict[str, Any]] | None":
        """Starts the application for one request or socket; returns the queue that it receives from."""
        details = self.connections.get(protocol)
        if details is None:
            return None
        scope["asgi"] = {"version": "3.0"}
        is_http = scope["type"] == "http"
        if not is_http:
            scope["extensions"] = {frames.EXTENSION: {}}
        queue = http.Inbox(protocol.content) if is_http else asyncio.Queue[dict[str, Any]]()
        # A stop does not wait for an endless answer.
        details["is_stream"] = is_http and is_endless(scope["path"])
        details["application_instance"] = self.loop.create_task(self._answer(protocol, scope, queue))
        return queue

    async def _answer(
        self, protocol: Any, scope: dict[str, Any], queue: "asyncio.Queue[dict[str, Any]]"
    ) -> None:
        """Runs the application. If a storage fails midway, the connection is cut, so that the client sees that the
        answer is incomplete."""
        try:
            await self.application(scope, queue.get, partial(self.handle_reply, protocol))
        except UnavailableError as error:
            reason = str(error)[:1000]
            log.error("answer_cut_off", path=scope["path"], reason=reason)  # noqa: TRY400 - no fault of the code
            if "disconnected" not in self.connections.get(protocol, {"disconnected": True}):
                protocol.handle_exception(error)

    def kill_all_applications(self) -> Any:
        """Called when the loop ends: cancels all applications that still run."""
        for details in self.connections.values():
            application = details.get("application_instance")
            if application is not None and not application.done():
                application.cancel()

    def _is_busy(self) -> bool:
        return bool(self.channels) or any(
            isinstance(protocol, websocket.Socket) and "disconnected" not in details
            for protocol, details in self.connections.items()
        )


@implementer(ILogObserver)
def _log_failure(event: LogEvent) -> None:
    """Logs failures of Twisted and Autobahn, and nothing else of theirs."""
    if event["log_level"] >= LogLevel.error:
        failure = event.get("log_failure")
        text = formatEvent(event) or "unknown"
        logger.error("fault in the web server: %s", text, exc_info=failure.value if failure else None)
