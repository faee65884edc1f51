"""`POST /api/uploads`: what is accepted, what is refused, and how much of it is read."""

import hashlib
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pytest_django.fixtures import Settings

from progressions.models import Upload
from tests.clients import anonymous, keyed, wrong
from tests.progressions.fakes import picture_bytes

pytestmark = pytest.mark.django_db


def send(content: bytes, name: str = "a.png", part: str = "file", media_type: str = "image/png") -> Any:
    file = SimpleUploadedFile(name, content, content_type=media_type)
    return keyed().post("/api/uploads", {part: file}, format="multipart")


def test_an_upload_is_described_and_its_url_opens() -> None:
    content = picture_bytes(1, (40, 30))
    answer = send(content)
    assert answer.status_code == 201
    body = answer.json()
    assert body == {
        "id": str(Upload.objects.get().id),
        "url": body["url"],
        "media_type": "image/png",
        "width": 40,
        "height": 30,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    shown = anonymous().get(body["url"].removeprefix("http://testserver"))
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/webp")


def test_the_type_is_determined_from_the_bytes() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "JPEG")
    assert send(buffer.getvalue(), media_type="image/png").json()["media_type"] == "image/jpeg"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html></html>",
        b"\x89PNG\r\n\x1a\n",
        picture_bytes(1)[:200],
    ],
    ids=["empty", "svg", "html", "stub", "truncated"],
)
def test_a_file_that_is_not_an_image_is_refused(content: bytes) -> None:
    answer = send(content)
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == ["file"]
    assert Upload.objects.count() == 0


def test_the_part_must_be_called_file() -> None:
    assert send(picture_bytes(1), part="image").status_code == 400
    assert keyed().post("/api/uploads", {"file": "text"}, format="multipart").status_code == 400
    assert keyed().post("/api/uploads").status_code == 400


def test_json_is_415() -> None:
    assert keyed().post("/api/uploads", {"file": "x"}, format="json").status_code == 415


def test_a_broken_form_is_400() -> None:
    client = keyed()
    assert client.post("/api/uploads", b"nonsense", content_type="multipart/form-data").status_code == 400
    assert (
        client.post("/api/uploads", b"nonsense", content_type="multipart/form-data; boundary=b").status_code
        == 400
    )


def test_a_file_that_is_too_large_is_413(settings: Settings) -> None:
    settings.MAX_IMAGE_BYTES = 100_000
    said = "The file is larger than 100,000 bytes; send a smaller image."
    for size in (100_001, 400_000):
        answer = send(b"x" * size)
        assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (413, said)
    assert Upload.objects.count() == 0


def test_a_key_is_needed() -> None:
    for client in (anonymous(), wrong()):
        file = SimpleUploadedFile("a.png", picture_bytes(1), content_type="image/png")
        assert client.post("/api/uploads", {"file": file}, format="multipart").status_code == 401
    assert Upload.objects.count() == 0
