"""How calls of Cloudflare's API fail: its codes, its statuses, and what `requests` raises, as outcomes.

Codes stand in the envelope, which may come with status 200 all the same.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError, NewConnectionError

from dali.lib.calls.answers.json_reading import at
from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import EXCERPT_CHARACTERS, Outcome, VendorError, retry_after_s
from dali.lib.calls.outcomes import judged, told_in
from dali.lib.clock import Deadline

LICENCE = 5016
_MESSAGE_CHARACTERS = 300

# What there is to do about a code; what it means stands in dali.lib.calls.outcomes.
_USED_UP = "the account's free neurons of the day are used up; they come back at 00:00 UTC"
_KEY = "check CLOUDFLARE_API_TOKEN, its permissions and CLOUDFLARE_ACCOUNT_ID"
_CURES = {
    3036: _USED_UP,
    4006: _USED_UP,
    3040: "no capacity for this model at the moment",
    LICENCE: "the model's licence must be agreed to once: read it, then run `manage.py agree_llama_licence`",
    5035: "this model needs the plan Workers Paid",
    10000: _KEY,
}


class CloudflareError(VendorError):
    """A VendorError with `code`, the first of Cloudflare's own in the envelope, None where there is none."""

    def __init__(self, outcome: Outcome, message: str, *, code: int | None = None, **details: Any) -> None:
        super().__init__(outcome, message, **details)
        self.code = code


def failure_of(
    error: Exception, deadline: Deadline, *, status: int | None = None, request_id: str = ""
) -> CloudflareError:
    """What `requests`, urllib3 or a socket raised. `status`: where headers had come and the body did not."""
    causes = list(_causes(error))
    was_sent = not any(
        isinstance(
            cause, NewConnectionError | ConnectTimeoutError | EmptyPoolError | ssl.SSLCertVerificationError
        )
        for cause in causes
    )
    # A status of their own says that nothing was made, also where its body was cut.
    details: dict[str, Any] = {
        "status": status,
        "request_id": request_id,
        "is_possibly_billed": was_sent and (status is None or status < 400),
    }
    if deadline.has_passed:
        return CloudflareError("timeout", "Cloudflare gave no whole answer in time.", **details)
    if not was_sent:
        return CloudflareError("provider_error", f"No connection to Cloudflare: {_reason(causes)}", **details)
    return CloudflareError(
        "provider_error", f"The connection to Cloudflare broke off: {_reason(causes)}", **details
    )


def failure_of_answer(status: int, headers: Mapping[str, str], body: bytes, envelope: Any) -> CloudflareError:
    """A whole answer that is no success, by what its envelope tells and by its status. `envelope`: None where the
    body is no JSON."""
    told = told_in(envelope if envelope is not None else excerpt(body))
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
        # A proxy that waited in vain knows nothing of what became of the call.
        is_possibly_billed=envelope is None and status in (504, 524),
        retry_after_s=retry_after_s(headers.get("retry-after")) if outcome == "rate_limited" else None,
        status=status,
        request_id=headers.get("cf-ray", ""),
        excerpt=excerpt(body),
    )


def unusable(
    message: str,
    status: int,
    request_id: str,
    body: bytes | str,
    usage: Usage | None = None,
    *,
    is_unreadable: bool = False,
) -> CloudflareError:
    """A success that holds nothing to use: tried again, though it may well be on the bill.

    `is_unreadable`: an image's place holds something else, and another call would be paid for the same.
    """
    return CloudflareError(
        "invalid_image" if is_unreadable else "provider_error",
        message,
        is_possibly_billed=True,
        status=status,
        request_id=request_id,
        excerpt=body if isinstance(body, str) else excerpt(body),
        usage=usage,
    )


def excerpt(body: bytes) -> str:
    """The start of a body as text, for the record."""
    return body[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")


def _cure(outcome: Outcome, code: int | None, status: int) -> str:
    if code in _CURES:
        return _CURES[code]
    if outcome == "provider_error" and status in (401, 403):
        return _KEY
    return _USED_UP if outcome == "quota" and code is None else ""


def _first_code(envelope: Any) -> int | None:
    """Cloudflare's own number of the first error."""
    code = at(envelope, "errors", 0, "code")
    if isinstance(code, str) and re.fullmatch(r"\d{1,9}", code, re.ASCII):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**9 else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and whatever it wraps: requests and urllib3 keep it in `reason`, `args` or as the cause."""
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
    """The innermost words, without the addresses of objects that urllib3 puts before them."""
    text = next((str(cause) for cause in reversed(causes) if str(cause)), type(causes[0]).__name__)
    return re.sub(r"<[^>]* at 0x[0-9a-f]+>:? ?", "", text)[:_MESSAGE_CHARACTERS]
