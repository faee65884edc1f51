"""Which URLs of clients may be fetched: parses them strictly and tells public hosts from internal ones."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from dali.lib.errors import DaliError

Reason = Literal["forbidden", "unreachable", "too_large", "too_slow"]


class FetchError(DaliError):
    """A URL must not be fetched or could not be. The message names its host, never its path or query."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL. Nothing parses its text again, which could find another host in it."""

    scheme: str
    host: str  # lower case; an IPv6 address without brackets
    port: int
    path: str  # path and query, percent-encoded, as sent after GET
    is_named: bool  # allowed by the operator, whatever its name resolves to

    @property
    def address(self) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
        """The host, if it is an IP address."""
        return _address(self.host)

    @property
    def place(self) -> str:
        """`host:port`, as in DALI_FETCH_ALLOW_HOSTS."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _forbidden(message: str) -> FetchError:
    return FetchError("forbidden", message)


_PORTS = {"http": 80, "https": 443}
LEAST_OTHER_PORT = 1024  # mail, SSH and so on use lower ports, and have no images
MAX_PORT = 65535
_MAX_URL_CHARS = 8192
_MAX_NAME_CHARS = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# As in browsers: a last label of this form makes the name an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# Names that always mean this machine or network (RFC 6761, 6762, 8375, ICANN 2024).
_INSIDE_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "onion")

# IANA special-purpose registries, read November 2026, and Azure's internal service 168.63.129.16.
_FORBIDDEN_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Of IPv6 only global unicast is allowed. This excludes `::/96`, `::ffff:0:0/96`, `64:ff9b::/96`, `fc00::/7`,
# `fe80::/10`, `fec0::/10` and `ff00::/8`. Within it, these embed other addresses or are special:
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_FORBIDDEN_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)


def is_public(address: str) -> bool:
    """Whether the IP address, in its canonical text, is public."""
    found = _address(address)
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not any(found in network for network in _FORBIDDEN_V4)
    return (
        isinstance(found, ipaddress.IPv6Address)
        and found.is_global
        and found in _GLOBAL_V6
        and not any(found in network for network in _FORBIDDEN_V6)
    )


def read_url(url: str, allow_hosts: Collection[str]) -> Target:
    """Parses a URL, without the network. Raises FetchError `forbidden` if it may not be fetched.

    Allowed: http and https, no credentials, a DNS name or IP address in the usual notation, port 80, 443
    or from 1024 up. Internal names and addresses only as `host:port` in `allow_hosts`.
    """
    scheme, netloc, path, query = _split(url)
    if "@" in netloc:
        raise _forbidden("the URL contains credentials before '@'; give a URL that opens without them")
    host, port = _host_and_port(scheme, netloc)
    target = Target(scheme, host, port, _encoded(path, query), is_named=False)
    if target.place in {place.lower() for place in allow_hosts}:
        return Target(scheme, host, port, target.path, is_named=True)
    _refuse_inside(target)
    if port not in _PORTS.values() and port < LEAST_OTHER_PORT:
        raise _forbidden(f"port {port} of '{host}' is not allowed; use 80, 443 or one from 1024 up")
    return target


def _split(url: str) -> tuple[str, str, str, str]:
    if len(url) > _MAX_URL_CHARS:
        raise _forbidden(f"the URL is longer than {_MAX_URL_CHARS} characters; give a shorter one")
    # Parsers disagree about these: one may find a path where another finds the host.
    if re.search(r"[\x00-\x20\x7f-\xa0\\]", url):
        raise _forbidden("the URL contains spaces, control characters or '\\'; percent-encode them")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _forbidden("the URL is not valid; give it as https://host/path") from None
    if parts.scheme not in _PORTS:
        raise _forbidden(f"scheme '{parts.scheme[:20]}' is not allowed; use http or https")
    return parts.scheme, parts.netloc, parts.path, parts.query


def _host_and_port(scheme: str, netloc: str) -> tuple[str, int]:
    if not netloc.isascii():
        raise _forbidden(f"host {netloc[:100]!r} is not ASCII; write its xn-- form")
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?", netloc.lower())
    if found is None:
        raise _forbidden(f"{netloc[:100]!r} is not a host; give the URL as https://host/path")
    literal, name, port_text = found.groups()
    port = int(port_text) if port_text else _PORTS[scheme]
    if not 0 < port <= MAX_PORT:
        raise _forbidden(f"port {port} does not exist; use one from 1 to {MAX_PORT}")
    return (_ipv6(literal) if literal else _name(name)), port


def _ipv6(literal: str) -> str:
    try:
        return str(ipaddress.IPv6Address(literal))
    except ValueError:
        raise _forbidden(f"'[{literal[:50]}]' is not an IPv6 address; use a name") from None


def _name(name: str) -> str:
    host = name.removesuffix(".")
    if _address(host) is not None:
        return host
    labels = host.split(".")
    if len(host) > _MAX_NAME_CHARS or not all(_LABEL.fullmatch(label) for label in labels):
        raise _forbidden(f"{host[:100]!r} is not a host name; give the URL as https://host/path")
    if _NUMBER.fullmatch(labels[-1]):
        raise _forbidden(f"{host[:100]!r} is an IP address in a notation that is not allowed; use a name")
    return host


def _refuse_inside(target: Target) -> None:
    host = target.host
    cure = f"use a public address, or ask the operator to add '{target.place}' to DALI_FETCH_ALLOW_HOSTS"
    if target.address is not None:
        if not is_public(host):
            raise _forbidden(f"'{host}' is an internal or special address; {cure}")
    elif "." not in host or any(host == name or host.endswith(f".{name}") for name in _INSIDE_NAMES):
        raise _forbidden(f"'{host}' is the name of an internal host; {cure}")


def _encoded(path: str, query: str) -> str:
    safe = "/%:@!$&'()*+,;=~?"
    return quote(path or "/", safe=safe) + (f"?{quote(query, safe=safe)}" if query else "")


def _address(text: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
