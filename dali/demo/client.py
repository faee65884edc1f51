"""The demonstration's API client: plain requests, and events by Server-Sent Events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import requests

CONNECT_S = 5.0
ANSWER_S = 30.0
# A stream that is silent for this long is dead: the server sends a comment every 20 s.
SILENCE_S = 70.0


class Client:
    """Calls one server with one key. Raises requests.RequestException if it does not answer or refuses."""

    def __init__(self, origin: str, api_key: str) -> None:
        self._origin = origin
        self._session = requests.Session()
        self._session.trust_env = False  # never through a proxy: the server is on this machine
        self._session.headers["X-Api-Key"] = api_key

    def get(self, path: str) -> Any:
        """The JSON answer to a GET."""
        answer = self._session.get(self._origin + path, timeout=(CONNECT_S, ANSWER_S))
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """The JSON answer to a POST of JSON."""
        answer = self._session.post(self._origin + path, json=body, timeout=(CONNECT_S, ANSWER_S))
        answer.raise_for_status()
        return answer.json()

    def events(self, session_id: str) -> Iterator[dict[str, Any]]:
        """The session's events from the first on, as they arrive."""
        with self._session.get(
            f"{self._origin}/api/stream/{session_id}?after=0",
            headers={"Accept": "text/event-stream"},
            stream=True,
            timeout=(CONNECT_S, SILENCE_S),
        ) as answer:
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                if line.startswith(b"data:"):
                    yield json.loads(line.removeprefix(b"data:"))
