"""Measures near-duplicates: misses and false alarms by threshold, and the search among a million images.

`python -m tests.bench.duplicates` prints the first table of docs/duplicates.md, `... --rows 1000000` the second, on the
database in `DATABASE_URL` (it creates and drops its own database). Same pictures, same table.
"""

import argparse
import io
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from statistics import quantiles

import imagehash
from PIL import Image

from dali.lib.clock import Deadline
from dali.lib.pictures import phash
from dali.lib.pictures.ground import Ground, on_ground
from dali.lib.pictures.images import Picture, decode
from tests.bench.pictures import Sample, alterations_of, samples
from tests.bench.transparent_pictures import transparent_alterations_of, transparent_samples

PROMPTS = (
    "a lighthouse at dusk, oil on canvas",
    "a red fox in the snow",
    "a mountain lake at dawn",
    "a city at night in the rain",
    "a bowl of lemons on a blue table",
    "a forest in fog, watercolour",
    "a portrait of an old sailor",
    "abstract shapes in green and gold",
)
THRESHOLDS = (4, 5, 6, 7, 8, 9, 10, 12)


@dataclass(frozen=True, slots=True)
class Hashed:
    """A different picture, hashed both ways, and its alterations."""

    sort: str
    family: int
    seed: int
    ours: str
    plain: imagehash.ImageHash
    altered: tuple[tuple[str, str, imagehash.ImageHash], ...]


def painted(families: int) -> Iterator[Sample]:
    """Pictures of the built-in provider: a family is a prompt, its siblings differ only in the seed."""
    from progressions.enums import Kind
    from progressions.provider import ProviderRequest, providers

    mock = providers.get("mock")
    for family, prompt in enumerate(PROMPTS[:families]):
        for seed in range(4):
            request = ProviderRequest(
                kind=Kind.GENERATE,
                prompt=prompt,
                seed=seed,
                model=mock.default_model(),
                deadline=Deadline.after(60),
                variant_index=seed,
                size=(512, 512),
            )
            yield Sample("built-in provider", family, seed, decode(mock.call(request).content).image)


def hashed(sample: Sample) -> Hashed:
    """Hashes a sample and each of its alterations."""
    alterations = transparent_alterations_of if sample.image.mode == "RGBA" else alterations_of
    return Hashed(
        sample.sort,
        sample.family,
        sample.seed,
        _ours(sample.image),
        _plain(sample.image),
        tuple((name, _ours(image), _plain(image)) for name, image in alterations(sample)),
    )


def _ours(image: Image.Image) -> str:
    picture = decode(_png(image)) if image.mode == "RGBA" else Picture(image, "image/png")
    return phash.fingerprint(picture)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def _plain(image: Image.Image) -> imagehash.ImageHash:
    """The picture over white where it is transparent."""
    return imagehash.phash(on_ground(image, Ground.WHITE))


def false_alarms(
    found: list[Hashed], threshold: int, distance: Callable[[Hashed, Hashed], int]
) -> tuple[int, int]:
    """How many pairs of different pictures count as duplicates, and how many of those are siblings."""
    pairs = [
        (one.sort, one.family) == (other.sort, other.family)
        for one, other in combinations(found, 2)
        if distance(one, other) <= threshold
    ]
    return len(pairs), sum(pairs)


