"""The base of every fake server: a URL, a record of its requests, and faults on demand."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came. Header names are lower-case; `path` is without the query."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed; ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `chunks`, if given, are sent one after the other with `chunk_pause_s` in between, like events."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    chunks: tuple[bytes, ...] = ()
    chunk_pause_s: float = 0.0

    @classmethod
    def of_json(cls, value: object, status: int = 200, **headers: str) -> "Answer":
        """A JSON answer; header names are given with `_` for `-`."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


@dataclass(frozen=True, slots=True)
class Fault:
    """How the next request is mishandled.

    `answer`: sent instead (429, HTML with 200, an empty result ...). `edit`: changes the correct answer.
    `way`: `hang` (nothing is ever sent), `drip` (the correct answer, one byte every `pause_s`, including the head),
    `reset` (RST before the answer), `cut` (half of the announced body, then the end).
    """

    answer: Answer | None = None
    edit: Callable[[Answer], Answer] | None = None
    way: Literal["", "hang", "drip", "reset", "cut"] = ""
    pause_s: float = 0.05


class VendorServer:
    """Serves `handle` on a loopback port during its `with` block.

    `faults` are used up in order, one per request, None for none; each answer waits `latency_s` first. `received` has
    every request so far, `most_connections` the maximum open at once, `connections` how many were ever made.
    """

    def __init__(self, handle: Callable[[Received], Answer]) -> None:
        self.faults: list[Fault | None] = []
        self.latency_s: float | Callable[[Received], float] = 0.0
        self.received: list[Received] = []
        self.connections = 0
        self.most_connections = 0
        self._open = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._handle = handle
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, request: Received) -> tuple[Answer, Fault]:
        """The answer to a request, and its fault."""
        with self._lock:
            self.received.append(request)
            fault = (self.faults.pop(0) if self.faults else None) or Fault()
        self.pause(self.latency_s(request) if callable(self.latency_s) else self.latency_s)
        answer = fault.answer or self._handle(request)
        return (fault.edit(answer) if fault.edit else answer), fault

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the server's end."""
        if seconds > 0:
            self._closing.wait(seconds)

    def let_go(self) -> None:
        """Ends what hangs or drips, as a server's end does; from then on nothing hangs."""
        self._closing.set()

    @property
    def is_closing(self) -> bool:
        """Whether waiting should stop."""
        return self._closing.is_set()

    def count(self, change: int) -> None:
        """A connection was opened (1) or closed (-1)."""
        with self._lock:
            self._open += change
            self.connections += change > 0
            self.most_connections = max(self.most_connections, self._open)


class _Server(ThreadingHTTPServer):
    owner: VendorServer
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that disconnected is not an error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.owner.count(1)

    def finish(self) -> None:
        self.server.owner.count(-1)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""

    def do_GET(self) -> None:
        owner = self.server.owner
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Received(self.command, parts.path, parse_qs(parts.query), headers, self.rfile.read(length))
        answer, fault = owner.take(request)
        if fault.way == "hang":
            while not owner.is_closing:
                time.sleep(0.02)
            self.close_connection = True
        elif fault.way == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        else:
            self._send(answer, fault)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def _send(self, answer: Answer, fault: Fault) -> None:
        owner = self.server.owner
        body = b"".join(answer.chunks) or answer.body
        head = [f"HTTP/1.1 {answer.status} X"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head += [f"Content-Length: {len(body)}", "", ""]
        raw = "\r\n".join(head).encode()
        if fault.way == "drip":
            self.close_connection = True
            for byte in raw + body:
                if owner.is_closing:
                    return
                self.connection.sendall(bytes([byte]))
                time.sleep(fault.pause_s)
            return
        if fault.way == "cut":
            self.close_connection = True
            self.connection.sendall(raw + body[: len(body) // 2])
            return
        if not answer.chunks:
            self.connection.sendall(raw + (b"" if self.command == "HEAD" else body))
            return
        self.connection.sendall(raw)
        for chunk in answer.chunks:
            self.connection.sendall(chunk)
            owner.pause(answer.chunk_pause_s)


def html(status: int = 200) -> Answer:
    """The response of a proxy in between."""
    return Answer(status, b"<html><body>502 Bad Gateway</body></html>", {"Content-Type": "text/html"})


def halved(answer: Answer) -> Answer:
    """The first half of the body with a matching length: valid HTTP, broken JSON."""
    return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
