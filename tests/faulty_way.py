"""A proxy that fails in the middle of an answer, as servers and networks do."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# silent: nothing more comes; drip: a byte now and then; cut: closed in order; reset: aborted.
Kind = Literal["silent", "drip", "cut", "reset"]
DRIP_EVERY_S = 0.02
FAULTS: tuple[Kind, ...] = ("silent", "drip", "cut", "reset")


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault of each answer after `after_bytes`, for connections whose request begins with `method`."""

    kind: Kind
    after_bytes: int = 0
    method: str = ""


class FaultyWay:
    """Forwards connections to a server; answers fail while there is a `fault`. Counts the open connections."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._open: set[socket.socket] = set()
        self._is_over = threading.Event()
        self.fault: Fault | None = None
        self.connections = 0
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self) -> None:
        """Removes the fault."""
        self.fault = None

    def close(self) -> None:
        """Closes everything."""
        self._is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(self._target, timeout=5) as far:
            ends = {near, far}
            self._open |= ends
            try:
                self._pass(near, far)
            finally:
                self._open -= ends

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        passed, request = 0, b""
        while not self._is_over.is_set():
            for end in select.select([near, far], [], [], 0.2)[0]:
                content = end.recv(65_536)
                if not content:
                    return
                if end is near:
                    if passed:
                        passed, request = 0, b""  # the next request on this connection
                    request = request or content
                    far.sendall(content)
                    continue
                fault = self.fault
                if fault is None or not request.startswith(fault.method.encode()):
                    near.sendall(content)
                    passed += len(content)
                    continue
                near.sendall(content[: max(0, fault.after_bytes - passed)])
                passed += len(content)
                if passed > fault.after_bytes:
                    self._fail(fault.kind, near, content)
                    return

    def _fail(self, kind: Kind, near: socket.socket, rest: bytes) -> None:
        if kind == "reset":
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        position = 0
        while kind in ("silent", "drip") and not self._is_over.is_set():
            if kind == "drip":
                near.sendall(rest[position % len(rest) :][:1])
                position += 1
            if select.select([near], [], [], DRIP_EVERY_S)[0] and not near.recv(65_536):
                return
            time.sleep(DRIP_EVERY_S)


@contextlib.contextmanager
def faulty_way(address: str) -> Iterator[FaultyWay]:
    """A proxy for the duration of the block."""
    way = FaultyWay(address)
    try:
        yield way
    finally:
        way.close()
