"""A client's connection: limits what is read at once and unsent, and tells whether data moves."""

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

# The most unsent bytes in the kernel; without a limit it held 2.6 MB (Linux, loopback).
KERNEL_UNSENT_BYTES = 128 * 1024
_UNBOUNDED = 0xFFFFFFFF


class Connection(Server):
    """An accepted connection that counts sent bytes.

    Twisted tells a producer when its buffer is full and when it is empty, but not how much is waiting or whether it
    moves. Its `bufferSize` limits both what is read at once and what may be unsent before a producer is paused; here
    `high_water_bytes` is the limit for unsent bytes.
    """

    high_water_bytes = 16 * 1024
    _sent_bytes = 0
    _acknowledged_bytes = 0
    _moved_at: float | None = None

    def bound_kernel_buffer(self, most_bytes: int | None) -> None:
        """Limits how many unsent bytes the kernel takes; None: no limit."""
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
        """Bytes that this process holds and has not sent."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def waiting_bytes(self) -> int:
        """Bytes the client has not acknowledged: unsent ones, and those in the kernel."""
        return self.unsent_bytes + self._kernel_bytes()

    def idle_s(self, pace_bytes: int = 1) -> float:
        """Seconds since the client last acknowledged `pace_bytes`; 0 if nothing is waiting.

        Bytes in the kernel count as waiting until they are acknowledged: a slow line makes progress, a cut one does
        not. As precise as the calls are frequent.
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
class Gate(asyncio.Event):
    """Set while a connection takes more. Its transport clears it when the buffer is full, until the buffer is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.set()
        self._is_released = False

    def release(self) -> None:
        """Opens the gate for good: later writes are dropped."""
        self._is_released = True
        self.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Called by the transport: more than `bufferSize` is unsent."""
        if not self._is_released:
            self.clear()

    # Called by the transport: nothing is unsent, or the connection is gone, so no writer has to wait.
    resumeProducing = stopProducing = asyncio.Event.set  # noqa: N815 - Twisted's names
