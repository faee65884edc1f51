"""A proxy to a service that can be cut and restored, like a network."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Proxy:
    """Forwards TCP connections to a service until it is cut: then it ends open ones and refuses new ones."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._is_hushed = False
        self.port = 0
        self.mend()

    def mend(self) -> None:
        """Accepts connections (again), on the same port as before."""
        listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def hush(self) -> None:
        """Ends all connections; accepts new ones and never answers."""
        self.cut()
        self._is_hushed = True
        self.mend()

    def cut(self) -> None:
        """Ends all connections and refuses new ones."""
        self._is_hushed = False
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            if self._is_hushed:
                with self._lock:
                    self._open.add(near)
                threading.Thread(target=self._pump, args=(near, None), daemon=True).start()
                continue
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            if self._listener is not listener:  # cut in the meantime
                self.cut()
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket | None) -> None:
        with contextlib.suppress(OSError):
            while content := one.recv(65_536):
                if other is not None:
                    other.sendall(content)
        for end in (one, other):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open.discard(one)
        one.close()


@contextlib.contextmanager
def proxy_to(host: str, port: int) -> Iterator[Proxy]:
    """A proxy for the duration of the block."""
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.cut()
