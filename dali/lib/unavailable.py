"""Requests that a service Dali depends on keeps from being answered: soon a 503, and one line in the log."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.log import log_response
from rest_framework.request import Request

from dali.lib import patience
from dali.lib.errors import UnavailableError

_REASON_CHARACTERS = 1000


def log_unavailable(error: Exception, response: HttpResponse, request: HttpRequest | Request | None) -> None:
    """Logs why a request is answered with 503: at ERROR, for the operator, whole and without traceback.

    Django sees that the response is logged, and adds no line of its own.
    """
    log_response(
        "503 %s: %s",
        getattr(request, "path", ""),
        str(error)[:_REASON_CHARACTERS],
        response=response,
        request=request,
    )


class UnavailableMiddleware:
    """Has requests wait for outside services no longer than clients do, and answers 503 for views outside the API.

    The API's own views answer in the API's shape (dali.lib.api).
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Called by Django for each request."""
        if iscoroutinefunction(self):
            return self._answer(request)
        with patience.of_request():
            return self._get_response(request)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with patience.of_request():
            return await cast("Awaitable[HttpResponseBase]", self._get_response(request))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Called by Django where a view raised."""
        return _page(exception, request) if isinstance(exception, UnavailableError) else None


def _page(error: UnavailableError, request: HttpRequest) -> HttpResponse:
    """The answer outside the API: a sentence that no cache keeps."""
    response = HttpResponse(
        f"{error.public_message}\n",
        status=503,
        content_type="text/plain; charset=utf-8",
        headers={
            "Cache-Control": "no-store",
            "Retry-After": str(error.retry_after_s),
            "X-Content-Type-Options": "nosniff",
        },
    )
    log_unavailable(error, response, request)
    return response
