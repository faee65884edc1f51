"""The API client of a replay, in this process: waits when told to, reports refusals clearly."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import requests
from django.core.handlers.wsgi import WSGIHandler

from artifacts.reading.asking import Api, CallRefusedError, StuckError
from dali.lib.web.in_process import InProcessAdapter
from projects.models import ApiKey, Project

ORIGIN = "http://testserver"


class Answers:
    """A WSGI application that gives these answers, and repeats the last one."""

    def __init__(self, *answers: tuple[str, dict[str, str], object]) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The next answer."""
        self.asked.append({**environ, "body": environ["wsgi.input"].read()})
        status, headers, body = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        start_response(status, list(headers.items()))
        return [json.dumps(body).encode() if not isinstance(body, bytes) else body]


def api_of(application: Any, key: str = "") -> Api:
    """An API that this application serves."""
    session = requests.Session()
    session.headers["X-Api-Key"] = key
    session.mount(ORIGIN, InProcessAdapter(application))
    return Api(session, ORIGIN)


def refusal(detail: str) -> dict[str, Any]:
    """The shape of an error."""
    return {"type": "client_error", "errors": [{"code": "invalid", "detail": detail, "attr": None}]}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, in seconds; none is actually waited."""
    waited: list[float] = []
    monkeypatch.setattr("artifacts.reading.asking.time.sleep", waited.append)
    return waited


@pytest.mark.django_db(transaction=True)  # a request closes a connection that is in another's transaction
def test_this_application_answers_routes_keys_and_errors() -> None:
    _, key = ApiKey.objects.create_key(name="test")
    api = api_of(WSGIHandler(), key)
    made = api.post("/api/projects", {"name": "Hafen 港"})
    assert Project.objects.get().name == "Hafen 港"
    assert api.get("/api/projects", limit="1") == [made]
    with pytest.raises(CallRefusedError, match="name: is missing"):
        api.post("/api/projects", {})
    with pytest.raises(StuckError, match="answered 401"):
        api_of(WSGIHandler(), "wrong").post("/api/projects", {"name": "x"})


def test_it_waits_as_long_as_the_server_says(pauses: list[float]) -> None:
    api = api_of(
        Answers(
            ("429 Too Many Requests", {"Retry-After": "7"}, refusal("slow")),
            ("503 Service Unavailable", {"Retry-After": "9999"}, refusal("away")),
            ("503 Service Unavailable", {}, refusal("away")),
            ("200 OK", {}, {"id": 1}),
        )
    )
    assert api.get("/x") == {"id": 1}
    assert pauses == [7.0, 90.0, 1.0]


def test_it_does_not_wait_for_ever(pauses: list[float]) -> None:
    api = api_of(Answers(("503 Service Unavailable", {"Retry-After": "5"}, refusal("the database is away"))))
    with pytest.raises(StuckError, match="answered 503: the database is away"):
        api.get("/x")
    assert len(pauses) == 20


def test_an_answer_that_is_not_json_is_shown_unchanged() -> None:
    with pytest.raises(StuckError, match="GET /x was answered 500: <h1>broken"):
        api_of(Answers(("500 Internal Server Error", {}, b"<h1>broken</h1>"))).get("/x")


def test_a_job_is_polled_until_it_has_ended(pauses: list[float]) -> None:
    states = ("queued", "running", "complete")
    api = api_of(Answers(*(("200 OK", {}, {"status": state}) for state in states)))
    assert api.wait_for_job("j") == {"status": "complete"}
    assert len(pauses) == 2


def test_the_request_reaches_the_server() -> None:
    answers = Answers(("201 Created", {}, {"url": "/images/a.webp"}))
    api = api_of(answers, "k")
    assert api.upload(b"\x89PNG") == "/images/a.webp"
    api.post("/api/a%20b?c=d", {"prompt": "港"}, "key-1")
    upload, post = answers.asked
    assert (upload["REQUEST_METHOD"], upload["HTTP_X_API_KEY"], b"\x89PNG" in upload["body"]) == (
        "POST",
        "k",
        True,
    )
    assert upload["CONTENT_TYPE"].startswith("multipart/form-data; boundary=")
    assert (post["PATH_INFO"], post["QUERY_STRING"], post["HTTP_IDEMPOTENCY_KEY"]) == (
        "/api/a b",
        "c=d",
        "key-1",
    )
    assert (json.loads(post["body"]), post["CONTENT_LENGTH"]) == ({"prompt": "港"}, str(len(post["body"])))
    assert (post["HTTP_HOST"], post["REMOTE_ADDR"], post["wsgi.url_scheme"]) == (
        "testserver",
        "127.0.0.1",
        "http",
    )
