"""Decides which requests count as one view: prefetches do not count, and ranges within half an hour are one."""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.http import HttpRequest

from artifacts.publishing.visitors import keyed_hash

WINDOW = timedelta(minutes=30)
_WINDOW_MS = WINDOW // timedelta(milliseconds=1)
# The most visits that a process remembers, about 150 bytes each.
_MOST_KNOWN = 50_000

# Sent with prefetches by Chromium and Safari, older Chromium, older Firefox.
# https://fetch.spec.whatwg.org/#http-sec-purpose and MDN "Sec-Purpose", read 2026-11-30.
_PURPOSES = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
_AHEAD = re.compile(r"\b(prefetch|prerender|preview)\b", re.IGNORECASE)


def is_prefetch(request: HttpRequest) -> bool:
    """Whether a browser fetches the page before its user asks for it."""
    return any(_AHEAD.search(request.META.get(name, "")) for name in _PURPOSES)


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor, as the hash of `visitor_of`, who reads a file at a moment."""

    visitor: bytes
    file: str
    moment: datetime

    def row_id(self, windows_later: int = 0) -> UUID:
        """The id of this visit's row, the same for all requests in one half hour of the clock: a UUID of version 7.

        It is a keyed hash of visitor, file and window, so it reveals nothing about the visitor, and the rows of one
        visitor have nothing in common.
        """
        window = int(self.moment.timestamp() * 1000) // _WINDOW_MS + windows_later
        random = int.from_bytes(keyed_hash("visit", self.visitor.hex(), self.file, str(window))[:10], "big")
        bits = (
            window * _WINDOW_MS << 80
            | 7 << 76
            | (random >> 62 & 0xFFF) << 64
            | 2 << 62
            | random & (1 << 62) - 1
        )
        return UUID(int=bits)


class RecentVisits:
    """The visits that this process has counted in the last half hour. Thread-safe."""

    def __init__(self, most: int = _MOST_KNOWN) -> None:
        self._most = most
        self._began: OrderedDict[tuple[bytes, str], datetime] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, visit: Visit) -> None:
        """Records a counted visit: the visitor's reads of the file in the next half hour belong to it."""
        key = (visit.visitor, visit.file)
        with self._lock:
            self._began[key] = visit.moment
            self._began.move_to_end(key)
            while len(self._began) > self._most or self._is_over(next(iter(self._began)), visit.moment):
                self._began.popitem(last=False)

    def is_known(self, visit: Visit) -> bool:
        """Whether it belongs to a counted visit."""
        with self._lock:
            return not self._is_over((visit.visitor, visit.file), visit.moment)

    def _is_over(self, key: tuple[bytes, str], moment: datetime) -> bool:
        began = self._began.get(key)
        return began is None or abs(moment - began) >= WINDOW
