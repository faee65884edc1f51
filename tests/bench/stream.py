"""The stream against a bare `websockets` broadcast server: latency, and 100 clients x 10,000 events.

Server and clients run in their own processes; the clients count frames, check every number, and cost the same for
both servers. Dali's events are rows, written and committed while they are sent; the bare server sends ready-made texts.
"""

import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import free_port

CLIENTS = 100
EVENTS = 10_000
A_TRANSACTION = 20
ROUNDS = 3
LATENCY_EVENTS = 300
LATENCY_PAUSE_S = 0.01

_SEQ = re.compile(rb'\{"seq":(\d+),')


def main() -> None:
    """Prints latencies, rates and ratios."""
    with _server("bare") as bare, _server("dali") as dali:
        for name, server in (("bare", bare), ("dali", dali)):
            delays = server.latencies()
            quantiles = statistics.quantiles(delays, n=100)
            print(
                f"  {name}: commit to client p50 {1000 * quantiles[49]:.2f} ms, p99 {1000 * quantiles[98]:.2f} ms"
                + (" (p50 below 10)" if name == "dali" else "")
            )
        single, batch = [], []
        for number in range(ROUNDS):
            plain = bare.rate(f"b{number}", "")
            ours = dali.rate(f"s{number}", "")
            ours_batch = dali.rate(f"t{number}", "&batch=1")
            print(
                f"  events delivered a second: bare {plain:,.0f}, dali {ours:,.0f}, dali with batch {ours_batch:,.0f}"
            )
            single.append(ours / plain)
            batch.append(ours_batch / plain)
    print(
        f"  {CLIENTS} clients x {EVENTS:,} events, none lost, none doubled; medians of {ROUNDS} rounds in turn"
    )
    print(f"  one event a message, dali / bare: {statistics.median(single):.2f} (at least 0.5)")
    print(f"  with batch=1, dali / bare: {statistics.median(batch):.2f} (at least 2)")


class Server:
    """One of the two servers, and the commands it accepts."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self._port = port

    def latencies(self) -> list[float]:
        """Seconds from each commit until the event arrives at one client."""
        clients = self._clients("latency", "", 1, LATENCY_EVENTS)
        times = self._write("latency", LATENCY_EVENTS, 1, LATENCY_PAUSE_S)
        arrivals = self._result(clients)["arrivals"]
        return [arrival - sent for sent, arrival in zip(times, arrivals, strict=True)]

    def rate(self, session_id: str, query: str) -> float:
        """Events delivered per second, over all clients, from the first commit to the last arrival."""
        clients = self._clients(session_id, query, CLIENTS, EVENTS)
        times = self._write(session_id, EVENTS, A_TRANSACTION, 0)
        ended_at: float = self._result(clients)["ended_at"]
        return CLIENTS * EVENTS / (ended_at - times[0])

    def _clients(self, session_id: str, query: str, clients: int, events: int) -> "subprocess.Popen[str]":
        target = f"/api/stream/{session_id}?after=0{query}"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.stream", str(self._port), target, str(clients), str(events)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the clients did not connect")
        return process

    def _write(self, session_id: str, count: int, a_transaction: int, pause_s: float) -> list[float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"write {session_id} {count} {a_transaction} {pause_s}\n")
        self._process.stdin.flush()
        times: list[float] = json.loads(self._process.stdout.readline())["times"]
        return times

    @staticmethod
    def _result(clients: "subprocess.Popen[str]") -> dict[str, Any]:
        output, _ = clients.communicate(timeout=300)
        if clients.returncode:
            raise RuntimeError("events were lost or doubled")
        result: dict[str, Any] = json.loads(output)
        return result


@contextmanager
def _server(name: str) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dali-bench-") as folder:
        foreign = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
        environment = {key: value for key, value in os.environ.items() if key not in foreign}
        environment |= {"PORT": str(port), "HOST": "127.0.0.1", "DALI_DATA_DIR": folder}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.stream_servers", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        try:
            _wait_until_it_listens(port, process)
            yield Server(process, port)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(port: int, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")


class Client(asyncio.Protocol):
    """Reads a WebSocket as cheaply as Python can, and checks that each number follows the last."""

    def __init__(self, target: str, events: int) -> None:
        loop = asyncio.get_running_loop()
        self.is_open: asyncio.Future[None] = loop.create_future()
        self.is_done: asyncio.Future[None] = loop.create_future()
        self.arrivals: list[float] = []
        self._target = target
        self._events = events
        self._seen = 0
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Requests the upgrade."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(
            f"GET {self._target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Counts the frames."""
        data = self._rest + data
        if not self.is_open.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if b" 101 " not in head:
                self.is_done.set_exception(RuntimeError(head.decode()))
            self.is_open.set_result(None)
        end_of_last = 0
        now = time.monotonic()
        for match in _SEQ.finditer(data):
            self._seen += 1
            end_of_last = match.end()
            if int(match[1]) != self._seen and not self.is_done.done():
                self.is_done.set_exception(RuntimeError(f"{int(match[1])} came where {self._seen} was due"))
            if self._events <= LATENCY_EVENTS:
                self.arrivals.append(now)
        self._rest = data[max(end_of_last, len(data) - 30) :]  # a number may be cut in two
        if self._seen == self._events and not self.is_done.done():
            self.is_done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fails if events are missing."""
        if not self.is_done.done():
            self.is_done.set_exception(RuntimeError(f"closed after {self._seen} events: {error}"))


async def read(port: int, target: str, clients: int, events: int) -> None:
    """Connects all clients, prints `ready`, and reports when all of them have received all events."""
    loop = asyncio.get_running_loop()
    protocols = [
        (await loop.create_connection(lambda: Client(target, events), "127.0.0.1", port))[1]
        for _ in range(clients)
    ]
    await asyncio.gather(*(protocol.is_open for protocol in protocols))
    await asyncio.sleep(0.2)  # lets the servers finish their setup of new connections
    print("ready", flush=True)
    await asyncio.gather(*(protocol.is_done for protocol in protocols))
    ended_at = time.monotonic()
    await asyncio.sleep(0.2)  # a surplus event would show up now
    if any(protocol._seen != events for protocol in protocols):
        raise RuntimeError("more events came than were sent")
    print(json.dumps({"ended_at": ended_at, "arrivals": protocols[0].arrivals}))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        asyncio.run(read(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
