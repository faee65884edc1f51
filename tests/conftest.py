"""Fixtures that many tests share. Sockets may reach only this machine (pyproject.toml)."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests import processes
from tests.s3_servers import close_clients, moto_endpoint, nanio_endpoint, on_s3
from tests.vendors.configured import cloudflare_server, gemini_server, images_server, openai_server, vendors
from tests.waiting import wait_until
from tests.workers import worker_count

__all__ = [
    "close_clients",
    "cloudflare_server",
    "gemini_server",
    "images_server",
    "moto_endpoint",
    "nanio_endpoint",
    "on_s3",
    "openai_server",
    "vendors",
]

ROOT = Path(__file__).resolve().parent.parent

# Variables that would point a started server to this machine's own services or keys.
FOREIGN = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "DJANGO_SETTINGS_MODULE",
    "DALI_PUBLIC_ORIGIN",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_IMAGES_ACCOUNT_HASH",
)


# What `make test` leaves to `make test-rest`: these folders, and every test that uses one of these fixtures. A module
# whose tests start processes without one carries the mark itself. tests.processes detects missing marks.
REST_FOLDERS = {"browser", "flows"}
DATABASE_FIXTURES = {"db", "transactional_db"}
REST_FIXTURES = {
    "browser",
    "live_server_process",
    "nanio_endpoint",
    "production_services",
    "start_server",
    "start_small",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` starts."""
    return worker_count(len(os.sched_getaffinity(0)), os.environ.get("REDIS_URL", ""))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the rest, and what uses the database.

    Modules of the rest stay together, because they share a server or a browser. The flows share none, take longest and
    start first, so that no process ends long after the others; but a machine and the connections of its PostgreSQL
    bear only one deployment of several processes at a time.
    """
    for item in items:
        if is_rest(item):
            item.add_marker("rest")
            if item.get_closest_marker("services"):
                item.add_marker(pytest.mark.xdist_group("services"))
            elif folder_of(item) != "flows":
                item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if item.get_closest_marker("django_db") or DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")
    items.sort(key=lambda item: folder_of(item) != "flows")


def folder_of(item: pytest.Item) -> str:
    """The folder of tests/ that contains a test."""
    return item.path.relative_to(ROOT / "tests").parts[0]


def is_rest(item: pytest.Item) -> bool:
    """Whether a test starts servers or other long processes, or drives a browser."""
    names = set(getattr(item, "fixturenames", ()))
    is_marked = item.get_closest_marker("rest") is not None
    return is_marked or folder_of(item) in REST_FOLDERS or bool(names & REST_FIXTURES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test outside of the rest starts no long processes, and neither do its fixtures."""
    with processes.guarded(item.get_closest_marker("rest") is None):
        return (yield)


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """An embedded server in its own process."""

    origin: str
    api_key: str
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def starting_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServerProcess]]:
    """A function that starts servers, which stop at the end of the block."""
    started: list[subprocess.Popen[bytes]] = []

    def start(data_dir: Path | None = None, origin: str = "", **variables: str) -> ServerProcess:
        directory = data_dir or tmp_path_factory.mktemp("server")
        port = int(origin.rpartition(":")[2]) if origin else free_port()
        origin = f"http://127.0.0.1:{port}"
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environment |= {
            "DALI_DATA_DIR": str(directory),
            "PORT": str(port),
            "DALI_API_KEY": "test.key-of-a-test",
        }
        environment |= {"DALI_JOBS_RATE": "1000/m", **variables}
        with (directory / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        started.append(process)
        wait_until_it_answers(f"{origin}/readyz", process, directory / "server.log")
        return ServerProcess(origin, environment["DALI_API_KEY"], directory, environment, process)

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServerProcess]]:
    """A function that starts `manage.py serve` on a free port and a new data directory, until the module ends.

    Keyword arguments are variables of its environment; `data_dir` names a directory to serve again, `origin` a
    URL that is free again.
    """
    with starting_servers(tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def live_server_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One embedded server for all tests that only send it requests."""
    with starting_servers(tmp_path_factory) as start:
        yield start()


def wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Returns once `url` answers with success; fails with the end of the log if the process ends first."""

    def answers_or_ended() -> bool:
        try:
            return requests.get(url, timeout=60).ok
        except (requests.ConnectionError, requests.Timeout):
            return process.poll() is not None

    wait_until(answers_or_ended, f"{url} answers")
    if process.poll() is not None:
        pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
