"""Sockets to outside services and to strangers' hosts: resolved, connected and encrypted within the deadline."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import partial

import certifi
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from dali.lib.calls.deadlines import CONNECT_S, BoundedSocket, BoundedTlsSocket, bounded, call_within

# (host, port): the host's IP addresses. Raises OSError.
Resolve = Callable[[str, int], list[str]]
# (IP address, port, timeout in seconds): a connected socket. Raises OSError.
Connect = Callable[[str, int, float], socket.socket]


def ask_system(host: str, port: int) -> list[str]:
    """The addresses of a host by the system's resolver, which knows no deadline. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect_plainly(address: str, port: int, timeout_s: float) -> socket.socket:
    """A connected socket of the standard library. Raises OSError."""
    return socket.create_connection((address, port), timeout=timeout_s)


def addresses_of(host: str, port: int, resolve: Resolve = ask_system) -> list[str]:
    """The IP addresses of a host. Raises TimeoutError, socket.gaierror.

    A resolver that hangs gives up by itself, in a thread of its own.
    """
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return call_within(bounded(CONNECT_S), partial(resolve, host, port))


def connected(addresses: Iterable[str], port: int, connect: Connect = connect_plainly) -> BoundedSocket:
    """A socket to the first of these addresses that accepts. Raises the last address's OSError."""
    failure = OSError("no address")
    for address in addresses:
        try:
            sock = connect(address, port, bounded(CONNECT_S))
        except OSError as error:
            failure = error
        else:
            own = BoundedSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
            own.settimeout(None)  # what is detached would be left non-blocking
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return own
    raise failure


def new_connection(connection: HTTPConnection) -> socket.socket:
    """The `_new_conn` of urllib3's connections: a socket to their host that keeps the deadline."""
    try:
        return connected(addresses_of(connection.host, connection.port), connection.port)
    except OSError as error:  # urllib3's error for "nothing was sent yet"
        raise NewConnectionError(connection, f"no connection: {error}") from error


def tls_context() -> ssl.SSLContext:
    """Trusts the certificates of the system and of certifi, checks names; its sockets keep the deadline."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = BoundedTlsSocket
    return context
