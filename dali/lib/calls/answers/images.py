"""Finds the image in the answer of a service, or of a server that imitates its API.

Known forms (reports of users, 2026): base64, also with line breaks, in the url-safe alphabet or without padding;
`data:` URLs; a URL of the image; the image itself as the body; under one of several names.
"""

import base64
import binascii
import re
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from django.conf import settings

from dali.lib.calls.fetch import fetch
from dali.lib.calls.targets import FetchError
from dali.lib.cleaning import clean_text
from dali.lib.clock import Deadline
from dali.lib.errors import DaliError

# Names of members with an image, the most likely first.
_NAMES = (
    "b64_json", "image", "data", "images", "b64", "base64", "bytesBase64Encoded", "image_base64", "url", "image_url",
    "imageUrl", "fileUri", "file_uri", "uri", "inlineData", "inline_data", "fileData", "file_data", "result",
)  # fmt: skip
_ADDRESSES = frozenset({"url", "image_url", "imageUrl", "fileUri", "file_uri", "uri"})
_MOST_DEPTH = 6
# As large as the largest image in base64 may be (connections.MOST_ANSWER_BYTES).
MOST_FETCHED_BYTES = 96 * 1024 * 1024
# Pauses before the URL of a paid image is tried again.
_PAUSES_S = (0.3, 1.5)
_SPACES = re.compile(r"\s+")
_STANDARD = str.maketrans("-_", "+/")
# PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF and its relatives.
_BEGINNINGS = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP|GIF8[79]a|BM|II\*\x00|MM\x00\*|....ftyp", re.DOTALL
)


class UnreadableImageError(DaliError):
    """There is something in place of the image that cannot be read; the message says what, without a full stop."""


def begins_like_image(content: bytes) -> bool:
    """Whether the bytes begin like an image; it may be incomplete."""
    return _BEGINNINGS.match(content[:16]) is not None


def image_bytes_of(said: Any, *, deadline: Deadline, base_url: str = "") -> bytes:
    """The bytes of the image in an answer or a part of one; empty if there is none.

    `base_url`: the service's. URLs with its scheme, host and port may be fetched even if they are internal; for all
    others internal addresses are forbidden. Keys are never sent. The bytes are not decoded here. Raises
    UnreadableImageError if there is something else instead; repeating the call would not help.
    """
    return _found(said, _Source(deadline, base_url), 0)


class _Source:
    """Fetches images that the answer only links to."""

    def __init__(self, deadline: Deadline, base_url: str) -> None:
        self._deadline = deadline
        self._base_url = base_url

    def fetch(self, address: str) -> bytes:
        """The bytes at a URL, which may be relative to the service's."""
        try:
            url = urljoin(self._base_url, clean_text(address.strip()))
        except ValueError as error:
            raise UnreadableImageError(f"{address[:60]!r} is not a URL") from error
        hosts: Collection[str] = settings.FETCH_ALLOW_HOSTS
        if self._base_url and _origin(url) == _origin(self._base_url):
            hosts = [*hosts, _origin(url)[1]]
        for pause_s in (*_PAUSES_S, None):
            try:
                return fetch(url, max_bytes=MOST_FETCHED_BYTES, deadline=self._deadline, allow_hosts=hosts)
            except FetchError as error:
                is_final = error.reason != "unreachable" or pause_s is None
                if is_final or self._deadline.left_s() <= (pause_s or 0):
                    raise UnreadableImageError(f"its URL cannot be fetched: {error}") from error
                time.sleep(pause_s or 0)
        raise AssertionError("the last attempt returns or raises")


def _found(said: Any, source: _Source, depth: int) -> bytes:
    """The first image in an answer or a part of one."""
    if isinstance(said, bytes):
        return said
    if isinstance(said, str):
        return _of_text(said, source)
    if depth >= _MOST_DEPTH:
        return b""
    if isinstance(said, list):
        # One number for each byte, the form that Workers AI accepts.
        if len(said) > 100 and all(isinstance(part, int) and 0 <= part <= 255 for part in said):
            return bytes(said)
        parts = [(False, part) for part in said]
    elif isinstance(said, Mapping):
        parts = [(name in _ADDRESSES, said[name]) for name in _NAMES if said.get(name)]
    else:
        return b""
    return _first(parts, source, depth)


def _first(parts: list[tuple[bool, Any]], source: _Source, depth: int) -> bytes:
    """The first part that has an image. If no part has one, raises the first error."""
    failure: UnreadableImageError | None = None
    for is_address, part in parts:
        try:
            if is_address and isinstance(part, str) and not part.strip().startswith("data:"):
                content = source.fetch(part)
            else:
                content = _found(part, source, depth + 1)
        except UnreadableImageError as error:
            failure = failure or error
            continue
        if content:
            return content
    if failure is not None:
        raise failure
    return b""


def _of_text(said: str, source: _Source) -> bytes:
    text = said.strip()
    if text.startswith(("http://", "https://")):
        return source.fetch(text)
    if text[:5].lower() == "data:":
        head, comma, rest = text.partition(",")
        if not comma:
            raise UnreadableImageError("its data: URL has no data")
        if not head.lower().endswith(";base64"):
            return unquote_to_bytes(rest)
        text = rest if "%" not in rest else unquote_to_bytes(rest).decode("ascii", "replace")
    return _of_base64(text)


def _of_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    plain = _SPACES.sub("", text).translate(_STANDARD).rstrip("=")
    with suppress(binascii.Error, ValueError):
        content = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        if begins_like_image(content):  # almost any sentence without its spaces is valid base64
            return content
    raise UnreadableImageError(f"{text[:60]!r} is not an image in base64")


def _origin(url: str) -> tuple[str, str]:
    """The scheme, and `host:port` as in DALI_FETCH_ALLOW_HOSTS; empty if the URL is not valid."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return "", ""
    host = parts.hostname or ""
    return parts.scheme, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
