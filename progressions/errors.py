"""Errors between a prompt and its image, with the outcomes of the contracts."""

from dali.lib.calls import failures
from dali.lib.calls.answers.usage import Usage
from dali.lib.errors import DaliError, UnavailableError
from progressions.enums import Code

_NOT_DELIVERED = "The image delivery cannot be reached; try again."
# Retried unless the error says otherwise; other codes never are.
RETRYABLE = frozenset({Code.RATE_LIMITED, Code.TIMEOUT, Code.PROVIDER_ERROR})


class ProviderError(DaliError):
    """A provider call ended without an image. The message is one readable sentence, without secrets.

    `code` is one of the outcomes; `is_retryable` defaults to what the outcome says; `retry_after_s` is
    what the provider asked for; `is_possibly_billed`: the request may have arrived, but its result is
    not known; `usage`: what the service reports to have used for it; `status`, `request_id` and `excerpt` (at most
    500 characters of the answer) are for the journal. All of it is cleaned, and secrets are masked. An `invalid_image`
    that is retryable is an answer that was damaged on its way: it is asked for once more.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        is_retryable: bool | None = None,
        retry_after_s: float | None = None,
        is_possibly_billed: bool = False,
        usage: Usage | None = None,
        status: int | None = None,
        request_id: str = "",
        excerpt: str = "",
    ) -> None:
        super().__init__(failures.masked(message, failures.MESSAGE_CHARACTERS))
        self.code = code
        self.is_possibly_billed = is_possibly_billed
        self.usage = usage if isinstance(usage, Usage) else None
        self.is_retryable = code in RETRYABLE if is_retryable is None else is_retryable
        self.retry_after_s = failures.clean_pause_s(retry_after_s)
        self.status = failures.clean_status(status)
        self.request_id = failures.masked(request_id, failures.REQUEST_ID_CHARACTERS)
        self.excerpt = failures.masked(excerpt, failures.EXCERPT_CHARACTERS)

    @classmethod
    def of(cls, error: failures.VendorError) -> "ProviderError":
        """The error of a service's failure."""
        return cls(
            Code(error.outcome),
            str(error),
            is_retryable=error.is_retryable,
            retry_after_s=error.retry_after_s,
            is_possibly_billed=error.is_possibly_billed,
            usage=error.usage,
            status=error.status,
            request_id=error.request_id,
            excerpt=error.excerpt,
        )


class StartImageError(DaliError):
    """The start image or mask cannot be fetched (`unreachable`) or is not an image (`invalid_image`)."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class JudgeError(DaliError):
    """The judge could not give a verdict; the judgment stays null and the image is judged again later.

    `usage`: of the calls that were paid for nevertheless; `unseen`: estimates of calls that were never answered.
    """

    def __init__(
        self, message: str, *, usage: tuple[Usage, ...] = (), unseen: tuple[Usage, ...] = ()
    ) -> None:
        super().__init__(failures.masked(message, failures.MESSAGE_CHARACTERS))
        self.usage = usage
        self.unseen = unseen


class DeliveryError(UnavailableError):
    """The delivery image could not be stored or looked up; the step is tried again.

    A request that needed it is answered with 503. `message`: for the log; it names the setting at fault, if there is
    one. `is_busy`: the delivery asked for a pause of `retry_after_s`. `public_message`: for clients, if more can be
    said than that the delivery is unavailable.
    `code`: set if trying again cannot help (a used-up quota, a wrong key, an image that is refused). The step then
    fails with it, and clients get `public_message`, which says why and what to do.
    """

    def __init__(
        self,
        message: str,
        retry_after_s: int = 5,
        *,
        is_busy: bool = False,
        public_message: str = "",
        code: Code | None = None,
    ) -> None:
        super().__init__(
            failures.masked(public_message, failures.MESSAGE_CHARACTERS) or _NOT_DELIVERED,
            retry_after_s,
            reason=failures.masked(message, failures.MESSAGE_CHARACTERS),
        )
        self.is_busy = is_busy
        self.code = code

    @property
    def is_permanent(self) -> bool:
        """Whether the same request would fail again."""
        return self.code is not None


class LeaseLostError(DaliError):
    """Another worker has this row now, or it has ended: do not write it any more."""
