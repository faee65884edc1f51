"""Material for generators: few, many and odd images, hostile text, empty projects. No rows."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from uuid import UUID

import numpy as np
from PIL import Image

from artifacts.material import (
    ImageFacts,
    JobFacts,
    Material,
    MaterialTip,
    ProjectFacts,
    StepFacts,
    StoredObject,
    TipFacts,
    VariantFacts,
)

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)></style></title>{{7*7}}{% debug %}"
    ']]>-->#import "x" \\ $x$ @ref =1+1 \u202etxt\u202c مرحبا 日本語 👩‍🚀 \u0301'
)
SHAPES = ((1024, 1024), (640, 1024), (1600, 400), (300, 300), (33, 900))
PROVIDERS = ("gemini", "mock", "openai", "workers")
START_MS = 1_763_800_000_000


def uuid_of(number: int) -> UUID:
    """A different id for each number, the same in every run."""
    return UUID(int=(0x019A << 112) | (7 << 76) | (2 << 62) | number)


def image_of(number: int, *, prompt: str = "", parent: int | None = None) -> ImageFacts:
    """One image; image 3 of every ten is transparent."""
    width, height = SHAPES[number % len(SHAPES)]
    judgment = ("pass", "fail", None, "pass")[number % 4]
    return ImageFacts(
        id=uuid_of(number),
        project_id=uuid_of(900_000),
        parent_id=None if parent is None else uuid_of(parent),
        job_id=uuid_of(800_000 + number // 4),
        variant_index=number % 4,
        kind="edit" if parent is not None else "generate",
        provider=PROVIDERS[number % 4],
        model=f"{PROVIDERS[number % 4]}-1",
        prompt=prompt or f"a lighthouse at dusk, number {number}",
        refined_prompt=(prompt or f"a lighthouse at dusk, number {number}") + ", soft light",
        tips=(MaterialTip(f"{PROVIDERS[number % 4]}.light", "soft light"),),
        url=f"http://testserver/images/{hashlib.sha256(str(number).encode()).hexdigest()}.webp",
        start_url="http://testserver/images/" + "a" * 64 + ".webp" if parent is not None else "",
        key=f"project/p/jobs/j/orig/{number}",
        start_key="project/p/jobs/j/orig/start" if parent is not None else "",
        width=width,
        height=height,
        size_bytes=1000 + number,
        seed=number if number % 3 else None,
        cost_usd=Decimal("0.04") if number % 5 else None,
        judgment=judgment,
        notes=("The light is as asked.", prompt or "The tower leans."),
        tags=("blue", "dusk", "sea"),
        retry_suggestion="Ask for a straight tower." if judgment == "fail" else "",
        meta={"size": f"{width}x{height}"},
        created_at=START_MS + number * 3_600_000,
    )


def variant_of(number: int) -> VariantFacts:
    """The variant that made image `number`; every seventh failed, every ninth was skipped."""
    status = "failed" if number % 7 == 6 else "skipped" if number % 9 == 8 else "complete"
    code = ("refused", "rate_limited", "timeout")[number % 3] if status == "failed" else ""
    return VariantFacts(
        id=uuid_of(700_000 + number),
        provider=PROVIDERS[number % 4],
        model=f"{PROVIDERS[number % 4]}-1",
        index=number % 4,
        number=number % 4,
        seed=number,
        status=status,
        code=code,
        error="The provider said no." if code else "",
        is_retryable=code == "timeout",
        attempts=1 + number % 3,
        cost_usd=Decimal("0.04") if number % 5 else None,
        duplicate_of=uuid_of(700_000) if status == "skipped" else None,
        distance=3 if status == "skipped" else None,
        image_id=uuid_of(number) if status == "complete" else None,
        ms=2000 + number * 37 % 5000,
        steps=(
            StepFacts("refine", 1, "ok", 1, ""),
            StepFacts("generate", 1, "failed" if code else "ok", 1800 + number * 31 % 4000, code),
        ),
    )


def job_of(index: int, numbers: range, prompt: str) -> JobFacts:
    """A job of four variants."""
    return JobFacts(
        id=uuid_of(800_000 + index),
        project_id=uuid_of(900_000),
        kind="generate",
        prompt=prompt or f"a lighthouse at dusk, number {index}",
        providers=PROVIDERS,
        variants_per_provider=1,
        size="1024x1024",
        seed=7,
        models={},
        options={"mock": {"latency_s": 0}},
        allow_duplicates=False,
        max_cost_usd=None,
        start_image_url="",
        start_image_key="",
        mask_image_url="",
        mask_key="",
        parent_id=None,
        retry_of=None,
        status="complete",
        created_at=START_MS + index * 3_600_000,
        variants=tuple(variant_of(number) for number in numbers),
    )


@cache
def original(number: int) -> bytes:
    """The bytes of image `number`: PNG, or JPEG for every second; same shape, but smaller."""
    width, height = SHAPES[number % len(SHAPES)]
    size = (max(8, width // 8), max(8, height // 8))
    noise = np.random.default_rng(number).integers(0, 256, (6, 6, 4), dtype=np.uint8)
    if number % 10 != 3:
        noise[:, :, 3] = 255
    picture = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    if number % 2 and number % 10 != 3:
        picture.convert("RGB").save(buffer, "JPEG", quality=85)
    else:
        picture.save(buffer, "PNG")
    return buffer.getvalue()


def _read(key: str) -> bytes:
    name = key.rsplit("/", 1)[-1]
    return original(0 if name == "start" else int(name))


def _objects_of(images: tuple[ImageFacts, ...]) -> Callable[[], tuple[StoredObject, ...]]:
    def objects() -> tuple[StoredObject, ...]:
        return tuple(
            StoredObject(
                "originals",
                image.key,
                f"image_progressions/{image.id}",
                "image/png",
                len(_read(image.key)),
                hashlib.sha256(_read(image.key)).hexdigest(),
            )
            for image in images
        )

    return objects


TIPS = tuple(
    TipFacts(f"{provider}.light", provider, "Say what the light is like.", "soft light", (), (), 1, True)
    for provider in PROVIDERS
)


def material_of(count: int, *, words: str = "", title: str = "Harbour lights") -> Material:
    """A project of `count` images, every third an edit of the one before; `words` fills prompts, names and notes."""
    images = tuple(
        image_of(number, prompt=words, parent=number - 1 if number % 3 == 2 else None)
        for number in range(count)
    )
    jobs = tuple(
        job_of(index, range(index * 4, min(count, index * 4 + 4)), words) for index in range((count + 3) // 4)
    )
    project = ProjectFacts(
        uuid_of(900_000), words[:200] or "Harbour lights", words or "Lighthouses at dusk.", START_MS
    )
    return Material(
        title=words[:200] or title,
        projects=(project,),
        images=images,
        jobs=jobs,
        tips=TIPS if not words else tuple(replace(tip, guidance=words, addition=words) for tip in TIPS),
        origin="http://testserver",
        read=_read,
        objects=_objects_of(images),
    )
