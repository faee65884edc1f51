"""Rate limits of the API's routes, and the limit of submissions."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from structlog import get_logger

from dali.lib.web.client_address import client_ip, customer

_log = get_logger(__name__)


class RateThrottle(BaseThrottle):
    """At most `rate` requests of one group from one client. Subclass it.

    A client is an address (one /64 of IPv6 addresses) unless `client_of` says otherwise. If the shared cache
    is unavailable, every request is allowed.
    """

    group: ClassVar[str]
    setting: ClassVar[str]  # the name of the setting that holds the rate, as in `30/m`
    _wait_s: int | None = None

    def client_of(self, request: HttpRequest) -> str | None:
        """What requests are counted by; None: do not count this request."""
        return customer(client_ip(request))

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Counts the request and says whether it is allowed."""
        self._wait_s = self.seconds_to_wait(request._request)
        return self._wait_s is None

    def seconds_to_wait(self, request: HttpRequest) -> int | None:
        """Counts the request; returns how many seconds to wait, None if it is allowed now."""
        client = self.client_of(request)
        if client is None:
            return None

        def key(group: str, request: HttpRequest) -> Any:
            return client

        rate = getattr(settings, self.setting)
        try:
            usage = get_usage(request, group=self.group, key=key, rate=rate, increment=True)
        except (RedisError, OSError) as error:
            _log.warning("rate limit not counted", reason=str(error)[:200])
            return None
        if usage is None or usage["limit"] == 0:  # 0: the cache lost the count
            return None
        return max(1, usage["time_left"]) if usage["should_limit"] else None

    def wait(self) -> int | None:
        """Seconds to wait."""
        return self._wait_s


class JobsThrottle(RateThrottle):
    """At most `DALI_JOBS_RATE` submissions from one address."""

    group = "jobs"
    setting = "JOBS_RATE"
