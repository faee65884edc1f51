"""Delivery by Cloudflare Images: through `requests`, to a fake server."""

import hashlib
import io

import numpy as np
import pytest
import requests
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.circuit_breaker import CircuitBreaker
from dali.lib.pictures.images import Picture, encode_delivery
from progressions.delivery import Delivery, deliveries, image_origins
from progressions.enums import Code
from progressions.errors import DeliveryError
from progressions.vendors.cloudflare import delivery as cloudflare_images
from progressions.vendors.cloudflare.delivery import within_limits
from tests.vendors.cloudflare_images_server import (
    ACCOUNT,
    ACCOUNT_HASH,
    TOKEN,
    CloudflareImagesServer,
    failure,
    parts_of,
)
from tests.vendors.server import Answer, Fault, html


@pytest.fixture
def server(images_server: CloudflareImagesServer) -> CloudflareImagesServer:
    return images_server


@pytest.fixture
def delivery(server: CloudflareImagesServer) -> Delivery:
    return deliveries.get("cloudflare_images")


def webp(colour: str = "teal", size: tuple[int, int] = (32, 16)) -> tuple[bytes, str]:
    content = encode_delivery(Picture(Image.new("RGB", size, colour), "image/png"))
    return content, hashlib.sha256(content).hexdigest()


def noise(size: tuple[int, int]) -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return encode_delivery(Picture(Image.fromarray(pixels), "image/png"))


def size_of(content: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(content)).size


def test_an_image_is_placed_under_the_hash_of_its_content(
    delivery: Delivery, server: CloudflareImagesServer
) -> None:
    content, sha256 = webp()
    address = delivery.place(content, sha256)
    assert address == f"https://imagedelivery.net/{ACCOUNT_HASH}/dali/{sha256}/public"
    assert server.account.images[f"dali/{sha256}"].content == content
    (request,) = server.received
    assert request.path == f"/client/v4/accounts/{ACCOUNT}/images/v1"
    parts = parts_of(request)
    assert parts is not None
    assert [(part.name, part.filename, part.media_type) for part in parts] == [
        ("id", "", ""),
        ("metadata", "", ""),
        ("file", f"{sha256}.webp", "image/webp"),
    ]


def test_an_image_that_exists_already_counts_as_placed(
    delivery: Delivery, server: CloudflareImagesServer
) -> None:
    content, sha256 = webp()
    address = delivery.place(content, sha256)
    assert delivery.place(content, sha256) == address
    assert [(each.method, each.path.rpartition("/")[2]) for each in server.received] == [
        ("POST", "v1"),
        ("POST", "v1"),
        ("GET", f"dali%2F{sha256}"),
    ]


def test_a_lost_answer_does_no_harm(delivery: Delivery, server: CloudflareImagesServer) -> None:
    content, sha256 = webp()
    server.faults = [Fault(way="cut")]
    with pytest.raises(DeliveryError, match="was lost"):
        delivery.place(content, sha256)
    assert delivery.place(content, sha256).endswith(f"/dali/{sha256}/public")
    assert len(server.account.images) == 1


def test_a_conflict_about_a_missing_image_is_an_error(
    delivery: Delivery, server: CloudflareImagesServer
) -> None:
    server.faults = [Fault(answer=failure(409, 5409, "Resource already exists"))]
    with pytest.raises(DeliveryError, match="exists and that it does not"):
        delivery.place(*webp())


def test_has_asks_the_service(delivery: Delivery, server: CloudflareImagesServer) -> None:
    content, sha256 = webp()
    address = delivery.place(content, sha256)
    assert delivery.has(address) is True
    del server.account.images[f"dali/{sha256}"]
    assert delivery.has(address) is False
    server.faults = [Fault(answer=failure(500, 10001, "Internal"))]
    with pytest.raises(DeliveryError, match="500"):
        delivery.has(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/images/abc.webp",
        f"https://imagedelivery.net/{ACCOUNT_HASH}/dali/abc/public",
        f"https://imagedelivery.net/another/dali/{'a' * 64}/public",
        f"https://imagedelivery.net/{ACCOUNT_HASH}/dali/{'a' * 64}/thumb",
        f"https://example.com/{ACCOUNT_HASH}/dali/{'a' * 64}/public",
    ],
)
def test_a_url_of_another_delivery_is_not_looked_up(
    delivery: Delivery, server: CloudflareImagesServer, address: str
) -> None:
    assert delivery.has(address) is False
    assert server.received == []


