"""The processes of pytest-xdist: how many there are, and which Redis database each of them uses."""

import os
from urllib.parse import urlsplit, urlunsplit

REDIS_DATABASES = 16  # the default of a Redis server


def own_redis_url(url: str) -> str:
    """The URL for this process: of workers gw0, gw1 ... the first has the given number, the next one more."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return _numbered(url, redis_number(url) + int(worker.removeprefix("gw") or 0))


def redis_number(url: str) -> int:
    """The database number in a Redis URL, 0 without one."""
    return int(urlsplit(url).path.strip("/") or 0)


def worker_count(cores: int, redis_url: str) -> int:
    """One more than the cores, because tests also wait; at most as many as there are Redis databases."""
    return max(1, min(cores + 1, REDIS_DATABASES - redis_number(redis_url)))


def _numbered(url: str, number: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
