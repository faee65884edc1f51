"""Which addresses are answered without a thread of Django's: streams, which have no end of their own, and health."""

import re

HEALTH, READY = "/healthz", "/readyz"
_ENDLESS = re.compile(r"/api/stream/.*|/public/(lookbook|artifact)/[^/]+/live", re.DOTALL)


def is_endless(path: str) -> bool:
    """Whether an answer at this path lasts until one side goes: it takes no thread, and a stop does not wait for it."""
    return _ENDLESS.fullmatch(path) is not None


def needs_thread(path: str) -> bool:
    """Whether a request to this path is worked on in a thread; whether the process is well is told without."""
    return path not in (HEALTH, READY) and not is_endless(path)
