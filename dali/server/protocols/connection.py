"""A client's connection: how much is read at once and unsent, whether it moves, and a gate that holds writers back."""

import asyncio
import fcntl
import socket
import struct
import termios
import time
from contextlib import suppress

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Server
from zope.interface import implementer

# What the kernel holds of an answer that the line does not take; without a bound it held 2.6 MB (Linux, loopback).
KERNEL_UNSENT_BYTES = 128 * 1024
_UNBOUNDED = 0xFFFFFFFF


class Connection(Server):
    """An accepted connection that counts what leaves it.

    Twisted tells a producer when its buffer is full and when it is empty, but not how much waits, nor whether anything
    has left since one last looked. It has one number, `bufferSize`, for the most that is read at once and for the
    most that is unsent before a producer is paused; here the latter is `high_water_bytes`.
    """

    high_water_bytes = 16 * 1024
    _sent_bytes = 0
    _acknowledged_bytes = 0
    _moved_at: float | None = None

    def bound_kernel_buffer(self, most_bytes: int | None) -> None:
        """Has the kernel take at most so many bytes more than the line does; None: as many as it likes."""
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            value = _UNBOUNDED if most_bytes is None else most_bytes
            with suppress(OSError):  # the client has gone
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, struct.pack("I", value))

    def writeSomeData(self, data: bytes) -> int | ConnectionLost:  # noqa: N802 - Twisted's name
        """Hands bytes to the kernel; returns how many it took."""
        taken = super().writeSomeData(data)
        if isinstance(taken, int) and taken > 0:
            self._sent_bytes += taken
        return taken

    def _isSendBufferFull(self) -> bool:  # noqa: N802 - Twisted's name
        return self.unsent_bytes > self.high_water_bytes

    @property
    def unsent_bytes(self) -> int:
        """Bytes that this process holds for the client."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def waiting_bytes(self) -> int:
        """Bytes the client has not got yet: what this process holds, and what the kernel sent without answer."""
        return self.unsent_bytes + self._kernel_bytes()

    def idle_s(self, pace_bytes: int = 1) -> float:
        """Seconds for which something has waited for the client and less than `pace_bytes` of it have moved.

        0 if nothing waits. What the kernel holds counts as waiting until the client's side has acknowledged it: a slow
        line moves, a cut one does not. Exact to how often this is asked.
        """
        now = time.monotonic()
        acknowledged = self._sent_bytes - self._kernel_bytes()
        has_moved = self._moved_at is None or acknowledged >= self._acknowledged_bytes + pace_bytes
        if has_moved or self.waiting_bytes() == 0:
            self._acknowledged_bytes = acknowledged
            self._moved_at = now
        return now - (self._moved_at or now)

    def _kernel_bytes(self) -> int:
        if not self.connected:
            return 0
        try:
            answer = fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError:  # not every system counts this for sockets
            return 0
        return int(struct.unpack("i", answer)[0])


@implementer(IPushProducer)
class Gate:
    """Open while a connection takes more: shut by its transport when its buffer is full, until it is empty."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._is_released = False

    @property
    def is_open(self) -> bool:
        """Whether writers need not wait."""
        return self._open.is_set()

    async def wait(self) -> None:
        """Returns when the connection takes more, or is gone."""
        await self._open.wait()

    def release(self) -> None:
        """Opens it for good: what is written from now on is dropped anyway."""
        self._is_released = True
        self._open.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Called by the transport: more than `bufferSize` is unsent."""
        if not self._is_released:
            self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Called by the transport: nothing is unsent."""
        self._open.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Called by the transport: the connection is gone, nobody need wait for it."""
        self._open.set()
