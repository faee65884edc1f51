"""Ids are found in either case in every place: paths, bodies, query parameters, image URLs."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from rest_framework.test import APIClient

from artifacts.models import Artifact
from progressions.models import Job
from tests.clients import keyed
from tests.small_world import filled, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> dict[str, str]:
    """The ids of a project with work."""
    return make_world()


@pytest.fixture
def upper(world: dict[str, str]) -> dict[str, str]:
    """The same ids in upper case."""
    return {name: row_id.upper() for name, row_id in world.items()}


READS = [
    "/api/projects/{project}",
    "/api/projects/{project}/progressions",
    "/api/projects/{project}/progressions?jobId={job}",
    "/api/projects/{project}/progressions?parent={image}",
    "/api/projects/{project}/jobs",
    "/api/progressions/{image}",
    "/api/progressions/{image}/lineage",
    "/api/jobs/{job}",
    "/api/jobs/{job}/events",
    "/api/variants/{skipped}",
    "/api/artifacts?projectId={project}",
    "/api/artifacts/{artifact}",
    "/api/artifacts/{artifact}/views",
    "/api/artifacts/{artifact}/answers",
    "/api/artifacts/{artifact}/answers.csv",
]


@pytest.mark.parametrize("path", READS)
def test_reads_find_ids_in_either_case(world: dict[str, str], upper: dict[str, str], path: str) -> None:
    client = keyed()
    answer, shouted = client.get(filled(path, world)), client.get(filled(path, upper))
    assert (answer.status_code, shouted.status_code) == (200, 200)
    assert shouted.content == answer.content  # ids in the answer are in lower case


WRITES: list[tuple[str, dict[str, Any]]] = [
    ("/api/jobs/{job}/cancel", {}),
    ("/api/jobs/{job}/retry", {}),
    ("/api/progressions/{image}/rollback", {}),
    ("/api/progressions/{image}/retry", {"sessionId": "s-1"}),
    ("/api/variants/{skipped}/keep", {}),
    ("/api/projects/{project}/artifacts/lookbook", {}),
    ("/api/artifacts", {"generator": "lookbook", "projectIds": ["{project}"]}),
    ("/api/artifacts/{artifact}/associate", {"projectId": "{project}", "projectIds": ["{project}"]}),
    ("/api/artifacts/{artifact}/rebuild", {}),
    ("/api/artifacts/{artifact}/unpublish", {}),
    ("/api/artifacts/{artifact}/publish", {}),
]


@pytest.mark.parametrize(("path", "body"), WRITES, ids=[path for path, _ in WRITES])
def test_writes_find_ids_in_either_case(upper: dict[str, str], path: str, body: dict[str, Any]) -> None:
    answer = keyed().post(filled(path, upper), filled(body, upper))
    assert 200 <= answer.status_code < 300, answer.content


def addresses(url: str) -> Iterator[str]:
    """An image URL as clients may write it."""
    path = url.removeprefix("http://testserver")
    digest = path.rpartition("/")[2].partition(".")[0]
    for address in (url, path):
        yield address.replace(digest, digest.upper())
        yield f"{address.replace(digest, digest.upper())}?v=1"


def test_images_are_found_by_urls_in_either_case(world: dict[str, str]) -> None:
    client: APIClient = keyed()
    url = client.get(f"/api/progressions/{world['image']}").json()["generated_image_url"]
    for address in addresses(url):
        body = {"prompt": "a pier", "providers": ["mock"], "sessionId": "s-1", "startImageUrl": address}
        answer = client.post(f"/api/projects/{world['project']}/jobs", body)
        assert answer.status_code == 202, answer.content
        job = Job.objects.get(id=answer.json()["jobId"])
        assert (job.kind, str(job.parent_id)) == ("edit", world["image"])
        opened = client.get(address.removeprefix("http://testserver"))
        assert opened.status_code == 200
        assert opened.content[8:12] == b"WEBP"
        assert opened.headers["ETag"] == opened.headers["ETag"].lower()


def test_a_parent_is_found_in_either_case(world: dict[str, str], upper: dict[str, str]) -> None:
    body = {
        "prompt": "a pier",
        "providers": ["mock"],
        "sessionId": "s-1",
        "parentProgressionId": upper["image"],
    }
    answer = keyed().post(f"/api/projects/{upper['project']}/jobs", body)
    assert answer.status_code == 202
    assert str(Job.objects.get(id=answer.json()["jobId"]).parent_id) == world["image"]


def test_staff_pages_find_ids_in_either_case(upper: dict[str, str], admin_client: Client) -> None:
    for path in ("/admin/artifacts/artifact/{artifact}/change/", "/admin/progressions/job/{job}/change/"):
        assert admin_client.get(filled(path, upper)).status_code == 200
    for path in ("/studio/artifacts/{artifact}/", "/admin/artifacts/artifact/{artifact}/publish/"):
        assert resolve(filled(path, upper)).kwargs == {"artifact_id": Artifact.objects.get().pk}


@pytest.mark.parametrize("row_id", ["{x}", "urn:uuid:x", "x" * 36, "0" * 32])
def test_an_invalid_id_is_404(row_id: str) -> None:
    assert keyed().get(f"/api/projects/{row_id}").status_code == 404
