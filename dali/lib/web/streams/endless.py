"""Paths that the web server knows: streams, whose answers are endless, and health."""

import re

HEALTH, READY = "/healthz", "/readyz"
_ENDLESS = re.compile(r"/api/stream/.*|/public/(lookbook|artifact)/[^/]+/live", re.DOTALL)


def is_endless(path: str) -> bool:
    """Whether an answer at this path lasts until one side leaves: a stop does not wait for it."""
    return _ENDLESS.fullmatch(path) is not None
