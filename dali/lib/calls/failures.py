"""How a call to an outside service fails, as one of a few outcomes."""

import email.utils
import json
import time
from typing import Any, Literal, Self

import requests

from dali.lib.calls.answers.usage import Usage
from dali.lib.cleaning import clean_number, clean_text
from dali.lib.errors import DaliError
from dali.lib.logs import mask_secrets

Outcome = Literal["refused", "rate_limited", "quota", "timeout", "provider_error", "invalid_image"]
RETRYABLE: frozenset[Outcome] = frozenset({"rate_limited", "timeout", "provider_error"})
EXCERPT_CHARACTERS = 500
MESSAGE_CHARACTERS = 1000
# Longer pauses are cut to this, so that a date can still be computed from them.
LONGEST_PAUSE_S = 30 * 86_400.0
REQUEST_ID_CHARACTERS = 200


class VendorError(DaliError):
    """A call failed. The message is one readable sentence, without secrets.

    `outcome`: `refused` by a safety system; `rate_limited` (429, capacity); `quota` (used up, no funds); `timeout`;
    `provider_error` (everything else: 5xx, a broken connection, HTML, an empty result; with `is_retryable` False also
    a key or request that the service rejects). `is_retryable` by default follows from the outcome.
    `is_possibly_billed`: the request may have reached the service, and its result is not known. `usage`: what the
    service reports to have used for it. `retry_after_s`: the pause it asks for. `status`, `request_id` and `excerpt`
    (of the answer: text, bytes or parsed JSON; 500 characters are kept) are for the record. All texts are cleaned and
    secrets in them masked.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        is_retryable: bool | None = None,
        is_possibly_billed: bool = False,
        usage: Usage | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
        request_id: str = "",
        excerpt: object = "",
    ) -> None:
        super().__init__(masked(message, MESSAGE_CHARACTERS))
        self.outcome = outcome
        self.is_retryable = outcome in RETRYABLE if is_retryable is None else is_retryable
        self.is_possibly_billed = is_possibly_billed
        self.usage = usage if isinstance(usage, Usage) else None
        self.retry_after_s = clean_pause_s(retry_after_s)
        self.status = clean_status(status)
        self.request_id = masked(request_id, REQUEST_ID_CHARACTERS)
        if not isinstance(excerpt, str | bytes):
            excerpt = json.dumps(excerpt, default=str, ensure_ascii=False)
        said = excerpt[: 8 * EXCERPT_CHARACTERS]
        text = said if isinstance(said, str) else said.decode("utf-8", "replace")
        self.excerpt = masked(text, EXCERPT_CHARACTERS)

    @classmethod
    def unusable(
        cls,
        message: str,
        *,
        is_unreadable: bool = False,
        status: int = 200,
        is_possibly_billed: bool = True,
        **details: Any,
    ) -> Self:
        """The failure of a successful answer without a usable result; it may have been billed.

        `is_unreadable`: the answer has something unreadable instead of an image; another call would cost the same
        again. `details`: other arguments of the class.
        """
        outcome: Outcome = "invalid_image" if is_unreadable else "provider_error"
        return cls(outcome, message, status=status, is_possibly_billed=is_possibly_billed, **details)


def masked(said: object, most: int) -> str:
    """A text from outside for the record: cleaned, secrets masked, at most `most` characters."""
    # Masked before the cut, because half a secret would not be recognised.
    return mask_secrets(clean_text(said, 4 * most))[:most]


def clean_pause_s(seconds: object) -> float | None:
    """The pause that a service asks for, at most LONGEST_PAUSE_S; None if it is not a number of seconds."""
    pause_s = clean_number(seconds, float("inf"))
    return None if pause_s is None else min(pause_s, LONGEST_PAUSE_S)


def clean_status(status: object) -> int | None:
    """The HTTP status; None if it is not one."""
    return status if isinstance(status, int) and not isinstance(status, bool) and 0 < status < 1000 else None


def retry_after_s(header: str | None, *, now: float | None = None) -> float | None:
    """The seconds in a `Retry-After` header, a number or an HTTP date; None if it has neither.

    `now`: seconds since the epoch, for tests.
    """
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(header).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = moment - (time.time() if now is None else now)
    return seconds if 0 <= seconds < float("inf") else (0.0 if seconds < 0 else None)


def how_it_failed(error: requests.RequestException) -> str:
    """Why a request failed, in a few words for users, without those of the HTTP library."""
    if error.response is not None:
        return f"the answer was {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer came in time"
    is_cut = isinstance(error, requests.ConnectionError)
    return "the connection failed" if is_cut else "the answer cannot be read"
