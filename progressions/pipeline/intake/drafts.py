"""What was asked for, and the checks that a draft must pass before anything is stored or spent."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from dali.lib.errors import InputError
from progressions.enums import Kind
from progressions.models import ImageProgression, Job
from progressions.pipeline.sources import Source, check_mask, resolve_source, source_of
from progressions.provider import Draft, Provider, providers
from projects.models import Project

MAX_PROMPT = 32_000
SESSION_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,128}")
SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
MAX_SEED = 2**32 - 1
# Control characters other than tab and line breaks; lone surrogates cannot be stored.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
NEEDS_IMAGE = frozenset({Kind.EDIT, Kind.INPAINT, Kind.OUTPAINT, Kind.VARIATION, Kind.UPSCALE})


@dataclass(frozen=True, slots=True)
class JobDraft:
    """A job as it was asked for. `variants` counts for each provider; `size` is as 1024x768 or empty.

    `seeds`: by provider, one for each of its variants, in place of `seed`; how recorded work is asked for again.
    """

    prompt: str
    providers: tuple[str, ...]
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """One variant to be made."""

    provider: str
    index: int
    seed: int
    model: str


@dataclass(frozen=True, slots=True)
class Images:
    """What a job starts from: the client's addresses, or objects that an earlier job stored already."""

    start_url: str = ""
    mask_url: str = ""
    start_key: str = ""
    start_delivery: str = ""
    mask_key: str = ""


def prepare_job(project: Project, draft: JobDraft, images: Images | None = None) -> tuple[Job, list[Wanted]]:
    """The job a draft asks for, not stored, and its variants. Raises InputError naming field, value and cure.

    `images`: objects that an earlier job stored, in place of the draft's addresses.
    """
    prompt = _check_prompt(draft.prompt)
    check_session(draft.session_id)
    chosen = _check_providers(draft.providers)
    if not 1 <= draft.variants <= settings.MAX_VARIANTS:
        raise InputError("variants", f"{draft.variants}: must be between 1 and {settings.MAX_VARIANTS}")
    _check_seeds(draft)
    if draft.max_cost_usd is not None and draft.max_cost_usd <= 0:
        raise InputError("maxCostUsd", f"{draft.max_cost_usd}: must be more than 0, or be left out")
    size = _check_size(draft.size)
    parent = _check_parent(project, draft.parent_progression_id)
    if images is None:
        start = _check_sources(project, draft, parent)
        parent = parent or _parent_of(start)
        images = Images(start_url=draft.start_image_url, mask_url=draft.mask_image_url)
    has_image = bool(images.start_url or images.start_key) or draft.parent_progression_id is not None
    kind = _check_kind(draft, images, has_image=has_image)
    models = _check_plans(draft, chosen, kind, prompt, size)
    job = Job(
        project=project,
        session_id=draft.session_id,
        prompt=prompt,
        kind=kind,
        providers=[provider.name for provider in chosen],
        variants_per_provider=draft.variants,
        size=draft.size,
        seed=draft.seed,
        provider_models=dict(draft.models),
        options=dict(draft.options),
        max_cost_usd=draft.max_cost_usd,
        allow_duplicates=draft.allow_duplicates,
        parent=parent,
    )
    set_images(job, images, has_parent=parent is not None)
    wanted = [
        Wanted(provider.name, index, _seed_of(draft, provider.name, index), models[provider.name])
        for provider in chosen
        for index in range(draft.variants)
    ]
    return job, wanted


def _check_seeds(draft: JobDraft) -> None:
    if draft.seed is not None and not 0 <= draft.seed <= MAX_SEED:
        raise InputError("seed", f"{draft.seed}: must be between 0 and {MAX_SEED}")
    if draft.seed is not None and draft.seeds:
        raise InputError("seeds", "send either seed or seeds: seed counts up from variant to variant")
    for name, seeds in draft.seeds.items():
        if name not in draft.providers:
            among = ", ".join(draft.providers)
            raise InputError("seeds", f"'{name[:40]}' is not among this job's providers: {among}")
        if len(seeds) != draft.variants:
            counted = f"{len(seeds)} seeds for {draft.variants} variants"
            raise InputError("seeds", f"{name} has {counted}: send one for each")
        for seed in seeds:
            if not 0 <= seed <= MAX_SEED:
                raise InputError("seeds", f"{seed} for {name}: must be between 0 and {MAX_SEED}")


def _seed_of(draft: JobDraft, provider: str, index: int) -> int:
    if provider in draft.seeds:
        return draft.seeds[provider][index]
    if draft.seed is None:
        return secrets.randbelow(MAX_SEED + 1)
    return (draft.seed + index) % (MAX_SEED + 1)


