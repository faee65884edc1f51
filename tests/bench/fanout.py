"""200 variants of a provider that takes 2 s, from submission to the last `complete`, against a plain asyncio script.

The script does the same work and no more: call, store (once, synced), hash, encode, insert, one event per step. Both
read the same 1024 x 1024 PNGs, each in its own process, in turn; only the ratios count.
"""

import asyncio
import hashlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

VARIANTS = 200
LATENCY_S = 2.0
ROUNDS = 3
# A fresh server opens a connection for each of its threads; the benchmark measures a warm one.
WARM_UP = 64
WARM_UP_S = 0.2


def main() -> None:
    """Prints wall time, CPU and memory of both, and their ratios."""
    with tempfile.TemporaryDirectory(prefix="dali-bench-") as folder:
        pictures = Path(folder) / "pictures"
        _measure("paint", pictures, Path(folder))
        floor = _measure("floor", pictures, Path(folder))
        plain, dali = [], []
        for _ in range(ROUNDS):
            plain.append(_measure("plain", pictures, Path(folder)))
            dali.append(_measure("dali", pictures, Path(folder)))
    print(
        f"{VARIANTS} variants, provider {LATENCY_S:g} s, 1024 x 1024 PNG; medians of {ROUNDS} rounds in turn"
    )
    for name, runs in (("plain asyncio", plain), ("dali", dali)):
        print(
            f"  {name:14} wall {_median(runs, 'wall_s'):6.2f} s   CPU {_median(runs, 'cpu_s'):6.2f} s"
            f"   peak memory {_median(runs, 'peak_mb'):5.0f} MB"
        )
    ratios = [ours["wall_s"] / theirs["wall_s"] for ours, theirs in zip(dali, plain, strict=True)]
    unavoidable = floor["cpu_s"] / floor["count"]
    ours = _median(dali, "cpu_s") / VARIANTS
    print(f"  wall, dali / plain: {statistics.median(ratios):.3f} (at most 1.12)")
    print(f"  CPU a variant / decode + hash + encode alone: {ours / unavoidable:.3f} (at most 1.25)"
          f"   [{1000 * ours:.1f} / {1000 * unavoidable:.1f} ms]")  # fmt: skip
    print(f"  peak memory: {max(run['peak_mb'] for run in dali):.0f} MB (below 700)")


def _median(runs: list[dict[str, float]], figure: str) -> float:
    return statistics.median(run[figure] for run in runs)


def _measure(part: str, pictures: Path, folder: Path) -> dict[str, float]:
    """Runs one part in its own process and returns the figures that it prints."""
    data_dir = Path(tempfile.mkdtemp(dir=folder))
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
    } | {
        "DJANGO_SETTINGS_MODULE": "dali.settings",
        "DALI_DATA_DIR": str(data_dir),
        "DALI_LOG_LEVEL": "ERROR",
        "DALI_JUDGE": "bench",
    }
    command = [sys.executable, "-m", "tests.bench.fanout", part, str(pictures)]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(data_dir)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _report(began: float, cpu_before: float, count: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "wall_s": time.perf_counter() - began,
                "cpu_s": time.process_time() - cpu_before,
                "peak_mb": used.ru_maxrss / 1024,
                "count": count,
            }
        )
    )


def paint(pictures: Path) -> None:
    """Draws the pictures: different enough not to be duplicates, noisy enough to be 1.7 MB each."""
    import numpy as np
    from PIL import Image

    pictures.mkdir()
    began, cpu = time.perf_counter(), time.process_time()

    def draw(number: int) -> None:
        source = np.random.default_rng(number)
        coarse = Image.fromarray(source.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((1024, 1024), Image.Resampling.BICUBIC), dtype=np.int16)
        grain = source.integers(-5, 6, (1024, 1024, 1), dtype=np.int16)
        image = Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))
        image.save(pictures / f"{number}.png", compress_level=3)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, range(VARIANTS)))
    _report(began, cpu, VARIANTS)


def floor(pictures: Path) -> None:
    """The minimum: decode, hash and encode, in as many threads as there are cores, as both do it."""
    from dali.lib.pictures.images import decode, encode_delivery
    from dali.lib.pictures.phash import fingerprint

    contents = [path.read_bytes() for path in sorted(pictures.iterdir())[:60]]
    began, cpu = time.perf_counter(), time.process_time()

    def derive(content: bytes) -> None:
        picture = decode(content)
        fingerprint(picture)
        encode_delivery(picture)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(derive, contents))
    _report(began, cpu, len(contents))


