"""`/api/projects`: list, create, fetch, patch."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from projects.models import Project
from tests.clients import anonymous, keyed
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory

pytestmark = pytest.mark.django_db
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def test_a_project_is_created_fetched_and_listed() -> None:
    client = keyed()
    made = client.post("/api/projects", {"name": "  Coast  ", "description": "Lighthouses\nand sea"})
    assert made.status_code == 201
    body = made.json()
    row = Project.objects.get()
    ms = int(row.created_at.timestamp() * 1000)
    assert body == {
        "id": str(row.id),
        "name": "Coast",
        "description": "Lighthouses\nand sea",
        "created_at": ms,
        "updated_at": body["updated_at"],
        "progression_count": 0,
        "job_count": 0,
        "cover_url": None,
        "cost_usd": 0.0,
        "costs": {
            "images_usd": 0.0,
            "judging_usd": 0.0,
            "refining_usd": 0.0,
            "agents_usd": 0.0,
            "unknown_calls": 0,
            "possibly_billed_calls": 0,
            "possibly_billed_usd": 0.0,
        },
    }
    assert client.get(f"/api/projects/{row.id}").json() == body
    assert client.get("/api/projects").json() == [body]


def test_unknown_fields_are_ignored_and_named() -> None:
    body = keyed().post("/api/projects", {"name": "Coast", "id": UNKNOWN, "job_count": 7}).json()
    assert body["job_count"] == 0
    assert body["warnings"] == [
        '"id" is not a field of this request; it was ignored.',
        '"job_count" is not a field of this request; it was ignored.',
    ]


@pytest.mark.parametrize(
    ("body", "attr", "detail"),
    [
        ({}, "name", "name: is missing; send a string."),
        ({"name": 5}, "name", "name: 5 is not text; send a string."),
        ({"name": True}, "name", "name: true is not text; send a string."),
        ({"name": ["a"]}, "name", 'name: ["a"] is not text; send a string.'),
        ({"name": None}, "name", "name: null is not text; send a string."),
        ({"name": "   "}, "name", "name: is empty; send at least one character other than a space."),
        ({"name": "x" * 201}, "name", "name: has 201 characters; send at most 200."),
        ({"name": "a\x07b"}, "name", "name: holds the control character U+0007 at position 1; remove it."),
        ({"name": "a\x00"}, "name", "name: holds the control character U+0000 at position 1; remove it."),
        (
            {"name": "a", "description": "x" * 10_001},
            "description",
            "description: has 10,001 characters; send at most 10,000.",
        ),
    ],
)
def test_invalid_input_is_refused_and_leaves_nothing_behind(
    body: dict[str, Any], attr: str, detail: str
) -> None:
    answer = keyed().post("/api/projects", body)
    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    assert [(error["attr"], error["detail"]) for error in answer.json()["errors"]] == [(attr, detail)]
    assert Project.objects.count() == 0


def test_texts_of_the_maximum_length_are_accepted() -> None:
    answer = keyed().post("/api/projects", {"name": "n" * 200, "description": "d" * 10_000})
    assert answer.status_code == 201


def test_a_body_that_is_not_an_object_is_refused() -> None:
    assert keyed().post("/api/projects", ["name"]).status_code == 400


def test_a_project_is_patched() -> None:
    project = ProjectFactory(name="Coast", description="Sea", updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    client = keyed()
    answer = client.patch(f"/api/projects/{project.id}", {"name": "Shore"})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["description"]) == ("Shore", "Sea")
    assert answer.json()["updated_at"] > 1_767_225_600_000
    assert client.patch(f"/api/projects/{project.id}", {"description": ""}).json()["description"] == ""
    assert client.patch(f"/api/projects/{project.id}", {"name": ""}).status_code == 400
    assert client.patch(f"/api/projects/{project.id}", {"name": None}).status_code == 400


def test_an_empty_patch_changes_nothing() -> None:
    project = ProjectFactory(updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert keyed().patch(f"/api/projects/{project.id}", {}).json()["updated_at"] == 1_767_225_600_000


@pytest.mark.parametrize("project_id", [UNKNOWN, "7", "nope", "%00", "01890000-0000-7000-8000-00000000000G"])
def test_unknown_and_malformed_ids_are_404(project_id: str) -> None:
    for answer in (
        anonymous().get(f"/api/projects/{project_id}"),
        keyed().patch(f"/api/projects/{project_id}", {"name": "a"}),
    ):
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["code"] == "not_found"


def test_projects_are_listed_by_their_latest_work_and_paged() -> None:
    start = timezone.now()
    for name, minutes in (("old", 0), ("newest", 9), ("middle", 5), ("equal", 5)):
        ProjectFactory(name=name, updated_at=start + timedelta(minutes=minutes))
    seen = []
    url = "/api/projects?limit=1"
    for _ in range(4):
        answer = anonymous().get(url)
        seen += [row["name"] for row in answer.json()]
        link = answer.headers.get("Link", "")
        if link:
            assert link.startswith("<http://testserver/api/projects?limit=1&cursor=")
            assert link.endswith('>; rel="next"')
            url = link[len("<http://testserver") : link.index(">")]
    assert seen == ["newest", "equal", "middle", "old"]
    assert link == ""


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=1e2", "limit=%D9%A3", "cursor=x", "cursor=!!!"],
)
def test_invalid_limits_and_cursors_are_refused(query: str) -> None:
    answer = anonymous().get(f"/api/projects?{query}")
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [query.partition("=")[0]]


def test_empty_limit_and_cursor_count_as_absent() -> None:
    ProjectFactory()
    assert len(anonymous().get("/api/projects?limit=&cursor=").json()) == 1


def test_work_is_counted_and_the_newest_passed_image_is_the_cover() -> None:
    project = ProjectFactory()
    ProgressionFactory(project=project, generated_image_url="/images/a.webp", judgment="pass")
    ProgressionFactory(project=project, generated_image_url="/images/b.webp", judgment="fail")
    ProgressionFactory()
    JobFactory.create_batch(3, project=project)
    body = anonymous().get(f"/api/projects/{project.id}").json()
    assert (body["progression_count"], body["job_count"]) == (2, 3)
    assert body["cover_url"] == "http://testserver/images/a.webp"


def test_without_a_passed_image_the_newest_is_the_cover() -> None:
    project = ProjectFactory()
    ProgressionFactory(project=project, generated_image_url="/images/a.webp")
    ProgressionFactory(
        project=project, generated_image_url="https://imagedelivery.example/b/public", judgment="fail"
    )
    assert (
        anonymous().get(f"/api/projects/{project.id}").json()["cover_url"]
        == "https://imagedelivery.example/b/public"
    )


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_takes_two_queries_at_any_length(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for project in ProjectFactory.create_batch(count):
        ProgressionFactory.create_batch(2, project=project)
        JobFactory(project=project)
    with django_assert_num_queries(2):
        assert len(anonymous().get("/api/projects").json()) == count


def test_other_methods_are_405_as_json() -> None:
    answer = keyed().delete("/api/projects")
    assert answer.status_code == 405
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["errors"][0]["code"] == "method_not_allowed"