def _check_prompt(prompt: str) -> str:
    text = prompt.strip()
    if not text:
        raise InputError("prompt", "is empty: say what the image is to show")
    if len(text) > MAX_PROMPT:
        raise InputError("prompt", f"has {len(text)} characters: at most {MAX_PROMPT} are taken")
    if (found := UNPRINTABLE.search(text)) is not None:
        raise InputError("prompt", f"holds the control character {found.group()!r}: remove it")
    return text


def check_session(session_id: str) -> None:
    """InputError where a session could not be streamed under this name."""
    if not SESSION_ID.fullmatch(session_id):
        raise InputError("sessionId", f"{session_id[:140]!r}: must be 1 to 128 of A-Z a-z 0-9 . _ : -")


def find_provider(field_name: str, name: str) -> Provider:
    """The provider; InputError for `field_name`, naming the known, where there is none."""
    if name not in providers.names():
        raise InputError(field_name, f"'{name}' is not known; known: {', '.join(providers.names())}")
    return providers.get(name)


def _check_providers(names: Sequence[str]) -> list[Provider]:
    if not names:
        raise InputError("providers", f"is empty: name at least one of {', '.join(providers.names())}")
    chosen = []
    for name in names:
        provider = find_provider("providers", name)
        if provider in chosen:
            raise InputError("providers", f"'{name}' is named twice: name each once")
        missing = provider.missing()
        if missing:
            raise InputError("providers", f"'{name}' is not configured: set {', '.join(missing)}")
        chosen.append(provider)
    return chosen


def _check_size(size: str) -> tuple[int, int] | None:
    if not size:
        return None
    found = SIZE.fullmatch(size)
    if found is None:
        raise InputError("size", f"'{size}': must be width x height in pixels, as 1024x768")
    return int(found.group(1)), int(found.group(2))


def _check_parent(project: Project, parent_id: UUID | None) -> ImageProgression | None:
    if parent_id is None:
        return None
    parent = ImageProgression.objects.filter(id=parent_id, project=project).first()
    if parent is None:
        raise InputError(
            "parentProgressionId", f"'{parent_id}' is no progression of this project: name one of its own"
        )
    return parent


def _check_sources(project: Project, draft: JobDraft, parent: ImageProgression | None) -> Source | None:
    """Where the start image comes from, None where there is none; the mask's is checked against it."""
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
    if draft.kind is None:
        kind = Kind.EDIT if has_image else Kind.GENERATE
    elif draft.kind in Kind.values:
        kind = Kind(draft.kind)
    else:
        raise InputError("kind", f"'{draft.kind}' is not known; known: {', '.join(Kind.values)}")
    names = ", ".join(draft.providers)
    if kind in NEEDS_IMAGE and not has_image:
        raise InputError(
            "startImageUrl",
            f"{names} cannot {kind} without an image: send startImageUrl or parentProgressionId",
        )
    has_mask = bool(images.mask_url or images.mask_key)
    if kind == Kind.INPAINT and not has_mask:
        raise InputError("maskImageUrl", f"{names} cannot inpaint without a mask: send maskImageUrl")
    if has_mask and kind != Kind.INPAINT:
        raise InputError("maskImageUrl", f"{kind} takes no mask: leave it out, or ask for inpaint")
    if kind == Kind.GENERATE and (images.start_url or images.start_key):
        raise InputError(
            "startImageUrl", "generate takes no start image: leave it out, or ask for edit or variation"
        )
    return kind


def _check_plans(
    draft: JobDraft, chosen: Sequence[Provider], kind: Kind, prompt: str, size: tuple[int, int] | None
) -> dict[str, str]:
    """The model of each provider, after each has looked at what it is to be asked."""
    names = [provider.name for provider in chosen]
    for name in draft.models:
        if name not in names:
            raise InputError(
                f"models.{name}", f"'{name}' is not among this job's providers: {', '.join(names)}"
            )
    models = {}
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
        provider.check(Draft(kind=kind, prompt=prompt, model=model, size=size, options=options))
        models[provider.name] = model
    return models


def set_images(job: Job, images: Images, *, has_parent: bool) -> None:
    """Writes into the job what it starts from, and whether its `ingest` step has anything to do."""
    job.start_image_url, job.mask_image_url = images.start_url, images.mask_url
    job.start_image_key, job.start_image_delivery = images.start_key, images.start_delivery
    job.mask_key = images.mask_key
    if images.start_key:
        job.ingest = Job.Ingest.DONE
    elif images.start_url or (has_parent and job.kind in NEEDS_IMAGE):
        job.ingest = Job.Ingest.WAITING
