"""`POST /api/projects/{id}/jobs`: what is accepted, what is refused without a trace, idempotency, the rate."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from pytest_django.fixtures import Settings

from progressions.enums import Kind
from progressions.models import Event, Job, Variant
from progressions.provider import providers
from projects.models import Project
from tests.clients import anonymous, keyed
from tests.factories import ProgressionFactory, ProjectFactory
from tests.progressions.fakes import FakeProvider

UNKNOWN = "01890000-0000-7000-8000-000000000000"
pytestmark = pytest.mark.django_db


class Unconfigured(FakeProvider):
    """A provider whose key is not set."""

    name = "unconfigured"

    def missing(self) -> list[str]:
        """One setting."""
        return ["FAKE_API_KEY"]


class OnlyGenerates(FakeProvider):
    """A provider of one kind."""

    name = "onlygenerates"
    kinds = frozenset({Kind.GENERATE})


@pytest.fixture(autouse=True)
def known_providers(fake_provider: FakeProvider) -> Any:
    """Three fakes."""
    with providers.register_temporarily(Unconfigured()), providers.register_temporarily(OnlyGenerates()):
        yield


def body(**changes: Any) -> dict[str, Any]:
    return {"prompt": "a lighthouse", "providers": ["fake"], "sessionId": "s-42", **changes}


def test_a_job_is_submitted(project: Project) -> None:
    answer = keyed().post(
        f"/api/projects/{project.id}/jobs",
        body(providers=["fake", "onlygenerates"], variants=2, seed=7, unknown=1),
    )
    assert answer.status_code == 202
    job = Job.objects.get()
    assert answer.headers["Location"] == f"http://testserver/api/jobs/{job.id}"
    assert "Idempotent-Replayed" not in answer.headers
    variants = list(job.variants.order_by("number"))
    assert answer.json() == {
        "jobId": str(job.id),
        "sessionId": "s-42",
        "projectId": str(project.id),
        "status": "queued",
        "variants": [
            {"id": str(variant.id), "provider": provider, "variantIndex": index, "status": "queued"}
            for variant, (provider, index) in zip(
                variants, [("fake", 0), ("fake", 1), ("onlygenerates", 0), ("onlygenerates", 1)], strict=True
            )
        ],
        "streamUrl": "http://testserver/api/stream/s-42",
        "warnings": ['"unknown" is not a field of this request; it was ignored.'],
    }
    assert [variant.seed for variant in variants] == [7, 8, 7, 8]
    assert Event.objects.filter(session_id="s-42", type="queued").count() == 4


def test_optional_fields_may_be_null(project: Project) -> None:
    nothing = dict.fromkeys(
        ("variants", "kind", "startImageUrl", "maskImageUrl", "parentProgressionId", "size", "seed", "seeds",
         "models", "maxCostUsd", "allowDuplicates", "options")
    )  # fmt: skip
    assert keyed().post(f"/api/projects/{project.id}/jobs", body(**nothing)).status_code == 202
    assert Variant.objects.count() == 1


def test_a_parent_makes_it_an_edit(project: Project) -> None:
    parent = ProgressionFactory(project=project)
    answer = keyed().post(f"/api/projects/{project.id}/jobs", body(parentProgressionId=str(parent.id)))
    assert answer.status_code == 202
    job = Job.objects.get()
    assert (job.kind, job.parent_id) == ("edit", parent.id)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"providers": ["nope"]}, "providers", "'nope' is not known"),
    ({"providers": ["unconfigured"]}, "providers", "FAKE_API_KEY"),
    ({"providers": []}, "providers", ""),
    ({"providers": "fake"}, "providers", ""),
    ({"providers": [1]}, "providers.0", "1 is not text"),
    ({"providers": ["fake", "fake"]}, "providers", '"fake" is repeated'),
    (
        {"providers": ["onlygenerates"], "kind": "edit", "startImageUrl": "https://example.com/a.png"},
        "kind",
        "onlygenerates",
    ),
    ({"kind": "paint"}, "kind", '"paint" is not known; send one of generate, edit'),
    ({"kind": 1}, "kind", "1 is not known"),
    ({"kind": "rollback"}, "kind", '"rollback" is not known'),
    ({"kind": "edit"}, "startImageUrl", "edit"),
    ({"kind": "inpaint", "startImageUrl": "https://example.com/a.png"}, "maskImageUrl", "inpaint"),
    ({"variants": 0}, "variants", "0 is out of range; send 1 to 100"),
    ({"variants": -1}, "variants", "-1 is out of range; send 1 to 100"),
    ({"variants": 101}, "variants", "101 is out of range; send 1 to 100"),
    ({"variants": "2"}, "variants", '"2" is not a whole number'),
    ({"variants": 2.5}, "variants", "2.5 is not a whole number"),
    ({"variants": True}, "variants", "true is not a whole number"),
    ({"prompt": ""}, "prompt", "is empty"),
    ({"prompt": " \n\t "}, "prompt", "is empty"),
    ({"prompt": "x" * 40_000}, "prompt", "has 40,000 characters; send at most 32,000"),
    ({"prompt": "a\x1bb"}, "prompt", "U+001B"),
    ({"prompt": "a\x00b"}, "prompt", "U+0000"),
    ({"prompt": "a\x85b"}, "prompt", "U+0085"),
    ({"prompt": 5}, "prompt", "5 is not text"),
    ({"prompt": None}, "prompt", "null is not text"),
    ({"sessionId": ""}, "sessionId", "is empty"),
    ({"sessionId": "a/b"}, "sessionId", '"a/b" has the wrong format; send 1 to 128 of A-Z'),
    ({"sessionId": "a" * 129}, "sessionId", "1 to 128"),
    ({"sessionId": " s"}, "sessionId", "1 to 128"),
    ({"sessionId": None}, "sessionId", "null"),
    ({"startImageUrl": "file:///etc/passwd"}, "startImageUrl", "file"),
    ({"startImageUrl": "http://127.0.0.1/a.png"}, "startImageUrl", "127.0.0.1"),
    ({"startImageUrl": "http://[::1]/a.png"}, "startImageUrl", "::1"),
    ({"startImageUrl": "https://user:pass@example.com/a.png"}, "startImageUrl", ""),
    ({"startImageUrl": "/images/none.webp"}, "startImageUrl", "/images/none.webp"),
    ({"startImageUrl": 5}, "startImageUrl", "5 is not text"),
    ({"parentProgressionId": UNKNOWN}, "parentProgressionId", UNKNOWN),
    ({"parentProgressionId": "7"}, "parentProgressionId", '"7" is not an id'),
    ({"parentProgressionId": 7}, "parentProgressionId", "7 is not an id"),
    ({"size": "big"}, "size", '"big" has the wrong format; send width and height'),
    ({"seed": -1}, "seed", "-1 is out of range; send 0 to 4294967295"),
    ({"seed": 2**32}, "seed", "out of range"),
    ({"seed": 10**30}, "seed", "out of range"),
    ({"seeds": {"fake": ["7"]}}, "seeds.fake.0", '"7" is not a whole number'),
    ({"seeds": {"fake": [1, 2]}}, "seeds", "send one for each"),
    ({"seeds": {"fake": [2**32]}}, "seeds.fake.0", "out of range"),
    ({"seeds": [7]}, "seeds", ""),
    ({"models": {"fake": 5}}, "models.fake", "5 is not text"),
    ({"models": {"other": "x"}}, "models.other", "other"),
    ({"models": []}, "models", ""),
    ({"maxCostUsd": -1}, "maxCostUsd", "-1 is not an amount"),
    ({"maxCostUsd": 0}, "maxCostUsd", "0 is not an amount"),
    ({"maxCostUsd": "2.5"}, "maxCostUsd", '"2.5" is not an amount'),
    ({"maxCostUsd": True}, "maxCostUsd", "true is not an amount"),
    ({"allowDuplicates": "yes"}, "allowDuplicates", '"yes" is neither true nor false'),
    ({"allowDuplicates": 1}, "allowDuplicates", "1 is neither true nor false"),
    ({"options": []}, "options", "[] is not an object"),
    (
        {"options": {"fake": {"a": ["b\x00"]}}},
        "options",
        "options.fake.a.0 holds the control character U+0000",
    ),
    ({"options": {"fake": 5}}, "options.fake", "object"),
]


@pytest.mark.parametrize(("changes", "attr", "says"), BAD, ids=[str(case[0])[:60] for case in BAD])
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    project: Project, changes: dict[str, Any], attr: str, says: str
) -> None:
    before = project.updated_at
    answer = keyed().post(f"/api/projects/{project.id}/jobs", body(**changes))
    assert answer.status_code == 400, answer.content
    assert answer.json()["type"] == "validation_error"
    assert [error["attr"] for error in answer.json()["errors"]] == [attr]
    detail = answer.json()["errors"][0]["detail"]
    assert says in detail
    assert attr in detail
    assert (Job.objects.count(), Variant.objects.count(), Event.objects.count()) == (0, 0, 0)
    project.refresh_from_db()
    assert project.updated_at == before


@pytest.mark.parametrize("field", ["prompt", "providers", "sessionId"])
def test_missing_fields_are_named(project: Project, field: str) -> None:
    asked = body()
    del asked[field]
    answer = keyed().post(f"/api/projects/{project.id}/jobs", asked)
    assert answer.status_code == 400
    assert [(error["attr"], error["code"]) for error in answer.json()["errors"]] == [(field, "required")]


def test_all_errors_are_reported_at_once(project: Project) -> None:
    answer = keyed().post(f"/api/projects/{project.id}/jobs", {"variants": 0, "prompt": ""})
    assert {error["attr"] for error in answer.json()["errors"]} == {
        "prompt",
        "providers",
        "sessionId",
        "variants",
    }


def test_a_parent_of_another_project_is_refused(project: Project) -> None:
    stranger = ProgressionFactory()
    answer = keyed().post(f"/api/projects/{project.id}/jobs", body(parentProgressionId=str(stranger.id)))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "parentProgressionId"


def test_an_unknown_project_is_404() -> None:
    assert keyed().post(f"/api/projects/{UNKNOWN}/jobs", body()).status_code == 404


@pytest.mark.parametrize("content", ["{", "", "nope", '{"prompt": NaN}', "[1", '{"a":1}{"b":2}'])
def test_malformed_json_is_400(project: Project, content: str) -> None:
    answer = keyed().post(
        f"/api/projects/{project.id}/jobs", content.encode(), content_type="application/json"
    )
    assert answer.status_code == 400
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_another_content_type_is_415(project: Project, media_type: str) -> None:
    content = json.dumps(body()).encode()
    answer = keyed().post(f"/api/projects/{project.id}/jobs", content, content_type=media_type)
    assert answer.status_code == 415
    assert answer.json()["errors"][0]["code"] == "unsupported_media_type"


def test_5_mb_of_json_are_413(project: Project) -> None:
    content = json.dumps(body(prompt="x" * 5_000_000)).encode()
    answer = keyed().post(f"/api/projects/{project.id}/jobs", content, content_type="application/json")
    assert answer.status_code == 413
    assert answer.json() == {
        "type": "client_error",
        "errors": [
            {
                "code": "too_large",
                "detail": "The body is larger than 1,048,576 bytes; send less.",
                "attr": None,
            }
        ],
    }


def test_the_same_key_and_body_give_the_same_job(project: Project) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"
    first = client.post(url, body(), headers={"Idempotency-Key": "k-1"})
    text = '{ "sessionId":"s-42",\n "providers":["fake"], "prompt":"a light\\u0068ouse" }'
    second = client.post(
        url, text.encode(), content_type="application/json", headers={"Idempotency-Key": "k-1"}
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert Job.objects.count() == 1


def test_the_same_key_with_another_body_is_422(project: Project) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"
    client.post(url, body(), headers={"Idempotency-Key": "k-1"})
    answer = client.post(url, body(variants=2), headers={"Idempotency-Key": "k-1"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert Job.objects.count() == 1


def test_keys_of_different_projects_are_independent(project: Project) -> None:
    client, other = keyed(), ProjectFactory()
    for one in (project, other):
        assert (
            client.post(f"/api/projects/{one.id}/jobs", body(), headers={"Idempotency-Key": "k"}).status_code
            == 202
        )
    assert Job.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "\xe9"])
def test_an_invalid_idempotency_key_is_refused(project: Project, key: str) -> None:
    answer = keyed().post(f"/api/projects/{project.id}/jobs", body(), headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "Idempotency-Key"
    assert Job.objects.count() == 0


def test_a_key_of_255_characters_is_accepted(project: Project) -> None:
    headers = {"Idempotency-Key": "x" * 255}
    assert keyed().post(f"/api/projects/{project.id}/jobs", body(), headers=headers).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_two_requests_with_one_key_at_once_make_one_job(project: Project) -> None:
    client = keyed()
    together = threading.Barrier(4)
    answers: list[Any] = []

    def ask() -> None:
        together.wait()
        answers.append(
            client.post(f"/api/projects/{project.id}/jobs", body(), headers={"Idempotency-Key": "k"})
        )
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.json()["jobId"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count("true") == 3
    assert (Job.objects.count(), Variant.objects.count(), Event.objects.count()) == (1, 1, 1)


@pytest.fixture
def strict_rate(settings: Settings) -> None:
    """Two per hour. Each test uses new addresses, because the shared cache is not cleared."""
    settings.JOBS_RATE = "2/h"


def test_too_many_submissions_are_429(project: Project, strict_rate: None) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"
    codes = [client.post(url, body(), REMOTE_ADDR="192.0.2.1").status_code for _ in range(2)]
    refused = client.post(url, body(), REMOTE_ADDR="192.0.2.1")
    assert (codes, refused.status_code) == ([202, 202], 429)
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert 1 <= int(refused.headers["Retry-After"]) <= 3600
    assert client.post(url, body(), REMOTE_ADDR="192.0.2.2").status_code == 202
    assert client.get(url, REMOTE_ADDR="192.0.2.1").status_code == 200
    assert Job.objects.count() == 3


def test_the_rate_counts_clients_behind_a_trusted_proxy_separately(
    project: Project, strict_rate: None
) -> None:
    client, url = keyed(), f"/api/projects/{project.id}/jobs"
    with override_settings(TRUSTED_PROXIES=["192.0.2.9"]):
        codes = [
            client.post(
                url, body(), REMOTE_ADDR="192.0.2.9", headers={"X-Forwarded-For": f"198.51.100.{n}"}
            ).status_code
            for n in range(3)
        ]
    assert codes == [202, 202, 202]
    with override_settings(TRUSTED_PROXIES=[]):
        codes = [
            client.post(
                url, body(), REMOTE_ADDR="192.0.2.8", headers={"X-Forwarded-For": f"198.51.100.{n}"}
            ).status_code
            for n in range(3)
        ]
    assert codes == [202, 202, 429]


def test_a_submission_without_a_key_is_not_counted(project: Project, strict_rate: None) -> None:
    url = f"/api/projects/{project.id}/jobs"
    assert [anonymous().post(url, body()).status_code for _ in range(4)] == [401] * 4
    assert keyed().post(url, body()).status_code == 202


def test_jobs_are_accepted_when_the_rate_cannot_be_counted(project: Project, settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert keyed().post(f"/api/projects/{project.id}/jobs", body()).status_code == 202
