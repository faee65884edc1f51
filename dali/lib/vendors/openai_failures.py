"""What goes wrong in OpenAI's SDK, or comes from it without being an answer, in the words of VendorError."""

import json
import re
from collections.abc import Mapping

import httpx2
import openai

from dali.lib.vendors.failures import Outcome, VendorError, retry_after_s
from dali.lib.vendors.usage import Usage

# Nothing was sent where one of these is the cause.
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)

# Codes of the images API, and of `error` in an answer of the responses API (SDK, types/responses/response_error.py).
_REFUSED = frozenset({
    "moderation_blocked", "content_policy_violation", "image_content_policy_violation", "content_filter",
    "invalid_prompt", "bio_policy", "misalignment_policy_violation",
})  # fmt: skip
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_BUSY = frozenset({"rate_limit_exceeded", "slow_down"})
_BROKEN = frozenset({"server_error", "vector_store_timeout"})
# A gateway gave up waiting; what it waited for may go on and be billed.
_GAVE_UP = frozenset({408, 504, 524})

# "Rate limit reached for gpt-image-1 ... Please try again in 12s." comes without a Retry-After at times.
_TRY_AGAIN = re.compile(r"try again in (?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)(ms|s))?")


def failure_of(error: Exception) -> VendorError:
    """What an exception of a call to the SDK means. Whatever is no known one of theirs is raised again."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException | TimeoutError):
        message = "OpenAI gave no whole answer before the deadline."
        return VendorError("timeout", message, is_possibly_billed=_was_sent(error))
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        cause = error.__cause__ or error
        did = "was cut" if _was_sent(error) else "could not be made"
        message = f"The connection to OpenAI {did} ({type(cause).__name__})."
        return VendorError("provider_error", message, is_possibly_billed=_was_sent(error))
    if isinstance(error, openai.APIError) and isinstance(error.body, Mapping):
        return of_body(error.body)  # an `error` event in a stream
    if isinstance(
        error, openai.OpenAIError | ValueError
    ):  # JSONDecodeError, UnicodeDecodeError, ValidationError
        return unusable(f"OpenAI's answer cannot be read ({type(error).__name__}).")
    raise error


def of_body(
    body: Mapping[str, object],
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str = "",
    usage: Usage | None = None,
) -> VendorError:
    """What an error object of theirs means: `{message, type, param, code}`, `moderation_details` at times."""
    code, said = str(body.get("code") or ""), str(body.get("message") or "")
    outcome, is_retryable = _outcome(code, str(body.get("type") or ""), status)
    message = _sentence(outcome, code, said, status)
    if outcome == "refused":
        message = _refusal(body, said)
    return VendorError(
        outcome,
        message,
        is_retryable=is_retryable,
        is_possibly_billed=status in _GAVE_UP,
        usage=usage,
        retry_after_s=_pause(headers or {}, said) if is_retryable else None,
        status=status,
        request_id=request_id,
        # Of a wrong key their message shows the ends: "Incorrect API key provided: sk-ab***xyz".
        excerpt="" if status == 401 else json.dumps(body, default=str),
    )


def unusable(
    message: str,
    *,
    request_id: str = "",
    excerpt: object = "",
    usage: Usage | None = None,
    status: int | None = 200,
) -> VendorError:
    """An answer of success that holds nothing of use: it may have been billed."""
    return VendorError(
        "provider_error",
        message,
        is_possibly_billed=True,
        usage=usage,
        status=status,
        request_id=request_id,
        excerpt=str(excerpt),
    )


def _of_status(error: openai.APIStatusError) -> VendorError:
    body = error.body if isinstance(error.body, Mapping) else {"message": error.body or ""}
    return of_body(
        body,
        status=error.status_code,
        headers=error.response.headers,
        request_id=error.request_id or "",
    )


def _outcome(code: str, type_: str, status: int | None) -> tuple[Outcome, bool]:
    """The outcome and whether it may be tried again."""
    if code in _REFUSED or (type_ == "image_generation_user_error" and "moderation" in code):
        return "refused", False
    if code in _QUOTA or type_ in _QUOTA or status == 402:
        return "quota", False
    if status == 429 or code in _BUSY:
        return "rate_limited", True
    if status in _GAVE_UP:
        return "timeout", True
    return "provider_error", status == 409 or (status or 0) >= 500 or code in _BROKEN


def _sentence(outcome: Outcome, code: str, said: str, status: int | None) -> str:
    shown = " ".join(said.split())[:300]
    if status == 401:
        return f"OpenAI does not take the key in OPENAI_API_KEY (401, {code or 'no code'})."
    if status is not None and 300 <= status < 400:
        return f"OpenAI's server answers with a redirect ({status}): OPENAI_BASE_URL is not its address."
    if shown.startswith("<") or not shown:
        shown = "no message"
    answered = f"OpenAI answered {status}" if status else "OpenAI answered with an error"
    cure = {
        "quota": " Its quota or funds are used up.",
        "rate_limited": " It takes no more for now.",
    }.get(outcome, "")
    return f"{answered}{f' {code}' if code else ''}: {shown.rstrip('.')}.{cure}"


def _refusal(body: Mapping[str, object], said: str) -> str:
    details = body.get("moderation_details")
    if not isinstance(details, Mapping):
        return f"OpenAI's safety system refused: {' '.join(said.split())[:300] or 'it gives no reason'}"
    stage = {"input": "the prompt or image", "output": "the image that was made"}.get(
        str(details.get("moderation_stage")), "the request"
    )
    categories = details.get("categories")
    named = ", ".join(map(str, categories)) if isinstance(categories, list) else ""
    return f"OpenAI's safety system refused {stage}{f': {named}' if named else ''}."


def _pause(headers: Mapping[str, str], said: str) -> float | None:
    """Seconds they ask to wait: `retry-after-ms`, `retry-after` (seconds or a date), else their message."""
    try:
        milliseconds = float(headers.get("retry-after-ms") or "")
    except ValueError:
        pause_s = retry_after_s(headers.get("retry-after"))
    else:
        pause_s = retry_after_s(str(milliseconds / 1000))
    if pause_s is None and (found := _TRY_AGAIN.search(said)) and any(found.groups()[:3]):
        hours, minutes, seconds, unit = found.groups()
        pause_s = int(hours or 0) * 3600 + int(minutes or 0) * 60
        pause_s += float((seconds or "0").rstrip(".")) / (1000 if unit == "ms" else 1)
    return pause_s


def _was_sent(error: BaseException) -> bool:
    """Whether the request may have arrived."""
    return not isinstance(error.__cause__ if isinstance(error, openai.OpenAIError) else error, _UNSENT)
