"""HTTP connections to outside services: reused, limited in number, one deadline for each call.

`sdk_client` is for the vendors' SDKs (they take an httpx2 client), `session` for `requests`. Both keep the deadline
(dali.lib.calls.deadlines), follow no redirects, repeat nothing, and ignore proxies and passwords (`.netrc`) in the
environment. They open at most `most` connections; further threads wait for a free one until their deadline.
"""

import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpcore2
import httpx2
import requests
from httpcore2._backends.sync import SyncStream  # has no public name; its sockets may be ours
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import EmptyPoolError

from dali.lib.calls.deadlines import CONNECT_S, bounded
from dali.lib.calls.sockets import addresses_of, connected, new_connection, tls_context

# Idle connections are closed after this time; services close theirs after a minute or more.
KEEP_S = 45.0
# More than any picture needs: 4096 x 4096 as PNG in base64 has about 60 MB.
MOST_ANSWER_BYTES = 128 * 1024 * 1024
# Threads share a client, so it must not keep cookies, such as those of a service's load balancer.
_NO_COOKIES = DefaultCookiePolicy(allowed_domains=())


# --- for the SDKs


class _Backend(httpcore2.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            return SyncStream(connected(addresses_of(host, port), port))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error


@dataclass(slots=True)
class KeptAnswer:
    """A response as it came, before the SDK reads it. `is_whole`: its body was read to its end."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = False
    chunks: list[bytes] = field(default_factory=list)

    def content(self) -> bytes:
        """The body, decompressed."""
        content = b"".join(self.chunks)
        if "content-encoding" not in self.headers:
            return content
        return httpx2.Response(200, headers=self.headers, content=content).content


_kept: ContextVar[KeptAnswer | None] = ContextVar("kept", default=None)


@contextmanager
def keeping() -> Iterator[KeptAnswer]:
    """Keeps the response to the last request that this thread makes with an `sdk_client` in the block."""
    kept = KeptAnswer()
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


class _Measured(httpx2.SyncByteStream):
    """A response body, refused beyond MOST_ANSWER_BYTES, and kept inside `keeping`."""

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
        # httpx2's transport does not accept a network backend, its pool does.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls_context(),
            max_connections=most,
            max_keepalive_connections=most,
            keepalive_expiry=KEEP_S,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        timeouts = request.extensions.get("timeout", {})
        try:
            left_s = bounded(timeouts.get("pool"))  # the wait for a free connection
        except TimeoutError as error:
            raise httpx2.PoolTimeout(str(error)) from error
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
    """A client for an SDK, to be kept for the life of the process; safe to share between threads.

    Calls must run inside `deadlines.within`: the client itself only limits connecting. Raises
    httpx2.TimeoutException, and httpx2.HTTPError for broken connections.
    """
    timeout = httpx2.Timeout(None, connect=CONNECT_S)
    transport = _Transport(most)
    made = httpx2.Client(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
    made.cookies.jar.set_policy(_NO_COOKIES)
    weakref.finalize(made, transport.close)  # also at exit
    return made


# --- for requests


class _PlainConnection(HTTPConnection):
    _new_conn = new_connection


class _TlsConnection(HTTPSConnection):
    _new_conn = new_connection


class _Waiting:
    """A pool whose wait for a free connection ends at the deadline; mixed into both."""

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
        super().init_poolmanager(*args, **options, ssl_context=tls_context())
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


def session(most: int) -> requests.Session:
    """A session to be kept for the life of the process. Threads may share it, but must not set its headers.

    Calls must run inside `deadlines.within`, with `allow_redirects=False`. Raises requests.RequestException; reading a
    body by hand also raises urllib3's HTTPError and OSError.
    """
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(_NO_COOKIES)
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(most))
    return made


def read_body(response: requests.Response, most_bytes: int = MOST_ANSWER_BYTES) -> bytes:
    """The body of a response requested with `stream=True`. Its connection goes back to the pool.

    Reads large pieces: with the 10 KiB of `requests`, 200 responses at once took 2.5 s. Raises ValueError for
    more than `most_bytes`.
    """
    content = bytearray()
    with response:
        while piece := response.raw.read(1 << 20, decode_content=True):
            content += piece
            if len(content) > most_bytes:
                raise ValueError(f"the answer has more than {most_bytes} bytes")
    return bytes(content)
