"""The bucket is down while workers are killed: paid images are kept, and the rest continues once it is back."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.flows.proxy import Proxy, proxy_to
from tests.flows.reader import Reader
from tests.flows.test_kill import Deployment, deploy
from tests.s3_servers import ACCESS_KEY, SECRET, make_bucket
from tests.waiting import wait_until

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
VARIANTS = 12


@pytest.fixture
def bucket(moto_endpoint: str) -> Iterator[Proxy]:
    """The proxy to an S3 server."""
    make_bucket(moto_endpoint, "dali")
    address = urlsplit(moto_endpoint)
    with proxy_to(address.hostname or "", address.port or 0) as proxy:
        yield proxy


@pytest.fixture
def deployment(tmp_path: Path, production_services: dict[str, str], bucket: Proxy) -> Iterator[Deployment]:
    """A web process and two workers whose originals are in the bucket."""
    services = production_services | {
        "R2_ENDPOINT_URL": f"http://127.0.0.1:{bucket.port}",
        "R2_BUCKET": "dali",
        "R2_ACCESS_KEY_ID": ACCESS_KEY,
        "R2_SECRET_ACCESS_KEY": SECRET,
    }
    with deploy(tmp_path, services, "web0", "worker0", "worker1") as running:
        yield running


def submit(deployment: Deployment) -> str:
    headers, origin = {"X-Api-Key": deployment.key}, deployment.origin(0)
    project = requests.post(f"{origin}/api/projects", json={"name": "S"}, headers=headers, timeout=20).json()
    job = {
        "prompt": "a lighthouse",
        "providers": ["mock"],
        "variants": VARIANTS,
        "sessionId": "away",
        "size": "128x128",
        "allowDuplicates": True,
        "options": {"mock": {"latency_s": 1.5}},
    }
    answer = requests.post(
        f"{origin}/api/projects/{project['id']}/jobs", json=job, headers=headers, timeout=20
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["jobId"])


def test_workers_killed_while_the_bucket_is_down_lose_no_paid_image(
    deployment: Deployment, production_services: dict[str, str], bucket: Proxy
) -> None:
    job_id = submit(deployment)
    reader = Reader(deployment.origin(0), "away")
    wait_until(lambda: any(event.get("step") == "generate" for event in reader.events), "a call left")
    bucket.cut()
    with psycopg.connect(production_services["DATABASE_URL"], autocommit=True) as rows:
        wait_until(lambda: count(rows, "held_answers") > 0, "an answer is held")
        for name in ("worker0", "worker1"):
            deployment.kill(name)
        held = count(rows, "held_answers")
        for name in ("worker0", "worker1"):
            deployment.start(name)
        wait_until(lambda: count(rows, "steps WHERE name = 'store'") > held, "others wait too")
        assert count(rows, "held_answers") >= held
        assert count(rows, "variants WHERE status = 'failed'") == 0
        bucket.mend()
        assert reader.wait_for_end(), "the job did not end"
        reader.stop()
        assert count(rows, "held_answers") == 0
        unseen = count(rows, "steps WHERE name = 'generate' AND status = 'unknown'")
    job = requests.get(f"{deployment.origin(0)}/api/jobs/{job_id}", timeout=20).json()
    assert [variant["status"] for variant in job["variants"]] == ["complete"] * VARIANTS
    assert unseen <= 10, "the two workers' ten threads had too many calls in progress"
    for variant in job["variants"]:
        calls = [step["status"] for step in variant["steps"] if step["name"] == "generate"]
        assert (calls[-1], set(calls[:-1]) <= {"unknown"}) == ("ok", True), "an answered call was repeated"


def count(rows: "psycopg.Connection[tuple[int]]", what: str) -> int:
    """The number of rows of a table, with or without a condition."""
    found = rows.execute(f"SELECT count(*) FROM {what}").fetchone()
    assert found is not None
    return found[0]
