"""Django middleware that gives each request its time budget for outside services."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

from dali.lib.calls.circuit_breaker import request_budget


@sync_and_async_middleware
def request_budget_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """For all servers. A request that has already waited for its lane keeps the budget that is left."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> Any:
            with request_budget():
                return await get_response(request)

        return answer_async

    def answer(request: HttpRequest) -> Any:
        with request_budget():
            return get_response(request)

    return answer
