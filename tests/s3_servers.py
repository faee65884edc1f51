"""Fixtures: two local S3 servers, and settings that point Dali's storages at them."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from dali.lib.logs import hide
from tests.waiting import wait_until

ACCESS_KEY = "dali-key"
SECRET = "a-secret-that-must-not-be-shown"
NAMES = ("originals", "uploads", "templates", "published")


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """moto: all of S3, including `If-None-Match`; accepts any key."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def nanio_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """nanio: checks signatures and keys; ignores `If-None-Match`, and so overwrites. It has the bucket `dali`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("nanio")
    environment = {"NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET, "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data")],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    _wait_for_port(port, process, folder / "log")
    endpoint = f"http://127.0.0.1:{port}"
    make_bucket(endpoint, "dali")
    yield endpoint
    process.terminate()
    process.wait(timeout=60)


def client_of(endpoint: str) -> Any:
    """A plain client with the right key; the caller closes it."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
    )


def make_bucket(endpoint: str, bucket: str) -> None:
    """Creates an empty bucket, or empties the existing one."""
    client = client_of(endpoint)
    try:
        if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=bucket)
        for key in objects_in(endpoint, bucket):
            client.delete_object(Bucket=bucket, Key=key)
    finally:
        client.close()


def objects_in(endpoint: str, bucket: str) -> list[str]:
    """The keys of a bucket, sorted."""
    client = client_of(endpoint)
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))
    finally:
        client.close()


def storages_at(endpoint: str, *, bucket: str, delivery_bucket: str, **options: object) -> dict[str, Any]:
    """STORAGES as the settings make them when R2_BUCKET and DALI_DELIVERY_BUCKET are set."""
    from django.conf import settings

    def storage(bucket: str, location: str, **further: object) -> dict[str, Any]:
        common = {"endpoint_url": endpoint, "access_key": ACCESS_KEY, "secret_key": SECRET}
        return {
            "BACKEND": "dali.lib.objects.s3.S3WriteOnceStorage",
            "OPTIONS": {"bucket_name": bucket, "location": location, **common, **options, **further},
        }

    for_ever = {"CacheControl": "public, max-age=31536000, immutable"}
    return {
        **settings.STORAGES,
        "default": storage(bucket, ""),
        **{name: storage(bucket, "" if name == "originals" else name) for name in NAMES},
        "delivery": storage(delivery_bucket, "", object_parameters=for_ever),
    }


@pytest.fixture
def on_s3(settings: Settings, moto_endpoint: str) -> Iterator[str]:
    """Every named storage in empty buckets of moto, `dali` and `dali-public`; yields the server's URL."""
    from django.core.files.storage import storages

    hide(SECRET)
    for bucket in ("dali", "dali-public"):
        make_bucket(moto_endpoint, bucket)
    settings.STORAGES = storages_at(moto_endpoint, bucket="dali", delivery_bucket="dali-public")
    yield moto_endpoint
    for name in (*NAMES, "delivery"):
        storages[name].client.close()  # type: ignore[attr-defined]


@pytest.fixture
def close_clients() -> Iterator[Callable[[Any], Any]]:
    """Registers storages with a client and closes it after the test: an open socket is a warning, and so an error."""
    made: list[Any] = []

    def remember(thing: Any) -> Any:
        made.append(thing)
        return thing

    yield remember
    for thing in made:
        thing.client.close()


def _wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    def listens_or_ended() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return process.poll() is not None

    wait_until(listens_or_ended, "nanio listens")
    if process.poll() is not None:
        pytest.fail(f"nanio did not start: {log.read_text()[-2000:]}")


def environment_for(endpoint: str, **variables: str) -> dict[str, str]:
    """The environment variables that point a process at one of these servers."""
    return {
        **os.environ,
        "R2_ENDPOINT_URL": endpoint,
        "R2_BUCKET": "dali",
        "R2_ACCESS_KEY_ID": ACCESS_KEY,
        "R2_SECRET_ACCESS_KEY": SECRET,
        **variables,
    }
