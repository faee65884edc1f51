"""`GET /healthz` and `GET /readyz`, as a load balancer sees them."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from botocore.config import Config
from channels.testing import ApplicationCommunicator
from django.test import override_settings
from pytest_django.fixtures import Settings

from dali import health
from dali.asgi import application
from dali.lib.db.probe import ask_database, one_line
from dali.lib.errors import UnavailableError
from dali.lib.readiness import Check, Readiness
from dali.server.lanes import Lanes
from tests.s3_servers import storages_at
from tests.waiting import PATIENCE_S

NAMES = ["database", "broker", "storage", "delivery", "disk"]


@pytest.fixture(autouse=True)
def patient_checks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Checks made from this test's settings, with timeouts for late answers on a busy machine."""
    monkeypatch.setattr(health, "_CONNECT_S", 60)
    monkeypatch.setattr(health, "_HASTY", Config(read_timeout=60, retries={"max_attempts": 0}))
    monkeypatch.setattr(health, "Readiness", partial(Readiness, wait_s=PATIENCE_S))
    health.readiness.cache_clear()
    yield
    health.readiness.cache_clear()


async def ask(path: str, method: str = "GET", app: Any = application) -> tuple[int, dict[str, str], Any]:
    """Status, headers and parsed body, requested without a key and with a host name that the server does not know."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"10.0.0.7")],
    }
    client = ApplicationCommunicator(app, scope)
    await client.send_input({"type": "http.request", "body": b""})
    start = await client.receive_output(timeout=PATIENCE_S)
    body = (await client.receive_output(timeout=PATIENCE_S))["body"]
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, json.loads(body) if body else None


async def failing(app: Any = application) -> dict[str, str]:
    """The message of `/readyz` for each failed check; 200 without any."""
    status, headers, body = await ask("/readyz", app=app)
    errors = {check["name"]: check["error"] for check in body["checks"] if not check["ok"]}
    assert (status, body["ready"]) == ((503, False) if errors else (200, True))
    assert headers.get("retry-after") == ("5" if errors else None)
    return errors


@pytest.mark.parametrize("require", ["writes", "all"])
async def test_healthz_answers_without_running_a_check(monkeypatch: pytest.MonkeyPatch, require: str) -> None:
    monkeypatch.setattr(Readiness, "outcomes", None)  # running a check would fail
    with override_settings(REQUIRE_KEY=require):
        status, headers, body = await ask("/healthz")
    assert (status, body) == (200, {"status": "ok"})
    assert headers["cache-control"] == "no-store"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("require", ["writes", "all"])
async def test_a_server_with_all_its_dependencies_is_ready(settings: Settings, require: str) -> None:
    settings.REQUIRE_KEY = require
    status, headers, body = await ask("/readyz")
    assert (status, body["ready"], headers["cache-control"]) == (200, True, "no-store")
    assert [check["name"] for check in body["checks"]] == NAMES
    assert all(
        check["ok"] and isinstance(check["ms"], int) and "error" not in check for check in body["checks"]
    )


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_head_has_no_body_and_other_methods_are_refused(path: str, settings: Settings) -> None:
    settings.STORAGES = {}  # leaves only database, queue and disk to check
    status, headers, _ = await ask(path)
    head_status, head_headers, head = await ask(path, "HEAD")
    assert (head_status, head) == (status, None)
    assert head_headers["content-type"] == headers["content-type"] == "application/json"
    status, headers, body = await ask(path, "POST")
    assert (status, headers["allow"], body["errors"][0]["code"]) == (405, "GET, HEAD", "method_not_allowed")


@pytest.mark.django_db(transaction=True)
async def test_a_hanging_queue_is_named_within_the_time_limit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "Readiness", partial(Readiness, wait_s=0.5))
    with socket.create_server(("127.0.0.1", 0), backlog=10) as silent:
        settings.CELERY_BROKER_URL = f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0"
        async with asyncio.timeout(20):
            assert (await failing())["broker"] == "no answer in time"


@pytest.mark.django_db(transaction=True)
async def test_a_queue_that_is_down_is_named(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "redis://:secret@127.0.0.1:1/0"
    assert await failing() == {"broker": "it cannot be used"}


@pytest.mark.django_db(transaction=True)
async def test_a_redis_beside_the_queue_is_checked_too(settings: Settings) -> None:
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    settings.CELERY_BROKER_URL = "memory://localhost/"
    assert await failing() == {"redis": "it cannot be used"}


@pytest.mark.django_db(transaction=True)
async def test_a_bucket_that_is_missing_or_down_is_named(settings: Settings, moto_endpoint: str) -> None:
    settings.STORAGES = storages_at("http://127.0.0.1:1", bucket="dali-secret", delivery_bucket="dali-public")
    assert await failing() == {"storage": "it cannot be used", "delivery": "it cannot be used"}
    health.readiness.cache_clear()
    settings.DELIVERY = "cloudflare_images"  # stores no files
    assert await failing() == {"storage": "it cannot be used"}


@pytest.mark.django_db(transaction=True)
async def test_buckets_that_answer_are_ready(settings: Settings, on_s3: str) -> None:
    assert await failing() == {}
    _, _, body = await ask("/readyz")
    assert [check["name"] for check in body["checks"]] == NAMES


@pytest.mark.django_db(transaction=True)
async def test_a_read_only_folder_is_named(settings: Settings, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    delivery = {**settings.STORAGES["delivery"], "OPTIONS": {"location": str(blocked / "delivery")}}
    settings.STORAGES = {**settings.STORAGES, "delivery": delivery}
    assert await failing() == {"delivery": "the folder is not writable"}


@pytest.mark.django_db(transaction=True)
async def test_a_disk_below_its_reserve_is_named(settings: Settings) -> None:
    settings.DISK_RESERVE_BYTES = 10**18
    assert await failing() == {"disk": "free disk space is below the reserve"}


@pytest.mark.django_db(transaction=True)
async def test_a_database_that_is_down_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: object) -> None:
        raise UnavailableError("connection to server at secret-host failed")

    monkeypatch.setattr(health, "ask_database", away)
    assert await failing() == {"database": "it cannot be used"}


@pytest.mark.django_db(transaction=True)
async def test_both_routes_answer_while_every_lane_is_taken() -> None:
    let_go, is_busy = threading.Event(), asyncio.Event()

    async def busy(scope: Any, receive: Any, send: Any) -> None:
        is_busy.set()
        await sync_to_async(let_go.wait)(30)

    lanes = health.health_application(Lanes(busy, lanes=1))
    view = asyncio.ensure_future(lanes({"type": "http", "path": "/", "method": "GET"}, None, None))
    try:
        await is_busy.wait()
        assert (await ask("/healthz", app=lanes))[0] == 200
        assert await failing(lanes) == {}
    finally:
        let_go.set()
        await view


@pytest.mark.django_db(transaction=True)
def test_the_database_check_uses_its_own_connection() -> None:
    """Also in a thread without a connection, and leaves none behind."""
    check = Check("database", partial(ask_database, connect_within_s=5))
    assert check.begin().result(timeout=PATIENCE_S).error == ""


def test_an_unreachable_database_is_explained_in_one_line() -> None:
    error = psycopg.OperationalError("connection failed:\n  password=hunter2-hunter2\n")
    assert one_line(error) == "connection failed: password=***"
    assert one_line(TimeoutError()) == "TimeoutError"


def test_hanging_checks_are_waited_for_less_than_3_s() -> None:
    assert Readiness([])._wait_s == 2.5
