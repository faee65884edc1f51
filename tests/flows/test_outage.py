"""Redis or the database down in a production setup: work is still accepted and reported, or refused in time."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

from tests.conftest import ROOT
from tests.flows.proxy import Proxy, proxy_to
from tests.flows.reader import Reader
from tests.flows.test_kill import Deployment, own_environment
from tests.waiting import wait_until

pytestmark = pytest.mark.services
KEY = "test.key-of-a-test"
# A few seconds are promised. A busy machine takes longer; a call that waits for a service that is down never ends.
IN_TIME_S = 60.0
JOB = {"prompt": "a lighthouse", "providers": ["mock"], "size": "128x128", "allowDuplicates": True}


@pytest.fixture
def database(production_services: dict[str, str]) -> Iterator[Proxy]:
    """The proxy to PostgreSQL."""
    address = urlsplit(production_services["DATABASE_URL"])
    with proxy_to(address.hostname or "127.0.0.1", address.port or 5432) as proxy:
        yield proxy


@pytest.fixture
def redis(production_services: dict[str, str]) -> Iterator[Proxy]:
    """The proxy to Redis."""
    address = urlsplit(production_services["REDIS_URL"])
    with proxy_to(address.hostname or "127.0.0.1", address.port or 6379) as proxy:
        yield proxy


def through(url: str, proxy: Proxy) -> str:
    """The URL of a service through its proxy."""
    parts = urlsplit(url)
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{proxy.port}"))


@pytest.fixture
def deployment(
    tmp_path: Path, production_services: dict[str, str], database: Proxy, redis: Proxy
) -> Iterator[Deployment]:
    """Two web processes and a worker that reach both services through the proxies."""
    variables = {
        "DATABASE_URL": through(production_services["DATABASE_URL"], database),
        "REDIS_URL": through(production_services["REDIS_URL"], redis),
        "DALI_DATA_DIR": str(tmp_path / "data"),
        "DALI_API_KEY": KEY,
        "DALI_SECRET_KEY": "a secret that is only good for a test, and long enough",
        "DALI_PUBLIC_ORIGIN": "http://127.0.0.1",
        "DALI_ALLOWED_HOSTS": "127.0.0.1",
        "DALI_SWEEP_S": "1",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=own_environment(variables), check=True
    )
    running = Deployment(tmp_path, variables)
    try:
        for name in ("web0", "web1", "worker0"):
            running.start(name)
        running.wait_until_it_works("worker0")
        yield running
    finally:
        running.stop()
        for log in sorted(tmp_path.glob("*.log")):  # pytest shows it if the test fails
            print(f"--- {log.name}\n{log.read_text()}")


def submit(origin: str, project_id: str, session_id: str, **changes: object) -> str:
    """Submits a job; returns its id."""
    answer = requests.post(
        f"{origin}/api/projects/{project_id}/jobs",
        json={**JOB, "sessionId": session_id, **changes},
        headers={"X-Api-Key": KEY},
        timeout=IN_TIME_S,
    )
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["jobId"]
    return job_id


def new_project(origin: str) -> str:
    """Creates a project; returns its id."""
    answer = requests.post(
        f"{origin}/api/projects", json={"name": "Outage"}, headers={"X-Api-Key": KEY}, timeout=IN_TIME_S
    )
    project_id: str = answer.json()["id"]
    return project_id


def failing(origin: str) -> set[str]:
    """The names of the dependencies that the process reports as unusable."""
    answer = requests.get(f"{origin}/readyz", timeout=IN_TIME_S).json()
    return {check["name"] for check in answer["checks"] if not check["ok"]}


def test_a_job_is_accepted_and_streamed_without_gaps_through_a_redis_outage(
    deployment: Deployment, redis: Proxy
) -> None:
    project_id = new_project(deployment.origin(0))
    readers = [Reader(deployment.origin(number), "s-1") for number in (0, 1)]
    submit(deployment.origin(0), project_id, "s-1", variants=30, options={"mock": {"latency_s": 0.8}})
    time.sleep(1.5)
    redis.cut()
    submit(deployment.origin(1), project_id, "s-2")
    redis.hush()
    submit(deployment.origin(1), project_id, "s-3")
    wait_until(lambda: failing(deployment.origin(1)) == {"broker"}, "/readyz names the broker")
    redis.cut()
    redis.mend()
    for reader in readers:
        assert reader.wait_for_end(), "the job did not end"
        reader.stop()
        assert [event["seq"] for event in reader.events] == list(range(1, len(reader.events) + 1))
        assert reader.events[-1]["summary"]["complete"] == 30
        assert reader.reconnects == 0
    for session_id in ("s-2", "s-3"):
        late = Reader(deployment.origin(0), session_id)
        assert late.wait_for_end(), "the job that was submitted without Redis was not done"
        late.stop()


def test_without_the_database_each_route_answers_503_in_time_and_recovers(
    deployment: Deployment, database: Proxy
) -> None:
    origin = deployment.origin(0)
    project_id = new_project(origin)
    routes = ("/api/projects", "/api/stream/s-1", "/readyz")
    under_way = Reader(deployment.origin(1), "s-1")
    submit(origin, project_id, "s-1", variants=6, options={"mock": {"latency_s": 1.5}})
    time.sleep(1)
    database.cut()
    for route in routes:
        answer = requests.get(origin + route, timeout=IN_TIME_S, headers={"Accept": "*/*"})
        assert (route, answer.status_code) == (route, 503)
        assert int(answer.headers["Retry-After"]) > 0
    wait_until(lambda: failing(origin) == {"database"}, "/readyz names the database")
    assert requests.get(f"{origin}/healthz", timeout=IN_TIME_S).status_code == 200
    database.mend()
    wait_until(lambda: not failing(origin), "everything works again")
    assert requests.get(f"{origin}/api/projects", timeout=IN_TIME_S).json()[0]["id"] == project_id
    # Work whose lease was lost with the database is free once the lease of 30 s has expired.
    assert under_way.wait_for_end(), "work did not continue"
    under_way.stop()
    assert [event["seq"] for event in under_way.events] == list(range(1, len(under_way.events) + 1))
    assert under_way.events[-1]["summary"]["complete"] == 6
