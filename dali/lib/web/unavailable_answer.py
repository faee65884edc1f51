"""The answer 503 with `Retry-After`: a page for a browser, the API's error shape for others, one line in the log."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.log import log_response
from rest_framework.request import Request

from dali.lib.db import errors
from dali.lib.errors import UnavailableError
from dali.lib.web.json_answer import error_answer

STATUS = 503
_REASON_CHARS = 1000


def find_unavailable(error: BaseException | None) -> UnavailableError | None:
    """The error for clients if a dependency is unavailable or busy; None for other errors."""
    if error is None or isinstance(error, UnavailableError):
        return error
    return errors.as_unavailable(error)


def answer_unavailable(request: HttpRequest, error: UnavailableError) -> HttpResponse:
    """The whole answer. Reads no row and no session, since the database may be unavailable."""
    wants_page = request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    if wants_page and not request.path.startswith("/api/"):
        page = render_to_string("503.html", {"reason": error.public_message})
        answer = HttpResponse(page, status=STATUS)
    else:
        answer = error_answer(STATUS, "unavailable", error.public_message)
    answer["Retry-After"] = str(error.retry_after_s)
    answer["Cache-Control"] = "no-store"
    answer["Vary"] = "Accept"
    return answer


def log_unavailable(
    error: BaseException, response: HttpResponse, request: HttpRequest | Request | None
) -> None:
    """Logs a failure as one error line with its reason and no traceback. Django then logs nothing more."""
    log_response(
        "503 %s: %s",
        getattr(request, "path", ""),
        str(error)[:_REASON_CHARS],
        response=response,
        request=request,
    )
