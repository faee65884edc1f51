"""kill -9 during calls to three services: an answered and stored call is never repeated, and each call is booked."""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest
import requests

from tests.conftest import ROOT, ServerProcess
from tests.flows.reader import Reader
from tests.flows.test_kill import KILLS, Deployment, deployment
from tests.vendors.configured import make_server, settings_for
from tests.vendors.server import VendorServer

__all__ = ["deployment"]

EACH = 8
BODY = {
    "prompt": "a lighthouse in a storm",
    "providers": ["openai", "gemini", "workers"],
    "variants": EACH,
    "sessionId": "killed",
    "size": "512x512",
    "allowDuplicates": True,
    "options": {"openai": {"quality": "low"}},
}
VENDORS = {"openai": "openai", "gemini": "gemini", "workers": "cloudflare"}


@pytest.fixture
def services() -> Iterator[dict[str, VendorServer]]:
    """The three services, with slow answers."""
    with ExitStack() as running:
        made = {vendor: running.enter_context(make_server(vendor)) for vendor in VENDORS.values()}
        for server in made.values():
            server.latency_s = 0.5
        yield made


@pytest.fixture
def service_variables(services: dict[str, VendorServer]) -> dict[str, str]:
    """The variables that point a process at them."""
    variables = {"DALI_JUDGE": "local", "DALI_MAX_ATTEMPTS": "20", "DALI_WORKER_THREADS": "8"}
    variables |= {f"DALI_{name}_CONCURRENCY": "2" for name in ("OPENAI", "GEMINI", "WORKERS")}
    for vendor, server in services.items():
        variables |= settings_for(vendor, server.url)
    return variables


def submit(origin: str, key: str) -> str:
    headers = {"X-Api-Key": key}
    project = requests.post(
        f"{origin}/api/projects", json={"name": "Kill"}, headers=headers, timeout=20
    ).json()
    answer = requests.post(
        f"{origin}/api/projects/{project['id']}/jobs", json=BODY, headers=headers, timeout=20
    )
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["jobId"]
    return job_id


def check_outcome(
    origin: str, job_id: str, services: dict[str, VendorServer], charges: list[tuple[Any, ...]]
) -> None:
    """Checks that each call is one step and one ledger row, and that only a variant's last call was answered."""
    job = requests.get(f"{origin}/api/jobs/{job_id}", timeout=20).json()
    assert [variant["status"] for variant in job["variants"]] == ["complete"] * 3 * EACH
    calls: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for variant in job["variants"]:
        statuses = [step["status"] for step in variant["steps"] if step["name"] == "generate"]
        assert statuses[-1] == "ok", "the last call is the one that counts"
        assert set(statuses[:-1]) <= {"unknown"}, "an answered call was repeated"
        calls[variant["provider"]] += len(statuses)
        unknown[variant["provider"]] += statuses.count("unknown")
        assert variant["costUsd"] is not None
        assert variant["costUsd"] > 0
    for name, vendor in VENDORS.items():
        received = len(services[vendor].received)
        # A recorded call may not have been sent yet when its process is killed.
        assert calls[name] - unknown[name] <= received <= calls[name]
        assert services[vendor].most_connections <= 2 * 2 + KILLS * 2, (
            "more at once than two processes may have"
        )
    known = [row for row in charges if not row[1]]
    assert len(known) == 3 * EACH, "each image was booked once"
    assert len(charges) - len(known) == sum(unknown.values())
    assert job["costUsd"] == pytest.approx(sum(variant["costUsd"] for variant in job["variants"]), abs=1e-4)


CHARGES = "SELECT service, is_possible, usd FROM charges WHERE purpose = 'image'"


def test_an_embedded_server_killed_again_and_again_repeats_no_answered_call(
    start_server: Callable[..., ServerProcess],
    services: dict[str, VendorServer],
    service_variables: dict[str, str],
) -> None:
    moments = random.Random(2026)
    server = start_server(**service_variables)
    job_id = submit(server.origin, server.api_key)
    reader = Reader(server.origin, "killed")
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.3, 1.4))
        server.process.kill()
        server.process.wait()
        server = start_server(data_dir=server.data_dir, **service_variables)
        reader.origin = server.origin
    assert reader.wait_for_end(), "the job did not end"
    reader.stop()
    with closing(sqlite3.connect(next(server.data_dir.rglob("*.sqlite3")))) as database:
        charges = database.execute(CHARGES).fetchall()
    check_outcome(server.origin, job_id, services, charges)


@pytest.fixture
def with_services(production_services: dict[str, str], service_variables: dict[str, str]) -> dict[str, str]:
    """The variables of a deployment that calls the three services."""
    production_services |= service_variables
    return production_services


@pytest.mark.services
def test_workers_killed_in_turn_repeat_no_answered_call(
    with_services: dict[str, str], deployment: Deployment, services: dict[str, VendorServer]
) -> None:
    moments = random.Random(2026)
    subprocess.run(
        [sys.executable, "manage.py", "seed"],
        cwd=ROOT,
        env=deployment.environment,
        check=True,
        capture_output=True,
    )
    job_id = submit(deployment.origin(0), deployment.key)
    reader = Reader(deployment.origin(0), "killed")
    for number in range(KILLS):
        time.sleep(moments.uniform(0.3, 1.4))
        name = ("worker0", "worker1")[number % 2]
        deployment.kill(name)
        deployment.start(name)
    # The work of a killed worker is free once its lease of 30 s has expired.
    assert reader.wait_for_end(), "the job did not end"
    reader.stop()
    with psycopg.connect(with_services["DATABASE_URL"]) as database:
        charges = database.execute(CHARGES).fetchall()
    check_outcome(deployment.origin(1), job_id, services, charges)
