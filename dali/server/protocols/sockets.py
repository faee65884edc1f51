"""Opens the socket that a server listens on."""

import socket

from dali.lib.errors import RefusedStartError

BACKLOG = 512
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


class ListenError(RefusedStartError):
    """The server cannot listen on the address. The message names the address and the remedy."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on host and port (0: any free port). Raises ListenError."""
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        if listener is not None:
            listener.close()
        reason = error.strerror or str(error)
        raise ListenError(
            f"Cannot listen on {host}:{port} ({reason}): set HOST and PORT to another address."
        ) from error
    return listener


def origin_of(listener: socket.socket) -> str:
    """The http URL that reaches the socket from this machine."""
    host, port = listener.getsockname()[:2]
    if host in EVERYWHERE:
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
