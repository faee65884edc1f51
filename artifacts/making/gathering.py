"""Reads the rows of projects into the material of an artifact."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import Model

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

F = TypeVar("F", ImageFacts, JobFacts, VariantFacts, StepFacts, TipFacts)


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
        tips=tuple(map(_tip, Tip.objects.order_by("provider", "position", "key"))) if "tips" in needs else (),
        origin=settings.PUBLIC_ORIGIN,
        read=originals().read,
        objects=lambda: stored_objects(images, _jobs(project_ids)),
    )


def _project(row: Project) -> ProjectFacts:
    return ProjectFacts(row.pk, row.name, row.description, epoch_ms(row.created_at))


def _image(row: ImageProgression) -> ImageFacts:
    return _copied(
        ImageFacts,
        row,
        parent_id=row.parent_progression_id,
        provider=row.ai_provider,
        tips=tuple(MaterialTip(tip["key"], tip["addition"]) for tip in row.tips_applied),
        url=public_url(row.generated_image_url),
        start_url=public_url(row.start_image_delivery_url),
        key=row.generated_image_r2_key,
        start_key=row.original_image_r2_key if row.start_image_delivery_url else "",
        size_bytes=row.bytes,
        notes=tuple(row.ai_notes),
        tags=tuple(row.ai_tags),
        meta=row.provider_meta,
        created_at=epoch_ms(row.created_at),
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
    return _copied(
        JobFacts,
        row,
        providers=tuple(row.providers),
        models=row.provider_models,
        retry_of=row.retry_of_id,
        created_at=epoch_ms(row.created_at),
        variants=tuple(_variant(variant, steps.get(variant.pk, [])) for variant in row.variants.all()),
    )


def _variant(row: Variant, steps: Sequence[Step]) -> VariantFacts:
    ms = None
    if row.started_at is not None and row.ended_at is not None:
        ms = max(0, epoch_ms(row.ended_at) - epoch_ms(row.started_at))
    return _copied(
        VariantFacts,
        row,
        is_retryable=row.retryable,
        duplicate_of=row.duplicate_of_id,
        image_id=row.progression_id,
        ms=ms,
        steps=tuple(_copied(StepFacts, step, code=str(step.result.get("code", ""))) for step in steps),
    )


def _tip(row: Tip) -> TipFacts:
    value: dict[str, Any] = row.value
    return _copied(
        TipFacts,
        row,
        guidance=value.get("guidance", ""),
        addition=value.get("addition", ""),
        kinds=tuple(value.get("kinds", ())),
        keywords=tuple(value.get("keywords", ())),
        is_enabled=row.enabled,
    )


def _copied(facts: type[F], row: Model, **others: Any) -> F:
    """Facts from a row: `others` as given, the remaining fields from the row's fields of the same name."""
    copied = {one.name: getattr(row, one.name) for one in fields(facts) if one.name not in others}
    return facts(**copied, **others)
