"""Has each request wait for outside services no longer than its client does (dali.lib.calls.patience)."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from dali.lib.calls import patience


class PatientRequestsMiddleware:
    """For servers without lanes too: a request that has waited for its lane keeps what is left of its time."""

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
