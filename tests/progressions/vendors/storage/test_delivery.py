"""Delivery by a public bucket, or by a folder that a web server or CDN serves."""

import hashlib
import io
from pathlib import Path

import pytest
import requests
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import LocalWriteOnceStorage, delivery_files, originals
from dali.lib.pictures.images import Picture, encode_delivery
from progressions.delivery import Delivery, deliveries, image_origins
from progressions.errors import DeliveryError
from tests.s3_servers import client_of, objects_in

BASE = "https://images.example.com/dali"


@pytest.fixture
def delivery(settings: Settings) -> Delivery:
    settings.DELIVERY_BASE_URL = BASE
    return deliveries.get("storage")


def webp(colour: str) -> tuple[bytes, str]:
    content = encode_delivery(Picture(Image.new("RGB", (32, 16), colour), "image/png"))
    return content, hashlib.sha256(content).hexdigest()


def test_a_folder_has_the_image_at_the_path_of_its_url(delivery: Delivery) -> None:
    content, sha256 = webp("teal")
    address = delivery.place(content, sha256)
    assert address == f"{BASE}/{sha256[:2]}/{sha256}.webp"
    assert Path(delivery_files().path(address.removeprefix(f"{BASE}/"))).read_bytes() == content


def test_a_bucket_has_the_image_under_the_key_of_its_url(delivery: Delivery, on_s3: str) -> None:
    content, sha256 = webp("olive")
    address = delivery.place(content, sha256)
    key = address.removeprefix(f"{BASE}/")
    assert objects_in(on_s3, "dali-public") == [key]
    assert objects_in(on_s3, "dali") == []
    client = client_of(on_s3)
    found = client.head_object(Bucket="dali-public", Key=key)
    client.close()
    assert found["ContentType"] == "image/webp"
    assert found["CacheControl"] == "public, max-age=31536000, immutable"
    assert delivery.has(address) is True
    assert delivery.place(content, sha256) == address


def test_only_delivered_objects_are_cached_for_ever(delivery: Delivery, on_s3: str) -> None:
    originals().put_once("a/0", b"x", media_type="image/png")
    client = client_of(on_s3)
    assert "CacheControl" not in client.head_object(Bucket="dali", Key="a/0")
    client.close()


def test_a_damaged_file_is_written_again(delivery: Delivery) -> None:
    content, sha256 = webp("plum")
    delivery_files().put_once(f"{sha256[:2]}/{sha256}.webp", content[:9], media_type="image/webp")
    assert delivery.has(f"{BASE}/{sha256[:2]}/{sha256}.webp") is False
    address = delivery.place(content, sha256)
    assert delivery.has(address) is True
    assert Image.open(io.BytesIO(delivery_files().read(address.removeprefix(f"{BASE}/")))).size == (32, 16)


@pytest.mark.parametrize(
    "address", ["", f"/images/{'a' * 64}.webp", f"{BASE}/ab/{'a' * 64}.webp", f"{BASE}/aa/x.webp"]
)
def test_a_url_of_another_delivery_is_not_its_own(delivery: Delivery, address: str) -> None:
    assert delivery.has(address) is False


def test_a_storage_that_is_down_is_a_delivery_error(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> bytes:
        raise UnavailableError("no disk")

    content, sha256 = webp("grey")
    address = delivery.place(content, sha256)
    monkeypatch.setattr(LocalWriteOnceStorage, "put_once", down)
    monkeypatch.setattr(LocalWriteOnceStorage, "read", down)
    with pytest.raises(DeliveryError, match="no disk"):
        delivery.place(content, sha256)
    with pytest.raises(DeliveryError, match="no disk"):
        delivery.has(address)


def test_missing_settings_are_named(settings: Settings) -> None:
    settings.DELIVERY_BASE_URL = ""
    assert deliveries.get("storage").missing() == ["DALI_DELIVERY_BASE_URL"]
    assert image_origins() == []


def test_pages_may_show_its_images(delivery: Delivery) -> None:
    assert image_origins() == ["https://images.example.com"]


def test_a_public_bucket_serves_the_image(settings: Settings, on_s3: str) -> None:
    settings.DELIVERY_BASE_URL = f"{on_s3}/dali-public"
    client = client_of(on_s3)
    client.put_bucket_acl(Bucket="dali-public", ACL="public-read")
    client.close()
    content, sha256 = webp("coral")
    answer = requests.get(deliveries.get("storage").place(content, sha256), timeout=10)
    assert answer.content == content
    assert answer.headers["Content-Type"] == "image/webp"
