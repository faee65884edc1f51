"""The part of a file that a request's `Range` asks for: RFC 9110, sections 13.1.5 and 14."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

_BYTES = re.compile(r"bytes=(.*)", re.IGNORECASE | re.DOTALL)
_PART = re.compile(r"([0-9]*)-([0-9]*)")
_SPACE = " \t"


class UnsatisfiableRangeError(Exception):
    """The file has no such part: 416."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Which bytes are sent: from `start`, `length` of them, of a file of `total`."""

    start: int
    length: int
    total: int

    @property
    def content_range(self) -> str:
        """The value of `Content-Range`."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.total}"


def asked_part(request: HttpRequest, *, etag: str, total: int) -> ByteRange | None:
    """The part that a GET asks for, which may be the whole file (206); None to send the file as a whole (200).

    None for other methods, other units, a malformed header, several parts, and if `If-Range` does not name the strong
    `etag`. Raises UnsatisfiableRangeError.
    """
    header = request.META.get("HTTP_RANGE")
    if header is None or request.method != "GET":
        return None
    if request.META.get("HTTP_IF_RANGE", etag).strip(_SPACE) != etag:
        return None
    return _parsed(header.strip(_SPACE), total)


def _parsed(header: str, total: int) -> ByteRange | None:
    found = _BYTES.fullmatch(header)
    parts = [part for text in found[1].split(",") if (part := text.strip(_SPACE))] if found else []
    match = _PART.fullmatch(parts[0]) if len(parts) == 1 else None
    if match is None or match[0] == "-":
        return None
    first, last = match.groups()
    if not first:
        return _last(last, total)
    if last and _is_less(last, first):
        return None
    start = _number(first, total)
    if start == total:
        raise UnsatisfiableRangeError
    end = _number(last, total - 1) if last else total - 1
    return ByteRange(start, end - start + 1, total)


def _last(digits: str, total: int) -> ByteRange | None:
    """The last `digits` bytes; None for an empty file, of which `Content-Range` cannot name a part."""
    length = _number(digits, total or 1)
    if not length:
        raise UnsatisfiableRangeError
    return ByteRange(total - length, length, total) if total else None


def _number(digits: str, most: int) -> int:
    """The number, at most `most`; does not convert thousands of digits."""
    digits = digits.lstrip("0") or "0"
    return min(int(digits), most) if len(digits) <= len(str(most)) else most


def _is_less(one: str, other: str) -> bool:
    one, other = one.lstrip("0"), other.lstrip("0")
    return (len(one), one) < (len(other), other)
