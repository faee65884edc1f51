"""The API client of a replay: waits when told to, and reports refusals in one sentence."""

import time
from collections.abc import Mapping
from typing import Any

import requests

from dali.lib.calls.failures import how_it_failed
from dali.lib.errors import DaliError

ANSWER_S = 60.0
POLL_S = 0.1
MOST_POLL_S = 1.0
PATIENCE = 20  # "not now" answers in a row
MOST_PAUSE_S = 90.0
SLOW_DOWN, UNAVAILABLE = 429, 503


class CallRefusedError(DaliError):
    """The API refused one call (4xx); the message is the API's own."""


class StuckError(DaliError):
    """The API does not answer properly; no further calls are possible."""


class Api:
    """Calls the API at `origin` through a session that sends the key."""

    def __init__(self, session: requests.Session, origin: str) -> None:
        self._session = session
        self._origin = origin

    def get(self, path: str, **parameters: str) -> Any:
        """The JSON answer to a GET."""
        return self._ask("GET", path, params=parameters)

    def post(self, path: str, body: Mapping[str, object] | None = None, key: str = "") -> Any:
        """The JSON answer to a POST of JSON; with `key`, the same body takes effect once."""
        return self._ask("POST", path, json=body, headers={"Idempotency-Key": key} if key else {})

    def upload(self, content: bytes) -> str:
        """Uploads the bytes; returns the upload's URL."""
        return str(self._ask("POST", "/api/uploads", files={"file": ("image", content)})["url"])

    def wait_for_job(self, job_id: str) -> Any:
        """Waits until all variants of the job have ended; returns the job."""
        pause_s = POLL_S
        while (job := self.get(f"/api/jobs/{job_id}"))["status"] not in ("complete", "cancelled"):
            time.sleep(pause_s)
            pause_s = min(MOST_POLL_S, pause_s * 1.2)
        return job

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        for _ in range(PATIENCE):
            try:
                answer = self._session.request(method, self._origin + path, timeout=ANSWER_S, **how)
            except requests.RequestException as error:
                raise StuckError(f"{method} {path} was not answered: {how_it_failed(error)}") from error
            if answer.status_code not in (SLOW_DOWN, UNAVAILABLE):
                break
            time.sleep(_pause(answer.headers.get("Retry-After", "")))
        if answer.ok:
            return answer.json()
        if answer.status_code in (400, 404, 409, 413, 422):
            raise CallRefusedError(_reason(answer))
        raise StuckError(f"{method} {path} was answered {answer.status_code}: {_reason(answer)}")


def _pause(asked: str) -> float:
    return min(MOST_PAUSE_S, float(asked)) if asked.isdigit() else 1.0


def _reason(answer: requests.Response) -> str:
    """The API's reason, in its own words."""
    try:
        return "; ".join(str(error["detail"]) for error in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
