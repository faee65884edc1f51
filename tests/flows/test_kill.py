"""kill -9 at random moments: every variant ends exactly once, and a client sees neither gaps nor duplicates."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.conftest import FOREIGN, ROOT, ServerProcess, free_port, wait_until_it_answers
from tests.flows.reader import Reader
from tests.waiting import wait_until

# `make test` kills a few times, the full check ten times.
KILLS = int(os.environ.get("DALI_TEST_KILLS", "3"))
VARIANTS = 40
BODY = {
    "prompt": "a lighthouse in a storm",
    "providers": ["mock"],
    "variants": VARIANTS,
    "sessionId": "killed",
    "size": "128x128",
    "seed": 1,
    "allowDuplicates": True,
    "options": {"mock": {"latency_s": 0.6}},
}


def submit(origin: str, key: str) -> str:
    """Makes a project and a job of 40 variants in it; returns the job's id."""
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


def check_outcome(origin: str, job_id: str, reader: Reader) -> None:
    """Checks that each variant completed once, each image exists once, and each event came once and in order."""
    job = requests.get(f"{origin}/api/jobs/{job_id}", timeout=20).json()
    assert [variant["status"] for variant in job["variants"]] == ["complete"] * VARIANTS
    images = requests.get(
        f"{origin}/api/projects/{job['projectId']}/progressions?jobId={job_id}", timeout=20
    ).json()
    assert sorted(image["variant_index"] for image in images) == list(range(VARIANTS))
    seqs = [event["seq"] for event in reader.events]
    assert seqs == list(range(1, len(seqs) + 1))
    for once in ("queued", "running", "judge"):
        told = [event["variantIndex"] for event in reader.events if event["type"] == once]
        assert sorted(told) == list(range(VARIANTS))
    ends = [event for event in reader.events if event["type"] == "complete"]
    assert sorted(end["variantIndex"] for end in ends[:-1]) == list(range(VARIANTS))
    assert (ends[-1]["scope"], ends[-1]["summary"]["complete"]) == ("job", VARIANTS)
    for variant in job["variants"]:
        calls = [step["status"] for step in variant["steps"] if step["name"] == "generate"]
        assert calls[-1] == "ok", "the last call is the one that counts"
        assert set(calls[:-1]) <= {"unknown"}, "an answered call was repeated"


def test_a_server_killed_again_and_again_ends_every_variant_once(
    start_server: Callable[..., ServerProcess],
) -> None:
    moments = random.Random(2026)
    server = start_server(DALI_WORKER_THREADS="6", DALI_MAX_ATTEMPTS="20")
    job_id = submit(server.origin, server.api_key)
    reader = Reader(server.origin, "killed")
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.2, 1.2))
        server.process.kill()
        server.process.wait()
        server = start_server(data_dir=server.data_dir, DALI_WORKER_THREADS="6", DALI_MAX_ATTEMPTS="20")
        reader.origin = server.origin
    assert reader.wait_for_end(), "the job did not end"
    reader.stop()
    assert reader.reconnects >= KILLS
    check_outcome(server.origin, job_id, reader)


def own_environment(variables: dict[str, str]) -> dict[str, str]:
    """The environment of a started process, without the variables of the test run."""
    return {name: value for name, value in os.environ.items() if name not in FOREIGN} | variables


class Deployment:
    """Two web processes and two workers on PostgreSQL and Redis."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self._folder = folder
        self.environment = own_environment(variables)
        self.key = variables["DALI_API_KEY"]
        self.ports = [free_port(), free_port()]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Starts `web0`, `web1`, `worker0` or `worker1`."""
        command = [sys.executable, "manage.py", "web"]
        variables = dict(self.environment)
        if name.startswith("worker"):
            threads = ["-P", "threads", "-c", "5", "--loglevel", "WARNING", "-n", f"{name}@%h"]
            command = [sys.executable, "-m", "celery", "-A", "dali", "worker", *threads]
        else:
            variables["PORT"] = str(self.ports[int(name[-1])])
        with (self._folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
        if name.startswith("web"):
            wait_until_it_answers(
                f"{self.origin(int(name[-1]))}/readyz",
                self.processes[name],
                self._folder / f"{name}.log",
            )

    def wait_until_it_works(self, name: str) -> None:
        """Returns once a started worker accepts messages; fails with its log if it does not."""
        log, process = self._folder / f"{name}.log", self.processes[name]

        def works() -> bool:
            return "worker_ready" in log.read_text()

        wait_until(lambda: works() or process.poll() is not None, f"{name} works")
        if not works():
            pytest.fail(f"{name} did not start:\n{log.read_text()[-3000:]}")

    def origin(self, number: int) -> str:
        """The URL of a web process."""
        return f"http://127.0.0.1:{self.ports[number]}"

    def kill(self, name: str) -> None:
        """Sends SIGKILL and waits for the end."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        """Sends SIGTERM to all, then SIGKILL."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def deploy(folder: Path, services: dict[str, str], *names: str) -> Iterator[Deployment]:
    """A running deployment of these processes on a new database."""
    variables = {
        "DALI_DATA_DIR": str(folder / "data"),
        "DALI_API_KEY": "test.key-of-a-test",
        "DALI_SECRET_KEY": "a secret that is only good for a test, and long enough",
        "DALI_PUBLIC_ORIGIN": "http://127.0.0.1",
        "DALI_ALLOWED_HOSTS": "127.0.0.1",
        "DALI_SWEEP_S": "1",
        "DALI_MAX_ATTEMPTS": "20",
    } | services
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=own_environment(variables), check=True
    )
    running = Deployment(folder, variables)
    try:
        for name in names:
            running.start(name)
        yield running
    finally:
        running.stop()


@pytest.fixture
def deployment(tmp_path: Path, production_services: dict[str, str]) -> Iterator[Deployment]:
    """Two web processes and two workers."""
    with deploy(tmp_path, production_services, "web0", "web1", "worker0", "worker1") as running:
        yield running


@pytest.mark.services
def test_workers_and_web_processes_killed_in_turn_end_every_variant_once(deployment: Deployment) -> None:
    moments = random.Random(2026)
    job_id = submit(deployment.origin(0), deployment.key)
    reader = Reader(deployment.origin(0), "killed")
    for number in range(KILLS):
        time.sleep(moments.uniform(0.2, 1.2))
        name = ("worker0", "web0", "worker1")[number % 3]
        deployment.kill(name)
        if name == "web0":
            reader.origin = deployment.origin(1)
        deployment.start(name)
        reader.origin = deployment.origin(0)
    # The work of a killed worker is free once its lease of 30 s has expired.
    assert reader.wait_for_end(), "the job did not end"
    reader.stop()
    check_outcome(deployment.origin(1), job_id, reader)
