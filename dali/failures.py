"""Answers to what fails before or outside a view: the API's shape below /api, plain pages elsewhere."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request that Django refuses, as for a host it does not serve."""
    if not request.path.startswith("/api"):
        return defaults.bad_request(request, exception)
    return _answer(
        "client_error", "bad_request", "The request cannot be taken; check its host and headers.", 400
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours, without details."""
    if not request.path.startswith("/api"):
        return defaults.server_error(request)
    return _answer("server_error", "error", "Server Error (500)", 500)


def _answer(kind: str, code: str, detail: str, status: int) -> JsonResponse:
    return JsonResponse(
        {"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}, status=status
    )
