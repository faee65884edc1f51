"""Times at which this process looks for due work before its next sweep."""

import heapq
import threading
import time

_lock = threading.Lock()
_moments: list[float] = []
_changed = threading.Event()


def wake_after(seconds: float) -> None:
    """Makes this process look for due work that many seconds from now."""
    with _lock:
        heapq.heappush(_moments, time.monotonic() + seconds)
    _changed.set()


def wait(most_s: float) -> None:
    """Returns at the next time that was asked for, after `most_s` seconds at the latest."""
    until = time.monotonic() + most_s
    while (now := time.monotonic()) < until:
        _changed.clear()
        with _lock:
            if _moments and _moments[0] <= now:
                while _moments and _moments[0] <= now:
                    heapq.heappop(_moments)
                return
            next_at = min(until, _moments[0]) if _moments else until
        _changed.wait(next_at - now)
