"""`/api/artifact-generators`, `/api/artifacts` and their sub-routes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from artifacts.generator import generators
from artifacts.making import building, builds
from artifacts.models import Artifact
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import named
from projects.models import Project
from tests.clients import anonymous, keyed, wrong
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
UNKNOWN = "01890000-0000-7000-8000-000000000000"


def test_generators_are_listed_with_their_options() -> None:
    answer = anonymous().get("/api/artifact-generators")
    assert answer.status_code == 200
    listed = {row["id"]: row for row in answer.json()}
    assert sorted(listed) == generators.names()
    assert listed["lookbook"]["output"] == "html"
    assert listed["lookbook"]["options"][0] == {
        "name": "include",
        "type": "string",
        "default": "not_failed",
        "choices": ["all", "not_failed", "passed"],
        "help": "Which verdicts are shown; images without a verdict count as not failed.",
    }


def test_one_call_makes_a_lookbook_of_a_project(shown: Project) -> None:
    answer = keyed().post(f"/api/projects/{shown.pk}/artifacts/lookbook", {})
    assert answer.status_code == 201
    body = answer.json()
    artifact = Artifact.objects.get()
    files = body["manifest"]["files"]
    assert [file["name"] for file in files] == ["index.html"]
    assert body == {
        "id": str(artifact.id),
        "artifact_id": str(artifact.id),
        "owner_id": artifact.owner_id,
        "project_id": str(shown.pk),
        "project_ids": [str(shown.pk)],
        "title": "Harbour lights",
        "generator": "lookbook",
        "output": "html",
        "status": "published",
        "error": None,
        "template_r2_key": None,
        "content_r2_key": artifact.content_r2_key,
        "r2_key": artifact.content_r2_key,
        "public_slug": artifact.public_slug,
        "public_url": f"http://testserver/public/lookbook/{artifact.public_slug}",
        "options": {},
        "configuration": {},
        "manifest": artifact.manifest,
        "closed": False,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }
    assert len(artifact.public_slug or "") >= 22
    assert artifact.owner_id
    folder = artifact.content_r2_key.rsplit("/", 1)[0]
    assert named("published").exists(f"{folder}/manifest.json")


def test_a_lookbook_accepts_a_title_and_options(shown: Project) -> None:
    body = {"title": "Autumn", "options": {"captions": False, "include": "all", "most": 2}}
    answer = keyed().post(f"/api/projects/{shown.pk}/artifacts/lookbook", body)
    assert (answer.status_code, answer.json()["title"]) == (201, "Autumn")
    page = named("published").read(answer.json()["r2_key"]).decode()
    assert page.count("data-lightbox=") == 2
    assert "<figcaption>" not in page


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"generator": "nope"}, "generator"),
        ({}, "generator"),
        ({"generator": "lookbook", "templateR2Key": "t/x.html"}, "generator"),
        ({"generator": "lookbook", "options": {"nope": 1}}, "options.nope"),
        ({"generator": "lookbook", "options": {"most": 0}}, "options.most"),
        ({"generator": "lookbook", "options": []}, "options"),
        ({"generator": "lookbook", "title": 5}, "title"),
        ({"generator": "lookbook", "title": "x" * 201}, "title"),
        ({"generator": "lookbook", "sessionId": "no spaces"}, "sessionId"),
        ({"templateR2Key": "t/none.html", "title": "T"}, "templateR2Key"),
        ({"templateR2Key": "../etc/passwd", "title": "T"}, "templateR2Key"),
        ({"templateR2Key": "t/x.html"}, "title"),
    ],
)
def test_an_invalid_request_is_refused_by_its_field(
    shown: Project, body: dict[str, object], field: str
) -> None:
    answer = keyed().post("/api/artifacts", {"projectIds": [str(shown.pk)], **body})
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [field]
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("ids", [[], "x", [5], [UNKNOWN], ["nope"], None])
def test_invalid_projects_are_refused(ids: object) -> None:
    answer = keyed().post("/api/artifacts", {"generator": "lookbook", "projectIds": ids})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"].startswith("projectIds")


def test_an_empty_project_is_refused_and_leaves_no_rows() -> None:
    project = ProjectFactory()
    for name in generators.names():
        answer = keyed().post("/api/artifacts", {"generator": name, "projectIds": [str(project.pk)]})
        assert answer.status_code == 400, name
        assert answer.json()["errors"][0]["attr"] == "projectIds"
    assert not Artifact.objects.exists()


def test_artifacts_are_listed_newest_first_and_filtered(
    publish: Callable[..., Artifact], shown: Project
) -> None:
    first, second = publish(), publish(title="Second")
    other = ProjectFactory()
    client = anonymous()
    assert [row["id"] for row in client.get("/api/artifacts").json()] == [str(second.id), str(first.id)]
    for query, count in {
        f"projectId={shown.pk}": 2,
        f"projectId={other.pk}": 0,
        "generator=lookbook": 2,
        "generator=storyboard": 0,
        "generator=&projectId=": 2,
        "limit=1": 1,
    }.items():
        assert len(client.get(f"/api/artifacts?{query}").json()) == count, query
    assert client.get("/api/artifacts?projectId=nope").status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_makes_the_same_queries_for_one_as_for_three(
    publish: Callable[..., Artifact], count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        publish()
    with django_assert_num_queries(3):
        assert len(anonymous().get("/api/artifacts").json()) == count


def test_an_artifact_is_linked_to_more_projects_once_each(publish: Callable[..., Artifact]) -> None:
    artifact = publish()
    first, second = ProjectFactory(), ProjectFactory()
    client = keyed()
    for _ in range(2):
        body = {"projectId": str(first.pk), "projectIds": [str(second.pk), str(first.pk)]}
        answer = client.post(f"/api/artifacts/{artifact.id}/associate", body)
        assert answer.status_code == 200
        assert answer.json()["project_ids"][1:] == [str(first.pk), str(second.pk)]
    assert client.post(f"/api/artifacts/{artifact.id}/associate", {}).status_code == 400


def test_a_rebuild_shows_new_work_at_the_same_url_and_keeps_the_old_files(
    publish: Callable[..., Artifact], shown: Project
) -> None:
    artifact = publish()
    client = keyed()
    same = client.post(f"/api/artifacts/{artifact.id}/rebuild").json()
    assert same["r2_key"] == artifact.content_r2_key
    Project.objects.filter(pk=shown.pk).update(description="For the spring campaign.")
    changed = client.post(f"/api/artifacts/{artifact.id}/rebuild").json()
    assert changed["public_slug"] == artifact.public_slug
    assert changed["r2_key"] != artifact.content_r2_key
    assert b"spring" in named("published").read(changed["r2_key"])
    assert b"autumn" in named("published").read(artifact.content_r2_key)


def test_an_artifact_is_unpublished_and_published_again(publish: Callable[..., Artifact]) -> None:
    artifact = publish()
    client, address = keyed(), f"/public/lookbook/{artifact.public_slug}"
    assert client.get(address).status_code == 200
    for _ in range(2):
        answer = client.post(f"/api/artifacts/{artifact.id}/unpublish")
        assert (answer.status_code, answer.json()["status"]) == (200, "unpublished")
    assert client.get(address).status_code == 410
    assert client.post(f"/api/artifacts/{artifact.id}/rebuild").json()["status"] == "unpublished"
    assert client.post(f"/api/artifacts/{artifact.id}/publish").json()["status"] == "published"
    assert client.get(address).status_code == 200


def test_a_template_makes_a_draft_that_cannot_be_opened_or_published(shown: Project) -> None:
    named("templates").put_once("t/press.html", b"<h1>{{TITLE}}</h1>", media_type="text/html")
    body = {"templateR2Key": "t/press.html", "title": "Press", "projectIds": [str(shown.pk)]}
    answer = keyed().post("/api/artifacts", body)
    assert answer.status_code == 201
    artifact = answer.json()
    assert (artifact["status"], artifact["generator"], artifact["r2_key"]) == ("draft", None, None)
    assert anonymous().get(f"/public/artifact/{artifact['public_slug']}").status_code == 404
    for deed in ("publish", "unpublish", "rebuild"):
        assert keyed().post(f"/api/artifacts/{artifact['id']}/{deed}").status_code == 409


@pytest.mark.parametrize("deed", ["associate", "rebuild", "publish", "unpublish"])
def test_actions_need_a_key_and_an_artifact(publish: Callable[..., Artifact], deed: str) -> None:
    artifact = publish()
    assert anonymous().post(f"/api/artifacts/{artifact.id}/{deed}", {}).status_code == 401
    assert wrong().post(f"/api/artifacts/{artifact.id}/{deed}", {}).status_code == 401
    assert keyed().post(f"/api/artifacts/{UNKNOWN}/{deed}", {}).status_code == 404


def test_making_needs_a_key(shown: Project) -> None:
    for client in (anonymous(), wrong()):
        assert client.post("/api/artifacts", {}).status_code == 401
        assert client.post(f"/api/projects/{shown.pk}/artifacts/lookbook", {}).status_code == 401
    assert keyed().post(f"/api/projects/{UNKNOWN}/artifacts/lookbook", {}).status_code == 404
    assert anonymous().get(f"/api/artifacts/{UNKNOWN}").status_code == 404


@pytest.mark.parametrize("generator", ["moodboard", "gallery", "storyboard"])
def test_a_build_too_long_for_a_request_is_left_to_a_worker(
    shown: Project, generator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators.get(generator).__class__, "most_at_once", 2)
    sent = {"generator": generator, "projectIds": [str(shown.pk)], "options": {"include": "all"}}
    few = keyed().post("/api/artifacts", {**sent, "options": {"include": "all", "most": 2}})
    assert (few.status_code, few.json()["status"]) == (201, "published")
    answer = keyed().post("/api/artifacts", sent)
    assert (answer.status_code, answer.json()["status"]) == (202, "building")
    artifact = Artifact.objects.get(id=answer.json()["id"])
    assert builds.build_waiting(artifact.id)
    artifact.refresh_from_db()
    assert artifact.status == "published"
    again = keyed().post(f"/api/artifacts/{artifact.id}/rebuild")
    assert (again.status_code, again.json()["status"]) == (202, "building")


def test_a_long_build_waits_for_its_storage_and_reveals_no_internals(
    shown: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise UnavailableError(
            "The image storage cannot be reached; try again.", reason="the bucket 'x' hangs"
        )

    monkeypatch.setattr(generators.get("moodboard").__class__, "most_at_once", 2)
    sent = {"generator": "moodboard", "projectIds": [str(shown.pk)], "options": {"include": "all"}}
    artifact = Artifact.objects.get(id=keyed().post("/api/artifacts", sent).json()["id"])
    with monkeypatch.context() as patch:
        patch.setattr(building, "store", away)
        assert builds.build_waiting(artifact.id)
        artifact.refresh_from_db()
        assert (artifact.status, artifact.error) == ("building", "")
        assert not builds.build_waiting(artifact.id)  # its pause is not over
        Artifact.objects.filter(id=artifact.id).update(
            not_before=None, updated_at=timezone.now() - timedelta(hours=2)
        )
        assert builds.build_waiting(artifact.id)
        artifact.refresh_from_db()
        assert (artifact.status, artifact.error) == ("building", "")  # the worker never gives up on it
        assert artifact.lease_until is None
        assert artifact.not_before is not None
        assert 55 < (artifact.not_before - timezone.now()).total_seconds() <= 60
    lines = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(lines) == 2
    assert all("the bucket 'x' hangs" in line for line in lines)
    Artifact.objects.filter(id=artifact.id).update(not_before=None)
    assert builds.build_waiting(artifact.id)
    artifact.refresh_from_db()
    assert artifact.status == "published"


@pytest.mark.parametrize("generator", ["moodboard", "walkthroughReel"])
def test_a_project_without_images_is_refused_at_once(generator: str) -> None:
    project = ProjectFactory.create()
    sent = {"generator": generator, "projectIds": [str(project.pk)]}
    assert keyed().post("/api/artifacts", sent).status_code == 400
    assert not Artifact.objects.exists()
