"""Connections to outside services: kept and reused, bounded in number, one deadline over each call.

Two ways in, with the same behaviour: `sdk_client` for the vendors' SDKs (they take an httpx2 client) and `session`
for `requests`. Both obey dali.lib.calls.deadlines, follow no redirect, retry nothing, read neither proxies
nor passwords (`.netrc`) from the environment, and hold at most `most` connections; a thread beyond that
waits for one until its deadline.
"""

import atexit
import ipaddress
import socket
import ssl
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import certifi
import httpcore2
import httpx2
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import EmptyPoolError, NewConnectionError

from dali.lib.calls.bounded import call_within
from dali.lib.calls.deadlines import bounded
from dali.lib.clock import Deadline

CONNECT_S = 10.0
# An idle connection is kept this long; services close theirs after a minute or more.
KEEP_S = 45.0
# No picture comes near: 4096 x 4096 as PNG in base64 has about 60 MB.
MOST_ANSWER_BYTES = 128 * 1024 * 1024
# Threads share a client: it remembers nothing, least of all what a service's front door sets.
_NO_COOKIES = DefaultCookiePolicy(allowed_domains=())


# --- for the SDKs

_made: "weakref.WeakSet[httpx2.Client]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for client in list(_made):
        client.close()


class _Stream(httpcore2.NetworkStream):
    """A connection whose every operation is bounded by the current deadline."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _bounded(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _bounded(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left_s = _bounded(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left_s))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        # An SDK may pass one time-out for everything; a host that is not there shows sooner.
        connect_s = CONNECT_S if timeout is None else min(timeout, CONNECT_S)
        left_s = _bounded(connect_s, httpcore2.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left_s, local_address, socket_options))


def _bounded(timeout_s: float | None, error: type[Exception]) -> float | None:
    try:
        return bounded(timeout_s)
    except TimeoutError as passed:
        raise error(str(passed)) from passed


@dataclass(slots=True)
class KeptAnswer:
    """An answer as it came, whatever an SDK makes of it. `is_whole`: its body was read to its end."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = False
    chunks: list[bytes] = field(default_factory=list)

    def content(self) -> bytes:
        """The body, its content encoding undone."""
        content = b"".join(self.chunks)
        if "content-encoding" not in self.headers:
            return content
        return httpx2.Response(200, headers=self.headers, content=content).content


_kept: ContextVar[KeptAnswer | None] = ContextVar("kept", default=None)


@contextmanager
def keeping() -> Iterator[KeptAnswer]:
    """Keeps the answer to the last request that this thread makes through an SDK's client in the block."""
    kept = KeptAnswer()
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


