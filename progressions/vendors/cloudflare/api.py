"""Cloudflare's API through `requests`: every call checks the envelope of its answer."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from dali.lib.calls import connections, deadlines
from dali.lib.calls.answers.images import UnreadableImageError, image_bytes_of
from dali.lib.calls.answers.json_reading import NotJsonError, read_json
from dali.lib.calls.outcomes import told_in_success
from dali.lib.clock import Deadline
from progressions.vendors.cloudflare.failures import CloudflareError, failure_of, failure_of_answer

__all__ = ["CloudflareAnswer", "CloudflareApi", "CloudflareError", "File", "api"]

# The settings that every call needs.
REQUIRED = ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN")
# A part of a multipart form: (filename or None, content) or (filename, content, media type).
File = tuple[str | None, str | bytes] | tuple[str | None, str | bytes, str]
# Connections for judges, text models and delivery, separate from those for images.
MOST_ASIDE = 16


@dataclass(frozen=True, slots=True)
class CloudflareAnswer:
    """The answer of a successful call.

    `result`: the parsed `result` of the envelope; None if the body is not JSON. `content`: the body if it is not JSON,
    otherwise empty. `request_id`: Cloudflare's `cf-ray`.
    """

    result: Any
    content: bytes
    status: int
    request_id: str

    def picture(self, deadline: Deadline) -> bytes:
        """The image: the body itself, or part of the result. Which of them varies by model, and from call to call.

        Raises CloudflareError if there is none.
        """
        if self.content:
            return self.content
        try:
            base_url = settings.CLOUDFLARE_API_BASE_URL
            content = image_bytes_of(self.result, deadline=deadline, base_url=base_url)
        except UnreadableImageError as error:
            message = f"Workers AI's image cannot be read: {error}."
            raise self._unusable(message, is_unreadable=True) from error
        if not content:
            raise self._unusable("Workers AI's answer has no image.")
        return content

    def _unusable(self, message: str, *, is_unreadable: bool = False) -> CloudflareError:
        return CloudflareError.unusable(
            message,
            is_unreadable=is_unreadable,
            status=self.status,
            request_id=self.request_id,
            excerpt=str(self.result),
        )


class CloudflareApi:
    """One Cloudflare account, with at most `most` connections; safe for threads."""

    def __init__(self, base_url: str, account: str, token: str, most: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._account = account
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "*/*", "User-Agent": "dali"}
        self._session = connections.session(most)

    def run(
        self,
        model: str,
        deadline: Deadline,
        *,
        json: Mapping[str, object] | None = None,
        files: Mapping[str, File] | None = None,
    ) -> CloudflareAnswer:
        """Runs a model of Workers AI; an image may come as `content`. Raises CloudflareError."""
        path = f"ai/run/{quote(model, safe='@/')}"
        return self.call("POST", path, deadline, json=json, files=files, is_binary_fine=True)

    def call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        json: Mapping[str, object] | None = None,
        files: Mapping[str, File] | None = None,
        params: Mapping[str, str] | None = None,
        is_binary_fine: bool = False,
    ) -> CloudflareAnswer:
        """Calls the account's API once, within `deadline`. `path`: the part after `/accounts/<id>/`, quoted.

        `json` or `files` (a multipart form, which may include fields) is the body. If `is_binary_fine`, a body that is
        neither JSON nor HTML is returned as `content`. Raises CloudflareError for any answer that is not a success.
        """
        try:
            with deadlines.within(deadline):
                response = self._session.request(
                    method,
                    f"{self._base_url}/accounts/{self._account}/{path}",
                    json=json,
                    files=files,
                    params=params,
                    headers=self._headers,
                    stream=True,
                    allow_redirects=False,
                )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise failure_of(error, deadline) from error
        request_id = response.headers.get("cf-ray", "")
        try:
            with deadlines.within(deadline):
                body = connections.read_body(response)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise failure_of(error, deadline, status=response.status_code, request_id=request_id) from error
        return _read(response, body, request_id, is_binary_fine=is_binary_fine)


def api(use: str, most: int = MOST_ASIDE) -> CloudflareApi:
    """The API for the current settings, reused until they change.

    Each `use` (`images`, `text`, `delivery`) has its own connections.
    """
    return _api(
        use,
        settings.CLOUDFLARE_API_BASE_URL,
        settings.CLOUDFLARE_ACCOUNT_ID,
        settings.CLOUDFLARE_API_TOKEN,
        most,
    )


@functools.lru_cache(maxsize=8)
def _api(use: str, base_url: str, account: str, token: str, most: int) -> CloudflareApi:
    return CloudflareApi(base_url, account, token, most)


def _read(
    response: requests.Response, body: bytes, request_id: str, *, is_binary_fine: bool
) -> CloudflareAnswer:
    status = response.status_code
    envelope = _envelope(body)
    if not 200 <= status < 300 or _is_failure(envelope):
        raise failure_of_answer(status, response.headers, body, envelope)
    if envelope is not None:
        # Gateways sometimes leave out the envelope.
        return CloudflareAnswer(envelope.get("result", envelope), b"", status, request_id)
    start = body[:64].lstrip()
    # Content-Type is unreliable: images came as application/json (read November 2026).
    if not start:
        what = "empty"
    elif start.startswith((b"{", b"[")):
        what = "broken JSON"
    elif start.startswith(b"<") or not is_binary_fine:
        what = "neither JSON nor an image"
    else:
        return CloudflareAnswer(None, body, status, request_id)
    message = f"Cloudflare's answer is {what}."
    raise CloudflareError.unusable(message, status=status, request_id=request_id, excerpt=body)


def _is_failure(envelope: dict[str, Any] | None) -> bool:
    """Whether an envelope with a success status reports a failure."""
    if envelope is None:
        return False
    is_empty = envelope.get("result") is None
    return envelope.get("success") is False or (is_empty and not told_in_success(envelope).is_empty)


def _envelope(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object; None if it is not one."""
    if not body[:64].lstrip().startswith(b"{"):
        return None
    try:
        parsed = read_json(body)
    except NotJsonError:
        return None
    return parsed if isinstance(parsed, dict) else None
