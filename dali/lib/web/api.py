"""What every route of the API shares: one shape for errors, OPTIONS without a key."""

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
    """For every view of the API: OPTIONS answers without a body, bodies may come in chunks, answers end with a line
    break and say what of the body was ignored."""

    _warnings: Sequence[str] = ()

    def read(self, serializer: type[S], *, partial: bool = False) -> S:
        """The body, checked; ValidationError. The answer will say what of it was ignored."""
        given = serializer(data=self.request.data, partial=partial)
        given.is_valid(raise_exception=True)
        self._warnings = given.warnings_for(self.request.data)
        return given

    def read_nothing(self) -> Any:
        """The JSON body that came to a route that needs none; an empty object where none came."""
        media_type = (self.request.content_type or "").partition(";")[0].strip().lower()
        body = self.request.data if media_type == StrictJSONParser.media_type else None
        NoBodySerializer(data=body or {}).is_valid(raise_exception=True)
        self._warnings = NoBodySerializer().warnings_for(body)
        return body or {}

    def warn_of_ignored(self, serializer: type[BodySerializer[Any]]) -> None:
        """Has the answer say what of the body is ignored by that serializer; for a body that is not checked again."""
        self._warnings = serializer().warnings_for(self.request.data)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Called with every answer, refusals too."""
        final = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(final, Response):
            if self._warnings and isinstance(final.data, dict) and not final.exception:
                final.data = {**final.data, WARNINGS: list(self._warnings)}
            final.add_post_render_callback(end_line)
        return final

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """DRF's own refusal of a request without a key would not say where the key belongs."""
        if request.authenticators and not request.successful_authenticator:
            raise NotAuthenticated(message)
        super().permission_denied(request, message, code)

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
