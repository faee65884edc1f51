"""`GET /healthz` and `GET /readyz`, answered in the event loop: neither needs a thread, a pool or a key."""

import os
from collections.abc import Awaitable, Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from botocore.config import Config
from django.conf import settings
from django.core.files.storage import storages
from kombu import Connection
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dali.lib.db.probe import ask_database
from dali.lib.files import disk
from dali.lib.objects.probe import named_storages
from dali.lib.objects.storage import named
from dali.lib.readiness import Check, NotReadyError, Readiness
from dali.lib.web.json_answer import error_line, json_line
from dali.lib.web.streams.endless import HEALTH, READY

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_CONNECT_S = 2
_HASTY = Config(connect_timeout=_CONNECT_S, read_timeout=_CONNECT_S, retries={"max_attempts": 0})
_RETRY_AFTER_S = b"5"
# The deliveries that keep files, and so need the storage `delivery`.
_OF_FILES = {"local", "storage"}


def health_application(inner: Application) -> Application:
    """Serves the two paths and passes the rest to `inner`."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] not in (HEALTH, READY):
            await inner(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            body = error_line(405, "method_not_allowed", f'Method "{scope["method"]}" not allowed.')
            await _answer(scope, send, 405, body, (b"allow", b"GET, HEAD"))
        elif scope["path"] == HEALTH:
            await _answer(scope, send, 200, json_line({"status": "ok"}))
        else:
            await _answer_ready(scope, send)

    return application


async def _answer_ready(scope: dict[str, Any], send: Any) -> None:
    outcomes = await readiness().outcomes()
    is_ready = not any(outcome.error for outcome in outcomes)
    checks = [
        {"name": one.name, "ok": not one.error, "ms": one.ms} | ({"error": one.error} if one.error else {})
        for one in outcomes
    ]
    body = json_line({"ready": is_ready, "checks": checks})
    extra = [] if is_ready else [(b"retry-after", _RETRY_AFTER_S)]
    await _answer(scope, send, 200 if is_ready else 503, body, *extra)


async def _answer(
    scope: dict[str, Any], send: Any, status: int, content: bytes, *headers: tuple[bytes, bytes]
) -> None:
    common = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*common, *headers]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


@cache
def readiness() -> Readiness:
    """The checks of this process, from its settings."""
    return Readiness(
        [
            Check("database", partial(ask_database, connect_within_s=_CONNECT_S)),
            *_queue_checks(),
            *_storage_checks(),
            Check("disk", _ask_disk),
        ]
    )


def _queue_checks() -> Iterator[Check]:
    yield Check("broker", partial(_ask_queue, settings.CELERY_BROKER_URL))
    if settings.REDIS_URL and settings.REDIS_URL != settings.CELERY_BROKER_URL:
        yield Check("redis", partial(_ask_queue, settings.REDIS_URL))


def _ask_queue(url: str) -> None:
    """Raises what the client raises. A queue in this process (memory://) is always there."""
    if url.startswith(("redis://", "rediss://", "unix://")):
        client = Redis.from_url(
            url, socket_connect_timeout=_CONNECT_S, socket_timeout=_CONNECT_S, retry=Retry(NoBackoff(), 0)
        )
        with client:
            client.ping()
    elif not url.startswith("memory://"):
        with Connection(url, connect_timeout=_CONNECT_S) as connection:
            connection.connect()


def _storage_checks() -> Iterator[Check]:
    """One check for each place: `storage` for the originals' place, `delivery` for the delivery images'."""
    places: dict[str, list[str]] = {}
    for alias in named_storages():
        options = _options(alias)
        place = f"{options.get('endpoint_url')} {options.get('bucket_name', '')}"
        places.setdefault("delivery" if alias == "delivery" else place, []).append(alias)
    for place, aliases in places.items():
        if place != "delivery":
            name = "storage" if aliases[0] == "originals" else f"storage {aliases[0]}"
            yield Check(name, _question_of(aliases))
        elif settings.DELIVERY in _OF_FILES:
            yield Check("delivery", _question_of(aliases))


def _question_of(aliases: list[str]) -> Callable[[], object]:
    """The check of all storages in one place: its folders, or the bucket that they share."""
    options = _options(aliases[0])
    if "bucket_name" not in options:
        return partial(_ask_folders, [Path(str(_options(alias)["location"])) for alias in aliases])
    # A separate client: it has short timeouts, and a free connection even if work uses all others.
    hasty = {"client_config": named(aliases[0]).client_config.merge(_HASTY)}  # type: ignore[attr-defined]
    storage = storages.create_storage({**settings.STORAGES[aliases[0]], "OPTIONS": {**options, **hasty}})
    return partial(storage.exists, "probe/ready")


def _ask_folders(folders: list[Path]) -> None:
    """A missing folder will be created in its nearest existing parent, so that one is checked."""
    for folder in folders:
        place = next(one for one in (folder, *folder.parents) if one.exists())
        if not place.is_dir() or not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise NotReadyError("the folder is not writable")


def _ask_disk() -> None:
    if disk.is_short():
        raise NotReadyError("free disk space is below the reserve")


def _options(alias: str) -> dict[str, object]:
    return cast("dict[str, object]", settings.STORAGES[alias].get("OPTIONS", {}))
