"""The root of Dali's errors and those that an HTTP answer is made of."""

from typing import ClassVar

from dali.lib.cleaning import clean_text


class DaliError(Exception):
    """Root of every error that Dali raises on purpose. The message names the thing and the cure.

    It may quote what a service or a client said: its texts are cleaned, so that every database takes them.
    """

    def __init__(self, *said: object) -> None:
        super().__init__(*(clean_text(part) if isinstance(part, str) else part for part in said))

    @property
    def public_message(self) -> str:
        """What a client may be told: in an answer, an event, an `error` of a row."""
        return str(self)


class InputError(DaliError):
    """What a client sent cannot be taken; answered with 400.

    `field` is the client's own name for the input at fault, as in `maskImageUrl` or `models.openai`.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class MissingError(DaliError):
    """The thing asked for does not exist; answered with 404."""


class GoneError(DaliError):
    """The thing was there and was taken back; answered with 410."""


class ConflictError(DaliError):
    """The thing is in a state that forbids the request; answered with 409."""


class IdempotencyError(DaliError):
    """An idempotency key came again with another body; answered with 422."""


class UnavailableError(DaliError):
    """A service Dali depends on is down; answered with 503 and `Retry-After: retry_after_s`.

    `str(error)` is for the log: `reason`, which may name settings, buckets, paths and keys, and the message where
    there is no reason. `public_message` is the message: a client sees that alone.
    """

    def __init__(self, message: str, retry_after_s: int = 5, *, reason: str = "") -> None:
        super().__init__(reason or message)
        self._message = clean_text(message)
        self.retry_after_s = retry_after_s

    @property
    def public_message(self) -> str:
        """See DaliError."""
        return self._message


class RefusedStartError(DaliError):
    """A server or worker must not start; the message is the line it ends with, `exit_code` its exit code."""

    exit_code: ClassVar[int] = 1
