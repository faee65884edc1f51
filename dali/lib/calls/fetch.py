"""Fetching what a stranger's URL points to, without becoming a stranger's arm into our own network.

Every connection, also behind a redirect, goes to an address that was checked after the name was
resolved, so a name that resolves differently the next moment gains nothing. It is urllib3 with a socket of our
own making, since the deadline must hold from the resolver to the last byte: a time-out is for each read, and
requests-hardened 1.3.0 with one of 1 s still waited after 8 s for a header that was dripped (November 2026).
"""

import functools
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import certifi
import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

from dali.lib.calls.bounded import call_within
from dali.lib.calls.targets import FetchError, Target, is_public, read_url
from dali.lib.clock import Deadline

__all__ = ["FetchError", "Network", "check_url", "fetch"]

_MAX_REDIRECTS = 3
_MAX_ADDRESSES = 4
_CONNECT_S = 10.0
_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Dali", "Connection": "close"}


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout_s)


@dataclass(frozen=True, slots=True)
class Network:
    """How names become addresses and addresses sockets; tests bring their own.

    `resolve(host, port)`: IP addresses as text; OSError. `connect(address, port, timeout_s)`: OSError.
    """

    resolve: Callable[[str, int], list[str]] = _resolve
    connect: Callable[[str, int, float], socket.socket] = _connect


_SYSTEM = Network()


def check_url(url: str, *, allow_hosts: Collection[str] | None = None) -> None:
    """FetchError `forbidden` where the URL's text alone shows that it may not be fetched.

    No network. `allow_hosts`: inside `host:port` that may be, default DALI_FETCH_ALLOW_HOSTS.
    """
    read_url(url, _allowed(allow_hosts))


def fetch(
    url: str,
    *,
    max_bytes: int,
    deadline: Deadline,
    allow_hosts: Collection[str] | None = None,
    network: Network = _SYSTEM,
) -> bytes:
    """The bytes behind the URL as they came, no content encoding undone; at most three redirects.

    FetchError: `forbidden` (the URL or a redirect, see check_url, or what a name resolves to), `unreachable`
    (no such host, no connection, not 200, cut short), `too_large` (more than `max_bytes`; nothing beyond
    is read), `too_slow` (not whole at the deadline, however it was dripped).
    """
    target = read_url(url, _allowed(allow_hosts))
    for _ in range(_MAX_REDIRECTS + 1):
        with _opened(target, deadline, network) as response:
            if response.status not in _REDIRECTS:
                return _body(response, target, max_bytes, deadline)
            location = response.headers.get("Location", "")
        try:
            url = urljoin(url, location)
            target = read_url(url, _allowed(allow_hosts))
        except (FetchError, ValueError) as error:
            raise FetchError("forbidden", f"'{target.host}' redirects where it must not: {error}") from error
    raise FetchError(
        "unreachable", f"'{target.host}' redirects more than {_MAX_REDIRECTS} times; give the last URL"
    )


def _allowed(allow_hosts: Collection[str] | None) -> Collection[str]:
    return settings.FETCH_ALLOW_HOSTS if allow_hosts is None else allow_hosts


