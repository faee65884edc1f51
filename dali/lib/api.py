"""What every route of the API shares: one shape for errors, OPTIONS without a key."""

from typing import Any, cast

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from drf_standardized_errors.handler import ExceptionHandler
from rest_framework import status
from rest_framework.exceptions import APIException, ErrorDetail, NotFound, ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dali.lib import errors
from dali.lib.strict_json import TooLargeError
from dali.lib.unavailable_answer import find_unavailable, log_unavailable


class ConflictAnswer(APIException):
    """A state that forbids the request."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class GoneAnswer(APIException):
    """Something that was there and was taken back."""

    status_code = status.HTTP_410_GONE
    default_code = "gone"


class IdempotencyAnswer(APIException):
    """An idempotency key that came again with another body."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"


class UnavailableAnswer(APIException):
    """A dependency that is down."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.wait = retry_after_s  # the error handler makes `Retry-After` of it


_ANSWERS: dict[type[errors.DaliError], type[APIException]] = {
    errors.MissingError: NotFound,
    errors.GoneError: GoneAnswer,
    errors.ConflictError: ConflictAnswer,
    errors.IdempotencyError: IdempotencyAnswer,
}


class ErrorHandler(ExceptionHandler):
    """Makes every error of the API the same shape, and logs only the unexpected with a traceback."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """Dali's, Django's and the database's errors as the answers they stand for."""
        exc = find_unavailable(exc) or exc
        if isinstance(exc, errors.InputError):
            return ValidationError({exc.field: [ErrorDetail(str(exc), code="invalid")]})
        for error, answer in _ANSWERS.items():
            if isinstance(exc, error):
                return answer(str(exc))
        if isinstance(exc, errors.UnavailableError):
            return UnavailableAnswer(exc.public_message, exc.retry_after_s)
        if isinstance(exc, RequestDataTooBig):
            return TooLargeError(f"The body is larger than {settings.MAX_BODY_BYTES:,} bytes; send less.")
        if isinstance(exc, SuspiciousOperation | UnreadablePostError):
            return ParseError("The request cannot be read.")
        return super().convert_known_exceptions(exc)

    def should_not_handle(self, exc: Exception) -> bool:
        """Nothing is left to Django: its debug page would show a stack trace."""
        return False

    def format_exception(self, exc: APIException) -> dict[str, Any]:
        """The shape, each message of bad input led by the name of its field."""
        data = cast(dict[str, Any], super().format_exception(exc))
        for error in data["errors"]:
            attr = error["attr"]
            if attr and attr != "non_field_errors" and attr not in error["detail"]:
                error["detail"] = f"{attr}: {error['detail']}"
        return data

    def report_exception(self, exc: APIException, response: Response) -> None:
        """Expected failures are a line without traceback, the unexpected go the way Django's own go."""
        if isinstance(exc, UnavailableAnswer):
            log_unavailable(self.exc, response, self.context["request"])
            return
        super().report_exception(exc, response)


def handle_exception(exc: Exception, context: Any) -> Response | None:
    """The answer to an exception in an API view; 500 without details where it is none of the expected."""
    return ErrorHandler(exc, context).run()


class ApiMixin(APIView):
    """For every view of the API: OPTIONS answers without a body, and bodies may come in chunks."""

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Gives a chunked body its length: without one the framework would take it for empty."""
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    def options(self, request: HttpRequest | Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """What may be asked here is in the `Allow` header; nothing is rendered, for a page could not be."""
        answer = HttpResponse(status=status.HTTP_204_NO_CONTENT)
        del answer["Content-Type"]
        return answer


class UnknownRouteView(ApiMixin):
    """Answers every path under /api that leads nowhere."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Called before any method is looked for, so that all of them are answered alike."""
        raise NotFound(f"There is no {request.path}; GET /api/schema lists what there is.")
