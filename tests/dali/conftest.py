"""A small server with tight limits, for tests of the limits on connections."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.conftest import ROOT
from tests.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Small:
    """A started small server."""

    origin: str
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def port(self) -> int:
        return int(self.origin.rsplit(":", 1)[1])

    def text(self, path: str) -> str:
        return requests.get(f"{self.origin}{path}", timeout=120).text

    def sent(self, what: str) -> int:
        return int(json.loads(self.text("/sent"))[what])

    def connect(self) -> socket.socket:
        """A plain connection to it."""
        client = socket.create_connection(("127.0.0.1", self.port))
        client.settimeout(PATIENCE_S)
        return client


@pytest.fixture(scope="module")
def start_small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Small]]:
    """A function that starts a small server with the given limits."""
    started: list[subprocess.Popen[str]] = []

    directory = tmp_path_factory.mktemp("small")

    def start(**limits: float) -> Small:
        environment = {
            **os.environ,
            "DALI_DATA_DIR": str(directory),
            "DJANGO_SETTINGS_MODULE": "dali.settings",
            "DALI_CORS_ORIGINS": "http://localhost:5173",
        }
        log = directory / f"log{len(started)}"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.dali.server.small_server", json.dumps(limits)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        started.append(process)
        assert process.stdout is not None
        return Small(process.stdout.readline().strip(), process, log)

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def small(start_small: Callable[..., Small]) -> Small:
    """A small server with the usual limits, for all tests that leave it unchanged."""
    return start_small()