class _Line:
    """The way to one target: makes the socket, and cuts it at the deadline whoever is reading."""

    def __init__(self, target: Target, deadline: Deadline, network: Network) -> None:
        self._target = target
        self._deadline = deadline
        self._network = network
        self._twin: socket.socket | None = None
        self._timer = threading.Timer(deadline.left_s(), self._cut)
        self._timer.daemon = True

    def open_socket(self) -> socket.socket:
        """A connected socket to a checked address of the target."""
        failure: OSError | None = None
        for address in self._addresses()[:_MAX_ADDRESSES]:
            timeout_s = max(0.001, min(_CONNECT_S, self._deadline.left_s()))
            try:
                sock = self._network.connect(address, self._target.port, timeout_s)
            except OSError as error:
                failure = error
                continue
            # A timeout is for each read and a drip never meets it. The twin shares the connection, not the
            # object: it can be shut from the timer's thread also in the middle of a TLS handshake.
            self._twin = sock.dup()
            self._timer.start()
            sock.settimeout(max(0.001, self._deadline.left_s()))
            return sock
        raise failure or OSError("no address")

    def close(self) -> None:
        """Ends the connection at once, whatever the other side still sends."""
        self._timer.cancel()
        self._cut()
        if self._twin is not None:
            self._twin.close()

    def _cut(self) -> None:
        if self._twin is not None:
            with suppress(OSError):  # the other side was first
                self._twin.shutdown(socket.SHUT_RDWR)

    def _addresses(self) -> list[str]:
        target = self._target
        if target.address is not None:
            return [target.host]
        addresses = self._resolved()
        if not target.is_named and not all(is_public(address) for address in addresses):
            raise FetchError(
                "forbidden",
                f"'{target.host}' resolves to an inside or special address; use a public address, or have the "
                f"operator add '{target.place}' to DALI_FETCH_ALLOW_HOSTS",
            )
        return addresses

    def _resolved(self) -> list[str]:
        host, port = self._target.host, self._target.port
        try:
            # The system's resolver knows no deadline.
            addresses = call_within(self._deadline.left_s(), lambda: self._network.resolve(host, port))
        except socket.gaierror:
            addresses = []
        if not addresses:
            raise FetchError("unreachable", f"'{host}' is not known; see to its spelling")
        return addresses


class _PlainConnection(HTTPConnection):
    line: _Line

    def _new_conn(self) -> socket.socket:
        return self.line.open_socket()


class _TlsConnection(HTTPSConnection):
    line: _Line

    def _new_conn(self) -> socket.socket:
        return self.line.open_socket()


@functools.cache
def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _connection(target: Target, line: _Line) -> HTTPConnection:
    connection: _PlainConnection | _TlsConnection
    if target.scheme == "https":
        options: dict[str, Any] = {"ssl_context": _tls_context(), "cert_reqs": "CERT_REQUIRED"}
        connection = _TlsConnection(target.host, target.port, **options)
    else:
        connection = _PlainConnection(target.host, target.port)
    connection.line = line
    return connection


@contextmanager
def _opened(target: Target, deadline: Deadline, network: Network) -> Iterator[BaseHTTPResponse]:
    """The answer with its body unread; its connection is closed on leaving."""
    line = _Line(target, deadline, network)
    connection = _connection(target, line)
    response: BaseHTTPResponse | None = None
    try:
        with _translated(target, deadline):
            connection.request(
                "GET", target.path, headers=_HEADERS, preload_content=False, decode_content=False
            )
            response = connection.getresponse()
        yield response
    finally:
        line.close()
        if response is not None:
            response.close()
        connection.close()


def _body(response: BaseHTTPResponse, target: Target, max_bytes: int, deadline: Deadline) -> bytes:
    if response.status != HTTPStatus.OK:
        raise FetchError(
            "unreachable",
            f"'{target.host}' answered {response.status}; give a URL that opens without a login",
        )
    too_large = FetchError(
        "too_large", f"'{target.host}' sends more than {max_bytes} bytes; give a smaller image"
    )
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) > max_bytes:
        raise too_large
    content = bytearray()
    with _translated(target, deadline):
        while chunk := response.read(_CHUNK_BYTES, decode_content=False):
            content += chunk
            if len(content) > max_bytes:
                raise too_large
        if deadline.has_passed:  # the timer's cut looks like an ordinary end where no length was announced
            raise TimeoutError
    return bytes(content)


@contextmanager
def _translated(target: Target, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except FetchError:
        raise
    except ssl.SSLCertVerificationError as error:
        message = f"the certificate of '{target.host}' is not valid for it; see to its name and date"
        raise FetchError("unreachable", message) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        if deadline.has_passed or isinstance(error, TimeoutError):
            message = f"'{target.host}' was too slow; give an image that loads faster"
            raise FetchError("too_slow", message) from error
        message = f"'{target.host}' could not be reached or cut the connection; see whether the URL opens"
        raise FetchError("unreachable", message) from error
