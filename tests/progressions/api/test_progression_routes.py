"""`/api/progressions/...` and a project's progressions: rows, lineage, rollback, retry."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from dali.lib.objects.storage import originals
from progressions.models import ImageProgression, Job
from projects.models import Project
from tests.clients import anonymous, keyed
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory
from tests.progressions.conftest import work_all
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def test_a_progression_has_the_fields_of_the_contract() -> None:
    job = JobFactory()
    parent = ProgressionFactory(project=job.project)
    row = ProgressionFactory(
        project=job.project,
        parent_progression=parent,
        job=job,
        variant_index=1,
        kind="edit",
        start_image_url="/images/start.webp",
        start_image_delivery_url="/images/start.webp",
        generated_image_url="/images/made.webp",
        original_image_r2_key="project/p/jobs/j/orig/start",
        generated_image_r2_key="project/p/jobs/j/orig/1",
        refined_prompt="a lighthouse at dusk, soft light",
        tips_applied=[{"key": "mock.light", "addition": "soft light"}],
        judgment="fail",
        ai_notes=["It is dark."],
        ai_tags=["dark"],
        retry_suggestion="more light",
        phash="00ff",
        seed=4294967295,
        cost_usd="0.040000",
        provider_meta={"requested": {"size": "1000x1000"}},
    )
    answer = anonymous().get(f"/api/progressions/{row.id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(row.id),
        "project_id": str(job.project_id),
        "parent_progression_id": str(parent.id),
        "start_image_url": "http://testserver/images/start.webp",
        "start_image_delivery_url": "http://testserver/images/start.webp",
        "prompt": "a lighthouse at dusk",
        "generated_image_url": "http://testserver/images/made.webp",
        "original_image_r2_key": "project/p/jobs/j/orig/start",
        "generated_image_r2_key": "project/p/jobs/j/orig/1",
        "ai_provider": "mock",
        "ai_notes": ["It is dark."],
        "ai_tags": ["dark"],
        "judgment": "fail",
        "created_at": int(row.created_at.timestamp() * 1000),
        "kind": "edit",
        "model": "painter-1",
        "refined_prompt": "a lighthouse at dusk, soft light",
        "tips_applied": [{"key": "mock.light", "addition": "soft light"}],
        "retry_suggestion": "more light",
        "job_id": str(job.id),
        "variant_index": 1,
        "phash": "00ff",
        "width": 64,
        "height": 48,
        "bytes": 1234,
        "seed": 4294967295,
        "cost_usd": 0.04,
        "provider_meta": {"requested": {"size": "1000x1000"}},
    }


def test_unknown_values_are_null() -> None:
    row = ProgressionFactory()
    body = anonymous().get(f"/api/progressions/{row.id}").json()
    unknown = ("start_image_url", "start_image_delivery_url", "judgment", "cost_usd", "seed", "job_id")
    assert [
        body[name] for name in (*unknown, "parent_progression_id", "variant_index", "retry_suggestion")
    ] == [None] * 9


@pytest.mark.parametrize("progression_id", [UNKNOWN, "7", "nope"])
def test_unknown_progressions_are_404(progression_id: str) -> None:
    client = keyed()
    for answer in (
        client.get(f"/api/progressions/{progression_id}"),
        client.get(f"/api/progressions/{progression_id}/lineage"),
        client.post(f"/api/progressions/{progression_id}/rollback"),
        client.post(f"/api/progressions/{progression_id}/retry", {"sessionId": "s-1"}),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "client_error"


def listed(project: Project, query: str) -> list[str]:
    answer = anonymous().get(f"/api/projects/{project.id}/progressions?{query}")
    assert answer.status_code == 200, answer.content
    return [row["prompt"] for row in answer.json()]


@pytest.fixture
def gallery() -> Project:
    """Four images, the newest first: dog, cat, tower, sea. One more in another project."""
    project = ProjectFactory()
    ProgressionFactory(project=project, prompt="sea", ai_tags=["blue", "calm"], judgment="pass")
    ProgressionFactory(
        project=project, prompt="tower", ai_notes=["STRASSE in fog"], ai_tags=["calm"], judgment="fail"
    )
    ProgressionFactory(project=project, prompt='cat, 100% "real"_', ai_provider="other")
    ProgressionFactory(project=project, prompt="dog", ai_tags=["blueish", "Wet, cold"])
    ProgressionFactory(prompt="sea of another project", ai_tags=["blue"])
    return project


@pytest.mark.parametrize(
    ("query", "prompts"),
    [
        ("", ["dog", 'cat, 100% "real"_', "tower", "sea"]),
        (
            "query=&tags=[]&tags=&judgment=&provider=&jobId=&parent=",
            ["dog", 'cat, 100% "real"_', "tower", "sea"],
        ),
        ("query=SEA", ["sea"]),
        ("query=stra%C3%9Fe", ["tower"]),
        ("query=alm", ["tower", "sea"]),
        ("query=do", ["dog"]),
        ("query=100%25", ['cat, 100% "real"_']),
        ("query=%22real%22_", ['cat, 100% "real"_']),
        ("query=e_", []),
        ("query=al%25m", []),
        ("query=nothing", []),
        ('tags=["blue"]', ["sea"]),
        ("tags=blue,calm", ["sea"]),
        ("tags=blue&tags=calm", ["sea"]),
        ("tags[]=blue&tags[]=calm", ["sea"]),
        ("tags=calm", ["tower", "sea"]),
        ("tags=blu", []),
        ("tags=BLUE", []),
        ('tags=["Wet, cold"]', ["dog"]),
        ("tags=calm&query=fog", ["tower"]),
        ("judgment=pass", ["sea"]),
        ("judgment=fail", ["tower"]),
        ("judgment=none", ["dog", 'cat, 100% "real"_']),
        ("provider=other", ['cat, 100% "real"_']),
        (f"jobId={UNKNOWN}", []),
        (f"parent={UNKNOWN}", []),
    ],
)
def test_progressions_are_filtered(gallery: Project, query: str, prompts: list[str]) -> None:
    assert listed(gallery, query) == prompts


def test_progressions_are_filtered_by_job_and_parent() -> None:
    job = JobFactory()
    root = ProgressionFactory(project=job.project, prompt="root")
    ProgressionFactory(project=job.project, prompt="child", parent_progression=root, job=job)
    assert listed(job.project, f"jobId={job.id}") == ["child"]
    assert listed(job.project, f"parent={root.id}") == ["child"]


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("judgment=maybe", "judgment"),
        ("jobId=7", "jobId"),
        ("parent=x", "parent"),
        ("tags=[1]", "tags.0"),
        ("tags=[%22a%22", "tags"),
        ("query=%00", "query"),
        ("query=" + "x" * 1001, "query"),
    ],
)
def test_invalid_filters_are_refused(query: str, attr: str) -> None:
    answer = anonymous().get(f"/api/projects/{ProjectFactory().id}/progressions?{query}")
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [attr]


def test_progressions_of_an_unknown_project_are_404() -> None:
    assert anonymous().get(f"/api/projects/{UNKNOWN}/progressions").status_code == 404


def test_pages_keep_their_filters() -> None:
    project = ProjectFactory()
    ProgressionFactory.create_batch(3, project=project, prompt="sea", ai_tags=["a"])
    answer = anonymous().get(f"/api/projects/{project.id}/progressions?limit=2&query=sea&tags=a")
    link = answer.headers["Link"]
    assert link.startswith(
        f"<http://testserver/api/projects/{project.id}/progressions?limit=2&query=sea&tags=a&cursor="
    )
    last = anonymous().get(link[len("<http://testserver") : link.index(">")])
    assert (len(answer.json()), len(last.json()), "Link" in last.headers) == (2, 1, False)


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_takes_two_queries_at_any_length(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = JobFactory()
    ProgressionFactory.create_batch(count, project=job.project, job=job)
    with django_assert_num_queries(2):
        assert len(listed(job.project, "")) == count


def test_lineage_runs_from_the_root_to_the_last_descendant() -> None:
    project = ProjectFactory()
    names: dict[str, ImageProgression] = {}
    tree = [
        ("root", ""),
        ("mother", "root"),
        ("me", "mother"),
        ("aunt", "root"),
        ("child", "me"),
        ("son", "me"),
        ("grandchild", "child"),
    ]
    for name, parent in tree:
        names[name] = ProgressionFactory(project=project, prompt=name, parent_progression=names.get(parent))
    body = anonymous().get(f"/api/progressions/{names['me'].id}/lineage").json()
    assert [row["prompt"] for row in body["ancestors"]] == ["root", "mother"]
    assert body["progression"]["prompt"] == "me"
    assert [row["prompt"] for row in body["descendants"]] == ["child", "son", "grandchild"]


@pytest.mark.parametrize("depth", [1, 40])
def test_lineage_takes_one_query_at_any_depth(
    depth: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = ProgressionFactory()
    for _ in range(depth):
        row = ProgressionFactory(project=row.project, parent_progression=row)
    with django_assert_num_queries(1):
        body = anonymous().get(f"/api/progressions/{row.id}/lineage").json()
    assert len(body["ancestors"]) == depth


def test_a_cycle_of_parents_ends() -> None:
    first = ProgressionFactory()
    second = ProgressionFactory(project=first.project, parent_progression=first)
    ImageProgression.objects.filter(id=first.id).update(parent_progression=second)
    body = anonymous().get(f"/api/progressions/{second.id}/lineage").json()
    assert [row["id"] for row in body["ancestors"]] == [str(first.id)]
    assert body["descendants"] == []


def test_a_rollback_shows_the_start_image() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(buffer, "PNG")
    row = ProgressionFactory(
        kind="edit",
        judgment="pass",
        start_image_delivery_url="/images/start.webp",
        original_image_r2_key="project/rollback/orig/start",
    )
    originals().put_once("project/rollback/orig/start", buffer.getvalue(), media_type="image/png")
    answer = keyed().post(f"/api/progressions/{row.id}/rollback")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["kind"], body["parent_progression_id"], body["judgment"]) == ("rollback", str(row.id), None)
    assert body["generated_image_url"] == "http://testserver/images/start.webp"
    assert (body["generated_image_r2_key"], body["width"]) == ("project/rollback/orig/start", 30)
    assert (body["ai_provider"], body["prompt"]) == (row.ai_provider, row.prompt)


def test_a_rollback_of_an_image_without_a_start_image_shows_that_image() -> None:
    row = ProgressionFactory(generated_image_url="/images/own.webp")
    body = keyed().post(f"/api/progressions/{row.id}/rollback").json()
    assert body["generated_image_url"] == "http://testserver/images/own.webp"
    assert body["generated_image_r2_key"] == row.generated_image_r2_key


def test_a_retry_adds_the_suggestion_to_the_prompt(fake_provider: FakeProvider) -> None:
    job = JobFactory(prompt="a lighthouse", providers=["fake"])
    row = ProgressionFactory(
        project=job.project, job=job, ai_provider="fake", prompt="a lighthouse", retry_suggestion="more light"
    )
    answer = keyed().post(f"/api/progressions/{row.id}/retry", {"sessionId": "s-9", "variants": 2})
    assert answer.status_code == 202
    made = Job.objects.get(id=answer.json()["jobId"])
    assert answer.headers["Location"] == f"http://testserver/api/jobs/{made.id}"
    assert (made.session_id, made.parent_id, made.kind, made.variants.count()) == (
        "s-9",
        row.id,
        "generate",
        2,
    )
    assert made.prompt == "a lighthouse\nmore light"


def test_a_retry_accepts_another_prompt(fake_provider: FakeProvider) -> None:
    job = JobFactory(providers=["fake"])
    row = ProgressionFactory(project=job.project, job=job, ai_provider="fake", retry_suggestion="more light")
    answer = keyed().post(f"/api/progressions/{row.id}/retry", {"sessionId": "s-9", "prompt": "a barn"})
    assert Job.objects.get(id=answer.json()["jobId"]).prompt == "a barn"


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "sessionId"),
        ({"sessionId": "a/b"}, "sessionId"),
        ({"sessionId": 5}, "sessionId"),
        ({"sessionId": "s", "prompt": " "}, "prompt"),
        ({"sessionId": "s", "variants": 0}, "variants"),
        ({"sessionId": "s", "variants": "2"}, "variants"),
    ],
)
def test_an_invalid_retry_is_refused(body: dict[str, Any], attr: str) -> None:
    answer = keyed().post(f"/api/progressions/{ProgressionFactory().id}/retry", body)
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [attr]


def test_a_rollback_cannot_be_retried() -> None:
    row = ProgressionFactory(kind="rollback")
    assert keyed().post(f"/api/progressions/{row.id}/retry", {"sessionId": "s"}).status_code == 409


def test_the_images_of_a_job_are_listed(submit: Callable[..., Job]) -> None:
    job = submit()
    work_all()
    rows = anonymous().get(f"/api/projects/{job.project_id}/progressions?jobId={job.id}").json()
    assert [row["cost_usd"] for row in rows] == [0.01]
    assert rows[0]["generated_image_url"].startswith("http://testserver/images/")
    assert (
        anonymous().get(rows[0]["generated_image_url"].removeprefix("http://testserver")).status_code == 200
    )
