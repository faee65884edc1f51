"""Describes the visitor of a page, from the request and within what the settings allow to store."""

import hmac
import re
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypedDict

from django.conf import settings
from django.http import HttpRequest

from dali.lib.web.client_address import client_ip, comes_through_cloudflare

MOST_AGENT = 500
MOST_CITY = 120
_COUNTRY = re.compile(r"[A-Z][A-Z0-9]")
# Not countries: Cloudflare sends XX for unknown and T1 for Tor.
_NO_COUNTRY = frozenset({"XX", "T1"})
_KEPT_BITS = {4: 24, 6: 48}

# Declared bots, and tools and link previews.
_BOT = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|scrap|archiv|preview|fetch|monitor|uptime|lighthouse|headless|facebookexternalhit"
    r"|whatsapp|telegram|slack|discord|embed|curl|wget|python|aiohttp|httpx|go-http|java/|okhttp|axios|node|libwww|perl"
    r"|ruby|php|postman|insomnia|phantom|selenium|puppeteer|playwright|feed|rss|validator|scan",
    re.IGNORECASE,
)
# The order matters: earlier browsers' texts also have later names.
_FAMILIES = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/|\bOpera\b")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS|Chromium)/")),
    ("Safari", re.compile(r"\bVersion/[\d.]+ .*\bSafari/|\b(?:iPhone|iPad|Macintosh)\b.*AppleWebKit")),
)
_TOOL = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{1,38}")


class Visitor(TypedDict):
    """The fields of a view's row that describe the visitor.

    `ip_address`: None if not stored or unknown. `country`: two letters, empty if unknown. `agent`: the family of the
    browser or tool, or `unknown`.
    """

    ip_address: str | None
    country: str
    city: str
    user_agent: str
    agent: str
    is_bot: bool


def visitor_of(request: HttpRequest) -> tuple[Visitor, bytes]:
    """The visitor of a request, and a keyed hash of address and user agent.

    The hash tells visitors apart whatever is stored of the address; it is never stored itself. Country and city come
    from Cloudflare; without it they are empty.
    """
    country = city = ""
    address = client_ip(request)
    if comes_through_cloudflare(request):
        country = request.META.get("HTTP_CF_IPCOUNTRY", "").strip().upper()
        city = _clean(request.META.get("HTTP_CF_IPCITY", ""))[:MOST_CITY]
    user_agent = _clean(request.META.get("HTTP_USER_AGENT", ""))[:MOST_AGENT]
    is_bot = not user_agent or _BOT.search(user_agent) is not None
    is_country = _COUNTRY.fullmatch(country) is not None and country not in _NO_COUNTRY
    visitor: Visitor = {
        "ip_address": _kept(address),
        "country": country if is_country else "",
        "city": city,
        "user_agent": user_agent,
        "agent": family_of(user_agent, is_bot=is_bot),
        "is_bot": is_bot,
    }
    return visitor, keyed_hash("visitor", address, user_agent)


def keyed_hash(purpose: str, *parts: str) -> bytes:
    """32 bytes that can only be made and checked with the secret key."""
    return hmac.digest(settings.SECRET_KEY.encode(), "\n".join((purpose, *parts)).encode(), "sha256")


def family_of(user_agent: str, *, is_bot: bool) -> str:
    """`Firefox` from a browser's long text, `curl` from `curl/8.5`, `unknown` if it does not tell."""
    if not is_bot:
        for name, pattern in _FAMILIES:
            if pattern.search(user_agent):
                return name
        return "other browser" if user_agent.startswith("Mozilla/") else _tool(user_agent)
    named = re.search(r"compatible; ([A-Za-z][\w .-]{1,38})", user_agent)
    return named[1].strip() if named else _tool(user_agent)


def _tool(user_agent: str) -> str:
    if user_agent.startswith("Mozilla/"):
        found = re.search(r"([A-Za-z]*(?:[Bb]ot|[Hh]eadless\w*|[Pp]review\w*))", user_agent)
        return found[1][:40] if found and found[1] else "other bot"
    found = _TOOL.match(user_agent)
    return found[0].strip() if found else "unknown"


def _kept(address: str) -> str | None:
    if settings.VIEW_IP == "none":
        return None
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or IPv6Address(int(parsed))  # without a zone, which no column can store
    if settings.VIEW_IP == "truncated":
        return str(ip_network((parsed, _KEPT_BITS[parsed.version]), strict=False).network_address)
    return str(parsed)


def _clean(text: str) -> str:
    """Decodes UTF-8, as Cloudflare sends it, from a header read as Latin-1; removes unprintable characters."""
    try:
        text = text.encode("latin-1").decode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        text = text.encode("ascii", "replace").decode()
    return "".join(sign for sign in text if sign.isprintable()).strip()
