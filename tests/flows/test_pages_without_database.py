"""PostgreSQL down, or a project's row locked by a stopped process: which requests are answered, how and how fast."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.flows.proxy import Proxy
from tests.flows.test_kill import Deployment
from tests.flows.test_long_builds import Client
from tests.flows.test_outage import JOB, KEY, database, deployment, redis, submit
from tests.waiting import wait_until

__all__ = ["database", "deployment", "redis"]

pytestmark = pytest.mark.services

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
# 5 s are promised. A busy machine takes longer; a request that waits for the database never ends.
IN_TIME_S = 60.0
AT_ONCE = 40
ASKED = 5
HEALTHY = 12


def published(client: Client) -> tuple[str, str, str]:
    """A project's id, the URL of its lookbook, and the URL of the image on it."""
    project = client.post("/api/projects", {"name": "Harbour"}).json()["id"]
    submit(client.origin, project, "pages")
    images = f"/api/projects/{project}/progressions"
    wait_until(lambda: client.get(images), "the images are made")
    image = urlsplit(client.get(images)[0]["generated_image_url"]).path
    asked = {"generator": "lookbook", "projectIds": [project], "options": {"include": "all"}}
    artifact = client.post("/api/artifacts", asked).json()
    return project, f"/public/lookbook/{artifact['public_slug']}", image


def ask(origin: str, path: str) -> tuple[requests.Response, float]:
    """The response to a signed-in browser, and its duration."""
    started = time.monotonic()
    answer = requests.get(origin + path, headers=BROWSER, cookies={"sessionid": "a" * 32}, timeout=180)
    return answer, time.monotonic() - started


def close_code(origin: str) -> int | None:
    """The code with which a WebSocket to the stream is closed."""
    with connect(f"{origin.replace('http', 'ws', 1)}/api/stream/pages", open_timeout=180) as socket:
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=180)
        return socket.close_code


def check_answers_without_it(client: Client, paths: list[str], image: str) -> None:
    """Requests everything at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(ask, client.origin, path) for path in paths * ASKED]
        sockets = [pool.submit(close_code, client.origin) for _ in range(ASKED)]
        answers = [future.result() for future in asked]
    assert [future.result() for future in sockets] == [1013] * ASKED  # try again later
    for answer, took_s in answers:
        assert (answer.url, answer.status_code) == (answer.url, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert took_s < IN_TIME_S, answer.url
        assert "127.0.0.1:" not in answer.text
    assert "<h1>Dali cannot answer right now.</h1>" in answers[0][0].text
    shown, _ = ask(client.origin, image)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/webp")


def is_waited_for(holder: "psycopg.Connection[tuple[Any, ...]]") -> bool:
    """Whether another connection waits for a lock that this one holds."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    found = holder.execute(waiting).fetchone()
    return found is not None and found[0] > 0


def test_without_the_database_pages_answer_503_in_time_and_images_are_shown(
    deployment: Deployment, database: Proxy, tmp_path: Path
) -> None:
    client = Client(deployment.origin(0), KEY)
    _, page, image = published(client)
    answering = page.replace("lookbook", "artifact")
    paths = ["/", "/studio/", "/admin/", page, f"{answering}/state", f"{answering}/live", "/api/projects"]
    for go_away in (database.cut, database.hush):
        wait_until(lambda: ask(client.origin, page)[0].status_code == 200, "the page is back")
        go_away()
        check_answers_without_it(client, paths, image)
        log = (tmp_path / "web0.log").read_text()
        database.cut()
        database.mend()
    wait_until(lambda: ask(client.origin, page)[0].status_code == 200, "the page is back")
    assert "Traceback" not in log
    lines = [
        line for line in log.splitlines() if '"level": "error"' in line and '"503 /api/projects:' in line
    ]
    assert len(lines) == 2 * ASKED


def test_a_locked_row_delays_only_its_own_project(
    deployment: Deployment, production_services: dict[str, str]
) -> None:
    client = Client(deployment.origin(0), KEY)
    project, page, _ = published(client)
    other = client.post("/api/projects", {"name": "Healthy"}).json()["id"]

    def post_job(project_id: str) -> tuple[requests.Response, float]:
        started = time.monotonic()
        answer = requests.post(
            f"{client.origin}/api/projects/{project_id}/jobs",
            json={**JOB, "sessionId": "held"},
            headers=client.headers,
            timeout=180,
        )
        return answer, time.monotonic() - started

    with (
        psycopg.connect(production_services["DATABASE_URL"]) as frozen,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        frozen.execute("SELECT id FROM projects WHERE id = %s FOR UPDATE", [project])
        held = [pool.submit(post_job, project) for _ in range(AT_ONCE - HEALTHY)]
        wait_until(lambda: is_waited_for(frozen), "a request waits for the row")
        were_held = []
        for _ in range(HEALTHY // 4):
            asked = [pool.submit(post_job, other), pool.submit(ask, client.origin, "/")]
            asked += [pool.submit(ask, client.origin, page), pool.submit(ask, client.origin, "/api/projects")]
            assert [future.result()[0].status_code for future in asked] == [202, 200, 200, 200]
            were_held.append(not all(future.done() for future in held))
        assert any(were_held), "no request had to wait for the lock"
        for answer, took_s in (future.result() for future in held):
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (503, "unavailable")
            assert answer.json()["errors"][0]["detail"] == "The project is busy; try again."
            assert int(answer.headers["Retry-After"]) > 0
            assert took_s < IN_TIME_S * 2
    assert post_job(project)[0].status_code == 202
