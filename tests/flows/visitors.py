"""Visitors of a public page: a given number per second, each with its own name, and which of them were answered."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

CONNECTIONS = 16


class Visitors:
    """Request a page from one or more origins in turn, over persistent connections; user agent: `visitor-<number>`."""

    def __init__(self, origins: Sequence[str], path: str) -> None:
        self._origins = [urlsplit(origin) for origin in origins]
        self._path = path
        self.answered: set[str] = set()

    def come(self, numbers: range, a_second: float) -> None:
        """Each sends its request at its time, or as soon as a connection is free; a cut connection is not retried."""
        asyncio.run(self._come(numbers, a_second))

    async def _come(self, numbers: range, a_second: float) -> None:
        began, waiting = time.monotonic(), iter(numbers)

        async def ask_on(connection: int) -> None:
            origin = self._origins[connection % len(self._origins)]
            line = None
            for number in waiting:
                await asyncio.sleep(max(0.0, began + (number - numbers.start) / a_second - time.monotonic()))
                try:
                    line = line or await asyncio.open_connection(origin.hostname, origin.port)
                    await self._ask(*line, f"visitor-{number}")
                except (OSError, asyncio.IncompleteReadError):
                    await _close(line)
                    line = None
            await _close(line)

        await asyncio.gather(*(ask_on(connection) for connection in range(CONNECTIONS)))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        asked = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {name}\r\n\r\n"
        writer.write(asked.encode())
        status = await reader.readuntil(b"\r\n")
        assert b" 200 " in status, status
        self.answered.add(name)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(line[15:] for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length))


async def _close(line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    """Closes a connection, if there is one."""
    if line is not None:
        line[1].close()
        with contextlib.suppress(OSError):
            await line[1].wait_closed()
