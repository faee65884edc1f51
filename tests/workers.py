"""The processes of pytest-xdist: how many there are, and which Redis database each of them works in."""

import os
from urllib.parse import urlsplit, urlunsplit

REDIS_DATABASES = 16  # what a Redis has unless it is configured otherwise


def own_redis_url(url: str) -> str:
    """The address for this process: of workers gw0, gw1 ... the number given, the one after it and so on."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return _numbered(url, redis_number(url) + int(worker.removeprefix("gw") or 0))


def redis_number(url: str) -> int:
    """The database number in a Redis address, 0 where it names none."""
    return int(urlsplit(url).path.strip("/") or 0)


def worker_count(cores: int, redis_url: str) -> int:
    """One more than there are cores, for tests also wait; no more than have a Redis database each."""
    return max(1, min(cores + 1, REDIS_DATABASES - redis_number(redis_url)))


def _numbered(url: str, number: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
