"""The rate limit of submissions."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from structlog import get_logger

from dali.lib.client_address import client_ip, customer

_log = get_logger(__name__)


class JobsThrottle(BaseThrottle):
    """At most `DALI_JOBS_RATE` submissions from one address (one /64 of IPv6 addresses).

    Where the shared cache is down it lets in: work waits in rows until its services are back, and a
    limit is no reason to refuse it.
    """

    _wait_s: int | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Counts the request and says whether it may go on."""
        try:
            usage = get_usage(
                request._request, group="jobs", key=_address, rate=settings.JOBS_RATE, increment=True
            )
        except (RedisError, OSError) as error:
            _log.warning("rate limit not counted", reason=str(error)[:200])
            return True
        if usage is None or usage["limit"] == 0:  # 0: the cache lost the count
            return True
        self._wait_s = max(1, usage["time_left"])
        return not usage["should_limit"]

    def wait(self) -> int | None:
        """Seconds until it may go on."""
        return self._wait_s


def _address(group: str, request: HttpRequest) -> Any:
    return customer(client_ip(request))
