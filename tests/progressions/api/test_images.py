"""`GET /images/<sha256>.webp`: only delivery images, cached for ever."""

import hashlib

import pytest
from django.test import Client

from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import LocalWriteOnceStorage, delivery_files, originals
from progressions.delivered_files import file_key
from progressions.delivery import deliveries
from progressions.vendors.local.delivery import LocalDelivery
from tests.s3_servers import objects_in

CONTENT = b"RIFF....WEBP of the test"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def address() -> str:
    return LocalDelivery().place(CONTENT, SHA256)


def test_an_image_is_served_with_a_long_cache_time(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    wanted = {
        "Content-Type": "image/webp",
        "Content-Length": str(len(CONTENT)),
        "Cache-Control": "public, max-age=31536000, immutable",
        "ETag": f'"{SHA256}"',
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    assert {name: answer[name] for name in wanted} == wanted
    assert "Set-Cookie" not in answer
    assert "Cookie" not in answer.get("Vary", "")


def test_head_has_the_headers_and_no_body(client: Client, address: str) -> None:
    answer = client.head(address)
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", str(len(CONTENT)))


def test_a_cached_image_is_not_sent_again(client: Client, address: str) -> None:
    answer = client.get(address, headers={"If-None-Match": f'"{SHA256}"'})
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", f'"{SHA256}"')
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert client.get(address, headers={"If-None-Match": '"another"'}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused(client: Client, address: str, method: str) -> None:
    assert getattr(client, method)(address).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/images/" + "0" * 64 + ".webp",
        f"/images/{SHA256}",
        f"/images/{SHA256}.png",
        f"/images/{SHA256}.webp%0a",
        f"/images/{SHA256[:2]}/{SHA256}.webp",
        "/images/..%2f..%2fdali.sqlite3",
        "/images/%2e%2e",
        "/images/../secret_key",
        "/images/",
        "/images/start",
    ],
)
def test_nothing_else_is_served(client: Client, address: str, path: str) -> None:
    assert client.get(path).status_code == 404


def test_originals_are_not_served(client: Client) -> None:
    content = b"an original"
    sha256 = hashlib.sha256(content).hexdigest()
    originals().put_once(file_key(sha256), content, media_type="image/webp")
    assert client.get(f"/images/{sha256}.webp").status_code == 404


def test_a_damaged_file_is_missing_until_it_is_delivered_again(address: str) -> None:
    delivery_files().delete(file_key(SHA256))
    delivery_files().put_once(file_key(SHA256), CONTENT[:5], media_type="image/webp")
    local = deliveries.get("local")
    assert local.has(address) is False
    assert local.place(CONTENT, SHA256) == address
    assert local.has(address) is True


def test_a_storage_that_is_down_is_a_503_that_is_not_cached(
    client: Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> bytes:
        raise UnavailableError("no disk")

    monkeypatch.setattr(LocalWriteOnceStorage, "read", down)
    client.raise_request_exception = False
    answer = client.get(address)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "5", "no-store")


def test_the_embedded_delivery_serves_from_a_bucket_too(client: Client, on_s3: str) -> None:
    address = LocalDelivery().place(CONTENT, SHA256)
    assert client.get(address).content == CONTENT
    assert objects_in(on_s3, "dali-public") == [file_key(SHA256)]


def test_a_digest_is_found_in_either_case(client: Client, address: str) -> None:
    answer, shouted = client.get(address), client.get(f"/images/{SHA256.upper()}.webp")
    assert (shouted.status_code, shouted.content, shouted["ETag"]) == (200, answer.content, answer["ETag"])
