"""Measures repainted parts: how many siblings of an inpaint count as duplicates, by whole image and by mask.

`python -m tests.bench.repainted` prints the table "Repainted parts" of docs/duplicates.md. Same pictures, same table.
"""

import io
import os
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from PIL import Image, ImageDraw

from dali.lib.pictures.images import Picture
from dali.lib.pictures.phash import distance, fingerprint
from progressions.vendors.mock.painter import retouch
from progressions.vendors.mock.painter.scene import paint_scene
from progressions.vendors.mock.painter.words import read_prompt

SIZE = (1024, 1024)
STARTS = ("a lighthouse at dusk", "a quiet harbour with boats", "a mountain lake at night")
PROMPTS = ("a full moon", "a red boat", "a small house with lit windows", "a tree in blossom")
VARIANTS = 4


def masks() -> Iterator[tuple[str, Image.Image]]:
    """Named masks: rectangles, a circle, the sky, and two small parts far from each other."""
    yield "1 %", _rectangles((500, 600, 601, 701))
    circle = Image.new("L", SIZE)
    ImageDraw.Draw(circle).ellipse((380, 380, 610, 610), fill=255)
    yield "4 %, round", circle
    yield "10 %", _rectangles((100, 500, 425, 824))
    yield "25 %", _rectangles((256, 256, 767, 767))
    yield "40 %, the sky", _rectangles((0, 0, 1023, 410))
    yield "two corners, 1 % each", _rectangles((0, 0, 101, 101), (922, 922, 1023, 1023))


def _rectangles(*boxes: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", SIZE)
    for box in boxes:
        ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def variants_of(start: Image.Image, mask: Image.Image, prompt: str) -> list[Image.Image]:
    """The variants of one inpaint, from the built-in painter."""
    brief = read_prompt(prompt)
    return [retouch.inpaint(start, mask, brief, np.random.default_rng(seed)) for seed in range(VARIANTS)]


def recoded(image: Image.Image) -> Image.Image:
    """The image as JPEG 60."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return Image.open(buffer).convert("RGB")


def distances(images: list[Image.Image], area: Image.Image | None) -> list[int]:
    """The distance of every pair of the images."""
    found = [fingerprint(Picture(image, "image/png"), area) for image in images]
    return [distance(a, b) for a, b in combinations(found, 2)]


def main() -> None:
    """Prints the table."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    from django.conf import settings

    most = settings.DUPLICATE_DISTANCE
    starts = [
        paint_scene(read_prompt(prompt), np.random.default_rng(1), SIZE).convert("RGB") for prompt in STARTS
    ]
    print("| mask | pairs | the same by the whole picture | the same by the mask | re-encoded, missed |")
    print("|---|---|---|---|---|")
    for name, mask in masks():
        whole, part, again = [], [], []
        for start in starts:
            for prompt in PROMPTS:
                images = variants_of(start, mask, prompt)
                whole += distances(images, None)
                part += distances(images, mask)
                again += distances([images[0], recoded(images[0])], mask)
        same_whole, same_part = (sum(d <= most for d in found) for found in (whole, part))
        missed = sum(d > most for d in again)
        print(f"| {name} | {len(whole)} | {same_whole} | {same_part} | {missed} of {len(again)} |")


if __name__ == "__main__":
    main()
