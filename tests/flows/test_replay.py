"""A project reproduced from its replay script, byte for byte: next to a server, without one, in production."""

import hashlib
import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image, ImageDraw

from tests.conftest import ROOT, ServerProcess
from tests.flows.test_kill import Deployment, deployment
from tests.waiting import wait_until

__all__ = ["deployment"]

Json = dict[str, Any]
SIZE = (256, 256)
pytestmark = pytest.mark.timeout(1200)  # starts many commands


class Client:
    """Calls one server with a key; every response must be a success."""

    def __init__(self, origin: str, key: str) -> None:
        self.origin = origin
        self.headers = {"X-Api-Key": key}

    def get(self, path: str) -> Any:
        """The JSON of a GET."""
        answer = requests.get(f"{self.origin}{path}", headers=self.headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: Json | None = None) -> Any:
        """The JSON of a POST."""
        answer = requests.post(f"{self.origin}{path}", json=body or {}, headers=self.headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def upload(self, image: Image.Image) -> str:
        """The URL of an upload."""
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        answer = requests.post(
            f"{self.origin}/api/uploads", files={"file": buffer.getvalue()}, headers=self.headers, timeout=20
        )
        assert answer.ok, answer.text
        address: str = answer.json()["url"]
        return address

    def ended(self, job_id: str) -> list[Json]:
        """The variants of a job once it has ended."""

        def variants() -> list[Json] | None:
            job = self.get(f"/api/jobs/{job_id}")
            return job["variants"] if job["status"] in ("complete", "cancelled") else None

        found = wait_until(variants, "the job ended", every_s=0.05)
        assert found is not None
        return found

    def run(self, project: str, prompt: str, **fields: Any) -> list[Json]:
        """The variants of a new job."""
        body = {"prompt": prompt, "providers": ["mock"], "sessionId": "story", "size": "256x256", **fields}
        return self.ended(self.post(f"/api/projects/{project}/jobs", body)["jobId"])

    def images(self, project: str) -> list[Json]:
        """The project's progressions."""
        found: list[Json] = self.get(f"/api/projects/{project}/progressions?limit=500")
        return found


def tell_a_story(client: Client) -> str:
    """A project with edits, a mask, an upload, kept and dropped duplicates, a retried failure, and rollbacks."""
    project: str = client.post("/api/projects", {"name": "Harbour", "description": "For the catalogue."})[
        "id"
    ]
    first = client.run(project, "a lighthouse at dusk, oil on canvas", variants=3)
    ids = [variant["progressionId"] for variant in first]
    (edit,) = client.run(project, "the same in winter", parentProgressionId=ids[0])
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).rectangle((40, 40, 160, 160), fill=255)
    client.run(
        project, "a red boat", kind="inpaint", parentProgressionId=ids[1], maskImageUrl=client.upload(mask)
    )
    client.run(project, "at night", startImageUrl=client.upload(Image.radial_gradient("L").resize(SIZE)))
    twins = client.run(project, "a red barn", variants=2, options={"mock": {"fault": "duplicate"}})
    (skipped,) = (twin for twin in twins if twin["status"] == "skipped")
    client.post(f"/api/variants/{skipped['id']}/keep")
    again = client.run(project, "a lighthouse at dusk, oil on canvas", seeds={"mock": [first[0]["seed"]]})
    assert [variant["status"] for variant in again] == ["skipped"]
    back = client.post(f"/api/progressions/{edit['progressionId']}/rollback")
    client.post(f"/api/progressions/{edit['progressionId']}/rollback")
    client.run(project, "in spring", parentProgressionId=back["id"], kind="variation", variants=2)
    fault = {"mock": {"fault": "refused", "fault_variants": [1]}}
    failing = client.run(project, "a quiet pier", variants=2, seed=7, options=fault)
    assert sorted(variant["status"] for variant in failing) == ["complete", "failed"]
    job = next(job for job in client.get(f"/api/projects/{project}/jobs") if job["prompt"] == "a quiet pier")
    client.ended(client.post(f"/api/jobs/{job['jobId']}/retry")["jobId"])
    body = {"sessionId": "story", "prompt": "a lighthouse in fog", "variants": 1}
    client.ended(client.post(f"/api/progressions/{ids[2]}/retry", body)["jobId"])
    return project


def script_of(client: Client, project: str, folder: Path, generator: str = "seedReplayScript") -> Path:
    """The file of an artifact that a worker makes."""
    artifact = client.post("/api/artifacts", {"generator": generator, "projectIds": [project]})
    address = f"/api/artifacts/{artifact['id']}"
    wait_until(lambda: client.get(address)["status"] != "building", "it was built")
    artifact = client.get(address)
    answer = requests.get(f"{client.origin}/public/artifact/{artifact['public_slug']}", timeout=20)
    path = folder / f"{generator}.{artifact['output']}"
    path.write_bytes(answer.content)
    return path