def plain(pictures: Path) -> None:
    """The script that one would write to get only the pictures, stored as safely, and their events."""
    from dali.lib.objects.storage import LocalWriteOnceStorage
    from dali.lib.pictures.images import decode, encode_delivery
    from dali.lib.pictures.phash import fingerprint

    folder = Path(os.environ["DALI_DATA_DIR"])
    storage = LocalWriteOnceStorage(str(folder / "objects"))
    database = sqlite3.connect(folder / "plain.sqlite3", check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(
        "CREATE TABLE images (number INTEGER PRIMARY KEY, hash TEXT, delivery TEXT, bytes INTEGER)"
    )
    database.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, text TEXT)")
    began, cpu = time.perf_counter(), time.process_time()
    cpus = ThreadPoolExecutor(os.cpu_count())

    def derive(content: bytes) -> tuple[str, bytes]:
        picture = decode(content)
        return fingerprint(picture), encode_delivery(picture)

    def tell(number: int, step: str) -> None:
        with database:
            text = json.dumps({"type": "progress", "variantIndex": number, "step": step})
            database.execute("INSERT INTO events (text) VALUES (?)", (text,))

    async def variant(number: int) -> None:
        loop = asyncio.get_running_loop()
        tell(number, "generate")
        await asyncio.sleep(LATENCY_S)
        content = (pictures / f"{number}.png").read_bytes()
        await loop.run_in_executor(
            None, lambda: storage.put_once(f"{number}", content, media_type="image/png")
        )
        tell(number, "store")
        phash, webp = await loop.run_in_executor(cpus, derive, content)
        tell(number, "hash")
        name = hashlib.sha256(webp).hexdigest()
        await loop.run_in_executor(None, lambda: storage.put_once(name, webp, media_type="image/webp"))
        tell(number, "deliver")
        with database:
            row = (number, phash, name, len(content))
            database.execute("INSERT INTO images VALUES (?, ?, ?, ?)", row)
        tell(number, "complete")

    async def everything() -> None:
        await asyncio.gather(*(variant(number) for number in range(VARIANTS)))

    asyncio.run(everything())
    _report(began, cpu, VARIANTS)


def dali(pictures: Path) -> None:
    """Two jobs of 100 through intake, worker and event log of the embedded default."""
    import django

    django.setup()
    from django.core.management import call_command

    from dali.server.embedded import Engine
    from progressions.judge import judges
    from progressions.models import Variant
    from progressions.pipeline.intake.submit import JobDraft, submit_job
    from progressions.provider import providers
    from projects.models import Project
    from tests.bench.plugins import FileProvider, SilentJudge

    call_command("migrate", verbosity=0)
    project = Project.objects.create(name="Bench")
    provider = FileProvider(pictures, WARM_UP_S)
    with (
        providers.register_temporarily(provider),
        judges.register_temporarily(SilentJudge()),
    ):
        engine = Engine()
        engine.take_over()
        engine.start()
        warm_up = JobDraft("warm up", ("bench",), "bench-warm", variants=WARM_UP, seed=0)
        submit_job(project=Project.objects.create(name="Warm up"), draft=warm_up)
        wait_for_end()
        time.sleep(0.5)
        provider.latency_s = LATENCY_S
        began, cpu = time.perf_counter(), time.process_time()
        for number in range(2):
            draft = JobDraft(
                "bench", ("bench",), f"bench-{number}", variants=VARIANTS // 2, seed=number * VARIANTS // 2
            )
            submit_job(project=project, draft=draft)
        wait_for_end()
        _report(began, cpu, VARIANTS)
        ends = set(Variant.objects.values_list("status", flat=True))
        assert ends == {"complete"}, f"not all variants completed: {ends}"
        sys.stdout.flush()
        os._exit(0)


def wait_for_end() -> None:
    """Returns when all jobs are complete; polls often and cheaply, to stay out of the measurement."""
    from django.db import connection

    with connection.cursor() as cursor:
        while cursor.execute("SELECT 1 FROM jobs WHERE status <> 'complete' LIMIT 1").fetchone():
            time.sleep(0.02)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"paint": paint, "floor": floor, "plain": plain, "dali": dali}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()
