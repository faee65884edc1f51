"""Fixtures that many tests share. Sockets are closed except to this machine (pyproject.toml)."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.s3_servers import close_clients, moto_endpoint, nanio_endpoint, on_s3
from tests.vendors.configured import cloudflare_server, gemini_server, images_server, openai_server, vendors

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

# Variables that would lead a started server to this machine's own services or keys.
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what starts an embedded server: a run on PostgreSQL and Redis may leave it to the run without."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "start_server" in names and "production_services" not in names:
            item.add_marker("embedded")


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """An embedded server in a process of its own."""

    origin: str
    api_key: str
    data_dir: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServerProcess]]:
    """A function that starts `manage.py serve` on a free port and a data directory of its own.

    Keyword arguments are variables of its environment; `data_dir` names a directory to serve again, `origin` an
    address that is free again.
    """
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

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def live_server_process(start_server: Callable[..., ServerProcess]) -> ServerProcess:
    """One embedded server for all tests that ask it nothing but requests."""
    return start_server()


def wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Returns once `url` answers with success; fails, showing the log's end, where the process ends or 60 s pass."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(url, timeout=20).ok:
                return
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