class _Measured(httpx2.SyncByteStream):
    """An answer's body, cut off where it grows beyond all measure; kept where it is wanted."""

    def __init__(self, inner: httpx2.SyncByteStream, kept: KeptAnswer | None) -> None:
        self._inner = inner
        self._kept = kept

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._inner:
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise httpx2.ReadError(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
            if self._kept is not None:
                self._kept.chunks.append(chunk)
            yield chunk
        if self._kept is not None:
            self._kept.is_whole = True

    def close(self) -> None:
        self._inner.close()


class _Transport(httpx2.HTTPTransport):
    def __init__(self, most: int) -> None:
        super().__init__(trust_env=False)
        # httpx2's transport takes no network backend, its pool does.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls_context(),
            max_connections=most,
            max_keepalive_connections=most,
            keepalive_expiry=KEEP_S,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions.get("timeout", {})
        left_s = _bounded(timeouts.get("pool"), httpx2.PoolTimeout)  # the wait for a free connection
        request.extensions = {**request.extensions, "timeout": {**timeouts, "pool": left_s}}
        response = super().handle_request(request)
        kept = _kept.get()
        if kept is not None:
            kept.status, kept.headers, kept.chunks, kept.is_whole = (
                response.status_code,
                response.headers,
                [],
                False,
            )
        response.stream = _Measured(response.stream, kept)  # type: ignore[arg-type] # a sync transport's stream
        return response


def sdk_client(most: int) -> httpx2.Client:
    """A client to hand to an SDK, for as long as the process lives; safe to share between threads.

    No time-out of its own but that of connecting: calls run inside `deadlines.within`. Timeouts surface as
    httpx2.TimeoutException, cut connections as httpx2.HTTPError.
    """
    timeout = httpx2.Timeout(None, connect=CONNECT_S)
    made = httpx2.Client(transport=_Transport(most), timeout=timeout, trust_env=False, follow_redirects=False)
    made.cookies.jar.set_policy(_NO_COOKIES)
    _made.add(made)
    return made


# --- for requests


class _Bounded:
    """Socket operations bounded by the current deadline; mixed into plain and TLS sockets."""

    def recv_into(self, *args: Any) -> int:
        self._bound()
        return super().recv_into(*args)  # type: ignore[misc, no-any-return] # the socket's

    def recv(self, *args: Any) -> bytes:
        self._bound()
        return super().recv(*args)  # type: ignore[misc, no-any-return] # the socket's

    def send(self, *args: Any) -> int:
        self._bound()
        return super().send(*args)  # type: ignore[misc, no-any-return] # the socket's

    def sendall(self, *args: Any) -> None:
        self._bound()
        super().sendall(*args)  # type: ignore[misc] # the socket's

    def do_handshake(self, *args: Any) -> None:
        self._bound()
        super().do_handshake(*args)  # type: ignore[misc] # the TLS socket's

    def _bound(self) -> None:
        left_s = bounded(None)
        if left_s is not None:
            self.settimeout(left_s)  # type: ignore[attr-defined] # the socket's


class _PlainSocket(_Bounded, socket.socket):
    pass


class BoundedTlsSocket(_Bounded, ssl.SSLSocket):
    """A TLS socket whose every operation is bounded by the current deadline."""


def connect(connection: HTTPConnection) -> socket.socket:
    """The socket of a connection, bounded by the current deadline as it is opened and in all it does."""
    deadline = Deadline.after(CONNECT_S)
    try:
        sock = _reached(connection.host, connection.port, deadline)
    except OSError as error:  # said as urllib3 says it: nothing was sent yet
        raise NewConnectionError(connection, f"no connection: {error}") from error
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    own = _PlainSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    own.settimeout(deadline.left_s())
    return own


def _reached(host: str, port: int | None, deadline: Deadline) -> socket.socket:
    """The first address of a host that takes the connection. The system's resolver, which knows of no deadline, is
    waited for in a thread; it gives up by itself."""
    addresses: list[tuple[Any, ...]] = [(host, port)]
    if not _is_address(host):
        left_s = bounded(deadline.left_s()) or 0.0
        found = call_within(left_s, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
        addresses = [address[:2] for *_, address in found]
    failure: OSError = TimeoutError("the deadline has passed")
    for address in addresses:
        try:
            return socket.create_connection(address, timeout=bounded(deadline.left_s()))
        except OSError as error:
            failure = error
    raise failure


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _PlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return connect(self)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return connect(self)


class _Waiting:
    """A pool whose wait for a free connection ends at the current deadline; mixed into both."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        try:
            left_s = bounded(timeout)
        except TimeoutError as passed:
            raise EmptyPoolError(self, str(passed)) from passed  # type: ignore[arg-type] # mixed into a pool
        return super()._get_conn(left_s)  # type: ignore[misc] # the pool's


class _PlainPool(_Waiting, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(_Waiting, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def __init__(self, most: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=most, max_retries=0, pool_block=True)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=tls_context(sockets=BoundedTlsSocket))
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


def session(most: int) -> requests.Session:
    """A session for as long as the process lives; shared between threads it must not be given cookies or headers.

    Calls run inside `deadlines.within`, with `allow_redirects=False`. What is raised is a
    requests.RequestException, or urllib3's HTTPError or an OSError where a body is read by hand.
    """
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(_NO_COOKIES)
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(most))
    return made


def read_body(response: requests.Response, most_bytes: int = MOST_ANSWER_BYTES) -> bytes:
    """The body of an answer asked for with `stream=True`, in large pieces; its connection goes back to the pool.

    Reading by `requests` in pieces of 10 KiB cost 200 answers that arrived together 2.5 s. ValueError
    where there is more than `most_bytes`.
    """
    content = bytearray()
    with response:
        while piece := response.raw.read(1 << 20, decode_content=True):
            content += piece
            if len(content) > most_bytes:
                raise ValueError(f"the answer has more than {most_bytes} bytes")
    return bytes(content)


def tls_context(sockets: type[ssl.SSLSocket] = ssl.SSLSocket) -> ssl.SSLContext:
    """Certificates of the system and of certifi, names checked."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = sockets
    return context
