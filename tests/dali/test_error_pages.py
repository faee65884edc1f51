"""Pages and the API while the database fails."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from psycopg import errors as states

from dali.lib.objects.storage import delivery_files

pytestmark = pytest.mark.django_db

ADDRESS = "10.20.30.40"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
AWAY = psycopg.OperationalError(f"connection to server at {ADDRESS}, port 5432 failed: Connection refused")


@contextmanager
def failing(cause: psycopg.Error = AWAY) -> Iterator[None]:
    """Makes every statement fail, as Django raises it."""

    def fail(*_: Any) -> None:
        raise OperationalError(str(cause)) from cause

    with connection.execute_wrapper(fail):
        yield


@pytest.fixture
def visitor() -> Client:
    """A client that gets the server's error response, where the test client would raise the exception."""
    return Client(raise_request_exception=False)


@pytest.fixture
def staff(admin_client: Client) -> Client:
    """Signed-in staff: their session is a row."""
    admin_client.raise_request_exception = False
    return admin_client


def errors_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "path",
    ["/", "/studio/", "/admin/", "/admin/progressions/job/", "/public/artifact/abcdefghij"],
)
def test_a_page_is_a_503_in_the_usual_layout_with_one_line_in_the_log(
    staff: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with failing():
        answer = staff.get(path, headers=BROWSER)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "5", "no-store")
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    page = answer.content.decode()
    assert "<h1>Dali cannot answer right now.</h1>" in page
    assert "The database cannot be reached; try again." in page
    assert 'class="page top"' in page
    assert ADDRESS not in page
    (line,) = errors_in(caplog)
    assert line.exc_info is None
    assert ADDRESS in line.getMessage()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/public/lookbook/abcdefghij"),
        ("GET", "/public/artifact/abcdefghij/state"),
        ("POST", "/public/artifact/abcdefghij/votes"),
        ("POST", "/public/artifact/abcdefghij/comments"),
        ("GET", "/api/projects"),
        ("POST", "/api/projects"),
    ],
)
def test_a_client_that_is_not_a_browser_gets_the_error_shape(
    visitor: Client, caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    with failing():
        answer = visitor.generic(method, path, "{}", "application/json", headers={"X-Api-Key": "abcd.efgh"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() == {
        "type": "server_error",
        "errors": [
            {
                "code": "unavailable",
                "detail": "The database cannot be reached; try again.",
                "attr": None,
            }
        ],
    }
    assert [line.exc_info for line in errors_in(caplog)] == [None]


@pytest.mark.parametrize(
    ("cause", "detail", "retry_after"),
    [
        (states.LockNotAvailable("lock timeout"), "The project is busy; try again.", "2"),
        (states.DeadlockDetected("deadlock"), "The project is busy; try again.", "2"),
        (states.QueryCanceled("statement timeout"), "The project is busy; try again.", "2"),
        (states.DiskFull("No space left"), "The server's disk is full; try again later.", "60"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/projects"])
def test_a_busy_or_full_database_is_reported_as_such(
    visitor: Client, path: str, cause: psycopg.Error, detail: str, retry_after: str
) -> None:
    with failing(cause):
        answer = visitor.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, retry_after)
    assert answer.json()["errors"][0]["detail"] == detail


def test_a_login_that_cannot_be_stored_is_a_503(visitor: Client, admin_user: Any) -> None:
    with failing():
        answer = visitor.post("/admin/login/", {"username": "admin", "password": "password"}, headers=BROWSER)
    assert answer.status_code == 503
    assert "sessionid" not in answer.cookies


def test_a_page_that_queries_rows_during_rendering_is_a_503(staff: Client) -> None:
    def fail_late(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "django_admin_log" in sql:  # read by a tag of the admin's template
            raise OperationalError("gone") from AWAY
        return execute(sql, *rest)

    with connection.execute_wrapper(fail_late):
        assert staff.get("/admin/", headers=BROWSER).status_code == 503


def test_staff_stay_signed_in_through_an_outage(staff: Client) -> None:
    with failing():
        answer = staff.get("/admin/", headers=BROWSER)
    assert not answer.cookies
    assert staff.get("/admin/").status_code == 200


def test_a_delivery_image_needs_no_database(staff: Client) -> None:
    name = "ab" * 32
    delivery_files().put_once(f"ab/{name}.webp", b"picture", media_type="image/webp")
    with failing():
        answer = staff.get(reverse("image", args=[f"{name}.webp"]))
    assert (answer.status_code, answer.content) == (200, b"picture")


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
def test_the_documentation_needs_no_database(visitor: Client, path: str) -> None:
    with failing():
        assert visitor.get(path).status_code == 200


def test_a_bug_is_a_500_with_one_line(
    visitor: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(count: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dali.pages.newest_images", break_down)
    assert visitor.get("/", headers=BROWSER).status_code == 500
    told = [line for line in errors_in(caplog) if not line.name.startswith("django_structlog")]
    assert [line.name for line in told] == ["django.request"]
    assert told[0].exc_info
