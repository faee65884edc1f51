"""An embedded server whose environment names buckets as its storages: where the objects of a job are."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.conftest import ServerProcess
from tests.progressions.fakes import picture_bytes
from tests.s3_servers import ACCESS_KEY, SECRET, client_of, make_bucket, objects_in
from tests.waiting import wait_until


@pytest.fixture
def server(start_server: Callable[..., ServerProcess], moto_endpoint: str) -> ServerProcess:
    for bucket in ("dali", "dali-public"):
        make_bucket(moto_endpoint, bucket)
    return start_server(
        R2_ENDPOINT_URL=moto_endpoint,
        R2_BUCKET="dali",
        R2_ACCESS_KEY_ID=ACCESS_KEY,
        R2_SECRET_ACCESS_KEY=SECRET,
        DALI_DELIVERY="storage",
        DALI_DELIVERY_BUCKET="dali-public",
        DALI_DELIVERY_BASE_URL=f"{moto_endpoint}/dali-public",
    )


def test_a_job_of_a_server_with_buckets_leaves_nothing_on_its_disk(
    server: ServerProcess, moto_endpoint: str
) -> None:
    headers = {"X-Api-Key": server.api_key}
    project = requests.post(
        f"{server.origin}/api/projects", json={"name": "Buckets"}, headers=headers, timeout=20
    ).json()
    file = {"file": ("start.png", picture_bytes(3), "image/png")}
    upload = requests.post(f"{server.origin}/api/uploads", files=file, headers=headers, timeout=20).json()
    assert upload["url"].startswith(f"{moto_endpoint}/dali-public/")
    body = {
        "prompt": "a lighthouse",
        "providers": ["mock"],
        "variants": 3,
        "sessionId": "buckets",
        "startImageUrl": upload["url"],
        "allowDuplicates": True,
    }
    job = requests.post(
        f"{server.origin}/api/projects/{project['id']}/jobs", json=body, headers=headers, timeout=20
    ).json()

    def found() -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(f"{server.origin}/api/jobs/{job['jobId']}", timeout=60).json()
        return answer

    wait_until(lambda: found()["status"] == "complete", "the job ended")
    assert found()["summary"]["complete"] == 3, (server.data_dir / "server.log").read_text()[-2000:]
    folder = f"project/{project['id']}/jobs/{job['jobId']}/orig"
    kept = [f"{folder}/{name}" for name in ("0", "1", "2", "start")]
    templates = [
        row["templateR2Key"] for row in requests.get(f"{server.origin}/api/templates", timeout=20).json()
    ]
    assert len(templates) == 3
    assert objects_in(moto_endpoint, "dali") == [
        *kept,
        *sorted(f"templates/{key}" for key in templates),
        f"uploads/{upload['sha256'][:2]}/{upload['sha256']}",
    ]
    delivered = objects_in(moto_endpoint, "dali-public")
    assert all(re.fullmatch(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.webp", key) for key in delivered)
    client = client_of(moto_endpoint)
    assert client.head_object(Bucket="dali-public", Key=delivered[0])["CacheControl"].endswith("immutable")
    client.close()
    images = requests.get(f"{server.origin}/api/projects/{project['id']}/progressions", timeout=20).json()
    assert {image["generated_image_url"] for image in images} <= {
        f"{moto_endpoint}/dali-public/{key}" for key in delivered
    }
    assert {image["original_image_r2_key"] for image in images} == {f"{folder}/start"}
    assert f"img-src 'self' data: {moto_endpoint};" in (
        requests.get(f"{server.origin}/", timeout=20).headers["Content-Security-Policy"] + ";"
    )
    assert not any((server.data_dir / name).exists() for name in ("originals", "uploads", "delivery"))
    assert SECRET not in (server.data_dir / "server.log").read_text()
