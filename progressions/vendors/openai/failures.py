"""Failures of calls to OpenAI: exceptions of its SDK, and errors in its answers, as VendorError."""

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import openai

from dali.lib.calls.answers.json_reading import at, json_or_text
from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import Outcome, VendorError, retry_after_s
from dali.lib.calls.outcomes import GAVE_UP, Told, judged, told_in

# With one of these as the cause, nothing was sent.
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)

# "Rate limit reached for gpt-image-1 ... Please try again in 12s." sometimes has no Retry-After.
_TRY_AGAIN = re.compile(r"try again in (?:(\d{1,4})h)?(?:(\d{1,6})m(?!s))?(?:([\d.]{1,12})(ms|s))?")


def failure_of(error: Exception) -> VendorError:
    """The failure for an exception of the SDK. Raises other exceptions again."""
    if isinstance(error, openai.APIStatusError):
        response = error.response
        body = json_or_text(response.content)
        return of_body(body, status=response.status_code, headers=response.headers)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        message = "OpenAI did not answer completely before the deadline."
        return VendorError("timeout", message, is_possibly_billed=_was_sent(error))
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        cause = error.__cause__ or error
        did = "was cut" if _was_sent(error) else "could not be made"
        message = f"The connection to OpenAI {did} ({type(cause).__name__})."
        return VendorError("provider_error", message, is_possibly_billed=_was_sent(error))
    if isinstance(error, openai.OpenAIError | ValueError | RecursionError):
        return VendorError.unusable(f"OpenAI's answer cannot be read ({type(error).__name__}).")
    raise error


def of_body(
    body: Any,
    *,
    told: Told | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = "",
    usage: Usage | None = None,
) -> VendorError:
    """The failure that a body reports: `{error: {message, type, param, code}}`, sometimes with `moderation_details`.

    `told`: the result of `told_in(body)`, if known.
    """
    told = told or told_in(body)
    outcome, is_retryable = judged(told, status)
    message = _sentence(outcome, told, status)
    if outcome == "refused":
        message = _refusal(body, told.message)
    return VendorError(
        outcome,
        message,
        is_retryable=is_retryable,
        is_possibly_billed=status in GAVE_UP and told.is_empty,
        usage=usage,
        retry_after_s=_pause(headers or {}, told.text) if is_retryable else None,
        status=status,
        request_id=request_id or (headers or {}).get("x-request-id", ""),
        # For a wrong key the message shows parts of it: "Incorrect API key provided: sk-ab***xyz".
        excerpt="" if status == 401 else body,
    )


def _sentence(outcome: Outcome, told: Told, status: int | None) -> str:
    if status == 401:
        return f"OpenAI rejects the key in OPENAI_API_KEY (401, {told.code or 'no code'})."
    if status is not None and 300 <= status < 400:
        return f"OpenAI's server answers with a redirect ({status}): correct OPENAI_BASE_URL."
    shown = told.message[:300] or "no message"
    answered = f"OpenAI answered {status}" if status else "OpenAI answered with an error"
    cure = {
        "quota": " Its quota or funds are used up.",
        "rate_limited": " Its rate limit is reached.",
    }.get(outcome, "")
    return f"{answered}{f' {told.code}' if told.code else ''}: {shown.rstrip('.')}.{cure}"


def _refusal(body: Any, said: str) -> str:
    details = at(body, "error", "moderation_details") or at(body, "moderation_details")
    if not isinstance(details, dict):
        return f"OpenAI's safety system refused: {said[:300] or 'it gives no reason'}"
    stage = {"input": "the prompt or image", "output": "the image that was made"}.get(
        str(details.get("moderation_stage")), "the request"
    )
    categories = details.get("categories")
    named = ", ".join(map(str, categories[:20])) if isinstance(categories, list) else ""
    return f"OpenAI's safety system refused {stage}{f': {named}' if named else ''}."


def _pause(headers: Mapping[str, str], said: str) -> float | None:
    """The pause in seconds from `retry-after-ms`, `retry-after` (seconds or date) or the message; None if unknown."""
    try:
        milliseconds = float(headers.get("retry-after-ms") or "")
    except ValueError:
        pause_s = retry_after_s(headers.get("retry-after"))
    else:
        pause_s = retry_after_s(str(milliseconds / 1000))
    if pause_s is None and (found := _TRY_AGAIN.search(said)) and any(found.groups()[:3]):
        hours, minutes, seconds, unit = found.groups()
        pause_s = int(hours or 0) * 3600 + int(minutes or 0) * 60
        pause_s += _number(seconds) / (1000 if unit == "ms" else 1)
    return pause_s


def _number(text: str | None) -> float:
    try:
        return float((text or "0").rstrip("."))
    except ValueError:
        return 0.0


def _was_sent(error: BaseException) -> bool:
    """Whether the request may have reached the server."""
    return not isinstance(error.__cause__ if isinstance(error, openai.OpenAIError) else error, _UNSENT)
