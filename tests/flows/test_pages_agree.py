"""Public pages from two web processes: after one has answered a write, the other shows it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.flows.test_kill import Deployment, deploy
from tests.flows.test_long_builds import Client
from tests.waiting import wait_until

pytestmark = pytest.mark.services

ROUNDS = 10
ONE_IMAGE = {
    "prompt": "a lighthouse in a storm",
    "providers": ["mock"],
    "sessionId": "images",
    "size": "512x512",
    "allowDuplicates": True,
    "options": {"mock": {"latency_s": 0}},
}
REEL = {"generator": "walkthroughReel", "options": {"include": "all", "seconds_per_image": 1}}


@pytest.fixture
def processes(tmp_path: Path, production_services: dict[str, str]) -> Iterator[Deployment]:
    """Two web processes and a worker."""
    with deploy(
        tmp_path, production_services | {"DALI_JOBS_RATE": "1000/m"}, "web0", "web1", "worker0"
    ) as running:
        yield running


@pytest.fixture
def clients(processes: Deployment) -> tuple[Client, Client]:
    """One client for each web process."""
    first, second = (Client(processes.origin(number), processes.key) for number in (0, 1))
    return first, second


def add_image(client: Client, project: str) -> None:
    job = client.post(f"/api/projects/{project}/jobs", ONE_IMAGE).json()["jobId"]
    wait_until(lambda: client.get(f"/api/jobs/{job}")["status"] == "complete", "the job ended")


def new_project(client: Client) -> str:
    project: str = client.post("/api/projects", {"name": "Harbour"}).json()["id"]
    add_image(client, project)
    return project


def test_after_the_answer_to_a_write_no_process_shows_the_old_state(
    clients: tuple[Client, Client],
) -> None:
    project = new_project(clients[0])
    asked = {"generator": "lookbook", "projectIds": [project], "options": {"include": "all"}}
    artifact = clients[0].post("/api/artifacts", asked).json()
    route, page = f"/api/artifacts/{artifact['id']}", f"/public/lookbook/{artifact['public_slug']}"

    def seen() -> list[int]:
        return [requests.get(client.origin + page, timeout=20).status_code for client in clients]

    for number in range(ROUNDS):
        writer = clients[number % 2]
        assert seen() == [200, 200]
        assert writer.post(f"{route}/unpublish").status_code == 200
        assert seen() == [410, 410]
        assert writer.post(f"{route}/publish").status_code == 200
    etags = set()
    for number in range(3):
        add_image(clients[0], project)
        rebuilt = clients[number % 2].post(f"{route}/rebuild").json()
        wanted = f'"{rebuilt["manifest"]["files"][0]["sha256"]}"'
        answers = [requests.get(client.origin + page, timeout=20) for client in clients]
        assert [answer.headers["ETag"] for answer in answers] == [wanted, wanted]
        assert {f'"{hashlib.sha256(answer.content).hexdigest()}"' for answer in answers} == {wanted}
        etags.add(wanted)
    assert len(etags) == 3


def test_each_part_of_a_film_belongs_to_the_build_named_by_its_etag(clients: tuple[Client, Client]) -> None:
    project = new_project(clients[0])
    made = clients[0].post("/api/artifacts", {**REEL, "projectIds": [project]}).json()
    page, route = f"/public/artifact/{made['public_slug']}", f"/api/artifacts/{made['id']}"

    def part(number: int, **headers: str) -> requests.Response:
        asked = {"Range": "bytes=1000-1999", **headers}
        return requests.get(clients[number % 2].origin + page, headers=asked, timeout=20)

    def is_built() -> bool:
        part(1)  # seen without content a moment ago
        return bool(clients[0].get(route)["status"] == "published")

    wait_until(is_built, "the film is built")
    assert [part(number).status_code for number in range(2)] == [206, 206]
    films: dict[str, bytes] = {}

    def keep_film() -> str:
        whole = requests.get(clients[0].origin + page, timeout=20)
        films[whole.headers["ETag"]] = whole.content
        return whole.headers["ETag"]

    first = keep_film()
    add_image(clients[0], project)
    assert clients[1].post(f"{route}/rebuild").status_code == 202
    parts: list[requests.Response] = []

    def is_rebuilt() -> bool:
        parts.extend(part(number) for number in range(2))
        return bool(clients[1].get(route)["status"] == "published")

    wait_until(is_rebuilt, "it is built again")
    second = keep_film()
    assert second != first
    parts += [part(number) for number in range(4)]
    assert {answer.status_code for answer in parts} == {206}
    assert all(answer.content == films[answer.headers["ETag"]][1000:2000] for answer in parts)
    assert {answer.headers["ETag"] for answer in parts[-4:]} == {second}
    of_another = part(0, **{"If-Range": first})
    assert (of_another.status_code, of_another.content) == (200, films[second])
    assert part(1, **{"If-Range": second}).status_code == 206
