"""What a client asked for, and the checks of how its fields fit together, before anything is stored or spent.

`body` checks the type and the limits of each field by itself.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from dali.lib.errors import InputError
from progressions.enums import Kind
from progressions.models import ImageProgression, Job, Variant
from progressions.models.jobs import parse_size
from progressions.pipeline.sources import Source, check_mask, resolve_source, source_of
from progressions.provider import Draft, Provider, providers
from projects.models import Project

MAX_PROMPT = 32_000
MAX_SEED = 2**32 - 1
NEEDS_IMAGE = frozenset({Kind.EDIT, Kind.INPAINT, Kind.OUTPAINT, Kind.VARIATION, Kind.UPSCALE})


@dataclass(frozen=True, slots=True)
class JobDraft:
    """A job as a client asked for it. Every field but `seeds` is also a column of Job, which retries read back.

    `variants` counts for each provider; `size` is as 1024x768 or empty. `seeds`: by provider, one for each of its
    variants, used instead of `seed` to repeat recorded work.
    """

    prompt: str
    providers: Sequence[str]
    session_id: str
    variants: int = 1
    kind: str | None = None
    start_image_url: str = ""
    mask_image_url: str = ""
    parent_progression_id: UUID | None = None
    size: str = ""
    seed: int | None = None
    seeds: Mapping[str, Sequence[int]] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    max_cost_usd: Decimal | None = None
    allow_duplicates: bool = False
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> "JobDraft":
        """What was asked for when the job was submitted, without seeds by provider."""
        return cls(**{name: getattr(job, column) for name, column in _COLUMNS.items()})

    def columns(self) -> dict[str, Any]:
        """The values of the job's columns."""
        return {column: getattr(self, name) for name, column in _COLUMNS.items()}


_RENAMED = {
    "variants": "variants_per_provider",
    "models": "provider_models",
    "parent_progression_id": "parent_id",
}
_COLUMNS = {one.name: _RENAMED.get(one.name, one.name) for one in fields(JobDraft) if one.name != "seeds"}


@dataclass(frozen=True, slots=True)
class Images:
    """What a job starts from: the client's addresses, or objects that an earlier job stored already.

    Each field is a column of Job.
    """

    start_image_url: str
    mask_image_url: str
    start_image_key: str = ""
    start_image_delivery: str = ""
    mask_key: str = ""

    @classmethod
    def of(cls, job: Job) -> "Images":
        """What an earlier job started from: its stored objects if it had fetched them, otherwise its addresses."""
        if job.ingest != Job.Ingest.DONE:
            return cls(job.start_image_url, job.mask_image_url)
        return cls(**{column.name: getattr(job, column.name) for column in fields(cls)})


def prepare_job(project: Project, draft: JobDraft, images: Images | None = None) -> tuple[Job, list[Variant]]:
    """The job of a draft and its variants, not stored. Raises InputError, which names field, value and cure.

    `images`: objects that an earlier job stored, used instead of the draft's addresses.
    """
    chosen = [_configured_provider(name) for name in draft.providers]
    _check_seeds(draft)
    parent = _check_parent(project, draft.parent_progression_id)
    if images is None:
        start = _check_sources(project, draft, parent)
        parent = parent or _parent_of(start)
        images = Images(draft.start_image_url, draft.mask_image_url)
    has_start = bool(images.start_image_url or images.start_image_key)
    has_image = has_start or draft.parent_progression_id is not None
    kind = _check_kind(draft, images, has_image=has_image)
    models = _check_plans(draft, chosen, kind)
    columns = draft.columns() | {
        "kind": kind,
        "parent_id": parent and parent.id,
        "providers": list(draft.providers),
    }
    job = Job(project=project, **columns)
    set_images(job, images, has_parent=parent is not None)
    variants = [
        Variant(provider=name, index=index, seed=_seed_of(draft, name, index), model=model)
        for name, model in models.items()
        for index in range(draft.variants)
    ]
    return job, variants


def _check_seeds(draft: JobDraft) -> None:
    if draft.seed is not None and draft.seeds:
        raise InputError("seeds", "send either seed or seeds: seed counts up from variant to variant")
    for name, seeds in draft.seeds.items():
        if name not in draft.providers:
            among = ", ".join(draft.providers)
            raise InputError("seeds", f"'{name[:40]}' is not among this job's providers: {among}")
        if len(seeds) != draft.variants:
            counted = f"{len(seeds)} seeds for {draft.variants} variants"
            raise InputError("seeds", f"{name} has {counted}: send one for each")