def manage(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py` with this environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def family(client: Client, project: str, data_dir: Path) -> Counter[tuple[str, ...]]:
    """Each image by kind, digest, its parent's digest, and the digest of its start image."""

    def digest(key: str) -> str:
        return hashlib.sha256((data_dir / "originals" / key).read_bytes()).hexdigest()

    images = client.images(project)
    own = {image["id"]: digest(image["generated_image_r2_key"]) for image in images}
    return Counter(
        (
            image["kind"],
            own[image["id"]],
            own.get(image["parent_progression_id"], ""),
            digest(image["original_image_r2_key"]),
        )
        for image in images
    )


def projects_in(output: str) -> list[str]:
    """The projects that the output of a replay names."""
    return re.findall(r"goes into project (\S+)$", output, re.MULTILINE)


def test_a_replay_reproduces_the_images_with_and_without_a_server_and_can_be_repeated(
    start_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = start_server()
    client = Client(server.origin, server.api_key)
    project = tell_a_story(client)
    script = script_of(client, project, tmp_path)
    first = family(client, project, server.data_dir)
    assert first.total() == 15

    beside = manage(server.environment, "replay", str(script))
    assert beside.returncode == 0, beside.stdout + beside.stderr
    (copy,) = projects_in(beside.stdout)
    assert family(client, copy, server.data_dir) == first
    assert re.search(
        r"^Images: \d+ as then, 0 other, 0 not as they should be\.$", beside.stdout, re.MULTILINE
    )

    repeated = manage(server.environment, "replay", str(script), "--project", copy)
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert family(client, copy, server.data_dir) == first

    server.process.terminate()
    server.process.wait(30)
    alone = manage(server.environment, "replay", str(script))
    assert alone.returncode == 0, alone.stdout + alone.stderr
    (other,) = projects_in(alone.stdout)
    server = start_server(data_dir=server.data_dir)
    client.origin = server.origin
    assert family(client, other, server.data_dir) == first


def test_a_killed_replay_resumes_where_it_stopped(
    start_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = start_server()
    client = Client(server.origin, server.api_key)
    project = tell_a_story(client)
    script = script_of(client, project, tmp_path)
    copy: str = client.post("/api/projects", {"name": "Again"})["id"]
    command = [sys.executable, "manage.py", "replay", str(script), "--project", copy]
    for lines in (4, 9):
        with subprocess.Popen(
            command, cwd=ROOT, env=server.environment, stdout=subprocess.PIPE, text=True
        ) as killed:
            assert killed.stdout is not None
            for _ in range(lines):
                killed.stdout.readline()
            killed.kill()
    ended = manage(server.environment, "replay", str(script), "--project", copy)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert family(client, copy, server.data_dir) == family(client, project, server.data_dir)


def test_differences_are_named_and_the_exit_code_is_1(
    start_server: Callable[..., ServerProcess], tmp_path: Path
) -> None:
    server = start_server()
    client = Client(server.origin, server.api_key)
    project: str = client.post("/api/projects", {"name": "Harbour"})["id"]
    (made,) = client.run(project, "a lighthouse at dusk", seed=7)
    client.run(project, "the same in winter", parentProgressionId=made["progressionId"])
    script = script_of(client, project, tmp_path)
    record = json.loads(script.read_text())
    record["calls"][0]["body"]["seed"] = 8
    script.write_text(json.dumps(record))
    result = manage(server.environment, "replay", str(script))
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"call 1  mock 0  differs: another image: SHA-256 [0-9a-f]{64}", lines[2])
    assert lines[3:] == [
        "call 2  mock 0  other: another image, because its provider or start image differs",
        "Images: 0 as then, 1 other, 1 not as they should be.",
    ]


@pytest.mark.services
def test_a_replay_reproduces_the_images_in_production(deployment: Deployment, tmp_path: Path) -> None:
    client = Client(deployment.origin(0), deployment.key)
    project = tell_a_story(client)
    script = script_of(client, project, tmp_path)
    environment = deployment.environment | {"DALI_JOBS_RATE": "1000/m"}
    result = manage(environment, "replay", str(script))
    assert result.returncode == 0, result.stdout + result.stderr
    (copy,) = projects_in(result.stdout)
    first = family(client, project, tmp_path / "data")
    assert first.total() == 15
    assert family(client, copy, tmp_path / "data") == first
