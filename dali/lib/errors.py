"""The root of Dali's errors, and those that become HTTP responses."""

from typing import ClassVar

from dali.lib.cleaning import clean_text


class DaliError(Exception):
    """Root of all errors that Dali raises on purpose. The message names the thing, the value and the cure.

    It may quote services and clients: its texts are cleaned, so that every database accepts them.
    """

    def __init__(self, *said: object) -> None:
        super().__init__(*(clean_text(part) if isinstance(part, str) else part for part in said))

    @property
    def public_message(self) -> str:
        """The message for clients: in a response, an event, or the `error` of a row."""
        return str(self)


class InputError(DaliError):
    """The client's input is not valid; answered with 400.

    `field` is the client's name for that input, such as `maskImageUrl` or `models.openai`.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class MissingError(DaliError):
    """The requested object does not exist; answered with 404."""


class GoneError(DaliError):
    """The object existed and was withdrawn; answered with 410."""


class ConflictError(DaliError):
    """The object's state does not allow the request; answered with 409."""


class IdempotencyError(DaliError):
    """An idempotency key was used again with a different body; answered with 422."""


class UnavailableError(DaliError):
    """A service Dali depends on is down; answered with 503 and `Retry-After: retry_after_s`.

    `str(error)` is for the log: the `reason`, which may name settings, buckets, paths and keys, or else the message.
    Clients see only the message (`public_message`).
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
    """A server or worker must not start. It prints the message and ends with `exit_code`."""

    exit_code: ClassVar[int] = 1