@pytest.mark.parametrize("sha256", ["", "abc", "../" * 20 + "abcd", "A" * 64])
def test_a_name_that_is_not_a_hash_is_refused(
    delivery: Delivery, server: CloudflareImagesServer, sha256: str
) -> None:
    with pytest.raises(DeliveryError, match="not a SHA-256"):
        delivery.place(b"bytes", sha256)
    assert server.received == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(answer=failure(429, 971, "Please wait")), "429"),
        (Fault(answer=failure(500, 5500, "Internal error")), "500"),
        (Fault(answer=Answer(503, b"", {})), "503"),
        (Fault(answer=html()), "neither JSON"),
        (Fault(answer=html(502)), "502"),
        (Fault(answer=Answer(200, b"")), "empty"),
        (Fault(answer=Answer(200, b'{"success": tr')), "broken JSON"),
        (Fault(answer=Answer.of_json({"success": True, "result": None})), "did not confirm"),
        (
            Fault(answer=Answer.of_json({"success": True, "result": {"id": "other"}})),
            "did not confirm",
        ),
        (Fault(answer=failure(403, 5453, "Quota reached: 100000 images")), "Quota reached"),
        (Fault(answer=failure(413, 5413, "The image size limit is 10 MB")), "10 MB"),
        (Fault(way="reset"), "was lost"),
        (Fault(way="cut"), "was lost"),
    ],
)
def test_every_failure_is_a_delivery_error(
    delivery: Delivery, server: CloudflareImagesServer, fault: Fault, words: str
) -> None:
    server.faults = [fault]
    with pytest.raises(DeliveryError, match=words) as caught:
        delivery.place(*webp())
    assert TOKEN not in repr(caught.value) + repr(caught.value.__cause__)
    assert delivery.place(*webp())  # and the next attempt works


@pytest.mark.parametrize(
    ("headers", "pause_s"), [({"Retry-After": "17"}, 17), ({"Retry-After": "1e9"}, 30 * 86_400), ({}, 30)]
)
def test_the_pause_that_the_service_requests_is_passed_on(
    delivery: Delivery, server: CloudflareImagesServer, headers: dict[str, str], pause_s: int
) -> None:
    body = failure(429, 971, "Please wait").body
    server.faults = [Fault(answer=Answer(429, body, headers))]
    with pytest.raises(DeliveryError) as caught:
        delivery.place(*webp())
    error = caught.value
    assert (error.retry_after_s, error.is_busy, error.is_permanent) == (pause_s, True, False)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (failure(403, 5453, "You have reached the maximum of images"), Code.QUOTA, "raise the plan"),
        (failure(400, 5453, "Quota"), Code.QUOTA, "delete images"),
        (failure(415, 5455, "Unsupported format"), Code.PROVIDER_ERROR, "DALI_DELIVERY"),
        (failure(400, 5455, "Unsupported format"), Code.PROVIDER_ERROR, "DALI_DELIVERY"),
        (failure(413, 5413, "The image size limit is 10 MB"), Code.PROVIDER_ERROR, "DALI_DELIVERY"),
        (html(413), Code.PROVIDER_ERROR, "DALI_DELIVERY"),
        (failure(401, 10000, "Authentication error"), Code.PROVIDER_ERROR, "CLOUDFLARE_API_TOKEN"),
        (failure(403, 10000, "Authentication error"), Code.PROVIDER_ERROR, "Images Write"),
        (failure(200, 10000, "Authentication error"), Code.PROVIDER_ERROR, "Authentication error"),
        (failure(400, 5400, "Bad request"), Code.PROVIDER_ERROR, "Bad request"),
        (failure(404, 7003, "Could not route"), Code.PROVIDER_ERROR, "Could not route"),
    ],
)
def test_a_failure_that_would_repeat_is_permanent_and_says_what_to_do(
    delivery: Delivery, server: CloudflareImagesServer, answer: Answer, code: Code, words: str
) -> None:
    server.faults = [Fault(answer=answer)]
    with pytest.raises(DeliveryError) as caught:
        delivery.place(*webp())
    error = caught.value
    assert (error.code, error.is_busy) == (code, False)
    assert words in error.public_message
    assert TOKEN not in error.public_message + str(error)


