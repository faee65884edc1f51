"""How long artifacts take to make: `python -m tests.bench artifacts`.

The material resembles a project of the mock provider: PNG pictures of 1024 x 768 and other shapes, read from
memory. Prints a row for each artifact that has a limit: the fastest of the runs, because other load only adds time.
"""

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

os.environ.setdefault("DALI_DATA_DIR", tempfile.mkdtemp(prefix="dali-bench-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")

import django

django.setup()

import numpy as np  # noqa: E402

from artifacts.generator import ImageOptions, generators  # noqa: E402
from artifacts.material import Material  # noqa: E402
from artifacts.options import parse  # noqa: E402
from progressions.vendors.mock.painter.png import encode_png  # noqa: E402
from progressions.vendors.mock.painter.scene import paint_scene  # noqa: E402
from progressions.vendors.mock.painter.words import read_prompt  # noqa: E402
from tests.artifacts.materials import material_of  # noqa: E402

SHAPES = ((1024, 768), (768, 1024), (1024, 1024), (1280, 720), (1536, 512))
RUNS = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """What is made, of how many images, and its time limit in seconds."""

    what: str
    generator: str
    images: int
    most_s: float
    options: Mapping[str, object] = field(default_factory=dict)


ROWS = (
    # 2.4 s of title, three images and a fade of 0.6 s make ten seconds.
    Measured("reel of 10 s, 720p", "walkthroughReel", 3, 15.0, {"seconds_per_image": 2.333}),
    Measured(
        "reel of 10 s, 1080p", "walkthroughReel", 3, 40.0, {"seconds_per_image": 2.333, "resolution": "1080p"}
    ),
    Measured(
        "reel of 10 s, 720p, VP9", "walkthroughReel", 3, 30.0, {"seconds_per_image": 2.333, "codec": "vp9"}
    ),
    Measured("gallery of 60 images", "gallery", 60, 10.0),
    Measured("storyboard of 60 images", "storyboard", 60, 5.0),
    Measured("report of 60 images", "stakeholderPdf", 60, 5.0),
    Measured("report, all 60 large", "stakeholderPdf", 60, 5.0, {"most": 60}),
)


@cache
def painted(number: int) -> bytes:
    """One of twelve pictures."""
    brief = read_prompt("a lighthouse at dusk")
    return encode_png(paint_scene(brief, np.random.default_rng(number), SHAPES[number % len(SHAPES)]))


def material(count: int) -> Material:
    """Material of `count` images; originals are read as fast as memory allows."""
    made = material_of(count)
    images = []
    for number, image in enumerate(made.images):
        width, height = SHAPES[number % 12 % len(SHAPES)]
        images.append(replace(image, key=str(number % 12), width=width, height=height))
    return replace(made, images=tuple(images), read=lambda key: painted(int(key)))


def main() -> int:
    """Prints a line for each row; returns how many exceeded their limit."""
    late = 0
    for row in ROWS:
        generator = generators.get(row.generator)
        given = material(row.images)
        whole = {"include": "all"} if issubclass(generator.options, ImageOptions) else {}
        options = parse(generator.options, {**whole, **row.options})
        for number in range(min(row.images, 12)):
            painted(number)
        times = []
        for _ in range(RUNS):
            began = time.perf_counter()
            files = generator.generate(given, options)
            times.append(time.perf_counter() - began)
        size = len(files[0].content) / 1e6
        is_late = min(times) > row.most_s
        late += is_late
        word = "TOO SLOW" if is_late else "ok"
        print(
            f"{row.what:28} {min(times):6.2f} s  (at most {row.most_s:g} s)  {size:6.2f} MB  {word}",
            flush=True,
        )
    return late


if __name__ == "__main__":
    sys.exit(main())
