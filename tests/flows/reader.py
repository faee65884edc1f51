"""A client of the stream that reconnects for ever, as a front end does, and keeps every event."""

import json
import threading
import time
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.waiting import PATIENCE_S


class Reader:
    """Reads a session from its first event on, in a thread; `origin` may change while it reads."""

    def __init__(self, origin: str, session_id: str) -> None:
        self.origin = origin
        self.events: list[dict[str, Any]] = []
        self.reconnects = 0
        self._session_id = session_id
        self._ended = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def newest(self) -> int:
        """The number of the newest event seen."""
        return self.events[-1]["seq"] if self.events else 0

    def wait_for_end(self) -> bool:
        """Whether the job's `complete` event came, with enough time for a busy machine."""
        return self._ended.wait(PATIENCE_S * 2)

    def stop(self) -> None:
        """Stops reading."""
        self._stopped.set()
        self._thread.join(60)

    def _read(self) -> None:
        while not self._stopped.is_set():
            address = self.origin.replace("http", "ws", 1)
            url = f"{address}/api/stream/{self._session_id}?after={self.newest}"
            try:
                with connect(url, open_timeout=30, close_timeout=1, ping_interval=None) as socket:
                    while not self._stopped.is_set():
                        try:
                            self._take(json.loads(socket.recv(timeout=0.2)))
                        except TimeoutError:
                            continue
            except (OSError, WebSocketException, TimeoutError):
                self.reconnects += 1
                time.sleep(0.05)

    def _take(self, event: dict[str, Any]) -> None:
        if event["type"] == "gap":
            return
        self.events.append(event)
        if event["type"] == "complete" and event.get("scope") == "job":
            self._ended.set()
