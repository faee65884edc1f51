"""Routes of the stream: WebSocket and Server-Sent Events on one URL."""

import re
from typing import Any

from dali.lib.web.streams.asgi import Receive, Scope, Send
from progressions.stream.consumers import event_stream, websocket_stream

_PREFIX = "/api/stream/"
_HTTP_PATH = re.compile(r"/api/stream/([^/]*)")


def http_application(django: Any) -> Any:
    """Serves `/api/stream/{sessionId}` and passes the rest to `django`, CORS preflights included."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        match = _HTTP_PATH.fullmatch(scope["path"])
        if match is None or _is_preflight(scope):
            await django(scope, receive, send)
        else:
            await event_stream(scope, receive, send, match[1])

    return application


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


async def websocket_application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serves WebSockets at `/api/stream/{sessionId}` and refuses all others in the handshake."""
    if scope["path"].startswith(_PREFIX):
        await websocket_stream(scope, receive, send, scope["path"].removeprefix(_PREFIX))
    else:
        await receive()
        await send({"type": "websocket.close"})
