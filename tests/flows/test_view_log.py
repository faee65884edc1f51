"""The view log across kill -9: every answered visit becomes exactly one row, whatever else is lost."""

import os
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from redis import Redis

from tests.conftest import ServerProcess
from tests.flows.test_kill import Deployment, deploy
from tests.flows.visitors import Visitors
from tests.waiting import wait_until

COUNT = "SELECT user_agent FROM artifact_views WHERE user_agent LIKE 'visitor-%'"
A_SECOND = 500


def publish(origin: str, key: str) -> dict[str, Any]:
    """A lookbook of one image that the built-in provider makes."""
    headers = {"X-Api-Key": key}
    project = requests.post(f"{origin}/api/projects", json={"name": "V"}, headers=headers, timeout=20).json()
    body = {"prompt": "a pier", "providers": ["mock"], "sessionId": "views", "size": "128x128"}
    url = f"{origin}/api/projects/{project['id']}"
    job = requests.post(f"{url}/jobs", json=body, headers=headers, timeout=20).json()
    job_url = f"{origin}/api/jobs/{job['jobId']}"
    wait_until(lambda: requests.get(job_url, timeout=60).json()["status"] == "complete", "the job ended")
    made = requests.post(
        f"{url}/artifacts/lookbook", json={"options": {"include": "all"}}, headers=headers, timeout=20
    )
    assert made.status_code == 201, made.text
    artifact: dict[str, Any] = made.json()
    return artifact


def path_of(artifact: dict[str, Any]) -> str:
    """The URL of its page."""
    return f"/public/lookbook/{artifact['public_slug']}"


def in_sqlite(data_dir: Path) -> Counter[str]:
    """The number of rows of each visitor."""
    with closing(sqlite3.connect(data_dir / "dali.sqlite3")) as database:
        return Counter(row[0] for row in database.execute(COUNT))


def in_postgresql(address: str) -> Counter[str]:
    """The number of rows of each visitor."""
    with psycopg.connect(address) as database:
        return Counter(row[0] for row in database.execute(COUNT))


def wait_until_written(data_dir: Path) -> None:
    """Returns once no file of views is left, so that none is still being written."""
    wait_until(lambda: not list((data_dir / "views").iterdir()), "all views were written")


def kill_in_the_midst(visitors: Visitors, numbers: range, kill: Callable[[], None]) -> None:
    """Starts these visitors, and kills the server when half of them were answered."""
    come = threading.Thread(target=visitors.come, args=(numbers, A_SECOND))
    half = len(visitors.answered) + len(numbers) // 2
    come.start()
    wait_until(lambda: len(visitors.answered) >= half, "half were answered", every_s=0.01)
    kill()
    come.join()


def check(rows: Counter[str], answered: set[str]) -> None:
    """Checks that every answered visitor has a row, and no visitor has two."""
    assert answered - set(rows) == set()
    assert [name for name, count in rows.items() if count > 1] == []


def test_an_embedded_server_killed_under_500_visitors_a_second_loses_no_view(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    artifact = publish(server.origin, server.api_key)
    visitors = Visitors([server.origin], path_of(artifact))
    kill_in_the_midst(visitors, range(2000), server.process.kill)
    server.process.wait()
    assert 1000 <= len(visitors.answered) < 2000
    start_server(data_dir=server.data_dir)
    wait_until_written(server.data_dir)
    check(in_sqlite(server.data_dir), visitors.answered)


def test_an_embedded_server_killed_repeatedly_while_it_writes_repeats_no_view(
    start_server: Callable[..., ServerProcess],
) -> None:
    busy = {"DALI_VIEWS_FLUSH_S": "0.1", "DALI_VIEWS_BATCH": "5"}
    server = start_server(**busy)
    visitors = Visitors([server.origin], path_of(publish(server.origin, server.api_key)))
    for first in (0, 500, 1000):
        kill_in_the_midst(visitors, range(first, first + 500), server.process.kill)
        server.process.wait()
        server = start_server(data_dir=server.data_dir, origin=server.origin, **busy)
    wait_until_written(server.data_dir)
    check(in_sqlite(server.data_dir), visitors.answered)


def test_a_stopped_embedded_server_leaves_nothing_to_write(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server(DALI_VIEWS_FLUSH_S="3600")
    artifact = publish(server.origin, server.api_key)
    visitors = Visitors([server.origin], path_of(artifact))
    visitors.come(range(50), A_SECOND)
    assert len(visitors.answered) == 50
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(timeout=120)
    assert list((server.data_dir / "views").iterdir()) == []
    check(in_sqlite(server.data_dir), visitors.answered)


def test_the_api_shows_a_view_at_once(start_server: Callable[..., ServerProcess]) -> None:
    server = start_server(DALI_VIEWS_FLUSH_S="3600")
    artifact = publish(server.origin, server.api_key)
    for expected in (1, 2, 3):
        assert requests.get(server.origin + path_of(artifact), timeout=60).status_code == 200
        views = requests.get(f"{server.origin}/api/artifacts/{artifact['id']}/views", timeout=20).json()
        assert views["total"] == expected


@pytest.fixture
def deployment(tmp_path: Path, production_services: dict[str, str]) -> Iterator[Deployment]:
    """Two web processes and a worker."""
    with deploy(tmp_path, production_services, "web0", "web1", "worker0") as running:
        yield running


@pytest.mark.services
def test_the_views_of_a_killed_web_process_are_written_by_the_other_even_if_redis_forgets(
    deployment: Deployment, tmp_path: Path
) -> None:
    artifact = publish(deployment.origin(0), deployment.key)
    visitors = Visitors([deployment.origin(0), deployment.origin(1)], path_of(artifact))
    redis = Redis.from_url(os.environ["REDIS_URL"])

    def read_film(number: int) -> None:
        headers = {"Range": "bytes=0-99", "User-Agent": "visitor-film"}
        answer = requests.get(deployment.origin(number) + path_of(artifact), headers=headers, timeout=60)
        assert answer.status_code == 206

    def kill() -> None:
        deployment.kill("web0")
        redis.flushdb()

    read_film(0)
    kill_in_the_midst(visitors, range(2000), kill)
    read_film(1)
    wait_until_written(tmp_path / "data")
    rows = in_postgresql(deployment.environment["DATABASE_URL"])
    check(rows, visitors.answered | {"visitor-film"})
    assert len(visitors.answered) >= 1000