@pytest.mark.parametrize(
    "answer", [failure(500, 5500, "Internal error"), html(502), html(), Answer(408, b"")]
)
def test_a_temporary_failure_is_not_permanent(
    delivery: Delivery, server: CloudflareImagesServer, answer: Answer
) -> None:
    server.faults = [Fault(answer=answer)]
    with pytest.raises(DeliveryError) as caught:
        delivery.place(*webp())
    assert (caught.value.is_permanent, caught.value.is_busy) == (False, False)


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_a_hanging_service_is_given_up_at_the_deadline(
    delivery: Delivery, server: CloudflareImagesServer, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(cloudflare_images, "BREAKER", CircuitBreaker(worker_s=0.5))
    server.faults = [Fault(way="hang") if way == "hang" else Fault(way="drip", pause_s=0.02)]
    with pytest.raises(DeliveryError, match="in time"):
        delivery.place(*webp())


def test_a_wrong_token_is_reported_and_not_shown(
    delivery: Delivery, server: CloudflareImagesServer, settings: Settings
) -> None:
    settings.CLOUDFLARE_API_TOKEN = "cf-wrong-token-0123456789abcdef"
    with pytest.raises(
        DeliveryError, match=r"CLOUDFLARE_API_TOKEN for CLOUDFLARE_ACCOUNT_ID.*Images Write"
    ) as caught:
        delivery.place(*webp())
    assert "cf-wrong-token" not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_wrong_account_hash_is_an_error_and_not_stored_in_rows(
    delivery: Delivery, settings: Settings
) -> None:
    settings.CLOUDFLARE_IMAGES_ACCOUNT_HASH = "another-hash"
    with pytest.raises(
        DeliveryError, match=f"CLOUDFLARE_IMAGES_ACCOUNT_HASH is 'another-hash'.*{ACCOUNT_HASH}"
    ):
        delivery.place(*webp())


def test_an_unknown_variant_is_reported_with_the_known_ones(delivery: Delivery, settings: Settings) -> None:
    settings.CLOUDFLARE_IMAGES_VARIANT = "hero"
    with pytest.raises(
        DeliveryError, match="CLOUDFLARE_IMAGES_VARIANT is 'hero'; this account has: public, thumb"
    ):
        delivery.place(*webp())


def test_a_flexible_variant_is_accepted_although_no_list_has_it(
    delivery: Delivery, settings: Settings
) -> None:
    settings.CLOUDFLARE_IMAGES_VARIANT = "w=400,fit=scale-down"
    assert delivery.place(*webp()).endswith("/w=400,fit=scale-down")


def test_an_image_within_the_limits_is_sent_unchanged() -> None:
    content, _ = webp()
    assert within_limits(content) is content


def test_too_many_bytes_first_lower_the_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    content = noise((256, 128))
    monkeypatch.setattr(cloudflare_images, "MOST_BYTES", len(content) - 1)
    smaller = within_limits(content)
    assert len(smaller) < len(content)
    assert size_of(smaller) == (256, 128)
    assert within_limits(content) == smaller


def test_far_too_many_bytes_lower_the_number_of_pixels(
    delivery: Delivery, server: CloudflareImagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = noise((256, 128))
    server.account.most_bytes = 5_000
    monkeypatch.setattr(cloudflare_images, "MOST_BYTES", 5_000)
    sha256 = hashlib.sha256(content).hexdigest()
    address = delivery.place(content, sha256)
    width, height = server.account.picture(f"dali/{sha256}").size
    assert width < 256
    assert width / height == pytest.approx(2, rel=0.05)
    assert delivery.place(content, sha256) == address  # the id belongs to the original content


@pytest.mark.parametrize(("size", "placed"), [((12_001, 3), (12_000, 2)), ((3, 16_000), (2, 12_000))])
def test_sides_that_are_too_long_are_shortened(size: tuple[int, int], placed: tuple[int, int]) -> None:
    assert size_of(within_limits(webp("teal", size)[0])) == placed


def test_too_many_pixels_are_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudflare_images, "MOST_PIXELS", 5_000)
    width, height = size_of(within_limits(webp("teal", (110, 100))[0]))
    assert (width, height) == (74, 67)
    assert width * height <= 5_000


def test_a_reduced_image_keeps_its_transparency(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    content = encode_delivery(Picture(Image.fromarray(pixels, "RGBA"), "image/png"))
    monkeypatch.setattr(cloudflare_images, "MOST_BYTES", len(content) - 1)
    assert Image.open(io.BytesIO(within_limits(content))).mode == "RGBA"


def test_bytes_that_are_not_webp_are_refused(delivery: Delivery, server: CloudflareImagesServer) -> None:
    with pytest.raises(DeliveryError, match="not a WebP"):
        delivery.place(b"GIF89a", "a" * 64)
    assert server.received == []


def test_missing_settings_are_named(settings: Settings) -> None:
    settings.CLOUDFLARE_ACCOUNT_ID = settings.CLOUDFLARE_API_TOKEN = ""
    settings.CLOUDFLARE_IMAGES_ACCOUNT_HASH = ""
    assert deliveries.get("cloudflare_images").missing() == [
        "CLOUDFLARE_ACCOUNT_ID",
        "CLOUDFLARE_API_TOKEN",
        "CLOUDFLARE_IMAGES_ACCOUNT_HASH",
    ]


def test_pages_may_show_its_images(delivery: Delivery) -> None:
    assert image_origins() == ["https://imagedelivery.net"]


def test_the_fake_server_refuses_what_the_service_refuses(server: CloudflareImagesServer) -> None:
    content, sha256 = webp()
    url = f"{server.url}/client/v4/accounts/{ACCOUNT}/images/v1"

    def code(files: dict[str, tuple[str | None, bytes | str] | tuple[str | None, bytes | str, str]]) -> int:
        answer = requests.post(url, files=files, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
        return int(answer.json()["errors"][0]["code"])

    file = ("a.webp", content, "image/webp")
    assert code({"image": file}) == 5400
    assert code({"file": file, "url": (None, "https://example.com/a.webp")}) == 5400
    assert code({"file": file, "id": (None, "x"), "requireSignedURLs": (None, "true")}) == 5400
    assert code({"file": ("a.webp", content, "application/octet-stream")}) == 5455
    assert code({"file": ("a.webp", b"no image", "image/webp")}) == 5455
    assert code({"file": ("a.webp", b"x" * 11_000_000, "image/webp")}) == 5413
    assert code({"file": file, "metadata": (None, "x" * 1025)}) == 5400
    assert requests.get(f"{url}/dali/{sha256}", timeout=10).status_code == 403
