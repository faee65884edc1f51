"""What all routes of the API share: the format of errors, warnings, OPTIONS without a key."""

from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    NotAuthenticated,
    NotFound,
    ParseError,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dali.lib import errors
from dali.lib.web.input.bodies import WARNINGS, BodySerializer, NoBodySerializer
from dali.lib.web.input.strict_json import StrictJSONParser, TooLargeError
from dali.lib.web.json_answer import end_line
from dali.lib.web.unavailable_answer import find_unavailable, log_unavailable

S = TypeVar("S", bound=BodySerializer[Any])


# Status and code of the answer to each kind of error.
_ANSWERS: dict[type[errors.DaliError], tuple[int, str]] = {
    errors.MissingError: (status.HTTP_404_NOT_FOUND, "not_found"),
    errors.GoneError: (status.HTTP_410_GONE, "gone"),
    errors.ConflictError: (status.HTTP_409_CONFLICT, "conflict"),
    errors.IdempotencyError: (status.HTTP_422_UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
    errors.UnavailableError: (status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable"),
}


class ErrorAnswer(APIException):
    """The answer to an error of `_ANSWERS`."""

    def __init__(self, error: errors.DaliError, status_code: int, code: str) -> None:
        super().__init__(error.public_message, code)
        self.status_code = status_code
        self.wait = getattr(error, "retry_after_s", None)  # the error handler makes `Retry-After` of it


class ErrorHandler(ExceptionHandler):
    """Gives every error the same format; only unexpected ones are logged with a traceback."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """Converts the errors of Dali, Django and the database into API errors."""
        exc = find_unavailable(exc) or exc
        if isinstance(exc, errors.InputError):
            return ValidationError({exc.field: [ErrorDetail(str(exc), code="invalid")]})
        for kind, (status_code, code) in _ANSWERS.items():
            if isinstance(exc, kind):
                return ErrorAnswer(exc, status_code, code)
        if isinstance(exc, RequestDataTooBig):
            return TooLargeError(f"The body is larger than {settings.MAX_BODY_BYTES:,} bytes; send less.")
        if isinstance(exc, SuspiciousOperation | UnreadablePostError):
            return ParseError("The request cannot be read.")
        return super().convert_known_exceptions(exc)

    def should_not_handle(self, exc: Exception) -> bool:
        """Django handles no error: its debug page would show a stack trace."""
        return False

    def format_exception(self, exc: APIException) -> dict[str, Any]:
        """The format; each message about bad input names its field."""
        data = cast(dict[str, Any], super().format_exception(exc))
        for error in data["errors"]:
            attr = error["attr"]
            if attr and attr != "non_field_errors" and attr not in error["detail"]:
                error["detail"] = f"{attr}: {error['detail']}"
        return data

    def report_exception(self, exc: APIException, response: Response) -> None:
        """Expected failures are logged without a traceback, unexpected ones as Django does."""
        if exc.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
            log_unavailable(self.exc, response, self.context["request"])
        else:
            super().report_exception(exc, response)


def handle_exception(exc: Exception, context: Any) -> Response | None:
    """The answer to an exception in an API view; 500 without details if it is unexpected."""
    return ErrorHandler(exc, context).run()


class ApiMixin(APIView):
    """Base of every view of the API: OPTIONS answers without a body, request bodies may come in chunks, answers end
    with a line break and say what was ignored in the body."""

    _warnings: Sequence[str] = ()

    def read(self, serializer: type[S], *, partial: bool = False) -> S:
        """Validates the body. Raises ValidationError. The answer will say what was ignored in it."""
        given = serializer(data=self.request.data, partial=partial)
        given.is_valid(raise_exception=True)
        self._warnings = given.warnings_for(self.request.data)
        return given

    def read_nothing(self) -> Any:
        """The JSON body of a request to a route that needs none; an empty object without one."""
        media_type = (self.request.content_type or "").partition(";")[0].strip().lower()
        body = self.request.data if media_type == StrictJSONParser.media_type else None
        NoBodySerializer(data=body or {}).is_valid(raise_exception=True)
        self._warnings = NoBodySerializer().warnings_for(body)
        return body or {}

    def warn_of_ignored(self, serializer: type[BodySerializer[Any]]) -> None:
        """Makes the answer say what that serializer ignores in the body, without validating it again."""
        self._warnings = serializer().warnings_for(self.request.data)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Called with every answer, errors included."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(final, Response):
            if self._warnings and isinstance(final.data, dict) and not final.exception:
                final.data = {**final.data, WARNINGS: list(self._warnings)}
            final.add_post_render_callback(end_line)
        return final

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """DRF's own answer to a request without a key does not say where to send the key."""
        if request.authenticators and not request.successful_authenticator:
            raise NotAuthenticated(message)
        super().permission_denied(request, message, code)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Gives a chunked body its length: DRF takes a body without a length for empty."""
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    def options(self, request: HttpRequest | Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """The `Allow` header lists the methods. There is no body, since a page has no renderer for it."""
        answer = HttpResponse(status=status.HTTP_204_NO_CONTENT)
        del answer["Content-Type"]
        return answer


class UnknownRouteView(ApiMixin):
    """Answers unknown paths under /api."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Called before the method is looked up, so that all methods get the same answer."""
        raise NotFound(f"There is no {request.path}; GET /api/schema lists all routes.")
