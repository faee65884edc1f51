"""Clients that send a lot in tiny parts: others are still answered, and the sender is closed with a reason."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.client import connect

from tests.dali.conftest import Small
from tests.waiting import PATIENCE_S, wait_until

MIB = 1024 * 1024
# The whole flood took 3 to 17 s of the loop before there was a limit; a slice of it takes 10 ms.
LATENCY_S = 1.0
UPGRADE = (
    b"GET /%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, PING, PONG = 0x1, 0x9, 0xA


def frame(opcode: int, payload: bytes = b"", *, is_final: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes([(0x80 if is_final else 0) | opcode]) + length + b"\0\0\0\0" + payload


def upgraded(small: Small, path: bytes = b"quiet") -> socket.socket:
    """A WebSocket whose handshake is answered."""
    client = small.connect()
    client.sendall(UPGRADE % path)
    assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
    return client


def pour(client: socket.socket, content: bytes, *, within_s: float = PATIENCE_S) -> tuple[int, bytes]:
    """Sends as fast as possible and reads, until the other side closes; returns bytes sent and bytes received."""
    position, got, until = 0, b"", time.monotonic() + within_s
    client.setblocking(False)
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until:
            readable, writable, _ = select.select([client], [client] * (position < len(content)), [], 0.2)
            if readable:
                part = client.recv(65_536)
                if not part:
                    break
                got += part
            if writable:
                position += client.send(content[position : position + 65_536])
    return position, got


@contextlib.contextmanager
def watched(small: Small) -> Iterator[list[float]]:
    """The durations of another client's requests within the block."""
    took: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            started = time.monotonic()
            small.text("/sent")
            took.append(time.monotonic() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: took, "the first answer")
    try:
        yield took
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize(
    "tiny",
    [
        frame(PING),
        frame(PONG),
        frame(TEXT),
        frame(TEXT, b"x"),
        frame(TEXT, is_final=False) + frame(0, is_final=False) * 200 + frame(0),
        frame(TEXT, b"x" * 200),
    ],
    ids=["pings", "pongs", "empty", "one-byte", "continuations", "short"],
)
def test_a_flood_of_frames_is_closed_with_1008_and_delays_no_other_client(small: Small, tiny: bytes) -> None:
    with upgraded(small) as client, watched(small) as took:
        _, got = pour(client, tiny * (4 * MIB // len(tiny)))
    closing = b"\x88\x11" + struct.pack("!H", 1008) + b"too many frames"
    assert got.endswith(closing)
    assert max(took) < LATENCY_S


def test_a_flooding_client_that_reads_nothing_is_dropped(start_small: Callable[..., Small]) -> None:
    small = start_small(linger_bytes=MIB)
    with upgraded(small) as client, watched(small) as took:
        client.setblocking(False)
        content = frame(PING, b"x" * 125) * 100_000
        position = 0

        def is_dropped() -> bool:
            nonlocal position
            try:
                position += client.send(content[position : position + 65_536])
            except BlockingIOError:
                return False
            except ConnectionError:
                return True
            return position >= len(content)

        wait_until(is_dropped, "it is dropped", every_s=0)
    assert position < len(content)
    assert max(took) < LATENCY_S


@pytest.mark.parametrize(
    ("rubbish", "code"),
    [
        (b"\x89\x00", 1002),
        (frame(3), 1002),
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
        (b"\x7b\x7e", 1002),  # breaks six rules, with a length that is still to come
        (frame(TEXT, b"\xff" * 4000), 1007),
        (frame(TEXT, b"y" * 5000), 1009),
    ],
)
def test_bytes_after_a_protocol_error_are_ignored(small: Small, rubbish: bytes, code: int) -> None:
    with upgraded(small) as client, watched(small) as took:
        _, got = pour(client, rubbish * (4 * MIB // len(rubbish)))
    assert got[0] == 0x88
    assert struct.unpack("!H", got[2:4])[0] == code
    assert max(took) < LATENCY_S
    assert "Traceback" not in small.log.read_text()


def test_a_well_behaved_client_may_send_many_messages(small: Small) -> None:
    with connect(f"ws://127.0.0.1:{small.port}/quiet") as client:
        for size in [4096] * 200 + [1] * 600:
            client.send(b"y" * size)
        for _ in range(20):
            assert client.ping().wait(PATIENCE_S)
        client.send("still here")
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)


def test_frames_before_the_handshake_is_answered_are_read_after_it(small: Small) -> None:
    asked = small.sent("asked")
    with small.connect() as client, small.connect() as flooder:
        client.sendall(UPGRADE % b"late")
        flooder.sendall(UPGRADE % b"late")
        wait_until(lambda: small.sent("asked") == asked + 2, "the application has both connections")
        client.sendall(UPGRADE % b"late" + frame(PING, b"early"))  # the first part is not a frame
        _, got = pour(flooder, frame(PING) * 10_000)
        assert got == b""
        small.text("/let-in")
        answer = b""
        while part := client.recv(4096):
            answer += part
    head, _, frames = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert struct.unpack("!H", frames[2:4])[0] == 1002
    assert "Traceback" not in small.log.read_text()


@pytest.mark.parametrize(
    "body",
    [
        b"1\r\nx\r\n" * 200_000,
        b"1;" + b"e" * 500 + b"\r\nx\r\n",
        b"0\r\n" + b"a: b\r\n" * 100_000,
    ],
    ids=["one-byte", "extensions", "trailers"],
)
def test_a_body_in_tiny_chunks_is_read_slowly_and_delays_no_other_client(small: Small, body: bytes) -> None:
    head = b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with small.connect() as client, watched(small) as took:
        pour(client, head + body, within_s=2)
    assert max(took) < LATENCY_S


def test_a_body_in_small_chunks_arrives_complete(small: Small) -> None:
    body = b"a\r\n0123456789\r\n" * 2500 + b"0\r\n\r\n"
    head = b"POST /api/uploads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with small.connect() as client:
        client.sendall(head + body)
        answer = b""
        while part := client.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\n25000\r\n" in answer


def test_a_reader_that_reads_almost_nothing_is_dropped(start_small: Callable[..., Small]) -> None:
    small = start_small(silence_s=3)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", small.port))
        client.settimeout(PATIENCE_S)
        client.sendall(b"GET /api/stream/flood HTTP/1.1\r\nHost: x\r\n\r\n")

        def is_dropped() -> bool:
            try:
                return not client.recv(100)
            except ConnectionResetError:
                return True

        wait_until(is_dropped, "it is dropped")


def test_a_head_of_many_lines_is_refused(small: Small) -> None:
    with small.connect() as client, watched(small) as took:
        _, got = pour(client, b"GET / HTTP/1.1\r\na: b\r\n" + b" \r\n" * 100_000)
    assert got.startswith(b"HTTP/1.1 431 ")
    assert max(took) < LATENCY_S


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([b"Content-Length: " + b"9" * 5000], 413),
        ([b"Content-Length: " + b"9" * 19], 413),
        ([b"Content-Length: 99999999999999999999999"], 413),
        ([b"Content-Length: " + b"0" * 5000 + b"2"], 200),
        ([b"Content-Length:   2  "], 200),
        ([b"Content-Length: -2"], 400),
        ([b"Content-Length: +2"], 400),
        ([b"Content-Length: 0_2"], 400),
        ([b"Content-Length: 0x2"], 400),
        ([b"Content-Length: 2.0"], 400),
        ([b"Content-Length: 2, 2"], 400),
        ([b"Content-Length: "], 400),
        ([b"Content-Length: \xd9\xa2"], 400),
        ([b"Content-Length: 2", b"Content-Length: 3"], 400),
        ([b"Content-Length: 2", b"Content-Length: " + b"9" * 5000], 413),
        ([b"Content-Length: 2", b"Transfer-Encoding: chunked"], 400),
        ([b"Transfer-Encoding: chunked", b"Content-Length: " + b"9" * 5000], 413),
        ([b"Transfer-Encoding: gzip, chunked"], 400),
    ],
)
@pytest.mark.parametrize("method", [b"POST", b"GET", b"HEAD"])
def test_an_invalid_length_is_refused(small: Small, method: bytes, lines: list[bytes], status: int) -> None:
    head = [method + b" /api/projects HTTP/1.1", b"Host: x", *lines, b"Connection: close"]
    with small.connect() as client:
        client.sendall(b"\r\n".join(head) + b"\r\n\r\nab")
        assert client.recv(65_536).startswith(b"HTTP/1.1 %d " % status)
    assert "Traceback" not in small.log.read_text()


@pytest.mark.parametrize("size", [b"9" * 5000, b"f" * 1000, b"-1", b"+1", b"0x1", b"1_0", b"", b"g"])
def test_an_invalid_chunk_size_is_refused(small: Small, size: bytes) -> None:
    head = b"POST /api/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with small.connect() as client:
        _, got = pour(client, head + size + b"\r\n" + b"x" * (2 * MIB))
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
    assert "Traceback" not in small.log.read_text()
