"""How fast the filters of progressions are with 200,000 rows: `python -m tests.bench.search [rows]`.

Creates and drops its own database in the server of `DATABASE_URL`; without it, SQLite in a
temporary directory. Prints the milliseconds of a page of 50: the median of nine,
and in a second column, on PostgreSQL, without the indexes.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

os.environ.setdefault("DALI_DATA_DIR", tempfile.mkdtemp(prefix="dali-bench-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")

import django

django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from progressions.api.filters import with_tags, with_text  # noqa: E402
from progressions.models import ImageProgression  # noqa: E402
from progressions.models.search_indexes import (  # noqa: E402
    compose_search_texts,
    drop_search_indexes,
    ensure_search_indexes,
)
from progressions.queries import search_text_for  # noqa: E402
from projects.models import Project  # noqa: E402

WORDS = (
    *(
        "lighthouse",
        "harbour",
        "dusk",
        "dawn",
        "oil",
        "canvas",
        "portrait",
        "marble",
        "neon",
        "street",
        "market",
    ),
    *(
        "forest",
        "river",
        "bridge",
        "winter",
        "summer",
        "glass",
        "copper",
        "velvet",
        "shadow",
        "mist",
        "storm",
    ),
    *(
        "lantern",
        "garden",
        "orchard",
        "cathedral",
        "subway",
        "desert",
        "glacier",
        "meadow",
        "sparrow",
        "kite",
    ),
)
TAGS = [f"tag{number}" for number in range(200)]
Rows = Any


def fill(count: int) -> list[UUID]:
    """Rows of one project with nine tenths of them and of nine small ones; one in 20,000 has a rare word."""
    draw = random.Random(7)
    projects = [Project.objects.create(name=f"Project {number}") for number in range(10)]
    for start in range(0, count, 5_000):
        rows = []
        for number in range(start, min(start + 5_000, count)):
            prompt = (
                "a " + " ".join(draw.choices(WORDS, k=12)) + (" zeppelin" if number % 20_000 == 77 else "")
            )
            tags = (
                draw.choices(TAGS, k=4)
                + (["rarity", "rareté"] if number % 20_000 == 77 else [])
                + ["common", "común"]
            )
            notes = [f"The {draw.choice(WORDS)} is sharp and the {draw.choice(WORDS)} is bright."]
            project = projects[0] if draw.random() < 0.9 else draw.choice(projects[1:])
            rows.append(
                ImageProgression(
                    project=project, kind="generate", ai_provider="mock", prompt=prompt, ai_notes=notes, ai_tags=tags,
                    generated_image_url=f"/images/{number}.webp", original_image_r2_key=str(number),
                    generated_image_r2_key=str(number), width=1024, height=1024, bytes=1, created_at=timezone.now(),
                    search_text=search_text_for(prompt, notes, tags),
                )
            )  # fmt: skip
        ImageProgression.objects.bulk_create(rows)
    return [projects[0].pk, projects[1].pk]


def questions(large: UUID, small: UUID) -> Iterator[tuple[str, Callable[[], Rows]]]:
    """The measured queries: name and queryset."""

    def of(project: UUID) -> Rows:
        return ImageProgression.objects.filter(project_id=project)

    yield "no filter", lambda: of(large)
    yield "text, in 10 rows", lambda: with_text(of(large), "Zeppelin")
    yield "text, in none", lambda: with_text(of(large), "submarine")
    yield "text, in a third of all rows", lambda: with_text(of(large), "harbour")
    yield "text, in a third, small project", lambda: with_text(of(small), "harbour")
    yield "text, in 10 rows, small project", lambda: with_text(of(small), "zeppelin")
    yield "text of two words, in one of 500", lambda: with_text(of(large), "marble neon")
    yield "text of 2 letters, in none", lambda: with_text(of(large), "zz")
    yield "tag, in 10 rows", lambda: with_tags(of(large), ["rarity"])
    yield "tag, in one of 50", lambda: with_tags(of(large), ["tag7"])
    yield "two tags, in one of 3,000", lambda: with_tags(of(large), ["tag7", "tag8"])
    yield "tag, in all", lambda: with_tags(of(large), ["common"])
    yield "tag, in none", lambda: with_tags(of(large), ["nowhere"])
    yield "tag with an accent, in 10 rows", lambda: with_tags(of(large), ["rareté"])
    yield "tag with an accent, in all", lambda: with_tags(of(large), ["común"])
    yield "tag with an accent, in none", lambda: with_tags(of(large), ["nulle-pàrt"])


def median_ms(ask: Callable[[], Rows]) -> float:
    """Milliseconds of a page of 50, median of nine, including the construction of its rows."""
    taken = []
    for _ in range(9):
        start = time.perf_counter()
        len(list(ask().order_by("-created_at", "-id")[:50]))
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


@contextmanager
def own_database() -> Iterator[None]:
    """A separate database for the block; for SQLite a file, as on a server."""
    name = connection.settings_dict["NAME"]
    own = f"dali_bench_{os.getpid()}"
    file = os.path.join(os.environ["DALI_DATA_DIR"], own)
    connection.settings_dict["TEST"]["NAME"] = file if connection.vendor == "sqlite" else own
    connection.creation.create_test_db(verbosity=0, autoclobber=False, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def is_compared() -> bool:
    """Whether the queries also run without the indexes: SQLite's filter names its index in the query."""
    return connection.vendor == "postgresql"


def main(count: int) -> None:
    """Fills the database, measures, prints."""
    with own_database():
        drop_search_indexes(connection)
        start = time.perf_counter()
        large, small = fill(count)
        filled = time.perf_counter()
        without = {name: median_ms(ask) for name, ask in questions(large, small)} if is_compared() else {}
        start_indexes = time.perf_counter()
        ensure_search_indexes(connection)
        indexed = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        print(
            f"{connection.vendor}: {count:,} rows in {filled - start:.0f} s, their indexes in"
            f" {indexed - start_indexes:.0f} s"
        )
        for name, ask in questions(large, small):
            before = f"{without[name]:8.1f}" if name in without else ""
            print(f"{name:35} {median_ms(ask):8.1f} {before}", flush=True)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE image_progressions SET search_text = 'cafe\u0301 ' || search_text")
        start = time.perf_counter()
        composed = compose_search_texts(connection)
        print(f"{composed:,} old search texts composed in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
