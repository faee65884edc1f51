"""Reads the rows of projects into the material of an artifact."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from artifacts.generator import Need
from artifacts.making.holdings import stored_objects
from artifacts.material import (
    ImageFacts,
    JobFacts,
    Material,
    MaterialTip,
    ProjectFacts,
    StepFacts,
    TipFacts,
    VariantFacts,
)
from dali.lib.clock import epoch_ms
from dali.lib.objects.storage import originals
from knowledgebase.models import Tip
from progressions.delivery import public_url
from progressions.models import ImageProgression, Job, Step, Variant
from progressions.queries import jobs_with_variants, steps_by_owner
from projects.models import Project


def gather(*, title: str, project_ids: Sequence[UUID], needs: Collection[Need] = ()) -> Material:
    """Everything the projects contain; jobs (with variants and steps) and tips only if `needs` names them.

    A handful of queries, however many images there are; decodes nothing and reads no objects.
    """
    projects = {project.pk: project for project in Project.objects.filter(id__in=project_ids)}
    rows = ImageProgression.objects.filter(project_id__in=project_ids).order_by("created_at", "id")
    images = _parents_first([_image(row) for row in rows])
    return Material(
        title=title,
        projects=tuple(_project(projects[pk]) for pk in project_ids if pk in projects),
        images=images,
        jobs=_jobs(project_ids) if "jobs" in needs else (),
        tips=_tips() if "tips" in needs else (),
        origin=settings.PUBLIC_ORIGIN,
        read=originals().read,
        objects=lambda: stored_objects(images, _jobs(project_ids)),
    )


def _project(row: Project) -> ProjectFacts:
    return ProjectFacts(row.pk, row.name, row.description, epoch_ms(row.created_at))


def _image(row: ImageProgression) -> ImageFacts:
    has_start = bool(row.start_image_delivery_url)
    return ImageFacts(
        id=row.id,
        project_id=row.project_id,
        parent_id=row.parent_progression_id,
        job_id=row.job_id,
        variant_index=row.variant_index,
        kind=row.kind,
        provider=row.ai_provider,
        model=row.model,
        prompt=row.prompt,
        refined_prompt=row.refined_prompt,
        tips=tuple(MaterialTip(tip["key"], tip["addition"]) for tip in row.tips_applied),
        url=public_url(row.generated_image_url),
        start_url=public_url(row.start_image_delivery_url),
        key=row.generated_image_r2_key,
        start_key=row.original_image_r2_key if has_start else "",
        width=row.width,
        height=row.height,
        size_bytes=row.bytes,
        seed=row.seed,
        cost_usd=row.cost_usd,
        judgment=row.judgment,
        notes=tuple(row.ai_notes),
        tags=tuple(row.ai_tags),
        retry_suggestion=row.retry_suggestion,
        meta=row.provider_meta,
        created_at=epoch_ms(row.created_at),
        ground=row.ground,
    )


def _parents_first(images: list[ImageFacts]) -> tuple[ImageFacts, ...]:
    """In order of time, but parents first: the clocks of several machines differ."""
    known = {image.id for image in images}
    placed: set[UUID] = set()
    ordered: list[ImageFacts] = []
    waiting: dict[UUID, list[ImageFacts]] = defaultdict(list)
    for image in images:
        if image.parent_id in known and image.parent_id not in placed and image.parent_id != image.id:
            waiting[image.parent_id].append(image)
            continue
        ready = [image]
        while ready:
            one = ready.pop(0)
            placed.add(one.id)
            ordered.append(one)
            ready += waiting.pop(one.id, [])
    ordered += [image for group in waiting.values() for image in group]  # a cycle: in the given order
    return tuple(ordered)


def _jobs(project_ids: Iterable[UUID]) -> tuple[JobFacts, ...]:
    rows = list(jobs_with_variants().filter(project_id__in=list(project_ids)).order_by("created_at", "id"))
    steps = steps_by_owner([variant.pk for row in rows for variant in row.variants.all()])
    return tuple(_job(row, steps) for row in rows)


def _job(row: Job, steps: dict[UUID, list[Step]]) -> JobFacts:
    return JobFacts(
        id=row.id,
        project_id=row.project_id,
        kind=row.kind,
        prompt=row.prompt,
        providers=tuple(row.providers),
        variants_per_provider=row.variants_per_provider,
        size=row.size,
        seed=row.seed,
        models=row.provider_models,
        options=row.options,
        allow_duplicates=row.allow_duplicates,
        max_cost_usd=row.max_cost_usd,
        start_image_url=row.start_image_url,
        start_image_key=row.start_image_key,
        mask_image_url=row.mask_image_url,
        mask_key=row.mask_key,
        parent_id=row.parent_id,
        retry_of=row.retry_of_id,
        status=row.status,
        created_at=epoch_ms(row.created_at),
        variants=tuple(_variant(variant, steps.get(variant.pk, [])) for variant in row.variants.all()),
    )


def _variant(row: Variant, steps: Sequence[Step]) -> VariantFacts:
    ms = None
    if row.started_at is not None and row.ended_at is not None:
        ms = max(0, epoch_ms(row.ended_at) - epoch_ms(row.started_at))
    return VariantFacts(
        id=row.id,
        provider=row.provider,
        model=row.model,
        index=row.index,
        number=row.number,
        seed=row.seed,
        status=row.status,
        code=row.code,
        error=row.error,
        is_retryable=row.retryable,
        attempts=row.attempts,
        cost_usd=row.cost_usd,
        duplicate_of=row.duplicate_of_id,
        distance=row.distance,
        image_id=row.progression_id,
        ms=ms,
        steps=tuple(
            StepFacts(step.name, step.attempt, step.status, step.ms, str(step.result.get("code", "")))
            for step in steps
        ),
    )


def _tips() -> tuple[TipFacts, ...]:
    return tuple(_tip(row) for row in Tip.objects.order_by("provider", "position", "key"))


def _tip(row: Tip) -> TipFacts:
    value: dict[str, Any] = row.value
    return TipFacts(
        key=row.key,
        provider=row.provider,
        guidance=value.get("guidance", ""),
        addition=value.get("addition", ""),
        kinds=tuple(value.get("kinds", ())),
        keywords=tuple(value.get("keywords", ())),
        position=row.position,
        is_enabled=row.enabled,
    )
