"""Failures of calls to Cloudflare's API: its codes and statuses, and exceptions of `requests`, as outcomes.

Error codes are in the envelope, which may come with status 200.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, NewConnectionError

from dali.lib.calls.answers.json_reading import at
from dali.lib.calls.failures import EXCERPT_CHARACTERS, Outcome, VendorError, retry_after_s
from dali.lib.calls.outcomes import judged, told_in
from dali.lib.clock import Deadline

LICENCE = 5016
_MESSAGE_CHARACTERS = 300

# What to do about a code; dali.lib.calls.outcomes knows what it means.
_USED_UP = "the account's free neurons of the day are used up; they are renewed at 00:00 UTC"
_KEY = "check CLOUDFLARE_API_TOKEN, its permissions and CLOUDFLARE_ACCOUNT_ID"
_CURES = {
    3036: _USED_UP,
    4006: _USED_UP,
    3040: "this model has no capacity at the moment",
    LICENCE: "you must agree to the model's licence once: read it, then run `manage.py agree_llama_licence`",
    5035: "this model needs the plan Workers Paid",
    10000: _KEY,
}


class CloudflareError(VendorError):
    """A VendorError. `code`: Cloudflare's first error code in the envelope, or None."""

    def __init__(self, outcome: Outcome, message: str, *, code: int | None = None, **details: Any) -> None:
        super().__init__(outcome, message, **details)
        self.code = code


def failure_of(
    error: Exception, deadline: Deadline, *, status: int | None = None, request_id: str = ""
) -> CloudflareError:
    """The failure that `requests`, urllib3 or a socket raised. `status`: known if only the body is missing."""
    causes = list(_causes(error))
    was_sent = not any(
        isinstance(
            cause, NewConnectionError | ConnectTimeoutError | EmptyPoolError | ssl.SSLCertVerificationError
        )
        for cause in causes
    )
    # An error status means that nothing was made, even if its body was cut off.
    details: dict[str, Any] = {
        "status": status,
        "request_id": request_id,
        "is_possibly_billed": was_sent and (status is None or status < 400),
    }
    if deadline.has_passed:
        return CloudflareError("timeout", "Cloudflare did not answer completely in time.", **details)
    said = "The connection to Cloudflare was lost" if was_sent else "Could not connect to Cloudflare"
    return CloudflareError("provider_error", f"{said}: {_reason(causes)}", **details)


def failure_of_answer(status: int, headers: Mapping[str, str], body: bytes, envelope: Any) -> CloudflareError:
    """The failure that a complete answer reports. `envelope`: None if the body is not JSON."""
    told = told_in(
        envelope if envelope is not None else body[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")
    )
    outcome, is_retryable = judged(told, status)
    code = _first_code(envelope)
    said = told.message[:_MESSAGE_CHARACTERS] if envelope is not None else ""
    if outcome == "refused":
        message = f"Cloudflare's safety system refused: {said or 'no reason given'}"
    else:
        what = said or ("" if envelope is not None else "an answer that is not JSON")
        named = f" (code {code})" if code is not None else ""
        message = f"Cloudflare answered {status}{named}: {what or 'no reason given'}"
    if cure := _cure(outcome, code, status):
        message = f"{message.rstrip('.')}. {cure[0].upper()}{cure[1:]}."
    return CloudflareError(
        outcome,
        message,
        code=code,
        is_retryable=is_retryable,
        # A proxy that timed out does not know the result of the call.
        is_possibly_billed=envelope is None and status in (504, 524),
        retry_after_s=retry_after_s(headers.get("retry-after")) if outcome == "rate_limited" else None,
        status=status,
        request_id=headers.get("cf-ray", ""),
        excerpt=body,
    )


def _cure(outcome: Outcome, code: int | None, status: int) -> str:
    if code in _CURES:
        return _CURES[code]
    if outcome == "provider_error" and status in (401, 403):
        return _KEY
    return _USED_UP if outcome == "quota" and code is None else ""


def _first_code(envelope: Any) -> int | None:
    """Cloudflare's code of the first error, or None."""
    code = at(envelope, "errors", 0, "code")
    if isinstance(code, str) and re.fullmatch(r"\d{1,9}", code, re.ASCII):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**9 else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and those it wraps: requests and urllib3 keep them in `reason`, `args` or as the cause."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inside = [getattr(found, "reason", None), *found.args, found.__cause__, found.__context__]
        waiting += [cause for cause in inside if isinstance(cause, BaseException)]


def _reason(causes: list[BaseException]) -> str:
    """The innermost message, without the object addresses that urllib3 puts before it."""
    text = next((str(cause) for cause in reversed(causes) if str(cause)), type(causes[0]).__name__)
    return re.sub(r"<[^>]* at 0x[0-9a-f]+>:? ?", "", text)[:_MESSAGE_CHARACTERS]
