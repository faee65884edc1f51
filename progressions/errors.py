"""What can go wrong between a prompt and its image, in the words of the contract's outcomes."""

from dali.lib.errors import DaliError
from progressions.enums import Code

# Retried unless the error says otherwise; the rest never.
RETRYABLE = frozenset({Code.RATE_LIMITED, Code.TIMEOUT, Code.PROVIDER_ERROR})


class ProviderError(DaliError):
    """A provider call ended without an image. The message is one readable sentence, without secrets.

    `code` is one of the outcomes; `is_retryable` defaults to what the outcome says; `retry_after_s` is
    what the provider asked for; `status`, `request_id` and `excerpt` (at most 500 characters of
    the answer) are for the journal.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        is_retryable: bool | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
        request_id: str = "",
        excerpt: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.is_retryable = code in RETRYABLE if is_retryable is None else is_retryable
        self.retry_after_s = retry_after_s
        self.status = status
        self.request_id = request_id
        self.excerpt = excerpt[:500]


class StartImageError(DaliError):
    """The start image or mask cannot be had (`unreachable`) or is none (`invalid_image`)."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class JudgeError(DaliError):
    """The judge could not say; the image keeps a null judgment and is judged again later."""


class DeliveryError(DaliError):
    """The delivery image could not be placed; the step is tried again."""


class LeaseLostError(DaliError):
    """Another worker has this row now, or it has ended: nothing more may be written."""
