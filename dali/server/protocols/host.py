"""What HTTP and WebSocket connections need of the server that they belong to."""

import asyncio
from typing import Any, Protocol

from dali.server.protocols.limits import Limits


class Host(Protocol):
    """The server, as its connections see it: dali.server.web.WebServer."""

    limits: Limits
    channels: set[Any]
    loop: asyncio.AbstractEventLoop

    def log_action(self, protocol: str, action: str, details: dict[str, Any]) -> None:
        """Called for each request and socket that opens or ends."""
