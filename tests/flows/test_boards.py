"""An interactive page under load: 200 simultaneous voters, killed servers, and totals that reach every visitor."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import ServerProcess
from tests.flows.test_kill import Deployment, deploy
from tests.waiting import wait_until

VOTERS = 200
CHOICES = ("yes", "maybe", "no")
TOTALS = {"yes": 67, "maybe": 67, "no": 66}  # of 200 voters who take turns


def publish(origin: str, key: str) -> dict[str, Any]:
    """A voting deck of one image that the built-in provider makes."""
    headers = {"X-Api-Key": key}
    project = requests.post(f"{origin}/api/projects", json={"name": "V"}, headers=headers, timeout=20).json()
    body = {"prompt": "a pier", "providers": ["mock"], "sessionId": "boards", "size": "128x128"}
    url = f"{origin}/api/projects/{project['id']}"
    job = requests.post(f"{url}/jobs", json=body, headers=headers, timeout=20).json()
    job_url = f"{origin}/api/jobs/{job['jobId']}"
    wait_until(lambda: requests.get(job_url, timeout=60).json()["status"] == "complete", "the job ended")
    asked = {"generator": "votingDeck", "projectIds": [project["id"]], "options": {"include": "all"}}
    made = requests.post(f"{origin}/api/artifacts", json=asked, headers=headers, timeout=20)
    assert made.status_code == 201, made.text
    artifact: dict[str, Any] = made.json()
    return artifact


class Voter:
    """One browser with a deck open."""

    def __init__(self, origin: str, artifact: dict[str, Any]) -> None:
        self.page = f"{origin}/public/artifact/{artifact['public_slug']}"
        self.image = artifact["manifest"]["progressions"][0]
        self.browser = requests.Session()
        self.token = self.browser.get(f"{self.page}/state", timeout=30).json()["token"]

    def vote(self, choice: str, origin: str = "") -> int:
        """The status of the response; `origin`: another process that serves the page."""
        page = f"{origin}/public/{self.page.partition('/public/')[2]}" if origin else self.page
        body = {"token": self.token, "imageId": self.image, "choice": choice}
        return self.browser.post(f"{page}/votes", json=body, timeout=30).status_code


class Listener:
    """Reads the live totals of the only image, in a thread."""

    def __init__(self, origin: str, artifact: dict[str, Any]) -> None:
        self.votes: dict[str, int] = {}
        self.events = 0
        self._image = artifact["manifest"]["progressions"][0]
        self._answer = requests.get(
            f"{origin}/public/artifact/{artifact['public_slug']}/live", stream=True, timeout=180
        )
        assert self._answer.status_code == 200
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, votes: dict[str, int]) -> None:
        """Returns once the totals equal these votes."""
        wait_until(lambda: self.votes == votes, f"the live totals are {votes}")

    def _read(self) -> None:
        try:
            for line in self._answer.iter_lines():
                if line.startswith(b"data: "):
                    self.events += 1
                    told = json.loads(line[6:])["images"].get(self._image)
                    self.votes = told["votes"] if told else self.votes
        except requests.RequestException:  # the server was killed
            return


def results(origin: str, key: str, artifact: dict[str, Any]) -> dict[str, Any]:
    """The results that the owner sees."""
    found: dict[str, Any] = requests.get(
        f"{origin}/api/artifacts/{artifact['id']}/answers", headers={"X-Api-Key": key}, timeout=20
    ).json()
    return found


def all_vote(origins: list[str], artifact: dict[str, Any]) -> list[int]:
    """Every voter sends the same vote twice at once; returns the statuses."""
    with ThreadPoolExecutor(50) as pool:
        voters = list(pool.map(lambda n: Voter(origins[n % len(origins)], artifact), range(VOTERS)))
        sent = [
            pool.submit(voter.vote, CHOICES[number % 3], origin)
            for number, voter in enumerate(voters)
            for origin in (origins[0], origins[-1])
        ]
        return [future.result() for future in sent]


def test_200_simultaneous_votes_are_counted_shown_to_all_and_survive_a_kill(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    artifact = publish(server.origin, server.api_key)
    listener = Listener(server.origin, artifact)
    assert all_vote([server.origin], artifact) == [200] * 2 * VOTERS
    server.process.kill()
    server.process.wait()
    again = start_server(data_dir=server.data_dir)
    found = results(again.origin, server.api_key, artifact)
    assert (found["voters"], found["votes"]) == (VOTERS, TOTALS)
    assert listener.events >= 1
    late, last = Listener(again.origin, artifact), Voter(again.origin, artifact)
    late.wait_for(TOTALS)
    assert last.vote("no") == 200
    more = TOTALS | {"no": TOTALS["no"] + 1}
    late.wait_for(more)
    assert late.events < 20


@pytest.fixture
def deployment(tmp_path: Path, production_services: dict[str, str]) -> Iterator[Deployment]:
    """Two web processes and one worker."""
    with deploy(tmp_path, production_services, "web0", "web1", "worker0") as running:
        yield running


@pytest.mark.services
def test_voters_of_two_web_processes_are_counted_once_and_seen_in_both(deployment: Deployment) -> None:
    origins = [deployment.origin(0), deployment.origin(1)]
    artifact = publish(origins[0], deployment.key)
    listeners = [Listener(origin, artifact) for origin in origins]
    assert all_vote(origins, artifact) == [200] * 2 * VOTERS
    for listener in listeners:
        listener.wait_for(TOTALS)
    found = results(origins[1], deployment.key, artifact)
    assert (found["voters"], found["votes"]) == (VOTERS, TOTALS)
    headers = {"X-Api-Key": deployment.key}
    closed = requests.post(f"{origins[0]}/api/artifacts/{artifact['id']}/close", headers=headers, timeout=20)
    assert closed.json()["closed"] is True
    assert Voter(origins[1], artifact).vote("yes") == 409
    deployment.kill("web1")
    deployment.start("web1")
    assert results(origins[1], deployment.key, artifact)["votes"] == TOTALS
