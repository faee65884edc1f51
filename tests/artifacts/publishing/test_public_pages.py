"""`/public/...`: full, partial and refused responses."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from artifacts.making import intake
from artifacts.models import Artifact
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import named
from tests.artifacts.materials import HOSTILE
from tests.factories import ProgressionFactory

pytestmark = pytest.mark.django_db


def body_of(answer: Any) -> bytes:
    """The whole body, streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def address(publish: Callable[..., Artifact]) -> str:
    """The URL of a published lookbook."""
    return f"/public/lookbook/{publish().public_slug}"


def test_a_page_has_its_type_cache_and_security_headers(
    publish: Callable[..., Artifact], client: Client, views: Callable[[], int]
) -> None:
    artifact = publish()
    answer = client.get(f"/public/lookbook/{artifact.public_slug}")
    content = named("published").read(artifact.content_r2_key)
    file = artifact.manifest["files"][0]
    assert (answer.status_code, body_of(answer)) == (200, content)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer["Content-Length"] == str(len(content))
    assert answer["ETag"] == f'"{file["sha256"]}"'
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "strict-origin-when-cross-origin"
    script, style = file["inline"]["scripts"][0], file["inline"]["styles"][0]
    assert answer["Content-Security-Policy"] == (
        f"default-src 'none'; img-src 'self' data: http://testserver; media-src 'self'; style-src '{style}'; "
        f"script-src '{script}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert "Set-Cookie" not in answer
    assert views() == 1


def test_a_cached_page_is_not_sent_again(address: str, client: Client, views: Callable[[], int]) -> None:
    etag = client.get(address)["ETag"]
    answer = client.get(address, headers={"If-None-Match": etag})
    assert (answer.status_code, body_of(answer), answer["ETag"]) == (304, b"", etag)
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    assert views() == 3


def test_head_has_only_the_headers_and_is_not_a_view(
    address: str, client: Client, views: Callable[[], int]
) -> None:
    whole = client.get(address)
    answer = client.head(address)
    assert (answer.status_code, body_of(answer)) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag"):
        assert answer[name] == whole[name]
    assert client.head(address, headers={"If-None-Match": whole["ETag"]}).status_code == 304
    assert views() == 1


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=99999999-", "bytes=-0", "junk"])
def test_head_ignores_a_range(address: str, client: Client, asked: str) -> None:
    whole = client.get(address)
    answer = client.head(address, headers={"Range": asked})
    assert (answer.status_code, answer["Content-Length"]) == (200, whole["Content-Length"])
    assert "Content-Range" not in answer


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=0-", slice(0, None)),
        ("bytes=-99999999", slice(0, None)),
        ("bytes=5-", slice(5, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=10-99999999", slice(10, None)),
        ("bytes=0-0", slice(0, 1)),
    ],
)
def test_a_range_request_gets_a_part(address: str, client: Client, asked: str, part: slice) -> None:
    whole = body_of(client.get(address))
    answer = client.get(address, headers={"Range": asked})
    assert (answer.status_code, body_of(answer)) == (206, whole[part])
    first = range(len(whole))[part][0]
    last = range(len(whole))[part][-1]
    assert answer["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0", "bytes=" + "9" * 5000 + "-"])
def test_a_range_outside_the_file_is_refused(
    address: str, client: Client, asked: str, views: Callable[[], int]
) -> None:
    answer = client.get(address, headers={"Range": asked})
    total = client.head(address)["Content-Length"]
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{total}")
    assert answer["Cache-Control"] == "no-store"
    assert views() == 0


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "bytes=9-5", "lines=1-2", "bytes=-", "bytes=a-b", ""])
def test_a_malformed_range_is_ignored(address: str, client: Client, asked: str) -> None:
    answer = client.get(address, headers={"Range": asked})
    assert (answer.status_code, len(body_of(answer))) == (200, int(answer["Content-Length"]))
    assert "Content-Range" not in answer


def test_if_match_refuses_another_version(address: str, client: Client, views: Callable[[], int]) -> None:
    etag = client.head(address)["ETag"]
    for condition in ('"other"', f"W/{etag}"):
        for method in (client.get, client.head):
            answer = method(address, headers={"If-Match": condition})
            assert (answer.status_code, answer["Cache-Control"]) == (412, "no-store")
    assert views() == 0
    for condition in (etag, "*", f'"other", {etag}'):
        assert client.get(address, headers={"If-Match": condition}).status_code == 200
    part = client.get(address, headers={"If-Match": etag, "Range": "bytes=0-9"})
    assert part.status_code == 206


