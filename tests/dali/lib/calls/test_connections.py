"""Outgoing connections through both clients: limited in time and number, reused, independent of the environment."""

import datetime as dt
import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.exceptions import HTTPError

from dali.lib.calls import connections
from dali.lib.calls.deadlines import bounded, within
from dali.lib.clock import Deadline
from tests.vendors.server import Answer, Fault, Received, VendorServer
from tests.waiting import wait_until

FAILURES = (requests.RequestException, HTTPError, httpx2.HTTPError, OSError, ValueError)
# Long enough for a slow machine to connect, short compared with a drip.
DEADLINE_S = 0.5
MUCH_LATER_S = 60.0

# One GET with a deadline in seconds: status and body.
Get = Callable[[str, float], tuple[int, bytes]]
# Makes a `Get` with at most this many connections.
Way = Callable[[int], Get]


def by_requests(most: int, closing: ExitStack) -> Get:
    session = closing.enter_context(connections.session(most))

    def get(url: str, seconds: float) -> tuple[int, bytes]:
        with within(Deadline.after(seconds)):
            response = session.get(url, stream=True, allow_redirects=False)
            return response.status_code, connections.read_body(response, connections.MOST_ANSWER_BYTES)

    return get


def by_sdk(most: int, closing: ExitStack) -> Get:
    client = closing.enter_context(connections.sdk_client(most))

    def get(url: str, seconds: float) -> tuple[int, bytes]:
        with within(Deadline.after(seconds)):
            response = client.get(url)
            return response.status_code, response.content

    return get


@pytest.fixture(params=[by_requests, by_sdk])
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Both clients, in turn; everything they opened is closed at the end."""
    with ExitStack() as closing:
        yield lambda most: request.param(most, closing)


def answer(request: Received) -> Answer:
    """`/drip`: headers at once, then a body of two minutes; `/long`: a megabyte; `/to`: a redirect."""
    if request.path == "/drip":
        return Answer(200, chunks=(b"x",) * 2400, chunk_pause_s=0.05)
    if request.path == "/long":
        return Answer(200, bytes(1_000_000))
    if request.path == "/to":
        return Answer(302, b"", {"Location": "/long"})
    return Answer(200, b"fine", {"Set-Cookie": "session=1; Path=/"})


class TlsServer(VendorServer):
    """The same behind TLS, with a self-signed certificate."""

    def __init__(self, folder: Path) -> None:
        super().__init__(answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(folder))
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return super().url.replace("http://", "https://")


def certificate(folder: Path) -> Path:
    """A file with a key and its self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server() -> Iterator[VendorServer]:
    with VendorServer(answer) as running:
        yield running