def _seed_of(draft: JobDraft, provider: str, index: int) -> int:
    if provider in draft.seeds:
        return draft.seeds[provider][index]
    if draft.seed is None:
        return secrets.randbelow(MAX_SEED + 1)
    return (draft.seed + index) % (MAX_SEED + 1)


def find_provider(field_name: str, name: str) -> Provider:
    """The provider. Raises InputError for `field_name`, which lists the known ones."""
    if name not in providers.names():
        raise InputError(field_name, f"'{name}' is not known; known: {', '.join(providers.names())}")
    return providers.get(name)


def _configured_provider(name: str) -> Provider:
    provider = find_provider("providers", name)
    if missing := provider.missing():
        raise InputError("providers", f"'{name}' is not configured: set {', '.join(missing)}")
    return provider


def _check_parent(project: Project, parent_id: UUID | None) -> ImageProgression | None:
    if parent_id is None:
        return None
    parent = ImageProgression.objects.filter(id=parent_id, project=project).first()
    if parent is None:
        raise InputError(
            "parentProgressionId", f"'{parent_id}' is not a progression of this project: name one of its own"
        )
    return parent


def _check_sources(project: Project, draft: JobDraft, parent: ImageProgression | None) -> Source | None:
    """Where the start image comes from, or None. The mask is checked against it."""
    start = source_of(parent) if parent is not None else None
    if draft.start_image_url:
        start = resolve_source("startImageUrl", draft.start_image_url, project.id)
    if draft.mask_image_url:
        mask = resolve_source("maskImageUrl", draft.mask_image_url, project.id)
        check_mask("maskImageUrl", mask, start)
    return start


def _parent_of(start: Source | None) -> ImageProgression | None:
    if start is None or start.progression_id is None:
        return None
    return ImageProgression.objects.get(id=start.progression_id)


def _check_kind(draft: JobDraft, images: Images, *, has_image: bool) -> Kind:
    kind = Kind(draft.kind or (Kind.EDIT if has_image else Kind.GENERATE))
    names = ", ".join(draft.providers)
    if kind in NEEDS_IMAGE and not has_image:
        raise InputError(
            "startImageUrl",
            f"{names} cannot {kind} without an image: send startImageUrl or parentProgressionId",
        )
    has_mask = bool(images.mask_image_url or images.mask_key)
    if kind == Kind.INPAINT and not has_mask:
        raise InputError("maskImageUrl", f"{names} cannot inpaint without a mask: send maskImageUrl")
    if has_mask and kind != Kind.INPAINT:
        raise InputError("maskImageUrl", f"{kind} takes no mask: leave it out, or ask for inpaint")
    if kind == Kind.GENERATE and (images.start_image_url or images.start_image_key):
        raise InputError(
            "startImageUrl", "generate takes no start image: leave it out, or ask for edit or variation"
        )
    return kind


def _check_plans(draft: JobDraft, chosen: Sequence[Provider], kind: Kind) -> dict[str, str]:
    """The model of each provider. Every provider has checked its part of the job."""
    names = [provider.name for provider in chosen]
    for name in draft.models:
        if name not in names:
            raise InputError(
                f"models.{name}", f"'{name}' is not among this job's providers: {', '.join(names)}"
            )
    size, models = parse_size(draft.size), {}
    for name in draft.options:
        find_provider(f"options.{name}", name)
    for provider in chosen:
        if kind not in provider.kinds:
            able = ", ".join(sorted(provider.kinds))
            raise InputError("kind", f"{provider.name} does not support {kind}; it supports {able}")
        model = draft.models.get(provider.name) or provider.default_model_for(kind)
        options = draft.options.get(provider.name, {})
        if not isinstance(options, Mapping):
            raise InputError(f"options.{provider.name}", "must be an object of options by name")
        provider.check(Draft(kind=kind, prompt=draft.prompt, model=model, size=size, options=options))
        models[provider.name] = model
    return models


def set_images(job: Job, images: Images, *, has_parent: bool) -> None:
    """Sets what the job starts from, and whether its `ingest` step has anything to do."""
    for column, value in asdict(images).items():
        setattr(job, column, value)
    if images.start_image_key:
        job.ingest = Job.Ingest.DONE
    elif images.start_image_url or (has_parent and job.kind in NEEDS_IMAGE):
        job.ingest = Job.Ingest.WAITING
