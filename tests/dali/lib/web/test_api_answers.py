"""What all routes share: unknown paths, errors, chunked bodies, CORS, health."""

import io
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.response import Response

from dali.lib import errors
from dali.lib.web.api import ApiMixin
from tests.clients import anonymous, keyed

SHAPE_404 = {
    "type": "client_error",
    "errors": [
        {
            "code": "not_found",
            "detail": "There is no /api/nope; GET /api/schema lists all routes.",
            "attr": None,
        }
    ],
}


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_an_unknown_path_is_404_as_json(method: str) -> None:
    answer = getattr(anonymous(), method)("/api/nope")
    assert (answer.status_code, answer.json()) == (404, SHAPE_404)


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/projects/", "/api//projects", "/api/projects/a/b/c", "/api/a%0Ab", "/api/a%0A"],
)
def test_paths_have_no_trailing_slash(path: str) -> None:
    answer = anonymous().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")


class Faulty(ApiMixin):
    """A view that raises the given exception."""

    authentication_classes = ()
    permission_classes = ()
    fault: Exception | None = None

    def get(self, request: Request) -> Response:
        assert self.fault is not None
        raise self.fault

    def post(self, request: Request) -> Response:
        return Response(request.data)


def answer_to(fault: Exception) -> Response:
    answer: Any = Faulty.as_view(fault=fault)(RequestFactory().get("/api/x"))
    return answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("fault", "status", "kind", "code", "detail", "attr"),
    [
        (
            errors.InputError("models.a", "'x' is unknown"),
            400,
            "validation_error",
            "invalid",
            "models.a: 'x' is unknown",
            "models.a",
        ),
        (
            errors.InputError("size", "size 'x' is none"),
            400,
            "validation_error",
            "invalid",
            "size 'x' is none",
            "size",
        ),
        (errors.MissingError("no job 1"), 404, "client_error", "not_found", "no job 1", None),
        (errors.ConflictError("has ended"), 409, "client_error", "conflict", "has ended", None),
        (
            errors.IdempotencyError("other body"),
            422,
            "client_error",
            "idempotency_key_reused",
            "other body",
            None,
        ),
        (errors.UnavailableError("R2 is down", 7), 503, "server_error", "unavailable", "R2 is down", None),
        (
            OperationalError("secret host"),
            503,
            "server_error",
            "unavailable",
            "The database cannot be reached; try again.",
            None,
        ),
        (
            InterfaceError("closed"),
            503,
            "server_error",
            "unavailable",
            "The database cannot be reached; try again.",
            None,
        ),
        (ValueError("secret"), 500, "server_error", "error", "Server Error (500)", None),
    ],
)
def test_errors_have_one_shape(
    fault: Exception, status: int, kind: str, code: str, detail: str, attr: str | None, settings: Settings
) -> None:
    for settings.DEBUG in (False, True):
        answer = answer_to(fault)
        assert answer.status_code == status
        assert answer.data == {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}
    waits = {errors.UnavailableError: "7", OperationalError: "5", InterfaceError: "5"}
    assert answer.headers.get("Retry-After") == waits.get(type(fault))


def test_expected_errors_are_logged_without_traceback(
    capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    answer_to(OperationalError("no route"))
    answer_to(errors.ConflictError("has ended"))
    assert [record.exc_info for record in caplog.records] == [None] * len(caplog.records)
    assert "Traceback" not in capsys.readouterr().err


def test_a_chunked_body_is_read() -> None:
    request = RequestFactory().post("/api/x", b"", content_type="application/json")
    environ = {name: value for name, value in request.META.items() if name != "CONTENT_LENGTH"}
    chunked = WSGIRequest(
        {**environ, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_TYPE": "application/json"}
    )
    chunked._stream = io.BytesIO(b'{"name": "a"}')
    answer: Any = Faulty.as_view()(chunked)
    assert answer.data == {"name": "a"}


def test_an_unknown_host_is_refused_as_json() -> None:
    answer = anonymous().get("/api/providers", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "bad_request")


ORIGIN = "https://app.example"


@pytest.fixture
def front_end(settings: Settings) -> None:
    """One allowed origin."""
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    settings.CORS_ALLOWED_ORIGIN_REGEXES = []


def preflight(origin: str) -> Any:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key,x-api-key",
    }
    return Client().options("/api/projects/01890000-0000-7000-8000-000000000000/jobs", headers=headers)


def test_a_front_end_may_send_keys(front_end: None) -> None:
    answer = preflight(ORIGIN)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    allowed = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"content-type", "idempotency-key", "x-api-key"} <= allowed
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.django_db
def test_a_front_end_reads_our_headers(front_end: None) -> None:
    answer = anonymous().get("/api/projects", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert (
        answer.headers["Access-Control-Expose-Headers"] == "Link, Location, Retry-After, Idempotent-Replayed"
    )


@pytest.mark.django_db
def test_a_front_end_can_read_refusals(front_end: None) -> None:
    answer = anonymous().post("/api/projects", {}, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, ORIGIN)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "null"])
def test_other_origins_are_refused(front_end: None, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(origin).headers


@pytest.mark.django_db
def test_head_is_get_without_a_body() -> None:
    head, get = keyed().head("/api/projects"), keyed().get("/api/projects")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (
        200,
        b"",
        get.headers["Content-Length"],
    )


def test_views_of_the_api_answer_options() -> None:
    answer = anonymous().options("/api/providers")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
def test_pages_of_the_api_answer_options(path: str) -> None:
    answer = anonymous().options(path)
    assert (answer.status_code, answer.content, answer.headers["Allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert "Content-Type" not in answer.headers


@pytest.mark.django_db
def test_the_docs_page_refuses_in_the_shape_of_the_api() -> None:
    answer = keyed().put("/api/docs")
    assert (answer.status_code, answer.json()) == (
        405,
        {
            "type": "client_error",
            "errors": [{"code": "method_not_allowed", "detail": 'Method "PUT" not allowed.', "attr": None}],
        },
    )
