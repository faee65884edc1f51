"""Which addresses answer without an end of their own: streams of events."""

import re

_ENDLESS = re.compile(r"/api/stream/.*|/public/artifact/[^/]+/live", re.DOTALL)


def is_endless(path: str) -> bool:
    """Whether an answer at this path lasts until one side goes: it takes no thread, and a stop does not wait for it."""
    return _ENDLESS.fullmatch(path) is not None
