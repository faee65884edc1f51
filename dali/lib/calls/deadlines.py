"""One deadline over everything a call does on the network, for libraries whose time-outs are for each read.

A block `with within(deadline):` bounds every socket operation of its thread, through the clients of
dali.lib.calls.connections: connecting, handshakes, each write and each read, and so their sum, however slowly
an answer is dripped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dali.lib.clock import Deadline

_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def within(deadline: Deadline) -> Iterator[None]:
    """Bounds the network of this thread until the block ends."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def bounded(timeout_s: float | None) -> float | None:
    """The time-out of one socket operation: its own or what the deadline leaves, whichever is less.

    Raises TimeoutError where the deadline has passed.
    """
    deadline = _current.get()
    if deadline is None:
        return timeout_s
    left_s = deadline.left_s()
    if left_s <= 0:
        raise TimeoutError("the deadline has passed")
    return left_s if timeout_s is None else min(timeout_s, left_s)
