"""A server whose buckets hang, drip or break: requests that need them fail in time, and all others work."""

import concurrent.futures
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from dali.lib.objects.storage import STREAM_BYTES
from tests.conftest import ServerProcess
from tests.faulty_way import FAULTS, Fault, FaultyWay, Kind, faulty_way
from tests.s3_servers import ACCESS_KEY, SECRET, make_bucket
from tests.waiting import wait_until

# A client is promised an answer within 15 s; the rest is for a busy machine.
GENEROUS_S = 100.0
PAGE = b"<!doctype html><p>{{TITLE}} by {{AUTHOR}}</p>"


@dataclass(frozen=True, slots=True)
class Site:
    """A server with some content, and the proxy to its buckets."""

    server: ServerProcess
    way: FaultyWay
    project: str
    image: str
    page: str
    draft: str
    progression: str
    template: str

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """A complete response."""
        headers = {"X-Api-Key": self.server.api_key, **options.pop("headers", {})}
        return requests.request(
            method, f"{self.server.origin}{path}", headers=headers, timeout=240, **options
        )

    def log(self) -> str:
        """The output of the server so far."""
        return (self.server.data_dir / "server.log").read_text()

    def error_lines(self, since: int) -> list[str]:
        """The log lines at ERROR after that position."""
        return re.findall(r"^.*\[error +\].*$", self.log()[since:], re.MULTILINE)

    def threads(self) -> int:
        """The number of threads of the server."""
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.findall(r"^Threads:\s+(\d+)", status, re.MULTILINE)[0])


