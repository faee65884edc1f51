"""A project with one of each object that routes name: a job, an image that loads, variants, an artifact."""

import hashlib
from typing import Any

from django.db.models import Model

from artifacts.making.intake import create_artifact
from dali.lib.objects.storage import originals
from dali.lib.pictures.images import decode, encode_delivery
from progressions.vendors.local.delivery import LocalDelivery
from tests.factories import JobFactory, ProgressionFactory, VariantFactory
from tests.progressions.fakes import picture_bytes


def filled(value: Any, world: dict[str, str]) -> Any:
    """The value, a path or a body, with the world's ids in place of their names in braces."""
    if isinstance(value, str):
        for name, row_id in world.items():
            value = value.replace(f"{{{name}}}", row_id)
        return value
    if isinstance(value, list):
        return [filled(item, world) for item in value]
    return {name: filled(item, world) for name, item in value.items()} if isinstance(value, dict) else value


def make_world(*, artifact: bool = True) -> dict[str, str]:
    """The ids by name: project, job (one variant failed), image, made, skipped and failed, artifact."""
    job = JobFactory(status="complete", remaining=0, session_id="s-1")
    content = picture_bytes(1)
    key = f"project/{job.project_id}/jobs/{job.pk}/orig/0"
    originals().put_once(key, content, media_type="image/png")
    shown = encode_delivery(decode(content))
    image = ProgressionFactory(
        project=job.project,
        job=job,
        generated_image_r2_key=key,
        generated_image_url=LocalDelivery().place(shown, hashlib.sha256(shown).hexdigest()),
    )
    made = VariantFactory(job=job, status="complete", progression=image, original_key=key)
    skipped = VariantFactory(job=job, status="skipped", duplicate_of=made, distance=3, original_key=key)
    failed = VariantFactory(job=job, status="failed")
    world: dict[str, Model] = {
        "project": job.project,
        "job": job,
        "image": image,
        "made": made,
        "skipped": skipped,
        "failed": failed,
    }
    if artifact:
        world["artifact"] = create_artifact(generator="lookbook", project_ids=[job.project.pk])
    return {name: str(row.pk) for name, row in world.items()}
