"""Every route, called without a key, with a wrong key and with a right one."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from progressions.models import Event, ImageProgression, Job, Upload, Variant
from projects.models import Project
from tests.clients import anonymous, keyed, wrong
from tests.factories import JobFactory, ProgressionFactory, VariantFactory
from tests.progressions.fakes import FakeProvider, picture_bytes

pytestmark = pytest.mark.django_db

READS = [
    ("/api/projects", 200),
    ("/api/projects/{project}", 200),
    ("/api/projects/{project}/progressions", 200),
    ("/api/projects/{project}/jobs", 200),
    ("/api/progressions/{progression}", 200),
    ("/api/progressions/{progression}/lineage", 200),
    ("/api/jobs/{job}", 200),
    ("/api/jobs/{job}/events", 200),
    ("/api/providers", 200),
]
WRITES: list[tuple[str, str, Any, int]] = [
    ("post", "/api/projects", {"name": "Coast"}, 201),
    ("patch", "/api/projects/{project}", {"name": "Coast"}, 200),
    ("post", "/api/projects/{project}/jobs", {"prompt": "a", "providers": ["fake"], "sessionId": "s"}, 202),
    ("post", "/api/progressions/{progression}/rollback", None, 201),
    ("post", "/api/progressions/{progression}/retry", {"sessionId": "s"}, 202),
    ("post", "/api/jobs/{job}/cancel", None, 200),
    ("post", "/api/jobs/{job}/retry", None, 202),
    ("post", "/api/variants/{variant}/keep", None, 409),
    ("post", "/api/stream/s-1/tickets", None, 201),
]


@pytest.fixture
def ids(fake_provider: FakeProvider) -> dict[str, str]:
    """A job with a failed variant and an image of it."""
    job = JobFactory(providers=["fake"])
    image = ProgressionFactory(project=job.project, job=job, ai_provider="fake", model="fake-1")
    variant = VariantFactory(job=job, provider="fake", status="failed")
    rows = {"project": job.project, "progression": image, "job": job, "variant": variant}
    return {name: str(row.pk) for name, row in rows.items()}


def world() -> list[object]:
    models = (Project, Job, Variant, ImageProgression, Upload, Event)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize(("route", "code"), READS)
def test_reads_need_no_key_but_refuse_a_wrong_one(ids: dict[str, str], route: str, code: int) -> None:
    url = route.format(**ids)
    assert [client.get(url).status_code for client in (anonymous(), wrong(), keyed())] == [code, 401, code]
    assert [client.head(url).status_code for client in (anonymous(), wrong(), keyed())] == [code, 401, code]


@pytest.mark.parametrize(("route", "code"), READS)
def test_reads_need_a_key_when_all_is_set(ids: dict[str, str], route: str, code: int, settings: Any) -> None:
    settings.REQUIRE_KEY = "all"
    url = route.format(**ids)
    assert [client.get(url).status_code for client in (anonymous(), wrong(), keyed())] == [401, 401, code]


@pytest.mark.parametrize(("method", "route", "body", "code"), WRITES)
def test_writes_need_a_key_and_without_one_change_nothing(
    ids: dict[str, str], method: str, route: str, body: Any, code: int
) -> None:
    url = route.format(**ids)
    before = world()
    for client in (anonymous(), wrong()):
        answer = getattr(client, method)(url, body)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("ApiKey ")
        assert answer.json()["type"] == "client_error"
    assert world() == before
    assert getattr(keyed(), method)(url, body).status_code == code


def test_uploads_need_a_key() -> None:
    codes = []
    for client in (anonymous(), wrong(), keyed()):
        file = SimpleUploadedFile("a.png", picture_bytes(3), content_type="image/png")
        codes.append(client.post("/api/uploads", {"file": file}, format="multipart").status_code)
    assert codes == [401, 401, 201]
