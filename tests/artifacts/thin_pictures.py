"""Thin pictures as material, and the memory that each generator takes for them.

`python -m tests.artifacts.thin_pictures` prints a line for each generator: its name and its peak in MB above the
memory that the process used before.
"""

import io
import os
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

from PIL import Image

from artifacts.material import Material
from tests.artifacts.materials import image_of, material_of

# Width and height; the last has more rows than any film or page has pixels.
THIN = ((1, 20_000), (20_000, 1), (3, 6_000), (6_000, 3), (1, 1), (16_383, 2), (2, 16_383), (1, 3_000_000))


@cache
def thin_original(number: int) -> bytes:
    """A PNG of that shape: half of it dark, half light."""
    width, height = THIN[number]
    picture = Image.new("RGB", (width, height), (40, 60, 90))
    picture.paste((230, 200, 150), (0, 0, (width + 1) // 2, (height + 1) // 2))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def thin_material() -> Material:
    """A project of thin pictures; the row of the last one states a different shape than its file has."""
    images = [
        replace(image_of(number), width=width, height=height) for number, (width, height) in enumerate(THIN)
    ]
    images.append(replace(image_of(len(THIN)), key="project/p/jobs/j/orig/0"))
    return replace(
        material_of(len(images)),
        images=tuple(images),
        read=lambda key: thin_original(int(key.rsplit("/", 1)[-1])),
    )


def _memory_mb(name: str) -> float:
    """`VmRSS` or, as the peak since it was last cleared, `VmHWM` of this process."""
    (line,) = (row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith(name))
    return int(line.split()[1]) / 1024


def _main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from artifacts.generator import generators
    from tests.artifacts.test_generator_contract import made_of

    for name in generators.names():
        Path("/proc/self/clear_refs").write_text("5")
        before = _memory_mb("VmRSS")
        made_of(name, thin_material())
        sys.stdout.write(f"{name} {_memory_mb('VmHWM') - before:.0f}\n")


if __name__ == "__main__":
    _main()
