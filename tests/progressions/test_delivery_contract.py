"""The contract that every delivery of the registry must keep, tested against fake services."""

import hashlib
import io

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.pictures.images import Picture, encode_delivery
from progressions.delivery import Delivery, deliveries, image_origins, origin_of, public_url
from progressions.errors import DeliveryError

OWN = {"local", "storage", "cloudflare_images"}


@pytest.fixture(params=deliveries.names())
def delivery(request: pytest.FixtureRequest, settings: Settings) -> Delivery:
    if request.param == "cloudflare_images":
        request.getfixturevalue("images_server")
    if request.param == "storage":
        settings.DELIVERY_BASE_URL = "https://images.example.com/dali"
    found = deliveries.get(request.param)
    if found.missing() and request.param not in OWN:
        pytest.skip(f"{found.name} needs {', '.join(found.missing())}")
    assert found.missing() == []
    return found


def webp(colour: str) -> tuple[bytes, str]:
    content = encode_delivery(Picture(Image.new("RGB", (32, 16), colour), "image/png"))
    return content, hashlib.sha256(content).hexdigest()


def test_the_name_is_that_of_the_registry(delivery: Delivery) -> None:
    assert deliveries.get(delivery.name) is delivery
    assert delivery.name.isidentifier()


def test_placing_twice_gives_the_same_url(delivery: Delivery) -> None:
    content, sha256 = webp("teal")
    address = delivery.place(content, sha256)
    assert delivery.place(content, sha256) == address
    assert public_url(address).startswith(("http://", "https://"))


def test_a_placed_image_is_there(delivery: Delivery) -> None:
    content, sha256 = webp("gold")
    address = delivery.place(content, sha256)
    assert delivery.has(address) is True
    assert delivery.has(address + "x") is False


def test_its_origins_are_those_of_its_urls(delivery: Delivery) -> None:
    address = delivery.place(*webp("navy"))
    own = "" if address.startswith("/") else origin_of(address)
    assert delivery.origins() == ([own] if own else [])
    assert set(delivery.origins()) <= set(image_origins())


def test_different_images_have_different_urls(delivery: Delivery) -> None:
    assert delivery.place(*webp("red")) != delivery.place(*webp("blue"))


def test_a_foreign_url_is_not_there(delivery: Delivery) -> None:
    assert delivery.has("https://example.com/images/elsewhere.webp") is False
    assert delivery.has("") is False


def test_the_local_delivery_opens_what_it_placed(client: object) -> None:
    local = deliveries.get("local")
    content, sha256 = webp("green")
    address = local.place(content, sha256)
    assert address == f"/images/{sha256}.webp"
    assert local.has(address) is True
    answer = client.get(address)  # type: ignore[attr-defined]
    assert Image.open(io.BytesIO(answer.content)).size == (32, 16)


@pytest.mark.parametrize("sha256", ["", "abc", "../" * 20 + "abcd", "A" * 64])
def test_the_local_delivery_refuses_a_name_that_is_not_a_hash(sha256: str) -> None:
    with pytest.raises(DeliveryError, match="not a SHA-256"):
        deliveries.get("local").place(b"bytes", sha256)
