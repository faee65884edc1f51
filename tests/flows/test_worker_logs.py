"""The log of a production worker: the same lines as the web process, including those of level INFO."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.flows.test_kill import Deployment, deploy
from tests.waiting import wait_until

pytestmark = pytest.mark.services


@pytest.fixture
def deployment(tmp_path: Path, production_services: dict[str, str]) -> Iterator[Deployment]:
    """One web process and one worker."""
    with deploy(tmp_path, production_services, "web0", "worker0") as running:
        yield running


def lines_of(log: Path) -> list[dict[str, Any]]:
    """The lines that are JSON; Celery's banner is not."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def test_workers_log_in_the_same_form_as_the_web_process(deployment: Deployment, tmp_path: Path) -> None:
    origin, headers = deployment.origin(0), {"X-Api-Key": deployment.key}
    project = requests.post(
        f"{origin}/api/projects", json={"name": "Logs"}, headers=headers, timeout=20
    ).json()
    job = {"prompt": "a pier", "providers": ["mock"], "sessionId": "logs", "size": "128x128"}
    url = f"{origin}/api/projects/{project['id']}/jobs"
    job_id = requests.post(url, json=job, headers=headers, timeout=20).json()["jobId"]
    job_url = f"{origin}/api/jobs/{job_id}"
    wait_until(lambda: requests.get(job_url, timeout=60).json()["status"] == "complete", "the job ended")
    deployment.stop()
    web, worker = (lines_of(tmp_path / f"{name}.log") for name in ("web0", "worker0"))
    assert {"job_submitted"} <= {line["event"] for line in web if line["level"] == "info"}
    done = [line for line in worker if line["event"] == "step_done"]
    assert {line["level"] for line in done} == {"info"}
    assert {line["jobId"] for line in done} == {job_id}
    assert {"generate", "deliver", "judge"} <= {line["step"] for line in done}
    assert {"logger", "timestamp"} <= set(done[0])
    assert [line for line in worker if line["logger"].startswith("celery") and line["level"] == "info"] == []
