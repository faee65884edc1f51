"""`Idempotency-Key` on the routes that create something: done once, replayed, separate by route and owner."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from artifacts.models import Artifact
from dali.lib.objects.storage import named
from progressions.models import IdempotencyKey, ImageProgression, Job, Variant
from tests.clients import anonymous, keyed, wrong
from tests.factories import ProjectFactory
from tests.small_world import filled, make_world

KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture
def world(db: None) -> dict[str, str]:
    """The ids of a project with work."""
    return make_world(artifact=False)


# Route, body, another body, status.
ROUTES: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
    ("/api/jobs/{job}/retry", {}, {"sessionId": "s-2"}, 202),
    ("/api/progressions/{image}/retry", {"sessionId": "s-1"}, {"sessionId": "s-2"}, 202),
    ("/api/progressions/{image}/rollback", {}, {"a": 1}, 201),
    ("/api/variants/{skipped}/keep", {}, {"a": 1}, 201),
    ("/api/artifacts", {"generator": "lookbook", "projectIds": ["{project}"]}, {}, 201),
    ("/api/projects/{project}/artifacts/lookbook", {}, {"title": "Autumn"}, 201),
]  # fmt: skip
EACH = pytest.mark.parametrize(
    ("path", "body", "other", "status"), ROUTES, ids=[route[0] for route in ROUTES]
)


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Job, ImageProgression, Artifact, Variant))


@EACH
def test_a_repeated_request_is_replayed_and_not_done_again(
    world: dict[str, str], path: str, body: Any, other: Any, status: int
) -> None:
    client, path, body = keyed(), filled(path, world), filled(body, world)
    first = client.post(path, {**body, "foo": 1}, headers=KEY)
    assert first.status_code == status, first.content
    assert "Idempotent-Replayed" not in first.headers
    made = rows()
    for same in (path, _with_upper_ids(path, world)):
        again = client.post(same, {"foo": 1, **body}, headers=KEY)
        assert (again.status_code, again.json()) == (status, first.json())
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers.get("Location") == first.headers.get("Location")
    assert first.json()["warnings"] == ['"foo" is not a field of this request; it was ignored.']
    refused = client.post(path, filled(other, world), headers=KEY)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "idempotency_key_reused")
    assert rows() == made


def _with_upper_ids(path: str, world: dict[str, str]) -> str:
    for row_id in world.values():
        path = path.replace(row_id, row_id.upper())
    return path


@EACH
def test_keys_of_different_owners_are_independent(
    world: dict[str, str], path: str, body: Any, other: Any, status: int
) -> None:
    path, body = filled(path, world), filled(body, world)
    keyed().post(path, body, headers=KEY)
    second = keyed().post(path, body, headers=KEY)
    assert "Idempotent-Replayed" not in second.headers
    assert second.status_code == (200 if "keep" in path else status)
    assert IdempotencyKey.objects.count() == 2


@EACH
def test_a_malformed_key_is_refused(
    world: dict[str, str], path: str, body: Any, other: Any, status: int
) -> None:
    before = rows()
    for key in ("", "x" * 256, "tab\there"):
        answer = keyed().post(filled(path, world), filled(body, world), headers={"Idempotency-Key": key})
        assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "Idempotency-Key")
    assert rows() == before


@EACH
def test_nothing_is_replayed_without_an_api_key(
    world: dict[str, str], path: str, body: Any, other: Any, status: int
) -> None:
    path, body = filled(path, world), filled(body, world)
    keyed().post(path, body, headers=KEY)
    for client in (anonymous(), wrong()):
        assert client.post(path, body, headers=KEY).status_code == 401


def test_a_refusal_stores_no_key(world: dict[str, str]) -> None:
    client = keyed()
    path = f"/api/progressions/{world['image']}/retry"
    assert client.post(path, {}, headers=KEY).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert client.post(path, {"sessionId": "s-1"}, headers=KEY).status_code == 202


def test_an_artifact_that_could_not_be_made_stores_no_key(world: dict[str, str]) -> None:
    client, empty = keyed(), ProjectFactory()
    body = {"generator": "lookbook", "projectIds": [str(empty.pk)]}
    assert client.post("/api/artifacts", body, headers=KEY).status_code == 400
    assert client.post("/api/artifacts", body, headers=KEY).status_code == 400
    assert not IdempotencyKey.objects.exists()
    ImageProgression.objects.update(project=empty)
    assert client.post("/api/artifacts", body, headers=KEY).status_code == 201


def test_a_deleted_result_is_made_again(world: dict[str, str]) -> None:
    client = keyed()
    body = {"generator": "lookbook", "projectIds": [world["project"]]}
    first = client.post("/api/artifacts", body, headers=KEY).json()
    Artifact.objects.all().delete()
    second = client.post("/api/artifacts", body, headers=KEY)
    assert (second.status_code, second.json()["id"] != first["id"]) == (201, True)
    assert "Idempotent-Replayed" not in second.headers


def test_a_retry_is_replayed_when_nothing_is_left_to_retry(world: dict[str, str]) -> None:
    client, path = keyed(), f"/api/jobs/{world['job']}/retry"
    first = client.post(path, {}, headers=KEY)
    Variant.objects.filter(job_id=world["job"]).update(status="complete")
    assert client.post(path, {}).status_code == 409
    again = client.post(path, {}, headers=KEY)
    assert (again.status_code, again.json()["jobId"]) == (202, first.json()["jobId"])


def test_a_slow_artifact_is_replayed_with_its_first_answer(
    world: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, body = keyed(), {"generator": "walkthroughReel", "projectIds": [world["project"]]}
    first = client.post("/api/artifacts", body, headers=KEY)
    assert (first.status_code, first.json()["status"]) == (202, "building")
    again = client.post("/api/artifacts", body, headers=KEY)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert Artifact.objects.count() == 1


def test_a_draft_of_a_template_is_made_once(world: dict[str, str]) -> None:
    named("templates").put_once("t/press.html", b"<h1>{{TITLE}}</h1>", media_type="text/html")
    client = keyed()
    body = {"templateR2Key": "t/press.html", "title": "Press", "projectIds": [world["project"]]}
    first, again = (client.post("/api/artifacts", body, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
@EACH
def test_one_of_two_simultaneous_requests_is_done(path: str, body: Any, other: Any, status: int) -> None:
    world = make_world(artifact=False)
    client, together = keyed(), threading.Barrier(3)
    answers: list[Any] = []
    path, body = filled(path, world), filled(body, world)

    def ask() -> None:
        together.wait()
        answers.append(client.post(path, body, headers=KEY))
        connection.close()

    run_together([ask] * 3)
    ids = {answer.json().get("jobId", answer.json().get("id")) for answer in answers}
    assert len(ids) == 1, [answer.content for answer in answers]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers].count("true") == 2
    # While the first request is still building an artifact, the others get 202.
    assert {answer.status_code for answer in answers} <= {status, 202}


def run_together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