@pytest.fixture
def tls_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    """Its certificate is trusted like one of the system."""
    with TlsServer(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        yield running


@pytest.fixture(params=["server", "tls_server"])
def each_server(request: pytest.FixtureRequest) -> VendorServer:
    """The plain server and the one behind TLS, in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, VendorServer)
    return found


def ended_after(get: Get, url: str) -> float:
    """The seconds after which a call with a deadline of DEADLINE_S fails."""
    started = time.monotonic()
    with pytest.raises(FAILURES):
        get(url, DEADLINE_S)
    return time.monotonic() - started


@pytest.mark.parametrize("way_of_fault", ["hang", "drip"])
def test_the_deadline_ends_silence_and_dripped_headers(
    each_server: VendorServer, way: Way, way_of_fault: str
) -> None:
    each_server.faults = [Fault(way=way_of_fault)]  # type: ignore[arg-type] # one of its values
    assert DEADLINE_S * 0.9 <= ended_after(way(2), f"{each_server.url}/") < MUCH_LATER_S


def test_the_deadline_ends_a_dripped_body(each_server: VendorServer, way: Way) -> None:
    assert DEADLINE_S * 0.9 <= ended_after(way(2), f"{each_server.url}/drip") < MUCH_LATER_S


def test_an_expired_deadline_sends_nothing(server: VendorServer, way: Way) -> None:
    with pytest.raises(FAILURES):
        way(2)(f"{server.url}/", 0)
    assert server.received == []


def test_a_connection_is_reused_whatever_deadline_it_had_before(each_server: VendorServer, way: Way) -> None:
    get = way(4)
    for seconds in (20, 1, 20, 30, 5):
        assert get(f"{each_server.url}/", seconds) == (200, b"fine")
    assert each_server.connections == 1


def test_a_call_after_a_timeout_gets_a_new_connection(each_server: VendorServer, way: Way) -> None:
    get = way(1)
    ended_after(get, f"{each_server.url}/drip")
    assert get(f"{each_server.url}/", 20) == (200, b"fine")


def test_no_more_connections_are_made_than_allowed(server: VendorServer, way: Way) -> None:
    get = way(3)
    server.latency_s = 0.05
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: get(f"{server.url}/", 60), range(24)))
    assert answers == [(200, b"fine")] * 24
    assert server.most_connections <= 3
    assert server.connections <= 3


def test_a_call_that_waits_for_a_connection_stops_at_its_deadline(way: Way) -> None:
    get = way(1)
    with VendorServer(answer) as server:
        server.faults = [Fault(way="hang")]

        def be_busy() -> None:
            with suppress(*FAILURES):
                get(f"{server.url}/", 600)

        busy = threading.Thread(target=be_busy)
        busy.start()
        wait_until(lambda: server.received, "the first call holds the connection")
        assert DEADLINE_S * 0.9 <= ended_after(get, f"{server.url}/") < MUCH_LATER_S
        assert len(server.received) == 1
    busy.join()


def test_proxies_and_passwords_from_the_environment_are_ignored(
    server: VendorServer, way: Way, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert way(2)(f"{server.url}/", 20) == (200, b"fine")
    assert "authorization" not in server.received[0].headers


def test_no_cookie_is_sent_back(server: VendorServer, way: Way) -> None:
    get = way(2)
    get(f"{server.url}/", 20)
    get(f"{server.url}/", 20)
    assert "cookie" not in server.received[1].headers


def test_no_redirect_is_followed(server: VendorServer, way: Way) -> None:
    assert way(2)(f"{server.url}/to", 20) == (302, b"")
    assert len(server.received) == 1


def test_an_oversized_answer_is_cut_off(
    server: VendorServer, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = way(1)
    assert len(get(f"{server.url}/long", 20)[1]) == 1_000_000
    monkeypatch.setattr(connections, "MOST_ANSWER_BYTES", 500_000)
    with pytest.raises(FAILURES, match="more than 500000 bytes"):
        get(f"{server.url}/long", 20)
    monkeypatch.undo()
    assert get(f"{server.url}/", 20) == (200, b"fine")


def test_an_untrusted_certificate_is_refused(tmp_path: Path, way: Way) -> None:
    with TlsServer(tmp_path) as server:
        with pytest.raises(FAILURES, match="CERTIFICATE_VERIFY_FAILED"):
            way(2)(f"{server.url}/", 20)
        assert server.received == []


def test_no_request_is_retried(server: VendorServer, way: Way) -> None:
    server.faults = [Fault(way="reset"), Fault(Answer(503))]
    get = way(2)
    with pytest.raises(FAILURES):
        get(f"{server.url}/", 20)
    assert get(f"{server.url}/", 20)[0] == 503
    assert len(server.received) == 2


def test_a_timeout_is_the_minimum_of_its_own_limit_and_the_deadline() -> None:
    assert bounded(None) is None
    assert bounded(3.0) == 3.0
    with within(Deadline.after(100)):
        assert bounded(3.0) == 3.0
        left_s = bounded(None)
        assert left_s is not None
        assert 90 < left_s <= 100
    with within(Deadline.after(0)), pytest.raises(TimeoutError):
        bounded(3.0)
    assert bounded(None) is None
