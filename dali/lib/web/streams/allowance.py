"""Limits the work a client may cause, at once and per second."""

import time

# Frames or messages that a client may send on a WebSocket, where they are ignored.
FRAMES_AT_ONCE = 1000
FRAMES_A_SECOND = 100


class Allowance:
    """A token bucket of one client: `at_once` tokens, refilled by `a_second`."""

    __slots__ = ("_a_second", "_at_once", "_left", "_seen_at")

    def __init__(self, at_once: float, a_second: float) -> None:
        self._at_once = at_once
        self._a_second = a_second
        self._left = at_once
        self._seen_at = time.monotonic()

    def spend(self, tokens: float = 1) -> float:
        """Takes the tokens even if there are too few; returns the seconds until they are paid for."""
        now = time.monotonic()
        self._left = min(self._at_once, self._left + (now - self._seen_at) * self._a_second) - tokens
        self._seen_at = now
        return max(0.0, -self._left / self._a_second)
