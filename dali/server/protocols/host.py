"""The server's interface for its HTTP and WebSocket connections."""

import asyncio
from typing import Any, Protocol

from dali.server.protocols.limits import Limits


class Host(Protocol):
    """Implemented by dali.server.web.WebServer."""

    limits: Limits
    channels: set[Any]
    loop: asyncio.AbstractEventLoop
