"""A project as real jobs leave it: images that load, edits, a failure, a duplicate, verdicts, tips."""

import hashlib
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from PIL import Image

from dali.lib.objects.storage import originals
from dali.lib.pictures.images import decode, encode_delivery
from progressions.enums import JobStatus, StepStatus, VariantStatus
from progressions.models import ImageProgression, Job, Step, Variant
from progressions.vendors.local.delivery import LocalDelivery
from projects.models import Project
from tests.factories import JobFactory, ProgressionFactory, TipFactory, VariantFactory

PROVIDERS = ("gemini", "mock", "openai", "workers")
SHAPES = ((360, 360), (270, 360), (640, 160), (120, 360))
_BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)


def picture(number: int) -> bytes:
    """A PNG that differs from all others; every fourth is partly transparent."""
    width, height = SHAPES[number % len(SHAPES)]
    noise = np.random.default_rng(number).integers(0, 256, (4, 4, 4), dtype=np.uint8)
    if number % 4 != 2:
        noise[:, :, 3] = 255
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def seed_project(words: str = "") -> Project:
    """Three jobs of four providers, the last an edit; `words` replaces every text that people and models write."""
    project = Project.objects.create(
        name=words[:200] or "Harbour lights", description=words or "For the autumn campaign."
    )
    for provider in PROVIDERS:
        value = {"guidance": words or "Say what the light is like.", "addition": words or "soft light"}
        TipFactory(key=f"{provider}.light", provider=provider, value={**value, "kinds": [], "keywords": []})
    first = _job(project, 0, words or "a lighthouse at dusk, oil on canvas")
    _job(project, 1, words or "a harbour at night with many lights, rain on the stones, " * 6)
    _job(project, 2, words or "the same, in winter", parent=first[0])
    return project


def _job(
    project: Project, index: int, prompt: str, parent: ImageProgression | None = None
) -> list[ImageProgression]:
    job: Job = JobFactory(
        project=project,
        prompt=prompt,
        kind="edit" if parent else "generate",
        parent=parent,
        start_image_key=parent.generated_image_r2_key if parent else "",
        start_image_delivery=parent.generated_image_url if parent else "",
        providers=list(PROVIDERS),
        status=JobStatus.COMPLETE,
        remaining=0,
        created_at=_BEGAN + timedelta(hours=index),
    )
    made: list[ImageProgression] = []
    first: Variant | None = None
    for place, provider in enumerate(PROVIDERS):
        number = index * len(PROVIDERS) + place
        variant: Variant = VariantFactory(
            job=job, provider=provider, index=0, number=place, model=f"{provider}-1", kind=job.kind,
            attempts=1, started_at=job.created_at, ended_at=job.created_at + timedelta(seconds=4 + place),
        )  # fmt: skip
        if number == 5:
            _end(variant, VariantStatus.FAILED, code="refused", error=prompt[:200])
        elif number == 7:
            _end(variant, VariantStatus.SKIPPED, duplicate_of=first, distance=3)
        else:
            image = _image(job, number, provider, parent)
            made.append(image)
            _end(variant, VariantStatus.COMPLETE, progression=image, cost_usd=image.cost_usd)
        first = first or variant
    return made


def _end(variant: Variant, status: VariantStatus, **columns: object) -> None:
    Variant.objects.filter(pk=variant.pk).update(status=status, **columns)
    for place, name in enumerate(("refine", "generate", "judge")):
        outcome = StepStatus.FAILED if columns.get("code") and name == "generate" else StepStatus.OK
        began = variant.job.created_at + timedelta(milliseconds=800 * place)
        Step.objects.create(owner_id=variant.pk, name=name, status=outcome, started_at=began, ms=700)


def _image(job: Job, number: int, provider: str, parent: ImageProgression | None) -> ImageProgression:
    content = picture(number)
    key = f"project/{job.project_id}/jobs/{job.pk}/orig/{number}"
    originals().put_once(key, content, media_type="image/png")
    shown = encode_delivery(decode(content))
    width, height = SHAPES[number % len(SHAPES)]
    judgment = ("pass", "fail", None, "pass")[number % 4]
    image: ImageProgression = ProgressionFactory(
        project=job.project,
        job=job,
        parent_progression=parent,
        variant_index=0,
        kind=job.kind,
        ai_provider=provider,
        model=f"{provider}-1",
        prompt=job.prompt,
        refined_prompt=f"{job.prompt}, soft light",
        tips_applied=[{"key": f"{provider}.light", "addition": "soft light"}],
        start_image_delivery_url=job.start_image_delivery,
        generated_image_url=LocalDelivery().place(shown, hashlib.sha256(shown).hexdigest()),
        generated_image_r2_key=key,
        original_image_r2_key=job.start_image_key or key,
        width=width,
        height=height,
        bytes=len(content),
        seed=number,
        cost_usd=Decimal("0.04"),
        judgment=judgment,
        ai_notes=["The light is as asked.", job.prompt[:300]] if judgment else [],
        ai_tags=["dusk", "sea", job.prompt[:20]],
        retry_suggestion=job.prompt[:200] if judgment == "fail" else "",
        created_at=job.created_at + timedelta(seconds=number),
    )
    return image
