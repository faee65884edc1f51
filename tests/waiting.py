"""Waiting for other threads and processes: ends as soon as it has happened, patient on a busy machine."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
# Far more than anything here takes. Only something that never happens is waited for so long.
PATIENCE_S = 180.0


def wait_until(
    happened: Callable[[], T], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.1
) -> T:
    """Repeats the call until it returns a true value, and returns that; fails, naming `what`, after the limit."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if answer := happened():
            return answer
        time.sleep(every_s)
    pytest.fail(f"waited {within_s:.0f} s in vain: {what}")