def test_a_range_of_another_version_gets_the_whole(address: str, client: Client) -> None:
    etag = client.get(address)["ETag"]
    for condition, status in ((etag, 206), ('"other"', 200)):
        answer = client.get(address, headers={"Range": "bytes=0-9", "If-Range": condition})
        assert answer.status_code == status


@pytest.mark.parametrize("slug", ["nosuchpage", "x", "a" * 65, "%2e%2e", "a%00b", "'; drop table"])
def test_an_unknown_page_is_a_plain_404(client: Client, slug: str, views: Callable[[], int]) -> None:
    answer = client.get(f"/public/artifact/{slug}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer["Cache-Control"] == "no-store"
    assert views() == 0


@pytest.mark.parametrize("generator", ["lookbook", "votingDeck"])
@pytest.mark.parametrize("folder", ["lookbook", "artifact"])
def test_either_url_opens_any_artifact_and_its_files(
    publish: Callable[..., Artifact], client: Client, folder: str, generator: str
) -> None:
    artifact = publish(generator, options={"include": "all"})
    address = f"/public/{folder}/{artifact.public_slug}"
    content = named("published").read(artifact.content_r2_key)
    assert (client.get(address).status_code, body_of(client.get(address))) == (200, content)
    is_deck = generator == "votingDeck"
    assert client.get(f"{address}/state").status_code == (200 if is_deck else 404)
    for route in ("votes", "comments"):
        answer = client.post(f"{address}/{route}", {}, content_type="application/json")
        assert answer.status_code == (403 if is_deck else 404)
        assert "This page does not exist" not in answer.content.decode() or not is_deck
    Artifact.objects.filter(id=artifact.id).update(is_public=False)
    assert client.get(address).status_code == 410


def test_only_reading_is_allowed(address: str, client: Client) -> None:
    for method in (client.post, client.put, client.delete):
        assert method(address).status_code == 405


def test_a_page_whose_object_is_missing_is_a_404(
    publish: Callable[..., Artifact], client: Client, views: Callable[[], int]
) -> None:
    artifact = publish()
    named("published").delete(artifact.content_r2_key)
    assert client.get(f"/public/lookbook/{artifact.public_slug}").status_code == 404
    assert views() == 0


def test_a_storage_that_is_down_is_a_503(
    address: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False

    def read(key: str) -> bytes:
        raise UnavailableError("The storage cannot be reached; try again.", 7)

    monkeypatch.setattr("artifacts.publishing.views._small", read)
    answer = client.get(address, headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "7")
    assert "The storage cannot be reached; try again." in answer.content.decode()


def test_a_visit_reads_the_current_row_and_the_manifest_once(
    publish: Callable[..., Artifact], client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    artifact = publish()
    address, rows = f"/public/lookbook/{artifact.public_slug}", Artifact.objects.filter(id=artifact.id)
    assert client.get(address).status_code == 200
    for is_public, status in ((False, 410), (True, 200)):
        rows.update(is_public=is_public)  # as another process would do it, without a signal
        with django_assert_num_queries(1):
            assert client.get(address).status_code == status
    ProgressionFactory(project_id=artifact.projects.get().pk, prompt="one more")
    intake.rebuild_artifact(artifact=artifact)
    assert client.get(address)["ETag"] == f'"{artifact.manifest["files"][0]["sha256"]}"'


def test_a_page_from_a_user_template_has_an_opaque_origin(
    publish: Callable[..., Artifact], client: Client
) -> None:
    artifact = publish()
    Artifact.objects.filter(id=artifact.id).update(template_r2_key="t/press.html")
    policy = client.get(f"/public/lookbook/{artifact.public_slug}")["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts allow-popups; default-src 'none'; ")
    assert "allow-same-origin" not in policy
    assert "connect-src" not in policy


def test_a_hostile_title_is_shown_as_text(publish: Callable[..., Artifact], client: Client) -> None:
    artifact = publish(title=HOSTILE[:200])
    page = body_of(client.get(f"/public/lookbook/{artifact.public_slug}")).decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_viewers_of_other_origins_can_load_a_room_but_not_a_page(
    publish: Callable[..., Artifact], client: Client
) -> None:
    room, page = publish("gallery", options={"include": "all"}), publish()
    whole = client.get(f"/public/artifact/{room.public_slug}")
    unchanged = client.get(f"/public/artifact/{room.public_slug}", headers={"If-None-Match": whole["ETag"]})
    assert (whole.status_code, whole["Access-Control-Allow-Origin"]) == (200, "*")
    assert (unchanged.status_code, unchanged["Access-Control-Allow-Origin"]) == (304, "*")
    assert "Access-Control-Allow-Origin" not in client.get(f"/public/lookbook/{page.public_slug}")
