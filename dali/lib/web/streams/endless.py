"""Addresses that the web server itself knows: streams, which have no end of their own, and health."""

import re

HEALTH, READY = "/healthz", "/readyz"
_ENDLESS = re.compile(r"/api/stream/.*|/public/(lookbook|artifact)/[^/]+/live", re.DOTALL)


def is_endless(path: str) -> bool:
    """Whether an answer at this path lasts until one side goes: a stop does not wait for it."""
    return _ENDLESS.fullmatch(path) is not None
