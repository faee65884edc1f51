"""Escapes values so that a browser reads back exactly the value, for each kind of place in a page."""

import re
from urllib.parse import quote, urlsplit

from artifacts.filling.places import ALLOWED_SCHEMES, scheme_of

# Characters no page can show: C0 and C1 controls except tab and line feed, and lone surrogates.
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_IN_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_TEXT = re.compile(r"[&<>\"']")
# A value without quotes also ends at white space.
_BARE = re.compile(r"[\t\n\f\r \"&'<=>`]")
_UNSAFE_IN_ADDRESS = re.compile(r"[\x00-\x20\"<>\\^`{|}\x7f]")
_SAFE_IN_STYLE = re.compile(r"[^A-Za-z0-9:/._~%+@#-]")
_REFERENCE_BEGINS = re.compile(r"&[#A-Za-z0-9]{0,40}\Z")
_REFERENCE_GOES_ON = re.compile(r"[#A-Za-z0-9;]")


def cleaned(value: str) -> str:
    """The value without unshowable characters, with line feeds only; empty if it is only white space."""
    text = _UNSHOWN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return text if text.strip() else ""


def in_text(value: str) -> str:
    """Escaped for text, or for a quoted attribute value."""
    return _TEXT.sub(lambda found: _IN_TEXT[found[0]], value)


def in_bare_attribute(value: str) -> str:
    """Escaped for (part of) an unquoted attribute value; also valid between quotes."""
    return _BARE.sub(lambda found: f"&#{ord(found[0])};", value)


def apart(written: str, before: str) -> str:
    """The escaped value, changed if it would complete a character reference that starts before it."""
    if not _REFERENCE_GOES_ON.match(written) or not _REFERENCE_BEGINS.search(before[-48:]):
        return written
    return f"&#{ord(written[0])};{written[1:]}"


def address(value: str) -> str | None:
    """A whole URL; None if its scheme is not allowed. Escapes already in it stay."""
    found = _UNSAFE_IN_ADDRESS.sub(_percent, value.strip())
    scheme = scheme_of(found)
    if scheme and scheme not in ALLOWED_SCHEMES:
        return None
    return found


def _percent(found: re.Match[str]) -> str:
    return "" if found[0] in "\t\n\r" else f"%{ord(found[0]):02X}"


def address_part(value: str, scheme: str) -> str:
    """A part of a URL with that scheme, fully percent-encoded."""
    if scheme == "mailto":
        return quote(value.strip(), safe="@")
    if scheme == "tel":
        return quote(re.sub(r"\s", "", value), safe="+()")
    return quote(value, safe="")


def candidate(value: str) -> str | None:
    """A URL in a srcset, where spaces and commas separate URLs."""
    found = address(value)
    return None if found is None else found.replace(",", "%2C")


def style_address(value: str) -> str:
    """A URL inside url() in a style, with or without quotes, in an element or an attribute."""
    found = _UNSAFE_IN_ADDRESS.sub(_percent, value)
    return _SAFE_IN_STYLE.sub(lambda one: f"\\{ord(one[0]):06x}", found)


def image_address(value: str) -> str | None:
    """The URL of an image: http(s), or a path of this server; otherwise None."""
    found = value.strip()
    try:
        parts = urlsplit(found)
    except ValueError:
        return None
    if parts.scheme in {"http", "https"}:
        return address(found) if parts.netloc else None
    is_path = not parts.scheme and not parts.netloc and re.match(r"/(?![/\\])", found)
    return address(found) if is_path else None
