"""How routes treat unknown names: warnings, refusals of near misses, and empty filters that filter nothing."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from artifacts.models import Artifact
from dali.lib.web.input.bodies import MOST_WARNINGS
from progressions.models import Job
from projects.models import Project
from tests.clients import anonymous, keyed
from tests.small_world import filled, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> dict[str, str]:
    """The ids of a project with work, by the names used in the paths below."""
    return make_world()


SUBMISSION = {"prompt": "a pier", "providers": ["mock"], "sessionId": "s-1"}
# Route, a valid body, a near miss with a valid value for the intended field, and that field.
WRITES: list[tuple[str, str, dict[str, Any], tuple[str, Any], str]] = [
    ("post", "/api/projects", {"name": "Coast"}, ("descripton", "Sea"), "description"),
    ("patch", "/api/projects/{project}", {"name": "Coast"}, ("Description", "Sea"), "description"),
    ("post", "/api/projects/{project}/jobs", SUBMISSION, ("variant", 2), "variants"),
    ("post", "/api/projects/{project}/jobs", SUBMISSION, ("maxCostUSD", 0.5), "maxCostUsd"),
    ("post", "/api/projects/{project}/jobs", SUBMISSION, ("max_cost_usd", 0.5), "maxCostUsd"),
    ("post", "/api/projects/{project}/jobs", SUBMISSION, ("startImageURL", "/images/a.webp"), "startImageUrl"),
    ("post", "/api/jobs/{job}/retry", {}, ("session_id", "s-2"), "sessionId"),
    ("post", "/api/progressions/{image}/retry", {"sessionId": "s-2"}, ("promt", "a pier"), "prompt"),
    ("post", "/api/projects/{project}/artifacts/lookbook", {}, ("titel", "Lights"), "title"),
    ("post", "/api/artifacts", {"generator": "lookbook", "projectIds": ["{project}"]}, ("option", {}), "options"),
    ("post", "/api/artifacts/{artifact}/associate", {"projectId": "{project}"}, ("projectsIds", []), "projectIds"),
]  # fmt: skip
BODILESS = [
    "/api/jobs/{job}/cancel",
    "/api/progressions/{image}/rollback",
    "/api/variants/{skipped}/keep",
    "/api/artifacts/{artifact}/rebuild",
    "/api/artifacts/{artifact}/unpublish",
    "/api/artifacts/{artifact}/publish",
    "/api/stream/s-1/tickets",
]


@pytest.mark.parametrize(
    ("method", "path", "body", "near", "meant"), WRITES, ids=[f"{w[1]} {w[3][0]}" for w in WRITES]
)
def test_unknown_names_are_ignored_and_near_misses_refused(
    world: dict[str, str], method: str, path: str, body: dict[str, Any], near: tuple[str, Any], meant: str
) -> None:
    send = getattr(keyed(), method)
    path, body = filled(path, world), filled(body, world)
    before = rows()
    answer = send(path, {**body, near[0]: near[1]})
    assert answer.status_code == 400, answer.content
    [error] = answer.json()["errors"]
    assert (error["attr"], error["code"]) == (near[0], "misspelt")
    assert error["detail"] == f"{near[0]} is not a field of this request; send {meant}."
    assert rows() == before
    plain = send(path, body)
    assert (200 <= plain.status_code < 300, "warnings" in plain.json()) == (True, False), plain.content
    ignored = send(path, {**body, near[0]: None, "foo": {"prompt": 1}})
    assert ignored.status_code == plain.status_code
    assert ignored.json()["warnings"] == [
        f'"{near[0]}" is not a field of this request; it was ignored.',
        '"foo" is not a field of this request; it was ignored.',
    ]


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Project, Job, Artifact))


@pytest.mark.parametrize("path", BODILESS)
def test_routes_without_a_body_warn_that_they_ignored_it(world: dict[str, str], path: str) -> None:
    client, path = keyed(), filled(path, world)
    assert "warnings" not in client.post(path).json()
    answer = client.post(path, {"sessionId": "s-1"})
    assert answer.json()["warnings"] == ['"sessionId" is not a field of this request; it was ignored.']
    assert "warnings" not in client.post(path, {}).json()
    assert "warnings" not in client.post(path, b"null", content_type="application/json").json()
    form = client.post(path, b"a=1", content_type="application/x-www-form-urlencoded")
    assert 200 <= form.status_code < 300
    assert client.post(path, b"{", content_type="application/json").status_code == 400
    assert client.post(path, b"[1]", content_type="application/json").status_code == 400


def test_a_misspelt_name_is_reported_in_place_of_the_missing_field(world: dict[str, str]) -> None:
    body = {"promt": "a pier", "provider": ["mock"], "session_id": "s-1", "seed": "x"}
    answer = keyed().post(f"/api/projects/{world['project']}/jobs", body)
    assert answer.status_code == 400
    assert [(error["attr"], error["code"]) for error in answer.json()["errors"]] == [
        ("promt", "misspelt"),
        ("provider", "misspelt"),
        ("session_id", "misspelt"),
        ("seed", "invalid"),
    ]


def test_a_name_is_not_misspelt_when_the_intended_field_is_present(world: dict[str, str]) -> None:
    body = {**SUBMISSION, "variants": 1, "variant": 2}
    answer = keyed().post(f"/api/projects/{world['project']}/jobs", body)
    assert (answer.status_code, len(answer.json()["variants"])) == (202, 1)
    assert answer.json()["warnings"] == ['"variant" is not a field of this request; it was ignored.']


def test_a_row_can_be_sent_back(world: dict[str, str]) -> None:
    client = keyed()
    project = client.get(f"/api/projects/{world['project']}").json()
    again = client.patch(f"/api/projects/{world['project']}", project)
    assert again.status_code == 200
    assert len(again.json()["warnings"]) == len(project) - 2  # all but name and description
    image = client.get(f"/api/progressions/{world['image']}").json()
    retried = client.post(f"/api/progressions/{world['image']}/retry", {**image, "sessionId": "s-1"})
    assert retried.status_code == 202
    job = client.get(f"/api/jobs/{world['job']}").json()
    assert client.post(f"/api/jobs/{world['job']}/retry", job).status_code == 202
    artifact = client.get(f"/api/artifacts/{world['artifact']}").json()
    path = f"/api/projects/{world['project']}/artifacts/lookbook"
    assert client.post(path, {**artifact, "sessionId": "s-1"}).status_code == 201
    body = {**artifact, "projectIds": artifact["project_ids"], "sessionId": "s-1", "templateR2Key": None}
    assert client.post("/api/artifacts", body).status_code == 201


def test_the_number_of_warnings_is_limited() -> None:
    body = {"name": "Coast", **{f"unknown {number}": 1 for number in range(1_000)}}
    warnings = keyed().post("/api/projects", body).json()["warnings"]
    assert (len(warnings), warnings[-1]) == (MOST_WARNINGS + 1, "980 more were ignored.")


@pytest.mark.parametrize("content", [b"[]", b'"a"', b"1", b"null", b"true"])
def test_a_body_that_is_not_an_object_is_refused_in_plain_words(content: bytes) -> None:
    answer = keyed().post("/api/projects", content, content_type="application/json")
    assert answer.status_code == 400
    assert [(error["attr"], error["detail"]) for error in answer.json()["errors"]] == [
        ("non_field_errors", "The body is not a JSON object; send one, as {}.")
    ]


LISTS = {
    "/api/projects": (),
    "/api/projects/{project}/progressions": ("query", "judgment", "provider", "jobId", "parent"),
    "/api/projects/{project}/jobs": (),
    "/api/artifacts": ("projectId", "generator"),
    "/api/templates": (),
}


@pytest.mark.parametrize("path", LISTS)
def test_empty_filters_filter_nothing(world: dict[str, str], path: str) -> None:
    client, path, names = anonymous(), filled(path, world), (*LISTS[path], "limit", "cursor")
    rows = client.get(path).json()
    for value in ("", "%20", "%20%09"):
        answer = client.get(f"{path}?{'&'.join(f'{name}={value}' for name in names)}")
        assert (answer.status_code, answer.json()) == (200, rows)


@pytest.mark.parametrize(
    "tags", ["", "[]", "%20", ",", "[%22%22]", "[%22%20%22,%20%22%22]", "&tags=", "&tags[]=", "&tags[]=[]"]
)
def test_empty_tags_filter_nothing(world: dict[str, str], tags: str) -> None:
    path = f"/api/projects/{world['project']}/progressions"
    answer = anonymous().get(f"{path}?tags={tags}")
    assert (answer.status_code, answer.json()) == (200, anonymous().get(path).json())


@pytest.mark.parametrize(
    ("path", "sent", "meant"),
    [
        ("/api/projects", "Limit", "limit"),
        ("/api/projects", "curser", "cursor"),
        ("/api/templates", "limits", "limit"),
        ("/api/projects/{project}/jobs", "limt", "limit"),
        ("/api/projects/{project}/progressions", "judgement", "judgment"),
        ("/api/projects/{project}/progressions", "job_id", "jobId"),
        ("/api/projects/{project}/progressions", "providers", "provider"),
        ("/api/projects/{project}/progressions", "Query", "query"),
        ("/api/artifacts", "project_id", "projectId"),
        ("/api/artifacts", "generators", "generator"),
        ("/api/jobs/{job}/events", "After", "after"),
        ("/api/artifacts/{artifact}/answers.csv", "tables", "table"),
    ],
)
def test_near_misses_of_filters_are_refused(world: dict[str, str], path: str, sent: str, meant: str) -> None:
    client, path = keyed(), filled(path, world)
    answer = client.get(f"{path}?{sent}=pass")
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"] == [
        {
            "code": "misspelt",
            "detail": f"{sent} is not a parameter of this request; send {meant}.",
            "attr": sent,
        }
    ]
    for query in (f"{sent}=", "page=2&tag=a&utm_source=mail&format=json"):
        assert client.get(f"{path}?{query}").status_code == 200


def test_other_routes_ignore_every_parameter(world: dict[str, str]) -> None:
    client: APIClient = anonymous()
    for path in ("/api/providers", f"/api/projects/{world['project']}", f"/api/jobs/{world['job']}"):
        assert client.get(f"{path}?Limit=x&limit=x&judgement=pass").status_code == 200


def test_the_document_has_the_warnings_of_each_route_with_a_body() -> None:
    made = SchemaGenerator().get_schema(request=None, public=True)
    for name in ("Project", "JobSubmitted", "Progression", "Artifact", "Customize", "Job"):
        schema = made["components"]["schemas"][name]
        assert schema["properties"]["warnings"]["items"] == {"type": "string"}
        assert "warnings" not in schema.get("required", [])
