"""Failures of calls to the Gemini Developer API: exceptions of its SDK, and errors in its answers."""

import re
from collections.abc import Mapping
from typing import Any

import httpx2
from google.genai import errors

from dali.lib.calls.answers.json_reading import at, objects, text_at
from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import VendorError, retry_after_s
from dali.lib.calls.outcomes import GAVE_UP, Told, judged, told_in

WHO = "Google Gemini"
# What `generate_content` raises if the service or the connection fails: its own errors, those of httpx2, and errors of
# its parser (google-genai 3.4.0, measured November 2026). JSONDecodeError, UnknownApiResponseError and pydantic's
# ValidationError are ValueErrors.
RAISED = (
    errors.APIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    RecursionError,
)

# Reasons of its safety systems. ESCALATION: "Request was filtered by an escalation rule" (SDK 3.4.0's types).
_REFUSING = frozenset({
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
})  # fmt: skip
# Another attempt would fail too: unsupported language, account closed for misuse.
_FINAL = frozenset({"LANGUAGE", "PUP_LIMITED_DISABLED"})
_SECONDS = re.compile(r"^(\d{1,9}(?:\.\d{1,9})?)s$")
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.WriteError,
    httpx2.WriteTimeout,
)
_UNSENDABLE = (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)


def failure_of(error: Exception) -> VendorError:
    """The failure for one of RAISED, if no complete answer was received."""
    is_sent = not isinstance(error, _UNSENT)
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        said = "did not answer completely before the deadline" if is_sent else "could not be reached in time"
        return VendorError("timeout", f"{WHO} {said}.", is_possibly_billed=is_sent)
    if isinstance(error, httpx2.HTTPError | OSError) and not isinstance(error, _UNSENDABLE):
        said = "closed the connection early" if is_sent else "could not be reached"
        return VendorError("provider_error", f"{WHO} {said} ({_reason(error)}).", is_possibly_billed=is_sent)
    # From the SDK or urllib, before anything was sent: an invalid URL or key.
    said = (
        f"{WHO} cannot be called ({type(error).__name__}): check GOOGLE_GEMINI_BASE_URL and GEMINI_API_KEY."
    )
    return VendorError("provider_error", said, is_retryable=False)


def of_body(
    body: Any,
    told: Told | None = None,
    *,
    status: int,
    headers: Mapping[str, str],
    usage: Usage | None = None,
) -> VendorError:
    """The failure that a body reports: `{error: {code, message, status, details}}`.

    `told`: the result of `told_in(body)`, if known.
    """
    told = told or told_in(body)
    outcome, is_retryable = judged(told, status)
    pause_s = _retry_delay_s(body)
    named = text_at(body, "error", "status")
    message = told.message[:300] or "without a message"
    return VendorError(
        outcome,
        f"{WHO} answered {status}{f' {named[:60]}' if named else ''}: {message}{_cure(told, status)}",
        is_retryable=is_retryable,
        # Gemini itself answers 200: another success status means that the request was processed.
        is_possibly_billed=200 < status < 300 or (status in GAVE_UP and told.is_empty),
        usage=usage,
        retry_after_s=retry_after_s(headers.get("retry-after")) if pause_s is None else pause_s,
        status=status,
        excerpt=body,
    )


def refusal_of(body: Any, usage: Usage | None) -> VendorError | None:
    """The failure that an answer with status 200 reports as prompt feedback or finish reason; None if it reports none.

    `refused` if a safety system blocked the prompt or the result, otherwise `provider_error`.
    """
    blocked = text_at(body, "promptFeedback", "blockReason").upper()
    if blocked:
        said = _sentence("blocked the prompt", blocked, text_at(body, "promptFeedback", "blockReasonMessage"))
        return _refused(said, body, usage)
    reason = finish_reason(body)
    if reason in _REFUSING:
        return _refused(_sentence("blocked the result", reason, _finish_message(body)), body, usage)
    if reason in _FINAL:
        said = _sentence("ended without an answer", reason, _finish_message(body))
        return VendorError(
            "provider_error", said, is_retryable=False, usage=usage, status=200, request_id=_id(body)
        )
    return None


def empty(
    body: Any, lacking: str, usage: Usage | None, text: str = "", *, is_unreadable: bool = False
) -> VendorError:
    """The failure of an answer with status 200 without a usable result; `text`: the answer's text, if any.

    `is_unreadable`: the answer has something unreadable instead of an image; another call would cost the same again.
    """
    said = _sentence(f"answered with {lacking}", finish_reason(body), text or _finish_message(body))
    return VendorError.unusable(
        said,
        is_unreadable=is_unreadable,
        usage=usage,
        is_possibly_billed=usage is None,
        request_id=_id(body),
        excerpt=text or body,
    )


def finish_reason(body: Any) -> str:
    """Why the model stopped, in upper case; empty if unknown."""
    candidates = objects(at(body, "candidates"))
    return text_at(candidates, 0, "finishReason").upper()[:60]


def _finish_message(body: Any) -> str:
    return text_at(objects(at(body, "candidates")), 0, "finishMessage")


def _refused(said: str, body: Any, usage: Usage | None) -> VendorError:
    return VendorError("refused", said, usage=usage, status=200, request_id=_id(body))


def _retry_delay_s(body: Any) -> float | None:
    """The pause of google.rpc.RetryInfo, as in `"retryDelay": "17s"`; None if there is none."""
    for detail in objects(at(body, "error", "details")):
        found = _SECONDS.match(text_at(detail, "retryDelay"))
        # type.googleapis.com/google.rpc.RetryInfo
        if found and str(detail.get("@type")).endswith("RetryInfo"):
            return float(found[1])
    return None


def _cure(told: Told, status: int) -> str:
    is_key = "apikeyinvalid" in told.codes or "API key not valid" in told.text
    return " (check GEMINI_API_KEY)" if is_key or status in (401, 403) else ""


def _sentence(what: str, reason: str, message: str) -> str:
    named = f" ({reason})" if reason else ""
    said = f": {' '.join(message.split())[:200]}" if message.strip() else ""
    return f"{WHO} {what}{named}{said}".rstrip(".") + "."


def _id(body: Any) -> str:
    return text_at(body, "responseId")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
