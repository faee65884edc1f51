"""The path of an image through buckets and deliveries: what is written where, once, and found again."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dali.lib.calls import fetch
from dali.lib.objects.storage import originals, uploads
from dali.lib.pictures.images import decode, encode_delivery
from progressions.models import ImageProgression, Job, Step, Upload
from progressions.pipeline import ingest, tools
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.upkeep import rebuild
from projects.models import Project
from tests.clients import keyed
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeJudge, FakeProvider, picture_bytes
from tests.s3_servers import SECRET, make_bucket, objects_in, storages_at
from tests.vendors.cloudflare_images_server import (
    ACCOUNT_HASH,
    CloudflareImagesServer,
    failure,
)
from tests.vendors.cloudflare_server import CloudflareServer
from tests.vendors.server import Answer, Fault

pytestmark = pytest.mark.django_db(transaction=True)

BASE = "https://images.example.com/dali"


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, **_: object) -> bytes:
        raise AssertionError(f"{url} was fetched")

    monkeypatch.setattr(ingest, "fetch", refuse)
    monkeypatch.setattr(fetch, "fetch", refuse)


@pytest.fixture(params=["storage", "cloudflare_images"])
def delivered_elsewhere(request: pytest.FixtureRequest, settings: Settings) -> str:
    """A delivery with absolute URLs, and their common prefix."""
    settings.DELIVERY = request.param
    if request.param == "storage":
        settings.DELIVERY_BASE_URL = BASE
        return BASE
    request.getfixturevalue("images_server")
    return f"https://imagedelivery.net/{ACCOUNT_HASH}/dali/"


def webp_of(content: bytes) -> str:
    return hashlib.sha256(encode_delivery(decode(content))).hexdigest()


def send(content: bytes) -> Any:
    file = SimpleUploadedFile("a.png", content, content_type="image/png")
    return keyed().post("/api/uploads", {"file": file}, format="multipart")


def test_a_job_writes_original_and_delivery_image_once_under_their_keys(
    submit: Callable[..., Job], settings: Settings, on_s3: str
) -> None:
    settings.DELIVERY, settings.DELIVERY_BASE_URL = "storage", BASE
    job = submit(variants=2)
    work_all()
    images = list(ImageProgression.objects.order_by("variant_index"))
    assert [image.generated_image_r2_key for image in images] == [
        f"project/{job.project_id}/jobs/{job.id}/orig/{number}" for number in (0, 1)
    ]
    assert objects_in(on_s3, "dali") == sorted(image.generated_image_r2_key for image in images)
    for image in images:
        content = originals().read(image.generated_image_r2_key)
        sha256 = webp_of(content)
        assert image.generated_image_url == f"{BASE}/{sha256[:2]}/{sha256}.webp"
        assert originals().put_once(image.generated_image_r2_key, b"another", media_type="image/png") is False
        assert originals().read(image.generated_image_r2_key) == content
    keys = [image.generated_image_url.removeprefix(f"{BASE}/") for image in images]
    assert objects_in(on_s3, "dali-public") == sorted(keys)
    complete = [event for event in told() if event["type"] == "complete" and event["scope"] == "variant"]
    assert {event["generatedImageUrl"] for event in complete} == {f"{BASE}/{key}" for key in keys}


def test_an_image_delivered_elsewhere_is_a_start_image_from_the_storage(
    submit: Callable[..., Job], fake_provider: FakeProvider, delivered_elsewhere: str
) -> None:
    submit()
    work_all()
    first = ImageProgression.objects.get()
    assert first.generated_image_url.startswith(delivered_elsewhere)
    job = submit(kind="edit", start_image_url=f"{first.generated_image_url}?again=1")
    work_all()
    job.refresh_from_db()
    second = ImageProgression.objects.exclude(id=first.id).get()
    assert second.parent_progression_id == first.id
    assert second.start_image_delivery_url == job.start_image_delivery == first.generated_image_url
    assert second.original_image_r2_key == f"project/{job.project_id}/jobs/{job.id}/orig/start"
    assert originals().read(second.original_image_r2_key) == originals().read(first.generated_image_r2_key)
    # The copy of the start image is a start image too.
    third = submit(kind="edit", start_image_url=second.start_image_delivery_url)
    work_all()
    assert third.variants.get().status == "complete"


def test_an_image_of_another_project_delivered_elsewhere_is_refused(
    submit: Callable[..., Job], delivered_elsewhere: str
) -> None:
    submit()
    work_all()
    address = ImageProgression.objects.get().generated_image_url
    other = Project.objects.create(name="Other")
    body = {
        "prompt": "x",
        "providers": ["fake"],
        "sessionId": "s-2",
        "kind": "edit",
        "startImageUrl": address,
    }
    answer = keyed().post(f"/api/projects/{other.id}/jobs", body, format="json")
    assert answer.status_code == 400
    assert "is an image of another project" in answer.json()["errors"][0]["detail"]


def test_an_upload_goes_through_the_delivery_in_use_and_is_read_from_the_storage(
    submit: Callable[..., Job], fake_provider: FakeProvider, delivered_elsewhere: str
) -> None:
    content = picture_bytes(5)
    url = send(content).json()["url"]
    assert url.startswith(delivered_elsewhere)
    upload = Upload.objects.get()
    assert uploads().read(upload.key) == content
    submit(kind="edit", start_image_url=url)
    work_all()
    start = fake_provider.requests[0].start_image
    assert start is not None
    assert decode(start).image.tobytes() == decode(content).image.tobytes()


def test_a_base_below_the_servers_own_origin_is_found_as_url_and_as_path(
    submit: Callable[..., Job], settings: Settings
) -> None:
    settings.DELIVERY, settings.DELIVERY_BASE_URL = "storage", "http://testserver/media"
    submit()
    work_all()
    address = ImageProgression.objects.get().generated_image_url
    assert address.startswith("http://testserver/media/")
    for given in (address, address.removeprefix("http://testserver")):
        job = submit(kind="edit", start_image_url=given)
        work_all()
        assert job.variants.get().status == "complete"


def test_uploads_templates_and_published_files_have_their_own_folders(on_s3: str) -> None:
    content = picture_bytes(6)
    send(content)
    sha256 = hashlib.sha256(content).hexdigest()
    for name in ("templates", "published"):
        storages[name].put_once("a/0", b"x", media_type="text/html")  # type: ignore[attr-defined]
    assert objects_in(on_s3, "dali") == ["published/a/0", "templates/a/0", f"uploads/{sha256[:2]}/{sha256}"]


def test_images_move_to_another_delivery_and_back(
    submit: Callable[..., Job], settings: Settings, images_server: CloudflareImagesServer
) -> None:
    submit(variants=2)
    work_all()
    send(picture_bytes(7))
    local = sorted(ImageProgression.objects.values_list("generated_image_url", flat=True))
    settings.DELIVERY = "cloudflare_images"
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(
        changed=3
    )
    assert len(images_server.account.images) == 3
    addresses = list(ImageProgression.objects.values_list("generated_image_url", flat=True))
    assert all(address.startswith("https://imagedelivery.net/") for address in addresses)
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(kept=3)
    images_server.account.images.clear()
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(
        changed=3
    )
    settings.DELIVERY = "local"
    call_command("rebuild_delivery", verbosity=0)
    assert sorted(ImageProgression.objects.values_list("generated_image_url", flat=True)) == local


def test_a_rebuild_waits_when_the_delivery_asks_for_it(
    settings: Settings, images_server: CloudflareImagesServer
) -> None:
    send(picture_bytes(8))
    settings.DELIVERY = "cloudflare_images"
    busy = Answer(429, failure(429, 971, "Please wait").body, {"Retry-After": "0"})
    images_server.faults = [Fault(answer=busy), Fault(answer=busy)]
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(
        changed=1
    )
    assert len(images_server.received) == 3
    images_server.faults = [Fault(answer=failure(500, 1, "x"))]
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(
        failed=1
    )


def test_an_upload_that_cannot_be_delivered_is_answered_with_503(
    settings: Settings, images_server: CloudflareImagesServer
) -> None:
    settings.DELIVERY = "cloudflare_images"
    images_server.faults = [Fault(answer=Answer(429, failure(429, 971, "Wait").body, {"Retry-After": "17"}))]
    answer = send(picture_bytes(9))
    assert (answer.status_code, answer["Retry-After"]) == (503, "17")
    assert Upload.objects.count() == 0
    assert send(picture_bytes(9)).status_code == 201


def test_wrong_keys_of_the_bucket_are_reported_and_never_shown(
    submit: Callable[..., Job],
    settings: Settings,
    nanio_endpoint: str,
    close_clients: Callable[[Any], Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_bucket(nanio_endpoint, "dali")
    monkeypatch.setattr(tools, "retry", lambda effect, *_: effect())
    wrong = "wrong-secret-0123456789"
    settings.STORAGES = storages_at(
        nanio_endpoint, bucket="dali", delivery_bucket="dali", region_name="us-east-1", secret_key=wrong
    )
    for alias in ("originals", "uploads"):
        close_clients(storages[alias])
    answer = send(picture_bytes(10))
    assert answer.status_code == 503
    assert answer.json()["errors"] == [
        {"code": "unavailable", "detail": "The image storage cannot be reached; try again.", "attr": None}
    ]
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "could not be used (SignatureDoesNotMatch); check R2_ENDPOINT_URL" in line.getMessage()
    job = submit()
    work_all()
    assert Step.objects.filter(owner_id=job.variants.get().id, name="generate").count() == 1
    shown = answer.content.decode() + caplog.text + json.dumps(told()) + repr(list(Step.objects.values()))
    assert "SignatureDoesNotMatch" in caplog.text
    for secret in (wrong, SECRET, "dali-key"):
        assert secret not in shown


def test_one_account_of_cloudflare_makes_and_delivers(
    project: Project, fake_judge: FakeJudge, settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    settings.DELIVERY, settings.CLOUDFLARE_IMAGES_ACCOUNT_HASH = "cloudflare_images", ACCOUNT_HASH
    submit_job(project=project, draft=JobDraft(prompt="a pier", providers=("workers",), session_id="s-1"))
    work_all()
    image = ImageProgression.objects.get()
    assert list(cloudflare_server.images.images) == [
        image.generated_image_url.split("/", 4)[4].removesuffix("/public")
    ]
    assert originals().exists(image.generated_image_r2_key)
