"""A bucket whose server fails: every call ends in time, as unavailable, and never with partial bytes."""

import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dali.lib.calls import circuit_breaker
from dali.lib.calls.circuit_breaker import CircuitBreaker, request_budget
from dali.lib.errors import UnavailableError
from dali.lib.objects import s3
from dali.lib.objects.s3 import S3WriteOnceStorage
from tests.dali.lib.calls.test_connections import certificate
from tests.faulty_way import FAULTS, Fault, FaultyWay, Kind, faulty_way
from tests.s3_servers import SECRET, make_bucket

SIZE = 3_000_000
CONTENT = bytes(range(250)) * (SIZE // 250)
LIMIT_S = 0.6
# Extra time for what ends after LIMIT_S, on a busy machine.
GENEROUS_S = 60.0

Call = Callable[[S3WriteOnceStorage], object]
CALLS: dict[str, Call] = {
    "put": lambda storage: storage.put_once("a/1", CONTENT, media_type="image/png", note={"n": 1}),
    "read": lambda storage: storage.read("a/0"),
    "stream": lambda storage: list(storage.stream("a/0", 0, SIZE)),
    "part": lambda storage: list(storage.stream("a/0", 1_000_000, 1_500_000)),
    "note": lambda storage: storage.read_note("a/0"),
    "exists": lambda storage: storage.exists("a/0"),
    "size": lambda storage: storage.size_of("a/0"),
    "keys": lambda storage: list(storage.keys_below("a")),
    "delete": lambda storage: storage.delete("a/2"),
}


@pytest.fixture
def way(moto_endpoint: str) -> Iterator[FaultyWay]:
    make_bucket(moto_endpoint, "dali")
    with faulty_way(moto_endpoint) as made:
        yield made


@pytest.fixture
def storage(way: FaultyWay) -> Iterator[S3WriteOnceStorage]:
    made = storage_at(way.address, CircuitBreaker(worker_s=60))
    made.put_once("a/0", CONTENT, media_type="image/png", note={"n": 1})
    yield made
    made.client.close()


@pytest.fixture
def hasty(storage: S3WriteOnceStorage, way: FaultyWay) -> Iterator[S3WriteOnceStorage]:
    """As `storage`, with a short timeout."""
    made = storage_at(way.address, CircuitBreaker(worker_s=LIMIT_S))
    yield made
    made.client.close()


def storage_at(endpoint: str, limit: CircuitBreaker, **options: object) -> S3WriteOnceStorage:
    return S3WriteOnceStorage(
        bucket_name="dali", endpoint_url=endpoint, access_key="dali-key", secret_key=SECRET, breaker=limit,
        pauses_s=(0.0,), **options,
    )  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", CALLS)
def test_every_call_ends_in_time_as_unavailable(
    hasty: S3WriteOnceStorage, way: FaultyWay, name: str, kind: Kind
) -> None:
    way.fault = Fault(kind, after_bytes=20)
    started = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        CALLS[name](hasty)
    assert time.monotonic() - started < GENEROUS_S
    assert caught.value.public_message == "The image storage cannot be reached; try again."
    assert "the bucket 'dali' could not be used" in str(caught.value)
    assert SECRET not in repr(caught.value) + repr(caught.value.__cause__)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", ["read", "stream", "part"])
def test_a_body_that_fails_midway_is_unavailable_and_never_returned(
    hasty: S3WriteOnceStorage, way: FaultyWay, name: str, kind: Kind
) -> None:
    way.fault = Fault(kind, after_bytes=700_000)
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        CALLS[name](hasty)
    assert time.monotonic() - started < GENEROUS_S


def test_a_stream_yields_what_arrived_before_the_fault(storage: S3WriteOnceStorage, way: FaultyWay) -> None:
    way.fault = Fault("cut", after_bytes=700_000)
    pieces = storage.stream("a/0", 0, SIZE)
    assert next(pieces) == CONTENT[: 64 * 1024]
    with pytest.raises(UnavailableError):
        list(pieces)


def test_a_passing_fault_costs_one_retry(way: FaultyWay, storage: S3WriteOnceStorage) -> None:
    way.fault = Fault("cut", after_bytes=20)
    storage._pauses_s = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
    mend = threading.Timer(0.3, way.mend)
    mend.start()
    assert storage.read("a/0") == CONTENT
    mend.join()


def test_a_slow_reader_of_a_stream_is_not_timed_out(storage: S3WriteOnceStorage) -> None:
    storage._breaker = CircuitBreaker(worker_s=5)  # its client exists and has connected
    pieces = storage.stream("a/0", 0, SIZE)
    first = next(pieces)
    time.sleep(6)
    assert first + b"".join(pieces) == CONTENT


def test_a_stream_closed_early_releases_its_connection(storage: S3WriteOnceStorage, way: FaultyWay) -> None:
    for _ in range(80):  # more than the pool holds
        pieces = storage.stream("a/0", 0, SIZE)
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
    assert storage.read("a/0") == CONTENT


def test_waiting_readers_hold_no_connection_and_share_memory(nanio_endpoint: str) -> None:
    make_bucket(nanio_endpoint, "dali")
    with faulty_way(nanio_endpoint) as way:
        made = storage_at(way.address, CircuitBreaker(worker_s=60), region_name="us-east-1")
        made.put_once("a/0", CONTENT, media_type="image/png")
        readers = [made.stream("a/0", 0, SIZE) for _ in range(100)]
        begun = [b"".join(next(pieces) for _ in range(5)) for pieces in readers]  # into the second range
        assert way.connections == 1
        held = s3.RANGES_BYTES - s3._ranges._left_bytes
        assert held <= s3.RANGES_BYTES + 100 * s3.LEAST_RANGE_BYTES
        for start, pieces in zip(begun[::10], readers[::10], strict=True):
            assert start + b"".join(pieces) == CONTENT
        for pieces in readers:
            pieces.close()  # type: ignore[attr-defined]
        assert s3._ranges._left_bytes == s3.RANGES_BYTES
        made.client.close()


def test_connections_are_reused(nanio_endpoint: str) -> None:
    make_bucket(nanio_endpoint, "dali")
    with faulty_way(nanio_endpoint) as way:
        made = storage_at(way.address, CircuitBreaker(worker_s=60), region_name="us-east-1")
        made.put_once("a/0", CONTENT, media_type="image/png")
        for call in ("note", "size", "exists", "read", "stream", "part", "keys", "put", "delete", "read"):
            CALLS[call](made)
        assert way.connections == 1
        made.client.close()


@contextlib.contextmanager
def answering(status: int, headers: dict[str, str], body: bytes, tls: Path | None = None) -> Iterator[str]:
    """A server that gives everyone the same answer; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                for position in range(0, len(body), 1000):
                    self.wfile.write(body[position : position + 1000])
                    time.sleep(0.05 if tls else 0)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    yield f"{scheme}://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


XML = {"Content-Type": "application/xml"}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (502, {"Content-Type": "text/html", "Content-Length": "23"}, b"<html><p>Bad gateway<br"),
        (404, {"Content-Type": "text/html", "Content-Length": "19"}, b"<html>no such host<"),
        (200, {"Content-Length": "9"}, b"all of it"),  # the request was for a part
        (206, {"Content-Length": "3", "Content-Range": "bytes 0-2/9"}, b"all"),  # another part
        (206, {"Transfer-Encoding": "chunked", "Content-Range": "bytes 3-6/9"}, b"9\r\nof"),
        (301, {**XML, "Content-Length": "0"}, b""),
    ],
    ids=["html", "html-404", "whole", "other-part", "half-a-chunk", "moved"],
)
def test_an_unexpected_answer_is_unavailable(status: int, headers: dict[str, str], body: bytes) -> None:
    with answering(status, headers, body) as address:
        made = storage_at(address, CircuitBreaker(worker_s=20))
        with pytest.raises(UnavailableError):
            list(made.stream("a/0", 3, 4))
        if status != 200:
            with pytest.raises(UnavailableError):
                list(made.keys_below("a"))
        made.client.close()


def test_a_truncated_list_is_unavailable() -> None:
    body = b"<ListBucketResult><Contents><Key>a/0</Key></Contents><Conte"
    with answering(200, {**XML, "Content-Length": str(len(body))}, body) as address:
        made = storage_at(address, CircuitBreaker(worker_s=20))
        with pytest.raises(UnavailableError):
            list(made.keys_below("a"))
        made.client.close()


def test_a_drip_behind_tls_ends_at_the_deadline(tmp_path: Path) -> None:
    own = certificate(tmp_path)
    with answering(200, {"Content-Length": "2000000"}, bytes(2_000_000), tls=own) as address:
        made = storage_at(address, CircuitBreaker(worker_s=LIMIT_S), verify=str(own))
        started = time.monotonic()
        with pytest.raises(UnavailableError, match="no answer in time"):
            made.read("a/0")
        assert time.monotonic() - started < GENEROUS_S
        made.client.close()


def test_a_resolver_that_does_not_answer_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, resolve = threading.Event(), socket.getaddrinfo

    def hang(host: str, *args: Any, **options: Any) -> Any:
        if host == "bucket.test":
            is_over.wait()
            raise socket.gaierror
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    made = storage_at("http://bucket.test", CircuitBreaker(worker_s=LIMIT_S))
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="no answer in time, EndpointConnectionError"):
        made.read("a/0")
    assert time.monotonic() - started < GENEROUS_S
    is_over.set()
    made.client.close()


# --- requests


@pytest.fixture
def _short_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_breaker, "REQUEST_S", 2.0)


@pytest.mark.usefixtures("_short_requests")
def test_all_calls_of_a_request_share_its_time(
    storage: S3WriteOnceStorage, way: FaultyWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = storage_at(way.address, CircuitBreaker(trial_every_s=0.0))
    way.fault = Fault("silent", after_bytes=20)
    started = time.monotonic()
    with request_budget():
        for _ in range(200):
            with pytest.raises(UnavailableError):
                made.read("a/0")
    assert time.monotonic() - started < 2.0 + GENEROUS_S
    way.fault = None
    monkeypatch.setattr(circuit_breaker, "REQUEST_S", 60.0)
    with request_budget():
        assert made.read("a/0") == CONTENT
    made.client.close()


@pytest.mark.usefixtures("_short_requests")
def test_after_a_timeout_other_requests_fail_at_once_until_a_trial_succeeds(
    storage: S3WriteOnceStorage, way: FaultyWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = CircuitBreaker(trial_every_s=3600.0)
    made = storage_at(way.address, shared)
    way.fault = Fault("silent", after_bytes=20)
    with request_budget(), pytest.raises(UnavailableError, match="no answer in time"):
        made.read("a/0")
    asked = way.connections
    for _ in range(3):
        with (
            request_budget(),
            pytest.raises(UnavailableError, match="did not answer another request a moment ago"),
        ):
            made.read("a/0")
    assert way.connections == asked
    way.fault = None
    monkeypatch.setattr(circuit_breaker, "REQUEST_S", 60.0)
    shared._next_trial_at = time.monotonic()
    with request_budget():
        assert made.read("a/0") == CONTENT
    made.client.close()


@pytest.mark.usefixtures("_short_requests")
def test_a_bucket_that_refuses_connections_is_tried_each_time(way: FaultyWay) -> None:
    made = storage_at(way.address, CircuitBreaker())
    way.close()
    for _ in range(3):
        with request_budget(), pytest.raises(UnavailableError, match="EndpointConnectionError"):
            made.read("a/0")
    made.client.close()
