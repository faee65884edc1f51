"""ASGI's lifespan protocol, for background work under another web server such as uvicorn."""

import asyncio
from typing import Any

from artifacts.publishing.viewlog import view_log

STOP_S = 2.0


async def lifespan_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Starts the view log before the first request and stops it after the last."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            view_log().start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await asyncio.to_thread(view_log().stop, within_s=STOP_S)
            await send({"type": "lifespan.shutdown.complete"})
            return
