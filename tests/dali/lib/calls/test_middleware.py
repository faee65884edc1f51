"""Each request has a time budget for outside services, whichever kind of handler answers it."""

import asyncio
from typing import cast

from django.http import HttpRequest, HttpResponse

from dali.lib.calls import circuit_breaker
from dali.lib.calls.middleware import request_budget_middleware


def budget_s() -> float | None:
    """The current budget in seconds; None outside of requests."""
    budget = circuit_breaker._budget.get()
    return None if budget is None else budget.left_s


def test_a_sync_handler_has_a_budget() -> None:
    def answer(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(budget_s()))

    response = request_budget_middleware(answer)(HttpRequest())
    assert (response.content, budget_s()) == (b"8.0", None)


def test_an_async_handler_has_a_budget() -> None:
    async def answer(_request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse(str(budget_s()))

    middleware = request_budget_middleware(answer)
    assert asyncio.iscoroutinefunction(middleware)
    response = cast("HttpResponse", asyncio.run(middleware(HttpRequest())))
    assert (response.content, budget_s()) == (b"8.0", None)
