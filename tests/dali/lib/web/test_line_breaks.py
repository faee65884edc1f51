"""Answers end with a line break, so that a terminal stays readable; files are sent unchanged."""

import json

import pytest
from django.db import OperationalError
from django.test import RequestFactory, override_settings

from dali import pages
from dali.lib.errors import UnavailableError
from dali.lib.web.json_answer import error_line, json_line
from dali.lib.web.unavailable_answer import answer_unavailable
from tests.clients import anonymous, keyed, wrong
from tests.progressions.stream.streams import EventSource
from tests.small_world import filled, make_world

UNKNOWN = "01890000-0000-7000-8000-000000000000"

READS = [
    "/api/projects",
    "/api/projects/{project}",
    "/api/projects/{project}/progressions",
    "/api/projects/{project}/jobs",
    "/api/progressions/{image}",
    "/api/progressions/{image}/lineage",
    "/api/jobs/{job}",
    "/api/jobs/{job}/events",
    "/api/variants/{made}",
    "/api/providers",
    "/api/artifact-generators",
    "/api/artifacts",
    "/api/artifacts/{artifact}",
    "/api/artifacts/{artifact}/views",
    "/api/artifacts/{artifact}/answers",
    "/api/artifacts/{artifact}/answers.csv",
    "/api/templates",
    "/api/schema",
    "/api/docs",
    "/",
]  # fmt: skip
REFUSED = [
    "/api/nope",
    "/api",
    f"/api/projects/{UNKNOWN}",
    "/api/projects/nope",
    "/api/projects?limit=x",
    "/nope",
    "/public/nope",
    "/public/artifact/nope",
    "/public/artifact/nosuchpage",
    "/public/artifact/nosuchpage/state",
    "/public/lookbook/nosuchpage",
    "/images/nope",
    "/images/nope.webp",
]


def assert_line(content: bytes) -> None:
    assert content.endswith(b"\n")
    assert not content.endswith(b"\n\n")


@pytest.mark.django_db
def test_every_read_ends_with_a_line_break() -> None:
    world, client = make_world(), keyed()
    for path in READS:
        answer = client.get(filled(path, world))
        assert answer.status_code == 200, path
        assert_line(answer.content)
        assert answer.headers["Content-Length"] == str(len(answer.content))
    yaml = anonymous().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi"})
    assert_line(yaml.content)


@pytest.mark.django_db
@pytest.mark.parametrize("path", REFUSED)
def test_every_refusal_ends_with_a_line_break(path: str) -> None:
    for accept in ("*/*", "text/html"):
        answer = anonymous().get(path, headers={"Accept": accept}, follow=True)
        assert 400 <= answer.status_code < 500
        assert answer.content.endswith(b"\n")
        if "Content-Length" in answer.headers:
            assert answer.headers["Content-Length"] == str(len(answer.content))


@pytest.mark.django_db
def test_writes_and_their_refusals_end_with_a_line_break() -> None:
    client = keyed()
    answers = [
        client.post("/api/projects", {"name": "Coast", "foo": 1}),
        client.post("/api/projects", {}),
        client.post("/api/projects", b"{", content_type="application/json"),
        client.post("/api/projects", b"a", content_type="text/plain"),
        client.post("/api/projects", b'"' + b"x" * 2_000_000 + b'"', content_type="application/json"),
        client.delete("/api/projects"),
        anonymous().post("/api/projects", {}),
        wrong().get("/api/projects"),
        client.get("/api/projects", headers={"Accept": "image/png"}),
        client.post(f"/api/jobs/{UNKNOWN}/cancel"),
        client.post("/api/uploads", b"", content_type="multipart/form-data"),
    ]
    assert [answer.status_code for answer in answers] == [
        201, 400, 400, 415, 413, 405, 401, 401, 406, 404, 400,
    ]  # fmt: skip
    for answer in answers:
        assert_line(answer.content)
        json.loads(answer.content)


def test_an_empty_body_stays_empty() -> None:
    assert anonymous().options("/api/providers").content == b""


@pytest.mark.django_db
def test_files_are_sent_unchanged() -> None:
    image = make_world(artifact=False)["image"]
    url = anonymous().get(f"/api/progressions/{image}").json()["generated_image_url"]
    content = anonymous().get(url.removeprefix("http://testserver")).content
    assert content[8:12] == b"WEBP"
    assert len(content) == int.from_bytes(content[4:8], "little") + 8


@override_settings(DEBUG=False)
def test_an_error_outside_a_view_ends_with_a_line_break() -> None:
    for path in ("/api/x", "/x"):
        request = RequestFactory().get(path)
        assert_line(pages.bad_request(request, ValueError("x")).content)
        for error in (ValueError("x"), OperationalError("away")):
            try:
                raise error
            except (ValueError, OperationalError):
                assert_line(pages.server_error(request).content)
        for accept in ("application/json", "text/html"):
            asked = RequestFactory().get(path, headers={"Accept": accept})
            assert_line(answer_unavailable(asked, UnavailableError("away")).content)


def test_the_servers_own_refusals_end_with_a_line_break() -> None:
    assert_line(error_line(413, "too_large", "The body is too large."))
    assert_line(error_line(400, "invalid", "x", "limit"))
    assert_line(json_line({}))


@pytest.mark.django_db(transaction=True)
async def test_refusals_of_the_stream_end_with_a_line_break() -> None:
    for path, method in (
        ("/api/stream/a b", "GET"),
        ("/api/stream/s-1?after=x", "GET"),
        ("/api/stream/s-1", "POST"),
    ):
        source = EventSource(path, (b"accept", b"text/event-stream"), method=method)
        status, headers = await source.open()
        content = await source.content()
        assert 400 <= status < 500
        assert_line(content)
        assert headers["content-length"] == str(len(content))
