"""No answer shows Python: every refusal is a sentence for people, and no request ends in a 500."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django.fixtures import Settings

from tests.clients import keyed
from tests.small_world import filled, make_world

pytestmark = pytest.mark.django_db

PYTHON = re.compile(
    r"set_int_max_str_digits|utf-8-sig|codec|\bdecod|can't encode|surrogates|Traceback|Exception|\bError\b"
    r"|[Rr]ecursion|Expecting|delimiter|char \d|NoneType|\bdict\b|\bstr\b|\bint\b|\blist\b of|dictionary|datatype"
    r"|base-?10|literal|hexadecimal UUID|badly formed|isoformat|strptime|boundary in multipart: None|b'|<class"
)
DIGITS = "1" * 5_000
BODIES = [
    b"",
    b"{",
    b"[",
    b"nope",
    b"{'name': 1}",
    b'{"name": "a"',
    b'{"name" "a"}',
    b'{"name": "a"} {}',
    b'{"name": "a\nb"}',
    rb'{"name": "\x"}',
    rb'{"name": "\u12"}',
    b'\xef\xbb\xbf{"name": "a"}',
    '{"name": "a"}'.encode("utf-16"),
    b'{"name": "\xff"}',
    b"\xed\xa0\x80",
    rb'{"name": "\ud800"}',
    rb'{"\udc00": 1}',
    b'{"name": ' + DIGITS.encode() + b"}",
    b'{"name": -' + DIGITS.encode() + b"}",
    b'{"name": ' + DIGITS.encode() + b".5}",
    b'{"name": 1e' + DIGITS.encode() + b"}",
    b'{"name": NaN}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 33 + b"]" * 33,
    b'{"name": 1, "name": 2}',
    b"null",
    b"[]",
    b'"text"',
    b"1",
]
VALUES: list[Any] = [
    None, True, 5, 2.5, -1, 10**299, 1e300, "", " ", "x", "\x00", [], [1], [None], [[]], {}, {"a": 1},
]  # fmt: skip
WRITES = {
    "/api/projects": ("name", "description"),
    "/api/projects/{project}/jobs": (
        "prompt", "providers", "sessionId", "variants", "kind", "startImageUrl", "maskImageUrl", "parentProgressionId",
        "size", "seed", "seeds", "models", "maxCostUsd", "allowDuplicates", "options",
    ),
    "/api/jobs/{job}/retry": ("sessionId",),
    "/api/progressions/{image}/retry": ("sessionId", "prompt", "variants"),
    "/api/projects/{project}/artifacts/lookbook": ("title", "options", "sessionId"),
    "/api/artifacts": ("generator", "templateR2Key", "title", "projectIds", "options", "sessionId"),
    "/api/artifacts/{artifact}/associate": ("projectId", "projectIds"),
    "/api/artifacts/{artifact}/customize": ("sessionId", "input"),
}  # fmt: skip


def assert_plain(answer: Any, sent: object) -> None:
    assert answer.status_code < 500, (sent, answer.content)
    if answer.status_code < 400:
        return
    for error in answer.json()["errors"]:
        assert not PYTHON.search(error["detail"]), (sent, error["detail"])
        assert re.search(r"[a-z]{2}", error["detail"]), (sent, error["detail"])


@pytest.fixture
def world(settings: Settings) -> dict[str, str]:
    """The ids of a project with work; rate limits are off."""
    settings.CUSTOMIZE_RATE = "100000/m"
    return make_world()


@pytest.mark.parametrize("path", [*WRITES, "/api/jobs/{job}/cancel", "/api/progressions/{image}/rollback"])
def test_unreadable_bodies_are_refused_in_plain_words(world: dict[str, str], path: str) -> None:
    client, path = keyed(), filled(path, world)
    for body in BODIES:
        answer = client.post(path, body, content_type="application/json")
        assert_plain(answer, body[:40])
        if body not in (b"", b"null", b"[]"):
            assert answer.status_code == 400, (body[:40], answer.content)


@pytest.mark.parametrize("path", WRITES)
def test_values_of_every_type_are_refused_in_plain_words(world: dict[str, str], path: str) -> None:
    client, address = keyed(), filled(path, world)
    for name in WRITES[path]:
        for value in VALUES:
            assert_plain(client.post(address, {name: value}), (name, value))


WHOLE: list[tuple[str, dict[str, Any], str]] = [
    (
        "/api/projects/{project}/jobs",
        {"prompt": "a pier", "providers": ["mock"], "sessionId": "s-1"},
        "options",
    ),
    ("/api/artifacts", {"generator": "lookbook", "projectIds": ["{project}"]}, "options"),
]


@pytest.mark.parametrize(("path", "body", "name"), WHOLE, ids=[path for path, _, _ in WHOLE])
def test_options_of_every_type_are_refused_in_plain_words(
    world: dict[str, str], path: str, body: dict[str, Any], name: str
) -> None:
    client, path, body = keyed(), filled(path, world), filled(body, world)
    for value in VALUES:
        for option in ("most", "mock", "captions", "include"):
            for sent in (value, {option: value}, {option: {"latency_s": value, "fault": value}}):
                assert_plain(client.post(path, {**body, name: sent}), sent)


QUERIES = [
    "limit=" + DIGITS,
    "limit=1.5",
    "limit=%00",
    "limit=%FF",
    "limit=NaN",
    "cursor=" + DIGITS,
    "cursor=%00",
    "cursor=%ED%A0%80",
    "cursor=YQ",
    "cursor=OTk5OTk5OTk5OTk5OTk5OTkgMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA",
    "after=" + DIGITS,
    "after=-1",
    "query=%00",
    "query=%FF%FE",
    "query=" + "x" * 2_000,
    "tags=%5B",
    "tags=%5B1%5D",
    "tags=%5B%22%5Cud800%22%5D",
    "tags=%5B" + DIGITS + "%5D",
    "tags=" + "%5B" * 3_000,
    "tags=%5B%7B%7D%5D",
    "tags=%5Bnull%5D",
    "tags=%00",
    "judgment=%00",
    "jobId=" + DIGITS,
    "parent=%ED%A0%80",
    "projectId=" + DIGITS,
    "generator=%00",
    "table=" + DIGITS,
]
READS = [
    "/api/projects",
    "/api/projects/{project}/progressions",
    "/api/projects/{project}/jobs",
    "/api/jobs/{job}/events",
    "/api/artifacts",
    "/api/artifacts/{artifact}/answers.csv",
    "/api/templates",
]


@pytest.mark.parametrize("path", READS)
def test_unreadable_parameters_are_refused_in_plain_words(world: dict[str, str], path: str) -> None:
    client, path = keyed(), filled(path, world)
    for query in QUERIES:
        assert_plain(client.get(f"{path}?{query}"), query[:60])


@pytest.mark.parametrize("path", ["/api/uploads", "/api/templates"])
def test_unreadable_forms_are_refused_in_plain_words(path: str) -> None:
    client = keyed()
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n%s\r\n%s\r\n--x--\r\n'
    forms = [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=\xe9", b"x"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x", part % (b"a.png", b"", b"")),
        ("multipart/form-data; boundary=x", part % (b"a.png", b"", b"\x00\xff")),
        ("multipart/form-data; boundary=x", part % (b"\x00\xff\xed\xa0\x80", b"", b"x")),
        ("multipart/form-data; boundary=x", part % (b"a.png", b"Content-Type: \xff\r\n", b"x")),
        ("multipart/form-data; boundary=x", part % (b"a", b"Content-Transfer-Encoding: base64\r\n", b"%%%")),
        ("multipart/form-data; boundary=x", part % (b"a", b"Content-Transfer-Encoding: base64\r\n", b"YQ")),
        ("multipart/form-data; boundary=x; charset=bz2", part % (b"a.png", b"", b"x")),
        ("multipart/form-data; boundary=x; charset=nope", part % (b"a.png", b"", b"x")),
        ("multipart/form-data; boundary=" + "x" * 300, b"x"),
        ("application/json", b"{}"),
        ("text/plain", b"x"),
        ("", b"x"),
    ]
    for media_type, body in forms:
        answer = client.post(path, body, content_type=media_type)
        assert answer.status_code in (400, 415), (media_type, body[:60], answer.content)
        assert_plain(answer, (media_type, body[:60]))
    many = {f"f{number}": "x" for number in range(2_000)}
    assert_plain(client.post(path, many, format="multipart"), "2,000 fields")
    named = SimpleUploadedFile("a" * 3_000, b"x")
    assert_plain(client.post(path, {"file": named}, format="multipart"), "a long name")


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "\xff"},
        {"X-Api-Key": "\xff"},
        {"X-Api-Key": "x" * 5_000},
        {"Accept": "\xff;q=x"},
        {"Content-Length": DIGITS},
        {"Content-Length": "-1"},
    ],
)
def test_unreadable_headers_are_refused_in_plain_words(headers: dict[str, str]) -> None:
    client = keyed()
    client.raise_request_exception = False
    assert_plain(client.post("/api/projects", {"name": "a"}, headers=headers), headers)
    assert_plain(client.post("/api/uploads", {"file": "x"}, headers=headers, format="multipart"), headers)


@pytest.mark.parametrize(
    "address",
    [
        "http://testserver", "http://testserver?a", "http://testserver#", "?", "#",
        "http://[", "http://[::1", "http://a:99999999999/", "http://a:x/", "http://\x7f/", "//", "/\ud800",
        "http://é.example/a.png", "https://a b/", "http://[1.2.3.4]/", "http://0x7f.1/", "data:image/png;base64,AA",
        "http://" + "a" * 300 + ".com/", "javascript:alert(1)", "http://a:" + "9" * 500,
    ],
)  # fmt: skip
def test_unreadable_urls_are_refused_in_plain_words(world: dict[str, str], address: str) -> None:
    body = {"prompt": "a pier", "providers": ["mock"], "sessionId": "s-1", "startImageUrl": address}
    text = json.dumps(body).encode()
    answer = keyed().post(f"/api/projects/{world['project']}/jobs", text, content_type="application/json")
    assert answer.status_code == 400
    assert_plain(answer, address)
