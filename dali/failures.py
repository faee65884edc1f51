"""Answers to what fails before or outside an API view: the API's shape below /api, plain pages elsewhere."""

import sys

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from dali.lib.json_answer import error_answer
from dali.lib.unavailable_answer import answer_unavailable, find_unavailable, log_unavailable


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that Django refuses, as for a host it does not serve."""
    if not request.path.startswith("/api"):
        return defaults.bad_request(request, exception)
    return error_answer(400, "bad_request", "The request cannot be taken; check its host and headers.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while an exception of a view, a middleware or a template is handled.

    503 where a dependency is down or busy, else 500 without details.
    """
    error = sys.exc_info()[1]
    unavailable = find_unavailable(error)
    if error is not None and unavailable is not None:
        answer = answer_unavailable(request, unavailable)
        log_unavailable(error, answer, request)
        return answer
    if not request.path.startswith("/api"):
        return defaults.server_error(request)
    return error_answer(500, "error", "Server Error (500)")
