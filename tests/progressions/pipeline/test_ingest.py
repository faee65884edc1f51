"""Start images, masks and uploads: where they come from, what is refused, what is stored."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from PIL import Image

from dali.lib.errors import InputError
from dali.lib.ids import new_id
from dali.lib.objects.storage import originals, uploads
from dali.lib.pictures.images import CPU_GATE, InvalidImageError
from progressions.delivery import deliveries
from progressions.errors import StartImageError
from progressions.models import ImageProgression, Job, Upload
from progressions.pipeline import ingest
from progressions.pipeline.ingest import Ingested, ingest_images, load_start, receive_upload
from progressions.pipeline.sources import check_mask, resolve_source, source_of
from projects.models import Project
from tests.dali.lib.calls.strange_server import StrangeServer, png, strange_server, wait_for
from tests.progressions.fakes import MemoryDelivery

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def delivery(settings: Any) -> Iterator[MemoryDelivery]:
    settings.DELIVERY = "memory"
    settings.PUBLIC_ORIGIN = "http://testserver"
    with deliveries.register_temporarily(MemoryDelivery()) as plugin:
        assert isinstance(plugin, MemoryDelivery)
        yield plugin


@pytest.fixture
def server(settings: Any) -> Iterator[StrangeServer]:
    with strange_server() as running:
        settings.FETCH_ALLOW_HOSTS = [running.place]
        yield running


def job_of(project: Project, **fields: Any) -> Job:
    return Job.objects.create(
        project=project, session_id="s-1", prompt="a lighthouse", kind="edit", remaining=1, **fields
    )


def image_of(project: Project, address: str = "/images/a.webp", **fields: Any) -> ImageProgression:
    progression_id = new_id()
    key = f"project/{project.id}/jobs/{progression_id}/orig/0"
    originals().put_once(key, png(), media_type="image/png")
    values = {
        "id": progression_id, "kind": "generate", "ai_provider": "mock", "prompt": "x", "width": 64, "height": 48,
        "bytes": 1, "generated_image_url": address, "generated_image_r2_key": key, "original_image_r2_key": key,
    }  # fmt: skip
    return ImageProgression.objects.create(project=project, **{**values, **fields})


def rgba_mask(size: tuple[int, int] = (64, 48)) -> bytes:
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (8, 8, 24, 24))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def jpeg_on_its_side() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


# --- resolve_source


BAD_URLS = {
    "file:///etc/passwd": "scheme 'file' is not allowed; use http or https",
    "http://127.0.0.1": "'127.0.0.1' is an internal or special address",
    "http://127.0.0.1:6379/x": "DALI_FETCH_ALLOW_HOSTS",
    "http://169.254.169.254/latest/meta-data/": "'169.254.169.254' is an internal or special address",
    "http://localhost/x.png": "'localhost' is the name of an internal host",
    "http://[::ffff:10.0.0.1]/": "internal or special address",
    "https://user:hunter2@example.com/x.png": "credentials",
    "ftp://example.com/x.png": "use http or https",
    "data:image/png;base64,AAAA": "use http or https",
    "x.png": "use http or https",
    "": "use http or https",
    "//example.com/x.png": "use http or https",
    "/images/none.webp": "is not an image of this server",
    "/etc/passwd": "is not an image of this server",
    "http://testserver/api/projects": "is not an image of this server",
    "HTTP://TESTSERVER:80/images/none.webp": "is not an image of this server",
    "http://testserver@127.0.0.1/images/a.webp": "credentials",
    "http://testserver:8000/images/a.webp": "is the name of an internal host",
}


@pytest.mark.parametrize(("url", "words"), BAD_URLS.items())
def test_a_url_that_cannot_be_an_image_is_refused_with_field_value_and_fix(
    project: Project, url: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolve_source("startImageUrl", url, project.id)
    assert caught.value.field == "startImageUrl"
    assert str(caught.value).startswith("startImageUrl '")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_query_string_is_never_shown(project: Project) -> None:
    with pytest.raises(InputError) as caught:
        resolve_source("maskImageUrl", "http://10.0.0.1/a.png?token=hunter2#hunter2", project.id)
    assert str(caught.value).startswith("maskImageUrl 'http://10.0.0.1/a.png' cannot be used: ")
    assert "hunter2" not in str(caught.value)


def test_an_external_url_is_marked_for_fetching(project: Project) -> None:
    source = resolve_source("startImageUrl", "https://example.com/a.png?x=1", project.id)
    assert (source.url, source.storage, source.key) == ("https://example.com/a.png?x=1", "", "")
    assert (source.progression_id, source.upload_id) == (None, None)


@pytest.mark.parametrize(
    "url", ["/images/a.webp", "http://testserver/images/a.webp", "http://TESTSERVER:80/images/a.webp?v=1"]
)
def test_an_image_of_the_project_resolves_to_its_original(project: Project, url: str) -> None:
    image_of(project)
    newest = image_of(project)
    source = resolve_source("startImageUrl", url, project.id)
    assert (source.url, source.storage, source.key) == (url, "originals", newest.generated_image_r2_key)
    assert (source.progression_id, source.width, source.height) == (newest.id, 64, 48)


def test_an_image_delivered_elsewhere_is_found_by_its_full_url(project: Project) -> None:
    found = image_of(project, "https://imagedelivery.example/hash/id/public")
    source = resolve_source("startImageUrl", "https://imagedelivery.example/hash/id/public", project.id)
    assert (source.storage, source.progression_id) == ("originals", found.id)


@pytest.mark.parametrize("address", ["/images/a.webp", "https://imagedelivery.example/hash/id/public"])
def test_an_image_of_another_project_is_refused(project: Project, address: str) -> None:
    image_of(Project.objects.create(name="Other"), address)
    with pytest.raises(InputError, match="is an image of another project"):
        resolve_source("startImageUrl", address, project.id)


def test_the_projects_own_image_wins_when_several_share_a_url(project: Project) -> None:
    upload = receive_upload(png(), "key")
    image_of(Project.objects.create(name="Other"), upload.delivery)
    assert resolve_source("startImageUrl", upload.delivery, project.id).upload_id == upload.id
    own = image_of(project, upload.delivery)
    source = resolve_source("startImageUrl", upload.delivery, project.id)
    assert (source.progression_id, source.upload_id) == (own.id, None)


def test_the_copy_of_a_start_image_can_be_a_start_image(project: Project, server: StrangeServer) -> None:
    job = job_of(project, start_image_url=server.url("/image"))
    found = ingest_images(job)
    Job.objects.filter(id=job.id).update(
        start_image_key=found.start_key, start_image_delivery=found.start_delivery
    )
    source = resolve_source("startImageUrl", found.start_delivery, project.id)
    assert (source.storage, source.key, source.progression_id) == ("originals", found.start_key, None)
    with pytest.raises(InputError, match="not an image of this server"):
        resolve_source("startImageUrl", found.start_delivery, Project.objects.create(name="Other").id)


def test_a_start_image_outlives_its_job(project: Project) -> None:
    image_of(project, start_image_delivery_url="/images/start.webp", original_image_r2_key="kept/start")
    assert resolve_source("startImageUrl", "/images/start.webp", project.id).key == "kept/start"


def test_urls_are_looked_up_by_index(project: Project) -> None:
    lookups = [
        ImageProgression.objects.filter(generated_image_url="/images/a.webp"),
        ImageProgression.objects.filter(start_image_delivery_url="/images/a.webp"),
        Job.objects.filter(start_image_delivery="/images/a.webp"),
        Upload.objects.filter(delivery="/images/a.webp"),
    ]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    plans = [lookup.order_by().explain() for lookup in lookups]
    indexes = ["progressions_address", "progressions_start_address", "jobs_start_address", "uploads_delivery"]
    assert [name for name, plan in zip(indexes, plans, strict=True) if name not in plan] == []


# --- masks at submission


def test_a_mask_that_clearly_does_not_fit_is_refused_at_once(project: Project) -> None:
    start = resolve_source("startImageUrl", receive_upload(png((64, 48)), "key").delivery, project.id)
    fits = resolve_source("maskImageUrl", receive_upload(rgba_mask((64, 48)), "key").delivery, project.id)
    small = resolve_source("maskImageUrl", receive_upload(rgba_mask((32, 48)), "key").delivery, project.id)
    jpeg = resolve_source("maskImageUrl", receive_upload(jpeg_on_its_side(), "key").delivery, project.id)
    foreign = resolve_source("maskImageUrl", "https://example.com/mask.png", project.id)
    check_mask("maskImageUrl", fits, start)
    check_mask("maskImageUrl", fits, None)
    check_mask("maskImageUrl", foreign, start)
    check_mask("maskImageUrl", fits, source_of(image_of(project)))
    with pytest.raises(InputError, match=r"is 32 x 48 pixels; make it the size of the start image, 64 x 48"):
        check_mask("maskImageUrl", small, start)
    with pytest.raises(InputError, match=r"is image/jpeg; a mask must be a PNG"):
        check_mask("maskImageUrl", jpeg, None)


# --- ingest_images


def test_a_fetched_image_is_kept_byte_for_byte(
    project: Project, server: StrangeServer, delivery: MemoryDelivery
) -> None:
    job = job_of(project, start_image_url=server.url("/image?token=secret"))
    found = ingest_images(job)
    folder = f"project/{project.id}/jobs/{job.id}/orig"
    (sha256,) = delivery.placed
    assert found == Ingested(f"{folder}/start", f"/images/{sha256}.webp", "", 64, 48)
    assert originals().read(f"{folder}/start") == png()
    assert Image.open(io.BytesIO(delivery.placed[sha256])).format == "WEBP"


def test_a_second_run_gives_the_same_result_and_fetches_nothing(
    project: Project, server: StrangeServer
) -> None:
    job = job_of(project, start_image_url=server.url("/image"))
    first = ingest_images(job)
    assert ingest_images(job) == first
    assert server.asked == ["/image"]


def test_the_image_stored_by_a_crashed_run_is_used(project: Project, server: StrangeServer) -> None:
    job = job_of(project, start_image_url=server.url("/image"))
    key = f"project/{project.id}/jobs/{job.id}/orig/start"
    originals().put_once(key, png((20, 10)), media_type="image/png")
    assert (ingest_images(job).width, server.asked) == (20, [])


def test_the_first_of_two_different_fetched_pictures_is_used(
    project: Project, monkeypatch: pytest.MonkeyPatch, delivery: MemoryDelivery
) -> None:
    job = job_of(project, start_image_url="https://example.com/changes.png")
    key = f"project/{project.id}/jobs/{job.id}/orig/start"

    def fetch_while_another_stores(*_: object, **__: object) -> bytes:
        originals().put_once(key, png((20, 10)), media_type="image/png")
        return png((64, 48))

    monkeypatch.setattr(ingest, "fetch", fetch_while_another_stores)
    found = ingest_images(job)
    assert (found.width, found.height) == (20, 10)
    (webp,) = delivery.placed.values()
    assert Image.open(io.BytesIO(webp)).size == (20, 10)
    assert originals().read(key) == png((20, 10))


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/html", "invalid_image", "startImageUrl is not a usable image"),
        ("/svg", "invalid_image", "startImageUrl is not a usable image"),
        ("/bomb", "invalid_image", "startImageUrl is not a usable image"),
        ("/half-image", "invalid_image", "startImageUrl is not a usable image"),
        ("/gzip-bomb", "invalid_image", "startImageUrl is not a usable image"),
        ("/gigabyte", "invalid_image", "sends more than 2000000 bytes"),
        ("/announced-gigabyte", "invalid_image", "sends more than 2000000 bytes"),
        ("/none", "unreachable", "answered 404"),
        ("/cut-short", "unreachable", "cut the connection"),
        ("/drip", "unreachable", "too slow"),
        ("/to/http://127.0.0.1:1/x", "unreachable", "redirects to a URL that is not allowed"),
        ("/to/file:///etc/passwd", "unreachable", "redirects to a URL that is not allowed"),
    ],
)
def test_a_url_that_is_not_an_image_ends_with_its_code_and_leaves_nothing(
    *,
    project: Project,
    server: StrangeServer,
    delivery: MemoryDelivery,
    settings: Any,
    path: str,
    code: str,
    words: str,
) -> None:
    settings.FETCH_TIMEOUT_S = 0.8 if path == "/drip" else 60
    settings.MAX_IMAGE_BYTES = 2_000_000
    query = "" if "/to/" in path else "?token=hunter2"
    job = job_of(project, start_image_url=server.url(path + query))
    with pytest.raises(StartImageError) as caught:
        ingest_images(job)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert delivery.placed == {}
    assert not originals().exists(f"project/{project.id}/jobs/{job.id}/orig/start")
    if path == "/gigabyte":
        assert wait_for(server.was_cut)


def test_a_parent_alone_provides_its_generated_image(project: Project) -> None:
    job = job_of(project, parent=image_of(project))
    found = ingest_images(job)
    assert originals().read(found.start_key) == png()
    assert found.start_key == f"project/{project.id}/jobs/{job.id}/orig/start"


def test_a_deleted_parent_is_unreachable(project: Project) -> None:
    with pytest.raises(StartImageError) as caught:
        ingest_images(job_of(project))
    assert caught.value.code == "unreachable"


def test_an_upload_with_deleted_bytes_is_unreachable(project: Project) -> None:
    upload = receive_upload(png(), "key")
    uploads().delete(upload.key)
    with pytest.raises(StartImageError, match="not stored any more; upload it again") as caught:
        ingest_images(job_of(project, start_image_url=upload.delivery))
    assert caught.value.code == "unreachable"


def test_start_image_and_mask_are_loaded_in_the_form_that_providers_expect(project: Project) -> None:
    start = receive_upload(jpeg_on_its_side(), "key")
    mask = receive_upload(rgba_mask((48, 64)), "key")
    job = job_of(project, start_image_url=start.delivery, mask_image_url=f"http://testserver{mask.delivery}")
    found = ingest_images(job)
    assert originals().read(found.mask_key) == rgba_mask((48, 64))
    job.start_image_key, job.mask_key = found.start_key, found.mask_key
    with CPU_GATE:
        picture, area = load_start(job)
    assert (picture.width, picture.height, found.width, found.height) == (48, 64, 48, 64)
    assert area is not None
    assert (area.mode, area.size, area.getpixel((10, 10)), area.getpixel((0, 0))) == ("L", (48, 64), 255, 0)


def test_a_mask_that_does_not_fit_leaves_nothing(project: Project, delivery: MemoryDelivery) -> None:
    start, mask = receive_upload(png((64, 48)), "key"), receive_upload(rgba_mask((32, 32)), "key")
    delivery.placed.clear()
    job = job_of(project, start_image_url=start.delivery, mask_image_url=mask.delivery)
    with pytest.raises(StartImageError, match="maskImageUrl is not a usable mask") as caught:
        ingest_images(job)
    assert caught.value.code == "invalid_image"
    assert not originals().exists(f"project/{project.id}/jobs/{job.id}/orig/start")
    assert delivery.placed == {}


# --- receive_upload


def test_an_upload_is_kept_byte_for_byte_and_delivered(delivery: MemoryDelivery) -> None:
    content = jpeg_on_its_side()
    upload = receive_upload(content, "abc")
    sha256 = hashlib.sha256(content).hexdigest()
    assert uploads().read(upload.key) == content
    assert upload.key == f"{sha256[:2]}/{sha256}"
    assert (upload.owner, upload.media_type, upload.width, upload.height) == ("abc", "image/jpeg", 48, 64)
    assert (upload.bytes, upload.sha256) == (len(content), sha256)
    assert upload.delivery == f"/images/{next(iter(delivery.placed))}.webp"


def test_the_same_bytes_again_get_their_own_row() -> None:
    first, second = receive_upload(png(), "a"), receive_upload(png(), "b")
    assert (first.id == second.id, first.key, first.delivery) == (False, second.key, second.delivery)
    assert isinstance(first.id, UUID)


def test_the_copy_of_a_mask_keeps_its_transparency(delivery: MemoryDelivery) -> None:
    receive_upload(rgba_mask(), "a")
    (webp,) = delivery.placed.values()
    alpha = Image.open(io.BytesIO(webp)).convert("RGBA").getchannel("A")
    assert (alpha.getpixel((10, 10)), alpha.getpixel((0, 0))) == (0, 255)


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"<!doctype html>", png()[:-20], b"GIF89a"])
def test_an_upload_that_is_not_an_image_leaves_nothing(content: bytes, delivery: MemoryDelivery) -> None:
    with pytest.raises(InvalidImageError):
        receive_upload(content, "a")
    assert (Upload.objects.count(), delivery.placed) == (0, {})


def test_an_upload_over_the_limits_is_refused(settings: Any) -> None:
    settings.MAX_IMAGE_PIXELS = 64 * 48 - 1
    with pytest.raises(InvalidImageError):
        receive_upload(png(), "a")
    settings.MAX_IMAGE_BYTES = len(png()) - 1
    with pytest.raises(InputError, match="at most"):
        receive_upload(png(), "a")
    assert Upload.objects.count() == 0
