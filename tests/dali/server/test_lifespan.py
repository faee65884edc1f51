"""What runs next to the application under a web server other than Dali's own."""

from typing import Any

import pytest

from dali.asgi import application
from dali.server import lifespan


class Log:
    """A view log that records its calls."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self) -> None:
        """Records the call."""
        self.told.append("start")

    def stop(self, *, within_s: float) -> None:
        """Records the call."""
        self.told.append(("stop", within_s))


async def test_the_view_log_starts_and_stops_with_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    monkeypatch.setattr(lifespan, "view_log", lambda: log)
    messages, sent = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}], list[Any]()

    async def receive() -> dict[str, str]:
        if len(messages) == 1:
            assert sent == [{"type": "lifespan.startup.complete"}]
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    await application({"type": "lifespan"}, receive, send)
    assert log.told == ["start", ("stop", 2.0)]
    assert sent[1:] == [{"type": "lifespan.shutdown.complete"}]
