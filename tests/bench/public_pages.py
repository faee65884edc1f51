"""Public pages: requests per second against a bare view of the same bytes; 10,000 views at 500 per second as rows.

`python -m tests.bench public_pages`. Requests the pages from a server in its own process over persistent connections,
in turn with a view that answers the same bytes and does nothing else. The views go through the view log into SQLite,
or into the PostgreSQL of `DATABASE_URL`.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("DALI_DATA_DIR", tempfile.mkdtemp(prefix="dali-bench-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.test import RequestFactory  # noqa: E402

from artifacts.making import intake  # noqa: E402
from artifacts.models import Artifact, ArtifactView  # noqa: E402
from artifacts.publishing.viewlog import note_view, view_log  # noqa: E402
from dali.lib.objects.storage import named  # noqa: E402
from projects.models import Project  # noqa: E402
from tests.conftest import free_port, wait_until_it_answers  # noqa: E402
from tests.factories import ProgressionFactory  # noqa: E402

ROUNDS, REQUESTS, CONNECTIONS = 5, 1200, 16
VIEWS, A_SECOND = 10_000, 500
LEAST_RATIO = 0.8


def publish() -> Artifact:
    """A lookbook of 20 images."""
    project = Project.objects.create(name="Bench")
    for _ in range(20):
        ProgressionFactory(project=project)
    return intake.create_artifact(generator="lookbook", project_ids=[project.pk], title="Bench")


async def _ask(port: int, address: str, times: int, size: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    asked = (
        f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 Firefox/140.0\r\n\r\n".encode()
    )
    for _ in range(times):
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head[:20], head
        await reader.readexactly(size)
    writer.close()


def a_second(port: int, address: str, size: int) -> float:
    """Requests per second for a URL."""

    async def ask_all() -> None:
        share = REQUESTS // CONNECTIONS
        await asyncio.gather(*(_ask(port, address, share, size) for _ in range(CONNECTIONS)))

    began = time.perf_counter()
    asyncio.run(ask_all())
    return REQUESTS / (time.perf_counter() - began)


def compare_pages() -> bool:
    """Whether a page keeps up with the bare view."""
    artifact = publish()
    content = named("published").read(artifact.content_r2_key)
    folder = Path(os.environ["DALI_DATA_DIR"])
    (folder / "bare").write_bytes(content)
    port = free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.bench.bare_settings",
        "DALI_LOG_LEVEL": "WARNING",
        "PORT": str(port),
    }
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, "manage.py", "serve"]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/bare", server, folder / "server.log")
        page, bare = f"/public/lookbook/{artifact.public_slug}", "/bare"
        size = len(content)
        rounds = [(a_second(port, page, size), a_second(port, bare, size)) for _ in range(ROUNDS + 1)][1:]
    finally:
        server.terminate()
        server.wait()
    shown, plain = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    print(
        f"page of {size:,} bytes: {shown:.0f} a second, bare view {plain:.0f}: ratio {ratio:.2f} (>= {LEAST_RATIO})"
    )
    return ratio >= LEAST_RATIO


def log_views() -> bool:
    """Whether every view of a steady stream becomes one row."""
    artifact = publish()
    view_log().start()
    mine = ArtifactView.objects.filter(artifact=artifact)
    request = RequestFactory().get("/", headers={"User-Agent": "Mozilla/5.0 Firefox/140.0"})
    waits: list[float] = []
    began = time.perf_counter()

    def visit(first: int) -> None:
        for number in range(first, VIEWS, 4):
            pause = began + number / A_SECOND - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            started = time.perf_counter()
            note_view(request, artifact, is_part=False)
            waits.append(time.perf_counter() - started)

    threads = [threading.Thread(target=visit, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    until = time.monotonic() + 60
    while (rows := mine.count()) < VIEWS and time.monotonic() < until:
        time.sleep(0.2)
    waits.sort()
    print(
        f"{VIEWS:,} views in {took:.1f} s: {rows:,} rows; an answer waited {waits[VIEWS // 2] * 1000:.2f} ms "
        f"(p99 {waits[VIEWS * 99 // 100] * 1000:.2f})"
    )
    return rows == VIEWS


def main() -> int:
    """How many of the two missed their limit."""
    call_command("migrate", verbosity=0)
    return [compare_pages(), log_views()].count(False)


if __name__ == "__main__":
    failed = main()
    sys.stdout.flush()
    os._exit(bool(failed))  # a normal exit would wait for the worker's thread
