"""Maintenance and pages with objects in buckets, in realistic sizes of images and films."""

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from PIL import Image

from artifacts.generator import File
from artifacts.making import building, services
from artifacts.making.gathering import gather
from artifacts.models import Artifact
from dali.lib.objects.storage import delivery_files, originals, uploads
from progressions.delivered_files import file_key
from progressions.models import ImageProgression
from progressions.pipeline import ingest
from progressions.upkeep import rebuild
from projects.models import Project
from tests.artifacts.reading.test_verify_archive import verify, written
from tests.clients import keyed
from tests.factories import ProgressionFactory

pytestmark = pytest.mark.django_db


def noise(seed: int) -> bytes:
    """A PNG of 3 MB."""
    pixels = np.random.default_rng(seed).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def body_of(answer: Any) -> bytes:
    """The whole body, streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def stocked(on_s3: str, db: None) -> Project:
    """A project of three large images, whose delivery images do not exist yet."""
    project = Project.objects.create(name="Harbour")
    for number in range(3):
        key = f"project/{project.pk}/jobs/j/orig/{number}"
        originals().put_once(key, noise(number), media_type="image/png", note={"n": number})
        ProgressionFactory(
            project=project,
            generated_image_url=f"/images/{number:064x}.webp",
            generated_image_r2_key=key,
            original_image_r2_key=key,
        )
    return project


@pytest.mark.parametrize("size", [100, 256 * 1024, 256 * 1024 + 1, 5_000_000])
def test_a_film_is_served_whole_and_in_parts(stocked: Project, client: Client, size: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    artifact = Artifact.objects.create(
        title="Film", generator="walkthroughReel", output="video", public_slug="a-film-of-5-mb"
    )
    file = File("film.mp4", "video/mp4", content)
    built = building.store(artifact, [file], generator="walkthroughReel", progressions=[])
    services.finish(artifact, built)
    address = "/public/artifact/a-film-of-5-mb"
    whole = client.get(address)
    assert (whole.status_code, whole["Content-Length"]) == (200, str(size))
    assert body_of(whole) == content
    for start, end in (
        (0, 0),
        (0, size - 1),
        (size // 2, size - 1),
        (size // 3, size // 2),
        (size - 1, size - 1),
    ):
        part = client.get(address, headers={"Range": f"bytes={start}-{end}"})
        assert (
            part["Content-Range"] == f"bytes {start}-{end}/{size}" if (start, end) != (0, size - 1) else True
        )
        assert body_of(part) == content[start : end + 1]
    assert client.head(address)["Content-Length"] == str(size)


def test_an_archive_of_large_objects_is_verified(stocked: Project, tmp_path: Any) -> None:
    path = written(stocked, tmp_path)
    code, lines = verify(path)
    assert (code, lines[-1].partition(". ")[0]) == (0, "Objects: 6 checked, 6 unchanged"), lines
    key = f"project/{stocked.pk}/jobs/j/orig/1"
    content = originals().read(key)
    originals().delete(key)
    originals().put_once(key, content[:-1] + b"!", media_type="image/png")
    code, lines = verify(path)
    assert code == 1
    assert lines[0].startswith(f"altered  originals  {key}  has SHA-256 ")


def test_hashes_and_delivery_images_are_rebuilt_from_the_buckets(stocked: Project) -> None:
    assert rebuild.rebuild_hashes(None, tell=lambda _: None) == rebuild.RebuildCounts(changed=3)
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(
        changed=3
    )
    for image in ImageProgression.objects.all():
        sha256 = image.generated_image_url.removeprefix("/images/").removesuffix(".webp")
        assert hashlib.sha256(delivery_files().read(file_key(sha256))).hexdigest() == sha256
    assert rebuild.rebuild_delivery(None, is_all=False, tell=lambda _: None) == rebuild.RebuildCounts(kept=3)
    call_command("check_storage", stdout=io.StringIO())


def test_large_images_are_read_for_pages_and_scripts(stocked: Project) -> None:
    material = gather(title="", project_ids=[stocked.pk], needs={"jobs"})
    for number, image in enumerate(material.images):
        assert material.read(image.key) == noise(number)
        assert originals().read_note(image.key) == {"n": number}
    assert sorted(found.size_bytes or 0 for found in material.objects())[-3:] == [
        len(noise(n)) for n in range(3)
    ]


def test_a_large_upload_is_kept_and_delivered(on_s3: str, client: Client) -> None:
    content = noise(9)
    answer = keyed().post("/api/uploads", {"file": io.BytesIO(content)}, format="multipart")
    assert answer.status_code == 201, answer.content
    sha256 = hashlib.sha256(content).hexdigest()
    assert uploads().read(f"{sha256[:2]}/{sha256}") == content
    shown = client.get(answer.json()["url"].removeprefix("http://testserver"))
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/webp")
    assert ingest.receive_upload(content, "").sha256 == sha256
