"""A slow artifact from request to public page: progress, another build after kill -9, rebuild."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.conftest import ServerProcess
from tests.flows.reader import Reader
from tests.flows.test_kill import Deployment, deployment
from tests.waiting import wait_until

__all__ = ["deployment"]

JOB = {
    "prompt": "a lighthouse in a storm",
    "providers": ["mock"],
    "variants": 4,
    "sessionId": "images",
    "size": "512x512",
    "seed": 1,
    "allowDuplicates": True,
    "options": {"mock": {"latency_s": 0}},
}
REEL = {"generator": "walkthroughReel", "options": {"include": "all", "seconds_per_image": 3}}
Json = dict[str, Any]


class Client:
    """Calls one server with a key."""

    def __init__(self, origin: str, key: str) -> None:
        self.origin = origin
        self.headers = {"X-Api-Key": key}

    def get(self, path: str) -> Any:
        """The JSON of a GET."""
        return requests.get(f"{self.origin}{path}", headers=self.headers, timeout=20).json()

    def post(self, path: str, body: Json | None = None) -> requests.Response:
        """A POST of JSON."""
        return requests.post(f"{self.origin}{path}", json=body or {}, headers=self.headers, timeout=20)

    def project_with_images(self) -> str:
        """A project of four images."""
        project: str = self.post("/api/projects", {"name": "Reel"}).json()["id"]
        job = self.post(f"/api/projects/{project}/jobs", JOB).json()["jobId"]
        wait_until(lambda: self.get(f"/api/jobs/{job}")["status"] == "complete", "the job ended")
        return project

    def built(self, artifact_id: str) -> Json:
        """The artifact once it is built."""

        def artifact() -> Json:
            found: Json = self.get(f"/api/artifacts/{artifact_id}")
            return found

        wait_until(lambda: artifact()["status"] != "building", "the artifact was built")
        return artifact()

    def film(self, artifact: Json) -> requests.Response:
        """The bytes that a visitor gets."""
        return requests.get(f"{self.origin}/public/artifact/{artifact['public_slug']}", timeout=20)


def progress_in(reader: Reader) -> list[float]:
    """The progress reported so far."""
    return [event["progress"] for event in reader.events if event["type"] == "progress"]


def check_story(reader: Reader, artifact: Json) -> None:
    """Checks the events: running first, complete last, progress in between and not too often; numbered without gaps."""
    wait_until(lambda: reader.events[-1]["type"] == "complete", "the reader saw the end")
    events = list(reader.events)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["artifactId"] for event in events} == {artifact["id"]}
    assert {event["public_slug"] for event in events} == {artifact["public_slug"]}
    assert [events[0]["type"], events[-1]["type"]] == ["running", "complete"]
    assert {event["type"] for event in events[1:-1]} == {"progress"}
    told = [event["ts"] for event in events[1:-1]]
    assert len(told) <= 2 + (told[-1] - told[0]) / 250, "progress is reported more than four times a second"


def test_a_killed_server_builds_again_and_a_rebuild_keeps_the_old_film_meanwhile(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    client = Client(server.origin, server.api_key)
    project = client.project_with_images()
    reader = Reader(server.origin, "reel")
    answer = client.post("/api/artifacts", {**REEL, "projectIds": [project], "sessionId": "reel"})
    assert (answer.status_code, answer.json()["status"]) == (202, "building")
    artifact = answer.json()
    assert client.film(artifact).status_code == 404
    wait_until(lambda: progress_in(reader), "progress was reported", every_s=0.02)
    server.process.kill()
    server.process.wait()
    server = start_server(data_dir=server.data_dir)
    client.origin = reader.origin = server.origin
    artifact = client.built(artifact["id"])
    assert (artifact["status"], artifact["error"]) == ("published", None)
    check_story(reader, artifact)
    reader.stop()
    first = client.film(artifact)
    assert (first.status_code, first.headers["Content-Type"]) == (200, "video/mp4")

    client.post(f"/api/projects/{project}/jobs", {**JOB, "prompt": "a harbour", "variants": 1})
    wait_until(lambda: len(client.get(f"/api/projects/{project}/progressions")) == 5, "the image was made")
    answer = client.post(f"/api/artifacts/{artifact['id']}/rebuild")
    assert (answer.status_code, answer.json()["status"]) == (202, "building")
    assert client.film(artifact).headers["ETag"] == first.headers["ETag"]
    artifact = client.built(artifact["id"])
    second = client.film(artifact)
    assert second.headers["ETag"] != first.headers["ETag"]
    assert len(artifact["manifest"]["progressions"]) == 5
    address = f"{client.origin}/public/artifact/{artifact['public_slug']}"
    part = requests.get(address, headers={"Range": "bytes=4-7"}, timeout=20)
    assert (part.status_code, part.content) == (206, b"ftyp")


@pytest.mark.services
def test_a_worker_killed_during_a_build_leaves_the_film_to_another(deployment: Deployment) -> None:
    client = Client(deployment.origin(0), deployment.key)
    project = client.project_with_images()
    reader = Reader(deployment.origin(1), "reel")
    answer = client.post("/api/artifacts", {**REEL, "projectIds": [project], "sessionId": "reel"})
    assert answer.status_code == 202
    wait_until(lambda: progress_in(reader), "progress was reported", every_s=0.02)
    for worker in ("worker0", "worker1"):  # one of them builds
        deployment.kill(worker)
    deployment.start("worker1")
    # The work of the dead worker is free once its lease of 30 s has expired.
    artifact = client.built(answer.json()["id"])
    assert (artifact["status"], artifact["error"]) == ("published", None)
    check_story(reader, artifact)
    reader.stop()
    assert client.film(artifact).headers["Content-Type"] == "video/mp4"
