"""How calls to the Gemini Developer API fail: the SDK's errors, and answers with status 200 that hold nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
from google.genai import errors, types

from dali.lib.vendors.failures import Outcome, VendorError, retry_after_s
from dali.lib.vendors.usage import Usage

WHO = "Google Gemini"
# What `generate_content` raises where the service or the way to it is at fault: its own errors, httpx2's as they
# are, and what its parsing stumbles over (google-genai 3.4.0, measured November 2026). JSONDecodeError,
# UnknownApiResponseError and pydantic's ValidationError are ValueErrors.
RAISED = (
    errors.APIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
)

# Its safety systems' words for no; ESCALATION: "Request was filtered by an escalation rule" (SDK 3.4.0's types).
_REFUSING = frozenset({
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
})  # fmt: skip
# The same request would end the same way: the prompt's language, an account closed for misuse.
_FINAL = frozenset({"LANGUAGE", "PUP_LIMITED_DISABLED"})
# `quotaId` of a violation, as in GenerateRequestsPerDayPerProjectPerModel-FreeTier; where there is none the
# message names the metric (js-genai issue 1322, gemini-cli issue 8437, read November 2026).
_BY_THE_DAY = re.compile(r"per_?day", re.IGNORECASE)
# `limit: 0`: the model is not in the account's plan. The others: prepaid credits, a spending cap.
_NO_FUNDS = re.compile(r"limit: 0\b|credits are depleted|spend(ing)? cap|spend(ing)? limit", re.IGNORECASE)
_SECONDS = re.compile(r"^(\d+(?:\.\d+)?)s$")
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.WriteError,
    httpx2.WriteTimeout,
)
_UNSENDABLE = (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)


def failure_of(error: Exception) -> VendorError:
    """One of RAISED in the words of the outcomes."""
    if isinstance(error, errors.APIError):
        return _of_status(error)
    # A plain ValueError is the SDK's or urllib's own, before anything is sent: an address that is none.
    if isinstance(error, _UNSENDABLE) or type(error) is ValueError:
        said = (
            f"{WHO} cannot be asked ({type(error).__name__}): see GOOGLE_GEMINI_BASE_URL and GEMINI_API_KEY."
        )
        return VendorError("provider_error", said, is_retryable=False)
    is_sent = not isinstance(error, _UNSENT)
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        said = "gave no whole answer before the deadline" if is_sent else "could not be reached in time"
        return VendorError("timeout", f"{WHO} {said}.", is_possibly_billed=is_sent)
    if isinstance(error, httpx2.HTTPError | OSError):
        said = "broke off the connection" if is_sent else "could not be reached"
        return VendorError("provider_error", f"{WHO} {said} ({_reason(error)}).", is_possibly_billed=is_sent)
    body = error.doc if isinstance(error, json.JSONDecodeError) else str(error)
    said = f"{WHO} answered with something else than its JSON ({type(error).__name__})."
    return VendorError("provider_error", said, status=200, is_possibly_billed=True, excerpt=body)


def refusal_of(response: types.GenerateContentResponse, usage: Usage | None) -> VendorError | None:
    """The failure that an answer with status 200 says by its prompt feedback or finish reason; None where it says none.

    `refused` where a safety system said no, of the prompt or of what was made; else `provider_error`. The candidate's
    `finishMessage` is lost in the SDK (3.4.0, measured November 2026).
    """
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        said = _sentence("blocked the prompt", feedback.block_reason, feedback.block_reason_message)
        return _refused(said, response, usage)
    candidate = response.candidates[0] if response.candidates else None
    if candidate is None or candidate.finish_reason is None:
        return None
    reason = _name(candidate.finish_reason)
    if reason in _REFUSING:
        said = _sentence("blocked what it made", candidate.finish_reason)
        return _refused(said, response, usage)
    if reason in _FINAL:
        said = _sentence("ended without an answer", candidate.finish_reason)
        return VendorError(
            "provider_error", said, is_retryable=False, usage=usage, status=200, request_id=_id(response)
        )
    return None


def empty(
    response: types.GenerateContentResponse, lacking: str, usage: Usage | None, text: str = ""
) -> VendorError:
    """The failure of an answer with status 200 that lacks what was asked for; `text` is what it says instead."""
    candidate = response.candidates[0] if response.candidates else None
    reason = candidate.finish_reason if candidate else None
    said = _sentence(f"answered with {lacking}", reason, text)
    return VendorError(
        "provider_error",
        said,
        status=200,
        usage=usage,
        is_possibly_billed=usage is None,
        request_id=_id(response),
        excerpt=text,
    )


def _refused(said: str, response: types.GenerateContentResponse, usage: Usage | None) -> VendorError:
    return VendorError("refused", said, usage=usage, status=200, request_id=_id(response))


def _of_status(error: errors.APIError) -> VendorError:
    outcome, is_retryable = _judged(error)
    header = (
        error.response.headers.get("retry-after") if isinstance(error.response, httpx2.Response) else None
    )
    pause_s = _retry_delay_s(error)
    said = " ".join(str(error.message or "").split())[:300] or "without a message"
    return VendorError(
        outcome,
        f"{WHO} answered {error.code} {error.status or ''}: {said}{_cure(error)}".replace(" :", ":"),
        is_retryable=is_retryable,
        # A status of success that is not 200 is none of theirs: something was done with the request.
        is_possibly_billed=error.code < 300,
        retry_after_s=retry_after_s(header) if pause_s is None else pause_s,
        status=error.code,
        excerpt=_excerpt(error.details),
    )


def _judged(error: errors.APIError) -> tuple[Outcome, bool | None]:
    """The outcome, and whether trying again may help where the outcome alone does not say."""
    if error.code == 429:
        return ("quota" if _is_used_up(error) else "rate_limited"), None
    if error.code == 402:
        return "quota", None
    if error.code == 408:
        return "timeout", None
    # 499: cancelled on their side. Redirects are not followed: the address is wrong.
    may_pass = error.code >= 500 or error.code == 499 or error.code < 300
    return "provider_error", may_pass


def _is_used_up(error: errors.APIError) -> bool:
    """Whether a 429 speaks of a quota by the day, or of money, and not of a rate."""
    message = str(error.message or "")
    if _NO_FUNDS.search(message):
        return True
    violations = [
        str(violation.get("quotaId") or violation.get("quotaMetric") or "")
        for detail in _details(error, "QuotaFailure")
        for violation in detail.get("violations") or []
        if isinstance(violation, Mapping)
    ]
    return any(_BY_THE_DAY.search(name) for name in violations or [message])


def _retry_delay_s(error: errors.APIError) -> float | None:
    """What google.rpc.RetryInfo asks for, as in `"retryDelay": "17s"`."""
    for detail in _details(error, "RetryInfo"):
        found = _SECONDS.match(str(detail.get("retryDelay")))
        if found:
            return float(found[1])
    return None


def _cure(error: errors.APIError) -> str:
    reasons = {str(detail.get("reason")) for detail in _details(error, "ErrorInfo")}
    if "API_KEY_INVALID" in reasons or "API key not valid" in str(error.message) or error.code in (401, 403):
        return " (see GEMINI_API_KEY)"
    return ""


def _details(error: errors.APIError, kind: str) -> Iterator[Mapping[str, Any]]:
    """The error's details whose type ends in `kind`, as in type.googleapis.com/google.rpc.RetryInfo."""
    told = error.details.get("error") if isinstance(error.details, Mapping) else None
    details = told.get("details") if isinstance(told, Mapping) else None
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, Mapping) and str(detail.get("@type")).endswith(kind):
            yield detail


def _excerpt(details: object) -> str:
    return details if isinstance(details, str) else json.dumps(details, ensure_ascii=False, default=str)


def _sentence(what: str, reason: object, message: str | None = None) -> str:
    named = f" ({_name(reason)})" if reason is not None else ""
    said = f": {' '.join(message.split())[:200]}" if message else ""
    return f"{WHO} {what}{named}{said}".rstrip(".") + "."


def _name(reason: object) -> str:
    """The SDK's enum, or one made of a word it does not know."""
    return str(getattr(reason, "value", reason)).upper()


def _id(response: types.GenerateContentResponse) -> str:
    return response.response_id or ""


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
