"""Visits that were answered and are no rows yet, noted in the broker's Redis until they are.

A message alone is not safe there: Kombu takes it off the queue and writes it down as unacknowledged in two steps, and a
consumer killed in between loses it. So a visit is noted before its answer leaves, which costs a fifth of a
millisecond, and its message may come later, shared with others. The note goes when the row is there; one that stays was
lost on the way and is written by the sweep.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from artifacts.viewlog import WAIT_S, View
from dali.lib.clock import Deadline

KEY = "dali.views"
# All notes are read to find old ones; where the worker of the view log is away they are many.
LOOK_S = 10.0
_PAGE = 500
_SCHEMES = ("redis://", "rediss://", "unix://")


class Notes:
    """The notes in one Redis. Connects when first asked; every method raises RedisError where it is away."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=WAIT_S,
            socket_connect_timeout=WAIT_S,
            # A connection that a restarted Redis closed is made anew, once; a time-out is not waited for twice.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            decode_responses=True,
        )
        self._next_look = Deadline.after(0)

    def keep(self, view: View) -> None:
        """Notes a visit."""
        self._redis.hset(KEY, view["id"], json.dumps(view))

    def drop(self, views: Iterable[View]) -> None:
        """Forgets visits that are rows now."""
        if ids := [view["id"] for view in views]:
            self._redis.hdel(KEY, *ids)

    def is_look_due(self) -> bool:
        """Whether LOOK_S have passed since this last said so."""
        if is_due := self._next_look.has_passed:
            self._next_look = Deadline.after(LOOK_S)
        return is_due

    def left_behind(self, *, older_than_s: float) -> Iterator[list[View]]:
        """Visits noted so long ago that their message must be lost, in batches; drop each before the next."""
        before = timezone.now() - timedelta(seconds=older_than_s)
        cursor = None
        while cursor != 0:
            page: dict[str, str]
            cursor, page = self._redis.hscan(KEY, cursor or 0, count=_PAGE)  # type: ignore[assignment]  # decoded
            views: list[View] = [json.loads(text) for text in page.values()]
            if old := [view for view in views if datetime.fromisoformat(view["timestamp"]) < before]:
                yield old


def find_notes() -> Notes | None:
    """The notes beside the task queue; None where that is no Redis."""
    url = settings.CELERY_BROKER_URL
    return Notes(url) if url.startswith(_SCHEMES) else None
