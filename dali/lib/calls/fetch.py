"""Fetches URLs that clients name, without letting them reach our own network (SSRF).

Every connection, also after a redirect, goes to an IP address that was checked after the name was resolved, so it does
not help an attacker if the name resolves differently a moment later. urllib3 is used below its pools because these
would resolve again. requests-hardened 1.3.0 has no limit for slow responses: with a timeout of 1 s it still waited
after 8 s for a dripped header (November 2026).
"""

import functools
import http.client
import socket
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import BaseHTTPResponse

from dali.lib.calls.deadlines import within
from dali.lib.calls.sockets import (
    Connect,
    Resolve,
    addresses_of,
    ask_system,
    connect_plainly,
    connected,
    tls_context,
)
from dali.lib.calls.targets import FetchError, Target, is_public, read_url
from dali.lib.clock import Deadline

__all__ = ["FetchError", "Network", "check_url", "fetch"]

_MAX_REDIRECTS = 3
_MAX_ADDRESSES = 4
_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "Dali", "Connection": "close"}
_tls_context = functools.cache(tls_context)


@dataclass(frozen=True, slots=True)
class Network:
    """Resolves names and opens sockets; tests pass their own."""

    resolve: Resolve = ask_system
    connect: Connect = connect_plainly


_SYSTEM = Network()


def check_url(url: str, *, allow_hosts: Collection[str] | None = None) -> None:
    """Checks a URL's text, without the network. Raises FetchError `forbidden`.

    `allow_hosts`: internal `host:port` that are allowed, by default DALI_FETCH_ALLOW_HOSTS.
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
    """The body at the URL, not decompressed, after at most three redirects.

    Raises FetchError: `forbidden` (the URL or a redirect, see check_url, or an address that the name resolves to),
    `unreachable` (unknown host, no connection, not 200, cut short), `too_large` (more than `max_bytes`; the rest is not
    read), `too_slow` (not complete at the deadline).
    """
    target = read_url(url, _allowed(allow_hosts))
    for _ in range(_MAX_REDIRECTS + 1):
        with within(deadline), _translated(target, deadline), _opened(target, network) as response:
            if response.status not in _REDIRECTS:
                return _body(response, target, max_bytes)
            location = response.headers.get("Location", "")
        try:
            url = urljoin(url, location)
            target = read_url(url, _allowed(allow_hosts))
        except (FetchError, ValueError) as error:
            message = f"'{target.host}' redirects to a URL that is not allowed: {error}"
            raise FetchError("forbidden", message) from error
    raise FetchError(
        "unreachable", f"'{target.host}' redirects more than {_MAX_REDIRECTS} times; give the last URL"
    )


def _allowed(allow_hosts: Collection[str] | None) -> Collection[str]:
    return settings.FETCH_ALLOW_HOSTS if allow_hosts is None else allow_hosts


def _checked_addresses(target: Target, network: Network) -> list[str]:
    try:
        addresses = addresses_of(target.host, target.port, network.resolve)
    except socket.gaierror:
        addresses = []
    if not addresses:
        raise FetchError("unreachable", f"host '{target.host}' does not exist; check its spelling")
    if not target.is_named and not all(is_public(address) for address in addresses):
        raise FetchError(
            "forbidden",
            f"'{target.host}' resolves to an internal or special address; use a public address, or ask the "
            f"operator to add '{target.place}' to DALI_FETCH_ALLOW_HOSTS",
        )
    return addresses[:_MAX_ADDRESSES]


class _Checked:
    """Lets a urllib3 connection, into which it is mixed, connect only to checked addresses."""

    open_socket: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.open_socket()


class _PlainConnection(_Checked, HTTPConnection):
    pass


class _TlsConnection(_Checked, HTTPSConnection):
    pass


@contextmanager
def _opened(target: Target, network: Network) -> Iterator[BaseHTTPResponse]:
    """The response, its body unread; the connection is closed at the end of the block."""
    connection: _PlainConnection | _TlsConnection
    if target.scheme == "https":
        options: dict[str, Any] = {"ssl_context": _tls_context(), "cert_reqs": "CERT_REQUIRED"}
        connection = _TlsConnection(target.host, target.port, **options)
    else:
        connection = _PlainConnection(target.host, target.port)
    connection.open_socket = lambda: connected(
        _checked_addresses(target, network), target.port, network.connect
    )
    with closing(connection):
        connection.request("GET", target.path, headers=_HEADERS, preload_content=False, decode_content=False)
        with closing(connection.getresponse()) as response:
            yield response


def _body(response: BaseHTTPResponse, target: Target, max_bytes: int) -> bytes:
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
    while chunk := response.read(_CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > max_bytes:
            raise too_large
    return bytes(content)


@contextmanager
def _translated(target: Target, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        message = f"the certificate of '{target.host}' is not valid for it; check its name and date"
        raise FetchError("unreachable", message) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        if deadline.has_passed or isinstance(error, TimeoutError):
            message = f"'{target.host}' was too slow; give an image that loads faster"
            raise FetchError("too_slow", message) from error
        message = f"'{target.host}' could not be reached or cut the connection; check whether the URL opens"
        raise FetchError("unreachable", message) from error
