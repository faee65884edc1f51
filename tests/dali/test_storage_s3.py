"""The write-once storage in a bucket, against two S3 servers of this machine."""

import contextlib
import http.server
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from dali.lib import storage_s3
from dali.lib.errors import UnavailableError
from dali.lib.storage_s3 import S3WriteOnceStorage
from tests.dali.storage_contract import WriteOnceContract

SECRET = "a-secret-that-must-not-be-shown"
HASTY = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    connect_timeout=1,
    read_timeout=1,
    retries={"max_attempts": 0},
)


def storage_at(endpoint: str, bucket: str = "dali", **options: object) -> S3WriteOnceStorage:
    return S3WriteOnceStorage(
        bucket_name=bucket, endpoint_url=endpoint, access_key="dali-key", secret_key=SECRET, **options
    )


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> Iterator[S3WriteOnceStorage]:
    made = storage_at(endpoint)
    made.client.create_bucket(Bucket="dali", CreateBucketConfiguration={"LocationConstraint": "auto"})  # type: ignore[typeddict-item]
    yield made
    made.client.close()


@pytest.fixture
def storage(bucket: S3WriteOnceStorage) -> S3WriteOnceStorage:
    for found in bucket.client.list_objects_v2(Bucket="dali").get("Contents", []):
        bucket.client.delete_object(Bucket="dali", Key=found["Key"])
    return bucket


@pytest.fixture
def _hasty_conflicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_s3, "_CONFLICT_PAUSES_S", (0.0, 0.0, 0.0))


class TestS3WriteOnceStorage(WriteOnceContract):
    """The contract, kept by a bucket."""


def test_objects_lie_below_the_location_with_their_media_type(
    endpoint: str, storage: S3WriteOnceStorage
) -> None:
    below = storage_at(endpoint, location="uploads")
    below.put_once("ab/abc", b"x", media_type="image/webp")
    found = storage.client.head_object(Bucket="dali", Key="uploads/ab/abc")
    assert found["ContentType"] == "image/webp"
    assert storage.read("uploads/ab/abc") == b"x"
    below.client.close()


def test_threads_share_one_client(endpoint: str) -> None:
    made = storage_at(endpoint)
    clients: list[object] = []
    threads = [threading.Thread(target=lambda: clients.append(made.client)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, clients))) == 1
    made.client.close()


def test_a_copy_sent_to_another_process_makes_a_client_of_its_own(endpoint: str) -> None:
    copy = pickle.loads(pickle.dumps(storage_at(endpoint)))
    assert copy.bucket_name == "dali"
    copy.client.close()


def test_a_missing_bucket_is_unavailable_not_an_absent_object(endpoint: str) -> None:
    made = storage_at(endpoint, bucket="nowhere")
    with pytest.raises(
        UnavailableError, match=r"'nowhere' could not be used \(NoSuchBucket\); see to R2_ENDPOINT_URL"
    ):
        made.read("a/0")
    with pytest.raises(UnavailableError, match="NoSuchBucket"):
        made.put_once("a/0", b"x", media_type="image/png")
    made.client.close()


def test_a_server_that_is_down_is_unavailable_and_no_secret_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = storage_at(f"http://127.0.0.1:{port}", client_config=HASTY)
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
    """A server that answers each PUT with the next status; gives its address and the If-None-Match it saw."""
    seen: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["If-None-Match"])
            self.send_response(statuses.pop(0))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("_hasty_conflicts")
def test_a_write_that_meets_another_s_is_repeated_until_the_server_has_decided() -> None:
    with scripted_server([409, 412]) as (address, seen):
        made = storage_at(address, client_config=HASTY)
        assert made.put_once("a/0", b"x", media_type="image/png") is False
        made.client.close()
    assert seen == ["*", "*"]


@pytest.mark.usefixtures("_hasty_conflicts")
def test_a_conflict_whose_other_writer_failed_ends_with_our_bytes() -> None:
    with scripted_server([409, 200]) as (address, seen):
        made = storage_at(address, client_config=HASTY)
        assert made.put_once("a/0", b"x", media_type="image/png") is True
        made.client.close()
    assert seen == ["*", "*"]


@pytest.mark.usefixtures("_hasty_conflicts")
def test_a_conflict_that_does_not_end_is_unavailable() -> None:
    with scripted_server([409] * 4) as (address, seen):
        made = storage_at(address, client_config=HASTY)
        with pytest.raises(UnavailableError, match="409"):
            made.put_once("a/0", b"x", media_type="image/png")
        made.client.close()
    assert len(seen) == 4


@pytest.fixture(scope="module")
def strict_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A nanio server, which checks signatures and keys; it knows no If-None-Match."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("nanio")
    environment = {"NANIO_ACCESS_KEY": "dali-key", "NANIO_SECRET_KEY": SECRET, "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    wait_for_port(port, process, folder / "log")
    admin = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
        aws_access_key_id="dali-key", aws_secret_access_key=SECRET,
    )  # fmt: skip
    admin.create_bucket(Bucket="dali")
    admin.close()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    pytest.fail(f"nanio did not start: {log.read_text()[-2000:]}")


def test_the_right_key_is_taken_by_a_strict_server(strict_endpoint: str) -> None:
    made = storage_at(strict_endpoint, region_name="us-east-1")
    assert made.put_once("a/0", b"\x00\x01", media_type="image/png") is True
    assert made.read("a/0") == b"\x00\x01"
    assert made.exists("a/none") is False
    made.client.close()


@pytest.mark.parametrize(
    ("access_key", "code"), [("dali-key", "SignatureDoesNotMatch"), ("unknown-key", "InvalidAccessKeyId")]
)
def test_a_refused_key_is_unavailable_and_not_shown(strict_endpoint: str, access_key: str, code: str) -> None:
    made = S3WriteOnceStorage(
        bucket_name="dali", endpoint_url=strict_endpoint, access_key=access_key, secret_key="wrong-secret",
        region_name="us-east-1",
    )  # fmt: skip
    with pytest.raises(UnavailableError) as caught:
        made.put_once("a/1", b"x", media_type="image/png")
    assert f"({code})" in str(caught.value)
    assert access_key not in str(caught.value)
    with pytest.raises(UnavailableError):
        made.exists("a/1")
    made.client.close()
