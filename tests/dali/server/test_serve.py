"""`manage.py serve` and `web` as processes: start, output, refusals, stop."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import FOREIGN, ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.rest

SHOWN_ONCE = "First start. Save these now: they are shown only once, and only their hashes are stored."


class Started:
    """A server process with its two outputs in files."""

    def __init__(self, directory: Path, command: str, variables: dict[str, str]) -> None:
        self.directory = directory
        number = len(list(directory.glob("out.*")))
        self.out, self.err = directory / f"out.{number}", directory / f"err.{number}"
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environment |= {"DALI_DATA_DIR": str(directory), "PORT": "0", **variables}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", command], cwd=ROOT, env=environment, stdout=out, stderr=err
            )

    @property
    def origin(self) -> str:
        """The URL, once the process has printed it."""

        def address() -> str | None:
            found = re.search(r"Dali is ready at (http://\S+)/ ", self.out.read_text())
            return found[1] if found else None

        wait_until(lambda: address() or self.process.poll() is not None, "it is ready", every_s=0.05)
        return address() or pytest.fail(f"it did not start:\n{self.err.read_text()[-3000:]}")

    def stop(self, *signals: signal.Signals) -> int:
        """Sends the signals, 0.2 s apart, and returns the exit code."""
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.2)
        return self.process.wait(timeout=120)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Started]]:
    """A function that starts `manage.py serve`, or another command, on a free port."""
    started: list[Started] = []

    def run(directory: Path | None = None, command: str = "serve", **variables: str) -> Started:
        started.append(Started(directory or tmp_path_factory.mktemp("serve"), command, variables))
        return started[-1]

    yield run
    for each in started:
        each.process.kill()
        each.process.wait()


@pytest.fixture(scope="module")
def first(start: Callable[..., Started]) -> Started:
    """A server at its first start, which has reported that it is ready."""
    server = start()
    assert server.origin
    return server


def test_the_first_start_prints_urls_a_key_and_a_login_that_work(first: Started) -> None:
    shown = first.out.read_text()
    for path in ("/admin/", "/api/docs", "/api/schema"):
        assert f"{first.origin}{path}\n" in shown
        assert requests.get(f"{first.origin}{path}", timeout=20).status_code == 200
    assert SHOWN_ONCE in shown

    key = re.search(r"API key +(\S+)", shown)
    assert key is not None
    url = f"{first.origin}/api/projects"
    assert requests.post(url, json={"name": "Sea"}, timeout=20).status_code == 401
    answer = requests.post(url, json={"name": "Sea"}, headers={"X-Api-Key": key[1]}, timeout=20)
    assert answer.status_code == 201

    login = re.search(r"Admin login +admin / (\S+)", shown)
    assert login is not None
    with requests.Session() as browser:
        page = browser.get(f"{first.origin}/admin/login/", timeout=20)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None
        form = {"username": "admin", "password": login[1], "csrfmiddlewaretoken": token[1], "next": "/admin/"}
        entered = browser.post(f"{first.origin}/admin/login/", data=form, timeout=20)
        assert (entered.url, entered.status_code) == (f"{first.origin}/admin/", 200)

    log = first.err.read_text()
    assert key[1] not in log
    assert login[1] not in log


def test_urls_in_answers_follow_the_bound_port(start: Callable[..., Started]) -> None:
    server = start(DALI_API_KEY="test.key-of-a-test")
    answer = submit(server.origin, {"prompt": "a lighthouse"})
    assert answer.headers["Location"] == f"{server.origin}/api/jobs/{answer.json()['jobId']}"
    assert answer.json()["streamUrl"] == f"{server.origin}/api/stream/s"
    assert until_it_ended(answer.headers["Location"])["summary"]["complete"] == 1


def submit(origin: str, job: dict[str, Any]) -> requests.Response:
    """The response to a mock job of a new project."""
    key = {"X-Api-Key": "test.key-of-a-test"}
    project = requests.post(f"{origin}/api/projects", json={"name": "Sea"}, headers=key, timeout=20).json()
    url = f"{origin}/api/projects/{project['id']}/jobs"
    return requests.post(url, json={"providers": ["mock"], "sessionId": "s", **job}, headers=key, timeout=20)


def until_it_ended(job_url: str) -> dict[str, Any]:
    """The job once all its variants have ended."""

    def job() -> dict[str, Any]:
        found: dict[str, Any] = requests.get(job_url, timeout=60).json()
        return found

    wait_until(lambda: job()["status"] == "complete", "the job ended")
    return job()


def asked(directory: Path, statement: str) -> Any:
    """The first value of an SQL query in the database of a data directory; None without a row."""
    with closing(sqlite3.connect(directory / "dali.sqlite3")) as database, database:
        rows = database.execute(statement).fetchall()
        return rows[0][0] if rows else None


def until_under_way(directory: Path, count: int) -> None:
    """Returns once that many variants are with their provider."""
    sent = "SELECT COUNT(*) FROM steps WHERE name = 'generate' AND status = 'sent'"
    wait_until(lambda: asked(directory, sent) == count, f"{count} variants are in progress")


def test_a_second_server_on_the_same_directory_is_refused_in_one_line(
    first: Started, start: Callable[..., Started]
) -> None:
    second = start(first.directory)
    assert second.process.wait(timeout=180) == 1
    assert second.err.read_text() == (
        f"Another server (process {first.process.pid}) uses {first.directory}: stop it,"
        " or set DALI_DATA_DIR to a different directory for this one.\n"
    )
    assert requests.get(f"{first.origin}/api/projects", timeout=20).status_code == 200


def test_a_port_in_use_is_refused_in_one_line(first: Started, start: Callable[..., Started]) -> None:
    port = first.origin.rsplit(":", 1)[1]
    second = start(PORT=port)
    assert second.process.wait(timeout=180) == 1
    assert second.err.read_text() == (
        f"Cannot listen on 127.0.0.1:{port} (Address already in use): set HOST and PORT to another address.\n"
    )


def test_a_command_of_the_other_setup_is_refused_in_one_line(start: Callable[..., Started]) -> None:
    web = start(command="web")
    embedded = start(
        REDIS_URL="redis://127.0.0.1:1/0",
        DALI_PUBLIC_ORIGIN="https://dali.example.com",
        DALI_ALLOWED_HOSTS="dali.example.com",
        DALI_SECRET_KEY="s" * 60,
    )
    assert web.process.wait(timeout=180) == 1
    assert web.err.read_text() == (
        "web is production's web process and needs a task queue: set REDIS_URL, or run `manage.py serve`.\n"
    )
    assert embedded.process.wait(timeout=180) == 1
    assert embedded.err.read_text() == (
        "serve is the embedded server, but a task queue is configured: run `manage.py web` and"
        " `celery -A dali worker -P threads`, or set CELERY_BROKER_URL=memory://localhost/.\n"
    )


def test_it_stops_on_sigterm_however_often_it_comes_and_starts_again(start: Callable[..., Started]) -> None:
    server = start(DALI_API_KEY="test.key-of-a-test")
    assert "API key  " not in server.out.read_text()
    with socket.create_connection(("127.0.0.1", int(server.origin.rsplit(":", 1)[1]))):  # and sends nothing
        assert server.stop(signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM) == 0
    again = start(server.directory, DALI_API_KEY="test.key-of-a-test")
    assert requests.get(f"{again.origin}/api/projects", timeout=20).status_code == 200
    assert SHOWN_ONCE not in again.out.read_text()


def test_it_stops_on_ctrl_c_and_at_once_on_a_second(start: Callable[..., Started]) -> None:
    server = start()
    with requests.get(f"{server.origin}/api/stream/s?after=0", stream=True, timeout=20):
        assert server.stop(signal.SIGINT) == 0
    busy = start(server.directory, DALI_API_KEY="test.key-of-a-test")
    submit(busy.origin, {"prompt": "a gull", "options": {"mock": {"latency_s": 60}}})
    until_under_way(busy.directory, 1)
    busy.process.send_signal(signal.SIGINT)
    wait_until(
        lambda: " stopping " in busy.err.read_text(), "the server says that it is stopping", every_s=0.02
    )
    assert busy.stop(signal.SIGINT) == 130


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_in_progress_continues_at_the_next_start(
    start: Callable[..., Started], how: signal.Signals
) -> None:
    server = start(DALI_API_KEY="test.key-of-a-test")
    job = {"prompt": "a gull", "variants": 3, "size": "128x128", "options": {"mock": {"latency_s": 10}}}
    job_id = submit(server.origin, job).json()["jobId"]
    until_under_way(server.directory, 3)
    assert server.stop(how) == (0 if how == signal.SIGTERM else -how)
    assert asked(server.directory, "SELECT COUNT(*) FROM variants WHERE status = 'complete'") == 0
    held = asked(server.directory, "SELECT COUNT(*) FROM variants WHERE lease_until IS NOT NULL")
    assert held == (0 if how == signal.SIGTERM else 3)
    # Extends the leases, so that a server that waits for them to expire fails this test.
    asked(server.directory, "UPDATE variants SET lease_until = datetime(lease_until, '+1 day')")

    again = start(server.directory, DALI_API_KEY="test.key-of-a-test")
    assert until_it_ended(f"{again.origin}/api/jobs/{job_id}")["summary"]["complete"] == 3


def test_log_lines_contain_no_query_strings(first: Started) -> None:
    requests.get(f"{first.origin}/api/projects?ticket=abc-secret&limit=5", timeout=20)
    lines = [line for line in first.err.read_text().splitlines() if "path=/api/projects" in line]
    assert lines
    assert "abc-secret" not in first.err.read_text()


def test_client_errors_leave_no_traceback_in_the_log(start: Callable[..., Started]) -> None:
    started = start()
    port = int(started.origin.rsplit(":", 1)[1])
    for request in (
        b"GET /api/projects HTTP/1.1\r\nHost: evil.example\r\n",
        b"GET /api/stream/s HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"GET /api/stream/s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(10)
            client.sendall(request + b"\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert started.stop(signal.SIGTERM) == 0
    log = started.err.read_text()
    assert "Invalid HTTP_HOST header" in log
    assert "Traceback" not in log
    assert "fault in the web server" not in log
