"""Which requests are for the live totals of a page."""

import re
from typing import Any

from artifacts.boards.listening import Receive, Scope, Send, live_events

_PATH = re.compile(r"/public/(?:lookbook|artifact)/([^/]+)/live")


def live_application(django: Any) -> Any:
    """Takes `/public/artifact/{slug}/live`, or `lookbook`, and leaves the rest to Django."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            await django(scope, receive, send)
        else:
            await live_events(scope, receive, send, match[1])

    return application
