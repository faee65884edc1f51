"""One deadline over everything that a call does, on the network or in a thread of its own.

The timeouts of HTTP libraries hold for each read, so a server that drips its answer passes them all. A block
`with within(deadline):` bounds every operation of this thread's sockets (`BoundedSocket`, `BoundedTlsSocket`), and so
their sum: handshakes, writes and reads. dali.lib.calls.sockets opens them.

`call_within` is for code that may ignore the deadline, such as plug-ins or the system's resolver.
"""

import contextvars
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, overload

from dali.lib.clock import Deadline

T = TypeVar("T")
M = TypeVar("M")

# The limit for each step until a connection is there: resolving, connecting to one address, the TLS handshake.
CONNECT_S = 10.0

_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def within(deadline: Deadline) -> Iterator[None]:
    """Bounds this thread's network operations until the block ends."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


@overload
def bounded(timeout_s: float) -> float: ...
@overload
def bounded(timeout_s: float | None) -> float | None: ...
def bounded(timeout_s: float | None) -> float | None:
    """The timeout of one operation: its own, or the time left until the deadline if that is less.

    Raises TimeoutError after the deadline.
    """
    deadline = _current.get()
    if deadline is None:
        return timeout_s
    left_s = deadline.left_s()
    if left_s <= 0:
        raise TimeoutError("the deadline has passed")
    return left_s if timeout_s is None else min(timeout_s, left_s)


class _Bounded:
    """Limits each operation of a socket to the deadline of its thread; mixed into plain and TLS sockets."""

    def recv_into(self, *args: Any) -> int:
        self._limit()
        return super().recv_into(*args)  # type: ignore[misc, no-any-return] # the socket's

    def recv(self, *args: Any) -> bytes:
        self._limit()
        return super().recv(*args)  # type: ignore[misc, no-any-return] # the socket's

    def send(self, *args: Any) -> int:
        self._limit()
        return super().send(*args)  # type: ignore[misc, no-any-return] # the socket's

    def sendall(self, *args: Any) -> None:
        self._limit()
        super().sendall(*args)  # type: ignore[misc] # the socket's

    def do_handshake(self, *args: Any) -> None:
        self._limit(CONNECT_S)
        super().do_handshake(*args)  # type: ignore[misc] # the TLS socket's

    def _limit(self, timeout_s: float | None = None) -> None:
        left_s = bounded(timeout_s)
        if left_s is not None:
            self.settimeout(left_s)  # type: ignore[attr-defined] # the socket's


class BoundedSocket(_Bounded, socket.socket):
    """A plain socket that keeps the deadline of the thread that uses it. Raises TimeoutError."""


class BoundedTlsSocket(_Bounded, ssl.SSLSocket):
    """A TLS socket that keeps the deadline of the thread that uses it. Raises TimeoutError."""


def call_within(seconds: float, call: Callable[[], T]) -> T:
    """The result of `call`. Raises TimeoutError when it takes longer.

    The call runs in a thread of its own, with the caller's context variables. Python cannot stop a thread: after a
    timeout the call continues and its result is dropped. It must not touch the database.
    """
    return call_listening(seconds, lambda _say: call(), lambda _message: None)


def call_listening(seconds: float, call: Callable[[Callable[[M], None]], T], hear: Callable[[M], None]) -> T:
    """As `call_within`, with messages: `call` gets a function that sends one, `hear` receives it in this thread.

    A message is dropped when a newer one or the result arrives before `hear` could take it. Errors of `hear` are
    raised, and the call continues.
    """
    result: Future[T] = Future()
    newest: deque[M] = deque(maxlen=1)
    has_changed = threading.Event()
    context = contextvars.copy_context()

    def say(message: M) -> None:
        newest.append(message)
        has_changed.set()

    def run() -> None:
        try:
            result.set_result(context.run(call, say))
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            result.set_exception(error)

    result.add_done_callback(lambda _: has_changed.set())
    threading.Thread(target=run, name="bounded-call", daemon=True).start()
    deadline = Deadline.after(seconds)
    while not result.done():
        if not has_changed.wait(deadline.left_s()):
            raise TimeoutError(f"no answer within {seconds:g} s")
        has_changed.clear()
        if newest and not result.done():
            hear(newest.pop())
    return result.result()
