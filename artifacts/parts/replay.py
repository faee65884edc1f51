"""The calls that made a project, in an order in which they can be repeated. Pure. Format: docs/generators.md.

A call refers to earlier results as `{"call": n, "provider": ..., "variantIndex": ...}`, and to a stored object as
`{"object": key, "sha256": ...}`: ids and URLs are not valid outside their project.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from artifacts.material import ImageFacts, JobFacts, Material, VariantFacts

Digest = Callable[[str], str | None]
Call = dict[str, object]
Reference = dict[str, object]

FORMAT = "dali.replay"
VERSION = 1
JOBS_ROUTE = "POST /api/projects/{projectId}/jobs"
KEEP_ROUTE = "POST /api/variants/{variantId}/keep"
ROLLBACK_ROUTE = "POST /api/progressions/{progressionId}/rollback"
SESSION = "replay"
_ROLLBACK = "rollback"
_SEEDS = 2**32


@dataclass(slots=True)
class Plan:
    """The calls so far, and the origin of each image and variant."""

    digest: Digest
    images: Mapping[UUID, ImageFacts]
    calls: list[Call] = field(default_factory=list)
    made: dict[UUID, Reference] = field(default_factory=dict)  # by image and by variant

    def add(self, route: str, project: UUID, rest: Mapping[str, object]) -> int:
        """Adds a call; returns its number, from 1."""
        number = len(self.calls) + 1
        self.calls.append({"call": number, "route": route, "project": str(project), **rest})
        return number


@dataclass(frozen=True, slots=True)
class _Deed:
    """One recorded action: its time, the images or variants it needs, and how to repeat it."""

    at: int
    rank: int  # order within one millisecond
    needs: frozenset[UUID]
    do: Callable[[Plan], None]


def plan_of(material: Material, jobs: Sequence[JobFacts], digest: Digest) -> Plan:
    """The calls for `jobs`, for skipped variants that were kept, and for rollbacks; each after what it needs."""
    plan = Plan(digest, {image.id: image for image in material.images})
    can_be_made = _makeable(material, jobs)
    waiting = sorted(_deeds(material, jobs, can_be_made), key=lambda deed: (deed.at, deed.rank))
    while waiting:
        ready = next((deed for deed in waiting if deed.needs <= plan.made.keys()), waiting[0])
        waiting.remove(ready)
        ready.do(plan)
    return plan


def _makeable(material: Material, jobs: Iterable[JobFacts]) -> set[UUID]:
    """Images that a call will make; parents come before children."""
    found = {variant.image_id for job in jobs for variant in job.variants if variant.image_id is not None}
    for image in material.images:
        if image.kind == _ROLLBACK and image.parent_id in found:
            found.add(image.id)
    return found


def _deeds(material: Material, jobs: Iterable[JobFacts], can_be_made: set[UUID]) -> Iterator[_Deed]:
    at = {image.id: image.created_at for image in material.images}
    for job in jobs:
        needs = can_be_made.intersection(filter(None, [job.parent_id]))
        yield _Deed(job.created_at, 1, frozenset(needs), partial(_submit, job=job))
        for variant in job.variants:
            if variant.status == "skipped" and variant.image_id is not None:
                kept_at = at.get(variant.image_id, job.created_at)
                yield _Deed(kept_at, 2, frozenset({variant.id}), partial(_keep, job=job, variant=variant))
    for image in material.images:
        if image.kind == _ROLLBACK and image.parent_id in can_be_made:
            yield _Deed(image.created_at, 3, frozenset({image.parent_id}), partial(_roll_back, image=image))


def _submit(plan: Plan, job: JobFacts) -> None:
    for providers, seeds in _parts(job):
        variants = [variant for variant in job.variants if variant.provider in providers]
        rest = {
            "body": _body(job, providers, seeds, variants),
            "references": _references(plan, job),
            "results": [_result(plan, variant) for variant in variants],
            "job": str(job.id),
        }
        number = plan.add(JOBS_ROUTE, job.project_id, rest)
        for variant in variants:
            reference: Reference = {
                "call": number,
                "provider": variant.provider,
                "variantIndex": variant.index,
            }
            plan.made[variant.id] = reference
            if variant.image_id is not None and variant.status != "skipped":
                plan.made[variant.image_id] = reference


def _parts(job: JobFacts) -> list[tuple[tuple[str, ...], dict[str, object]]]:
    """The providers that one call can ask together, with the fields that give each variant its recorded seed.

    A variant keeps its index, because the built-in provider uses it. A job that retried some variants asks its
    providers for different numbers of images: one call per number.
    """
    seeds: dict[str, list[int]] = {}
    for variant in sorted(job.variants, key=lambda one: one.index):
        seeds.setdefault(variant.provider, []).append(variant.seed)
    counts = {len(given) for given in seeds.values()}
    if job.seed is not None and len(counts) == 1:
        count = counts.pop()
        counted = [(job.seed + index) % _SEEDS for index in range(count)]
        if all(given == counted for given in seeds.values()):
            return [(tuple(seeds), {"variants": count, "seed": job.seed})]
    by_count: dict[int, dict[str, list[int]]] = {}
    for name, given in seeds.items():
        by_count.setdefault(len(given), {})[name] = given
    return [(tuple(group), {"variants": count, "seeds": group}) for count, group in by_count.items()]


def _body(
    job: JobFacts, providers: Sequence[str], seeds: Mapping[str, object], variants: Iterable[VariantFacts]
) -> dict[str, object]:
    """The body for the route. Models are named even if the client named none: a default may change."""
    body: dict[str, object] = {
        "prompt": job.prompt,
        "providers": list(providers),
        "sessionId": SESSION,
        "kind": job.kind,
        **seeds,
        "models": {variant.provider: variant.model for variant in variants if variant.model},
        "allowDuplicates": job.allow_duplicates,
    }
    options = {name: value for name, value in job.options.items() if name in providers}
    given = {"size": job.size, "options": options, "maxCostUsd": job.max_cost_usd}
    return body | {name: value for name, value in given.items() if value}


def _references(plan: Plan, job: JobFacts) -> dict[str, Reference]:
    """Fields of the body whose URLs only the replay knows."""
    found: dict[str, Reference] = {}
    parent = plan.images.get(job.parent_id) if job.parent_id else None
    if parent is not None and parent.id in plan.made:
        found["parentProgressionId"] = plan.made[parent.id]
    if job.start_image_key:
        sha256 = plan.digest(job.start_image_key)
        is_the_parents = sha256 is not None and parent is not None and plan.digest(parent.key) == sha256
        if not is_the_parents or "parentProgressionId" not in found:
            found["startImageUrl"] = {"object": job.start_image_key, "sha256": sha256}
    if job.mask_key:
        found["maskImageUrl"] = {"object": job.mask_key, "sha256": plan.digest(job.mask_key)}
    return found


def _result(plan: Plan, variant: VariantFacts) -> dict[str, object]:
    """The original result of a variant, for comparison."""
    image = plan.images.get(variant.image_id) if variant.image_id else None
    return {
        "provider": variant.provider,
        "variantIndex": variant.index,
        "seed": variant.seed,
        "status": variant.status,
        "code": variant.code or None,
        "progression": str(image.id) if image else None,
        "object": image.key if image else None,
        "sha256": plan.digest(image.key) if image else None,
        "tookSeed": image.seed is not None if image else None,
        "refinedPrompt": image.refined_prompt if image else None,
        "tips": [tip.key for tip in image.tips] if image else None,
    }


def _keep(plan: Plan, job: JobFacts, variant: VariantFacts) -> None:
    reference = plan.made.get(variant.id)
    if reference is None or variant.image_id is None:
        return
    number = plan.add(KEEP_ROUTE, job.project_id, {"references": {"variantId": reference}})
    plan.made[variant.image_id] = {"call": number}


def _roll_back(plan: Plan, image: ImageFacts) -> None:
    parent = plan.made.get(image.parent_id) if image.parent_id else None
    if parent is None:
        return
    rest = {
        "references": {"progressionId": parent},
        "progression": str(image.id),
        "sha256": plan.digest(image.key),
    }
    plan.made[image.id] = {"call": plan.add(ROLLBACK_ROUTE, image.project_id, rest)}
