"""The limits of the web server on a connection, tested on a server with a tiny application and tight limits."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from dali.server.protocols.limits import body_limit
from tests.dali.conftest import Small
from tests.waiting import wait_until

MIB = 1024 * 1024


def settle(value: Callable[[], int]) -> int:
    """The value once it has stopped growing."""
    seen = [-1]

    def has_settled() -> bool:
        seen.append(value())
        return seen[-1] == seen[-2]

    wait_until(has_settled, "it stopped growing", every_s=0.5)
    return seen[-1]


def read_on(receive: Callable[[], object]) -> None:
    """Receives until that fails; raises EOFError if the connection was closed in order."""
    while receive():
        pass
    raise EOFError


def test_a_slow_reader_blocks_its_writer_and_is_closed_with_4408(
    start_small: Callable[..., Small],
) -> None:
    small = start_small(stall_s=1)
    before = int(small.text("/memory"))
    with connect(f"ws://127.0.0.1:{small.port}/flood", max_queue=1, max_size=None, close_timeout=1) as client:
        written = settle(lambda: small.sent("websocket"))
        assert written < 24 * MIB
        assert int(small.text("/memory")) - before < 16 * MIB
        wait_until(lambda: small.sent("ended") == 1, "the server closed the reader's connection")
        with pytest.raises(ConnectionClosed) as closed:
            read_on(lambda: client.recv(timeout=120))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408


def test_a_slow_reader_does_not_slow_another(small: Small) -> None:
    with connect(f"ws://127.0.0.1:{small.port}/flood", max_queue=1, max_size=None, close_timeout=0.1):
        settle(lambda: small.sent("websocket"))
        with connect(f"ws://127.0.0.1:{small.port}/flood", max_size=None, close_timeout=0.1) as fast:
            got = sum(len(fast.recv(timeout=120)) for _ in range(500))
    assert got == 500 * 65_536


def test_events_over_http_wait_for_their_reader(small: Small) -> None:
    before, sent_before = int(small.text("/memory")), small.sent("events")
    with socket.create_connection(("127.0.0.1", small.port)) as client:
        client.sendall(b"GET /api/stream/flood HTTP/1.1\r\nHost: x\r\n\r\n")
        written = settle(lambda: small.sent("events"))
        assert written - sent_before < 24 * MIB
        assert int(small.text("/memory")) - before < 16 * MIB
        taken = 0
        while taken < 32 * MIB:
            taken += len(client.recv(MIB))
    assert small.sent("events") > written


def test_a_close_carries_code_and_reason_of_the_application(small: Small) -> None:
    with connect(f"ws://127.0.0.1:{small.port}/later") as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=120)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "sp\u00e4ter")


def test_a_message_of_more_than_4_kib_closes_the_socket_with_1009(small: Small) -> None:
    with connect(f"ws://127.0.0.1:{small.port}/quiet") as client:
        client.send("y" * 4096)
        client.send("y" * 4097)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=120)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert "received" not in json.loads(small.text("/sent"))


def test_a_silent_client_is_dropped_and_one_that_answers_pings_is_not(
    start_small: Callable[..., Small],
) -> None:
    small = start_small(ping_s=1, silence_s=6)
    with connect(f"ws://127.0.0.1:{small.port}/quiet", ping_interval=None) as answering:
        with socket.create_connection(("127.0.0.1", small.port)) as silent:
            silent.sendall(
                b"GET /quiet HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            silent.settimeout(120)
            got = silent.recv(4096)
            assert got.startswith(b"HTTP/1.1 101")
            with pytest.raises((ConnectionResetError, EOFError)):
                read_on(lambda: silent.recv(4096))
        answering.send("still here")
        with pytest.raises(TimeoutError):
            answering.recv(timeout=2.5)


def test_a_dripping_request_is_dropped(start_small: Callable[..., Small]) -> None:
    small = start_small(request_s=2)
    with socket.create_connection(("127.0.0.1", small.port)) as client:
        client.settimeout(0.3)
        client.sendall(b"G")

        def drip() -> bytes:
            try:
                return client.recv(4096)
            except TimeoutError:
                client.sendall(b"x")
                return b""

        got = wait_until(drip, "it is dropped", every_s=0)
    assert got.startswith(b"HTTP/1.1 408 Request Timeout\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n",
        b"POST /api/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n",
        b"POST /api/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"
        + b"z" * 0x200000,
    ],
    ids=["announced", "asked for", "chunked"],
)
def test_a_body_over_its_limit_is_refused_while_it_arrives(small: Small, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", small.port)) as client:
        client.sendall(head)
        client.settimeout(120)
        answer = b""
        while part := client.recv(65_536):
            answer += part
    status, _, body = answer.partition(b"\r\n")
    assert status == b"HTTP/1.1 413 Content Too Large"
    assert json.loads(body.partition(b"\r\n\r\n")[2]) == {
        "type": "client_error",
        "errors": [
            {
                "code": "too_large",
                "detail": "The body is larger than 1048576 bytes, the limit for this route.",
                "attr": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"POST /api/projects HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\nContent-Length: 5000000\r\n\r\n", 413),
        (b"GET /api/projects HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\nx: " + b"a" * 100_000, 431),
        (b"GET /api/projects HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\nno header\r\n\r\n", 400),
    ],
)
def test_a_page_of_an_allowed_origin_can_read_errors_of_the_server_itself(
    small: Small, request_head: bytes, status: int
) -> None:
    allowed = cors_of(small, request_head % b"http://localhost:5173", status)
    assert allowed == {
        "access-control-allow-origin": "http://localhost:5173",
        "access-control-expose-headers": "Link, Location, Retry-After, Idempotent-Replayed",
        "vary": "Origin",
    }
    assert cors_of(small, request_head % b"https://elsewhere.example", status) == {"vary": "Origin"}
    assert (
        cors_of(small, request_head.replace(b"/api/projects", b"/page") % b"http://localhost:5173", status)
        == {}
    )


def cors_of(small: Small, request: bytes, status: int) -> dict[str, str]:
    """The CORS headers of an answer."""
    with socket.create_connection(("127.0.0.1", small.port)) as client:
        client.sendall(request)
        client.settimeout(120)
        answer = b""
        while part := client.recv(65_536):
            answer += part
    first, *lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert first.startswith(f"HTTP/1.1 {status} ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return {name: value for name, value in headers.items() if name == "vary" or name.startswith("access-")}


def test_a_body_within_its_limit_arrives_complete(small: Small) -> None:
    picture = b"p" * (20 * MIB)
    assert requests.post(f"{small.origin}/api/uploads", data=picture, timeout=120).text == str(20 * MIB)
    parts = (picture[:MIB] for _ in range(3))
    assert requests.post(f"{small.origin}/api/uploads", data=parts, timeout=120).text == str(3 * MIB)


def test_a_body_stays_on_disk_until_it_is_read(small: Small) -> None:
    before = int(small.text("/memory"))
    with ExitStack() as clients:
        for _ in range(4):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", small.port)))
            head = b"POST /api/uploads?unread HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
            client.sendall(head % (20 * MIB) + b"p" * (20 * MIB))
        time.sleep(0.5)
        assert int(small.text("/memory")) - before < 20 * MIB


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50,
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: v\r\n" % n for n in range(600)) + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000,
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnothex\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nabcdef",
        os.urandom(50_000),
    ],
)
def test_garbage_is_refused_and_affects_no_other_client(small: Small, rubbish: bytes) -> None:
    with socket.create_connection(("127.0.0.1", small.port)) as client:
        client.settimeout(120)
        client.sendall(rubbish)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65_536)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert small.text("/") == "0"


def test_answers_do_not_name_the_server(small: Small) -> None:
    headers = requests.get(small.origin, timeout=120).headers
    assert set(headers) == {"Content-Type", "Transfer-Encoding"}


def test_a_stop_asks_sockets_to_reconnect_and_ends_streams(start_small: Callable[..., Small]) -> None:
    small = start_small()
    with (
        connect(f"ws://127.0.0.1:{small.port}/quiet") as client,
        socket.create_connection(("127.0.0.1", small.port)) as events,
    ):
        events.sendall(b"GET /api/stream/flood HTTP/1.1\r\nHost: x\r\n\r\n")
        events.recv(65_536)
        small.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=120)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert small.process.wait(timeout=120) == 0


@pytest.mark.parametrize(
    ("method", "target", "limit"),
    [
        (b"POST", b"/api/projects", MIB),
        (b"POST", b"/api/uploads", 20 * MIB + 65_536),
        (b"POST", b"/api/uploads?x=1", 20 * MIB + 65_536),
        (b"PUT", b"/api/uploads", MIB),
        (b"POST", b"/api/templates", MIB + 65_536),
        (b"POST", b"/admin/knowledgebase/tip/add/", 5 * MIB),
        (b"POST", b"/administer", MIB),
    ],
)
def test_each_route_has_its_body_limit(method: bytes, target: bytes, limit: int) -> None:
    assert body_limit(method, target) == limit


def test_the_answer_to_head_has_no_body_however_many_parts_it_has(small: Small) -> None:
    assert small.text("/parts") == "partpartpart"
    with socket.create_connection(("127.0.0.1", small.port)) as client:
        client.settimeout(120)
        client.sendall(b"HEAD /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := client.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""
