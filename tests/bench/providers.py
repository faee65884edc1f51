"""300 variants over three services that take 0.5 to 5 s, 20 calls each at once, against a plain asyncio script.

The script makes the same calls through the SDKs, and stores, hashes, encodes and records the same. The services are
fakes in their own process that answer with prepared 1024 x 1024 PNGs. With DATABASE_URL (PostgreSQL) also measures how
many database connections are held while 100 calls wait.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from tests.bench.fanout import _report as report
from tests.bench.fanout import wait_for_end
from tests.bench.plain_script import PROMPT
from tests.bench.services import paint, services
from tests.vendors.configured import settings_for

VARIANTS = 300
CONCURRENCY = 20
ROUNDS = 3
PROVIDERS = ("openai", "gemini", "workers")
HERE = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")


def main() -> None:
    """Prints wall time, memory and connections of both, and their ratios."""
    with tempfile.TemporaryDirectory(prefix="dali-bench-") as name:
        folder = Path(name)
        paint(folder / "pictures")
        plain, ours = [], []
        for _ in range(ROUNDS):
            plain.append(measure("plain", folder))
            ours.append(measure("dali", folder))
        held = held_connections(folder)
    print(
        f"{VARIANTS} variants, {CONCURRENCY} calls at once to each of 3 services of 0.5 to 5 s; {ROUNDS} rounds in turn"
    )
    for label, runs in (("plain asyncio", plain), ("dali", ours)):
        most = max(max(run["connections"].values()) for run in runs)
        print(
            f"  {label:14} wall {median(runs, 'wall_s'):6.2f} s   CPU {median(runs, 'cpu_s'):6.2f} s"
            f"   peak memory {median(runs, 'peak_mb'):4.0f} MB   most connections to a service {most}"
        )
    ratios = [mine["wall_s"] / theirs["wall_s"] for mine, theirs in zip(ours, plain, strict=True)]
    print(f"  wall, dali / plain: {statistics.median(ratios):.3f} (at most 1.2)")
    print(f"  peak memory: {max(run['peak_mb'] for run in ours):.0f} MB (below 400)")
    print(f"  database connections held while 100 calls wait: {held} (at most 3)")


def median(runs: list[dict[str, Any]], figure: str) -> float:
    return float(statistics.median(run[figure] for run in runs))


def measure(part: str, folder: Path, latency_s: float | None = None, **variables: str) -> dict[str, Any]:
    """Runs one part in its own process, against its own services; returns its figures and what the services saw."""
    data_dir = Path(tempfile.mkdtemp(dir=folder))
    with services(folder, latency_s) as urls:
        environment = {name: value for name, value in os.environ.items() if name not in HERE} | {
            "DJANGO_SETTINGS_MODULE": "dali.settings",
            "DALI_DATA_DIR": str(data_dir),
            "DALI_LOG_LEVEL": "ERROR",
            "DALI_JUDGE": "bench",
        }
        for vendor, url in urls.items():
            environment |= settings_for(vendor, url)
        command = [sys.executable, "-m", "tests.bench.providers", part]
        if part == "plain":
            command = [sys.executable, "-m", "tests.bench.plain_script", str(VARIANTS), str(CONCURRENCY)]
        done = subprocess.run(
            command, env=environment | variables, check=True, stdout=subprocess.PIPE, text=True
        )
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        seen = {vendor: requests.get(f"{url}/stats", timeout=20).json() for vendor, url in urls.items()}
    figures["connections"] = {vendor: stats["most_connections"] for vendor, stats in seen.items()}
    shutil.rmtree(data_dir)
    return figures


def dali(count: int = VARIANTS) -> None:
    """One job through intake, worker and event log of the embedded default."""
    import django

    django.setup()
    from django.core.management import call_command

    from dali.server.embedded import Engine
    from progressions.judge import judges
    from progressions.models import Variant
    from progressions.pipeline.intake.submit import JobDraft, submit_job
    from progressions.provider import providers
    from projects.models import Project
    from tests.bench.plugins import SilentJudge

    call_command("migrate", verbosity=0)
    project = Project.objects.create(name="Bench")
    with judges.register_temporarily(SilentJudge()):
        engine = Engine()
        engine.take_over()
        engine.start()
        for provider in providers.all():  # the script has imported its SDKs too
            assert not provider.missing()
        time.sleep(1)
        began, cpu = time.perf_counter(), time.process_time()
        draft = JobDraft(
            PROMPT,
            PROVIDERS,
            "bench",
            variants=-(-count // len(PROVIDERS)),
            size="1024x1024",
            allow_duplicates=True,
        )
        submit_job(project=project, draft=draft)
        if count < VARIANTS:
            print(json.dumps({"held": watch_pool(count)}))
        else:
            wait_for_end()
            report(began, cpu, VARIANTS)
            ends = set(Variant.objects.values_list("status", flat=True))
            assert ends == {"complete"}, f"not all variants completed: {ends}"
        sys.stdout.flush()
        os._exit(0)


def watch_pool(count: int) -> int:
    """The maximum number of connections out of the pool at once while `count` calls waited."""
    from django.db import connection

    from progressions.work import slots

    pool = connection.pool  # type: ignore[attr-defined] # the pool of PostgreSQL
    until, most = time.monotonic() + 60, 0
    while sum(slots.under_way(name) for name in PROVIDERS) < count - 2:
        assert time.monotonic() < until, "the calls did not start"
        time.sleep(0.05)
    time.sleep(1)  # lets the writes of the claims finish
    connection.close()
    for _ in range(200):
        stats = pool.get_stats()
        most = max(most, stats["pool_size"] - stats["pool_available"])
        time.sleep(0.02)
    return most


def held_connections(folder: Path) -> str:
    """The maximum number of database connections held while 100 calls wait, in a process on PostgreSQL."""
    database = os.environ.get("DATABASE_URL", "")
    if not database.startswith("postgres"):
        return "not measured: needs DATABASE_URL (PostgreSQL)"
    import psycopg

    name = f"dali_bench_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            variables = {f"DALI_{provider.upper()}_CONCURRENCY": "40" for provider in PROVIDERS}
            address = database.rsplit("/", 1)[0] + f"/{name}"
            figures = measure(
                "held", folder, 20.0, DATABASE_URL=address, DALI_WORKER_THREADS="110", **variables
            )
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    return str(figures["held"])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        dali(100 if sys.argv[1] == "held" else VARIANTS)
