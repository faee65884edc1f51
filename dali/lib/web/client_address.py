"""The address that a request comes from; only the proxies named in the settings are trusted."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

# One customer of an IPv6 provider has at least a /64 to pick addresses from.
IPV6_CUSTOMER_BITS = 64


def client_ip(request: HttpRequest) -> str:
    """The client's address; empty where the peer has none (a Unix socket without a proxy's header).

    `X-Forwarded-For` is read from the right, past the trusted proxies: the client may have
    written what is further left. Behind Cloudflare, `CF-Connecting-IP` names the client.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "")
    if not _is_trusted(peer):
        return peer
    if comes_through_cloudflare(request):
        named = _parsed(request.META.get("HTTP_CF_CONNECTING_IP", "").strip())
        if named is not None:
            return str(named)
    forwarded = [
        part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()
    ]
    for text in reversed(forwarded):
        address = _parsed(text)
        if address is None:
            return peer
        if not _is_trusted(str(address)):
            return str(address)
    return str(_parsed(forwarded[0])) if forwarded else peer


def comes_through_cloudflare(request: HttpRequest) -> bool:
    """Whether the `CF-*` headers are Cloudflare's: the settings name its proxy, and the peer is a trusted proxy."""
    return settings.IS_BEHIND_CLOUDFLARE and _is_trusted(str(request.META.get("REMOTE_ADDR") or ""))


def customer(address: str) -> str:
    """What a limit counts by: an IPv4 address, or the /64 network of an IPv6 one."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, IPV6_CUSTOMER_BITS), strict=False))
    return str(parsed) if parsed else address


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, without a port and without a zone; an IPv4 address mapped to IPv6 as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(text: str) -> bool:
    address = _parsed(text)
    return address is not None and any(
        address in network for network in _networks(tuple(settings.TRUSTED_PROXIES))
    )


@lru_cache(maxsize=8)
def _networks(names: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(name, strict=False) for name in names)