def print_quality(families: int) -> None:
    """The tables of misses and false alarms, ours next to the plain 64-bit pHash; opaque and transparent pictures."""
    _print_table([*samples(families), *painted(len(PROMPTS))])
    print()
    _print_table(list(transparent_samples(families // 2)))


def _print_table(drawn: list[Sample]) -> None:
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(hashed, drawn, chunksize=4))
    altered = [(one, name, ours, plain) for one in found for name, ours, plain in one.altered]
    pairs = len(found) * (len(found) - 1) // 2
    print(f"{len(found)} different pictures ({pairs:,} pairs), {len(altered):,} altered ones\n")
    print("| threshold | missed | false alarms | of these siblings | plain pHash: missed | false alarms |")
    print("|---|---|---|---|---|---|")
    ours_of = [phash.distance(one.ours, ours) for one, _, ours, _ in altered]
    plain_of = [one.plain - plain for one, _, _, plain in altered]
    for threshold in THRESHOLDS:
        missed, plain_missed = (sum(d > threshold for d in all_) for all_ in (ours_of, plain_of))
        alarms, siblings = false_alarms(found, threshold, lambda a, b: phash.distance(a.ours, b.ours))
        plain_alarms, _ = false_alarms(found, threshold, lambda a, b: int(a.plain - b.plain))
        print(
            f"| {threshold} | {missed} ({missed / len(altered):.1%}) | {alarms} | {siblings} |"
            f" {plain_missed} ({plain_missed / len(altered):.1%}) | {plain_alarms} |"
        )
    _print_misses(found, altered, ours_of)


def _print_misses(
    found: list[Hashed], altered: list[tuple[Hashed, str, str, imagehash.ImageHash]], distances: list[int]
) -> None:
    from django.conf import settings

    threshold = settings.DUPLICATE_DISTANCE
    by_name = Counter(name for (_, name, _, _), d in zip(altered, distances, strict=True) if d > threshold)
    by_sort = Counter(one.sort for (one, _, _, _), d in zip(altered, distances, strict=True) if d > threshold)
    print(f"\nMissed at {threshold}, by alteration: {dict(by_name.most_common())}")
    print(f"Missed at {threshold}, by sort: {dict(by_sort.most_common())}")
    nearest = sorted((phash.distance(a.ours, b.ours), a.sort, b.sort) for a, b in combinations(found, 2))[:5]
    print(f"Nearest of the different: {nearest}")


def print_speed(rows: int, checks: int = 100) -> None:
    """Milliseconds of the check inside the transaction that locks the project's row."""
    from django.db import connection, transaction

    from progressions.pipeline import duplicates
    from projects.models import Project
    from tests.bench.duplicate_rows import fill, nearest_by_looking_at_all, new_variant, similar_fingerprint

    connection.creation.create_test_db(verbosity=0)
    try:
        project, prompts = fill(rows)
        drawing = random.Random(3)
        print(f"{connection.vendor}, {rows:,} images in one project\n")
        print("| threshold | check p50 | p95 | reserve p50 |")
        print("|---|---|---|---|")
        for threshold in (6, 7, 8):
            found_ms, reserved_ms = [], []
            for number in range(checks):
                variant, fingerprint = new_variant(project, number), similar_fingerprint(prompts, drawing)
                with transaction.atomic():
                    Project.objects.select_for_update().get(id=project.id)
                    start = time.perf_counter()
                    duplicates.find_nearest(variant=variant, phash=fingerprint, max_distance=threshold)
                    middle = time.perf_counter()
                    duplicates.reserve(variant=variant, phash=fingerprint)
                    reserved_ms.append((time.perf_counter() - middle) * 1000)
                    found_ms.append((middle - start) * 1000)
            twentieths = quantiles(found_ms, n=20)
            print(
                f"| {threshold} | {twentieths[9]:.1f} ms | {twentieths[18]:.1f} ms |"
                f" {quantiles(reserved_ms, n=2)[0]:.1f} ms |"
            )
        start = time.perf_counter()
        nearest_by_looking_at_all(project, fingerprint, 7)
        print(f"\nwithout the index: {(time.perf_counter() - start) * 1000:,.0f} ms")
    finally:
        connection.creation.destroy_test_db("unused", verbosity=0)


def main() -> None:
    """Reads the options and prints the requested table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=0, help="measure the search among so many images instead")
    parser.add_argument("--families", type=int, default=16, help="families of two pictures of each sort")
    options = parser.parse_args()
    if options.rows:
        print_speed(options.rows)
    else:
        print_quality(options.families)


if __name__ == "__main__":
    main()