def noise(seed: int) -> bytes:
    """A PNG of 3 MB."""
    import io

    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (1000, 1000, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def site(start_server: Callable[..., ServerProcess], moto_endpoint: str) -> Iterator[Site]:
    for bucket in ("dali", "dali-public"):
        make_bucket(moto_endpoint, bucket)
    with faulty_way(moto_endpoint) as way:
        server = start_server(
            R2_ENDPOINT_URL=way.address,
            R2_BUCKET="dali",
            R2_ACCESS_KEY_ID=ACCESS_KEY,
            R2_SECRET_ACCESS_KEY=SECRET,
            DALI_DELIVERY_BUCKET="dali-public",
        )
        yield furnished(server, way)


def furnished(server: ServerProcess, way: FaultyWay) -> Site:
    """The server with a generated image, a published page of several MB and a template that is being filled."""
    empty = Site(server, way, "", "", "", "", "", "")
    project = empty.ask("POST", "/api/projects", json={"name": "Faults"}).json()["id"]
    start = empty.ask("POST", "/api/uploads", files={"file": ("a.png", noise(1), "image/png")}).json()["url"]
    body = {
        "prompt": "a lighthouse",
        "providers": ["mock"],
        "sessionId": "s",
        "variants": 2,
        "startImageUrl": start,
        "size": "1024x1024",
    }
    job = empty.ask("POST", f"/api/projects/{project}/jobs", json=body).json()["jobId"]
    wait_until(lambda: empty.ask("GET", f"/api/jobs/{job}").json()["status"] == "complete", "the job ended")
    shown = empty.ask("GET", f"/api/projects/{project}/progressions").json()[0]
    artifact = {"generator": "gallery", "projectIds": [project], "options": {"include": "all"}}
    made = empty.ask("POST", "/api/artifacts", json=artifact)
    assert made.status_code == 201, made.text
    page = made.json()["public_url"]
    template = empty.ask("POST", "/api/templates", files={"file": ("a.html", PAGE, "text/html")}).json()
    asked = {"templateR2Key": template["templateR2Key"], "title": "Draft", "projectIds": [project]}
    draft = empty.ask("POST", "/api/artifacts", json=asked).json()["id"]
    return Site(
        server,
        way,
        project,
        shown["generated_image_url"].removeprefix(server.origin),
        page.removeprefix(server.origin),
        draft,
        shown["id"],
        template["templateR2Key"],
    )


def requests_of(site: Site) -> dict[str, Callable[[], requests.Response]]:
    """A request of each kind that needs a bucket."""
    project = {"projectIds": [site.project]}
    gallery = {"generator": "gallery", "options": {"include": "all"}, **project}
    return {
        "upload": lambda: site.ask("POST", "/api/uploads", files={"file": ("b.png", noise(2), "image/png")}),
        "template": lambda: site.ask(
            "POST", "/api/templates", files={"file": ("b.html", PAGE + b"<p>", "text/html")}
        ),
        "draft": lambda: site.ask(
            "POST", "/api/artifacts", json={"templateR2Key": site.template, "title": "x", **project}
        ),
        "artifact": lambda: site.ask("POST", "/api/artifacts", json=gallery),
        "lookbook": lambda: site.ask(
            "POST", f"/api/projects/{site.project}/artifacts/lookbook", json={"options": {"include": "all"}}
        ),
        "rollback": lambda: site.ask("POST", f"/api/progressions/{site.progression}/rollback"),
        "image": lambda: site.ask("GET", site.image),
        "page": lambda: site.ask("GET", site.page),
        "range": lambda: site.ask("GET", site.page, headers={"Range": "bytes=300000-900000"}),
    }


def test_every_request_works_without_faults(site: Site) -> None:
    recovered(site)
    for name, request in requests_of(site).items():
        answer = request()
        assert answer.status_code in (200, 201, 206), (name, answer.text)
    page = site.ask("GET", site.page)
    assert len(page.content) == int(page.headers["Content-Length"]) > 300_000
    part = site.ask("GET", site.page, headers={"Range": "bytes=300000-900000"})
    assert part.content == page.content[300_000:900_001]


def test_a_chat_whose_template_cannot_be_read_continues_later(site: Site) -> None:
    recovered(site)
    chat = {"sessionId": "t", "input": "hello"}
    site.way.fault = Fault("cut", after_bytes=30)
    answer = site.ask("POST", f"/api/artifacts/{site.draft}/customize", json=chat)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    site.way.mend()
    assert site.ask("POST", f"/api/artifacts/{site.draft}/customize", json=chat).status_code == 200


def timed(request: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    """A response and its duration in seconds."""
    started = time.monotonic()
    return request(), time.monotonic() - started


@pytest.mark.parametrize("kind", FAULTS)
def test_each_request_is_answered_in_time_and_reveals_no_internals(site: Site, kind: Kind) -> None:
    recovered(site)
    since = len(site.log())
    kinds = requests_of(site)
    site.way.fault = Fault(kind, after_bytes=30)
    with concurrent.futures.ThreadPoolExecutor(len(kinds)) as clients:
        answers = dict(zip(kinds, clients.map(timed, kinds.values()), strict=True))
    for name, (answer, seconds) in answers.items():
        assert (name, answer.status_code, answer.headers.get("Retry-After")) == (name, 503, "5")
        assert seconds < GENEROUS_S
        for inside in (
            "dali",
            "R2_",
            "bucket",
            "uploads/",
            "artifacts/",
            "127.0.0.1",
            str(site.server.data_dir),
        ):
            assert inside not in answer.text
        assert "The image storage cannot be reached; try again." in answer.text
    lines = site.error_lines(since)
    assert len(lines) == len(kinds)
    for line in lines:
        assert re.search(r"503 /.*the bucket 'dali(-public)?' could not be used \(", line)
    assert "Traceback" not in site.log()[since:]
    site.way.mend()


@pytest.mark.parametrize("kind", ["silent", "drip"])
def test_many_requests_to_a_hanging_bucket_fail_in_time_and_others_are_served(site: Site, kind: Kind) -> None:
    recovered(site)
    before = site.threads()
    site.way.fault = Fault(kind, after_bytes=30)
    kinds = requests_of(site)
    asked = [*[kinds[name] for name in ("page", "image", "template")] * 35, *[kinds["upload"]] * 5]
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as clients:
        answers = list(clients.map(timed, asked))
        # Once the bucket is known to hang, requests that do not need it do not wait.
        others = list(clients.map(timed, [lambda: site.ask("GET", "/api/projects")] * 20))
    assert {answer.status_code for answer, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < GENEROUS_S
    assert {answer.status_code for answer, _ in others} == {200}
    assert max(seconds for _, seconds in others) < GENEROUS_S
    site.way.mend()
    recovered(site)
    assert site.threads() - before < 48  # lanes and the loop's own threads; none per request


@pytest.mark.parametrize(
    "kind", ["silent", "drip", "cut"]
)  # a reset may discard bytes that were not read yet
def test_a_response_in_progress_ends_incomplete_and_logs_it_once(site: Site, kind: Kind) -> None:
    recovered(site)
    size = int(site.ask("GET", site.page).headers["Content-Length"])
    since = len(site.log())
    # A bucket is read in ranges, the first of which is the shortest: it arrives, and the next does not.
    after_bytes = STREAM_BYTES + 50_000
    assert size > STREAM_BYTES + after_bytes
    site.way.fault = Fault(kind, after_bytes=after_bytes)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        site.ask("GET", site.page)
    wait_until(lambda: site.error_lines(since), "it is logged")
    time.sleep(2.5)  # Daphne checks for ended responses once a second, and would log more
    (line,) = site.error_lines(since)
    assert "answer_cut_off" in line
    assert site.page in line
    assert "Traceback" not in site.log()[since:]
    site.way.mend()


def recovered(site: Site) -> None:
    """Returns once the buckets are known to work again."""
    site.way.mend()
    part = {"Range": "bytes=0-300000"}
    wait_until(lambda: site.ask("GET", site.page, headers=part).status_code == 206, "the buckets work")
