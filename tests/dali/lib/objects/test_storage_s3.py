"""The write-once storage in a bucket, against two local S3 servers."""

import contextlib
import http.server
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dali.lib.errors import UnavailableError
from dali.lib.objects.s3 import S3WriteOnceStorage
from tests.dali.lib.objects.storage_contract import WriteOnceContract
from tests.s3_servers import SECRET, make_bucket

NO_PAUSES = (0.0, 0.0, 0.0)


def storage_at(endpoint: str, bucket: str = "dali", **options: Any) -> S3WriteOnceStorage:
    return S3WriteOnceStorage(
        bucket_name=bucket, endpoint_url=endpoint, access_key="dali-key", secret_key=SECRET, **options
    )


@pytest.fixture(scope="module")
def kept(moto_endpoint: str) -> Iterator[S3WriteOnceStorage]:
    made = storage_at(moto_endpoint)
    yield made
    made.client.close()


@pytest.fixture
def storage(kept: S3WriteOnceStorage, moto_endpoint: str) -> S3WriteOnceStorage:
    make_bucket(moto_endpoint, "dali")
    return kept


class TestS3WriteOnceStorage(WriteOnceContract):
    """The contract, for a bucket."""


def test_objects_are_stored_below_the_location_with_their_media_type(
    moto_endpoint: str, storage: S3WriteOnceStorage
) -> None:
    below = storage_at(moto_endpoint, location="uploads")
    below.put_once("ab/abc", b"x", media_type="image/webp")
    found = storage.client.head_object(Bucket="dali", Key="uploads/ab/abc")
    assert found["ContentType"] == "image/webp"
    assert storage.read("uploads/ab/abc") == b"x"
    below.client.close()


def test_threads_share_one_client(moto_endpoint: str) -> None:
    made = storage_at(moto_endpoint)
    clients: list[object] = []
    threads = [threading.Thread(target=lambda: clients.append(made.client)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, clients))) == 1
    made.client.close()


def test_a_copy_sent_to_another_process_creates_its_own_client(moto_endpoint: str) -> None:
    copy = pickle.loads(pickle.dumps(storage_at(moto_endpoint)))
    assert copy.bucket_name == "dali"
    copy.client.close()


def test_a_missing_bucket_is_unavailable_not_an_absent_object(moto_endpoint: str) -> None:
    made = storage_at(moto_endpoint, bucket="nowhere")
    with pytest.raises(
        UnavailableError, match=r"'nowhere' could not be used \(NoSuchBucket\); check R2_ENDPOINT_URL"
    ):
        made.read("a/0")
    with pytest.raises(UnavailableError, match="NoSuchBucket"):
        made.put_once("a/0", b"x", media_type="image/png")
    made.client.close()


def test_a_server_that_is_down_is_unavailable_and_no_secret_is_shown() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = storage_at(f"http://127.0.0.1:{port}", pauses_s=NO_PAUSES)
    calls: list[Callable[[], object]] = [
        lambda: made.put_once("a/0", b"x", media_type="image/png"),
        lambda: made.read("a/0"),
        lambda: made.exists("a/0"),
        lambda: made.delete("a/0"),
    ]
    for call in calls:
        with pytest.raises(UnavailableError) as caught:
            call()
        assert SECRET not in repr(caught.value)
        assert SECRET not in repr(caught.value.__cause__)


@contextlib.contextmanager
def scripted_server(statuses: list[int]) -> Iterator[tuple[str, list[str | None]]]:
    """A server that answers each PUT with the next status; yields its URL and the If-None-Match headers it saw."""
    seen: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["If-None-Match"])
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_a_write_conflict_is_retried_until_the_server_has_decided() -> None:
    with scripted_server([409, 412]) as (address, seen):
        made = storage_at(address, pauses_s=NO_PAUSES)
        assert made.put_once("a/0", b"x", media_type="image/png") is False
        made.client.close()
    assert seen == ["*", "*"]


def test_a_conflict_whose_other_writer_failed_stores_our_bytes() -> None:
    with scripted_server([409, 200]) as (address, seen):
        made = storage_at(address, pauses_s=NO_PAUSES)
        assert made.put_once("a/0", b"x", media_type="image/png") is True
        made.client.close()
    assert seen == ["*", "*"]


def test_a_conflict_that_does_not_end_is_unavailable() -> None:
    with scripted_server([409] * 4) as (address, seen):
        made = storage_at(address, pauses_s=NO_PAUSES)
        with pytest.raises(UnavailableError, match="409"):
            made.put_once("a/0", b"x", media_type="image/png")
        made.client.close()
    assert len(seen) == 4


def test_a_strict_server_accepts_the_right_key(nanio_endpoint: str) -> None:
    made = storage_at(nanio_endpoint, region_name="us-east-1")
    assert made.put_once("a/0", b"\x00\x01", media_type="image/png") is True
    assert made.read("a/0") == b"\x00\x01"
    assert made.exists("a/none") is False
    made.client.close()


@pytest.mark.parametrize(
    ("access_key", "code"), [("dali-key", "SignatureDoesNotMatch"), ("unknown-key", "InvalidAccessKeyId")]
)
def test_a_refused_key_is_unavailable_and_not_shown(nanio_endpoint: str, access_key: str, code: str) -> None:
    made = S3WriteOnceStorage(
        bucket_name="dali", endpoint_url=nanio_endpoint, access_key=access_key, secret_key="wrong-secret",
        region_name="us-east-1",
    )  # fmt: skip
    with pytest.raises(UnavailableError) as caught:
        made.put_once("a/1", b"x", media_type="image/png")
    assert f"({code})" in str(caught.value)
    assert access_key not in str(caught.value)
    with pytest.raises(UnavailableError):
        made.exists("a/1")
    made.client.close()
