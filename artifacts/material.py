"""What generators get: finished work as plain values, without rows, storages or network.

Everything has a fixed order, oldest first, so that the same work gives the same bytes. Times are milliseconds since
the Unix epoch; costs are US dollars, None if unknown; URLs are absolute.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """A project."""

    id: UUID
    name: str
    description: str
    created_at: int


@dataclass(frozen=True, slots=True)
class MaterialTip:
    """A tip as worded when it was applied."""

    key: str
    addition: str


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One progression. `url`, `start_url`: delivery images; `start_url` is empty without a start image.

    `key`, `start_key`: objects of the originals storage (`start_key` is empty without a start image).
    `judgment`: `pass`, `fail` or None. `size_bytes`: of the original. `ground`: the grey level of the background for a
    transparent picture; None for an opaque one.
    """

    id: UUID
    project_id: UUID
    parent_id: UUID | None
    job_id: UUID | None
    variant_index: int | None
    kind: str
    provider: str
    model: str
    prompt: str
    refined_prompt: str
    tips: tuple[MaterialTip, ...]
    url: str
    start_url: str
    key: str
    start_key: str
    width: int
    height: int
    size_bytes: int
    seed: int | None
    cost_usd: Decimal | None
    judgment: str | None
    notes: tuple[str, ...]
    tags: tuple[str, ...]
    retry_suggestion: str
    meta: Mapping[str, object]
    created_at: int
    ground: int | None = None

    @property
    def maker(self) -> str:
        """Provider and model in one line."""
        return f"{self.provider} · {self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One attempt at a step of a variant. `status`: `ok`, `failed`, `sent` or `unknown`. `ms`: None if not known."""

    name: str
    attempt: int
    status: str
    ms: int | None
    code: str


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """One image requested from one provider. `ms`: from its first step to its end, None if it has not ended."""

    id: UUID
    provider: str
    model: str
    index: int
    number: int
    seed: int
    status: str
    code: str
    error: str
    is_retryable: bool
    attempts: int
    cost_usd: Decimal | None
    duplicate_of: UUID | None
    distance: int | None
    image_id: UUID | None
    ms: int | None
    steps: tuple[StepFacts, ...]


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One prompt sent to several providers, with all its variants in order."""

    id: UUID
    project_id: UUID
    kind: str
    prompt: str
    providers: tuple[str, ...]
    variants_per_provider: int
    size: str
    seed: int | None
    models: Mapping[str, str]
    options: Mapping[str, object]
    allow_duplicates: bool
    max_cost_usd: Decimal | None
    start_image_url: str
    start_image_key: str
    mask_image_url: str
    mask_key: str
    parent_id: UUID | None
    retry_of: UUID | None
    status: str
    created_at: int
    variants: tuple[VariantFacts, ...]


@dataclass(frozen=True, slots=True)
class TipFacts:
    """A tip of the knowledge base as it is now."""

    key: str
    provider: str
    guidance: str
    addition: str
    kinds: tuple[str, ...]
    keywords: tuple[str, ...]
    position: int
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A stored object and the row it belongs to, such as `image_progressions/<id>`.

    `storage`: `originals`, `delivery` (this server), or `elsewhere` for a delivery image of another service: its key is
    its URL, and it is not read. `size_bytes` and `sha256` are None if it is missing or not read.
    """

    storage: str
    key: str
    row: str
    media_type: str
    size_bytes: int | None
    sha256: str | None

    @property
    def is_missing(self) -> bool:
        """Whether a row names it but it does not exist."""
        return self.sha256 is None and self.storage != "elsewhere"


def _no_bytes(key: str) -> bytes:
    raise FileNotFoundError(key)


def _no_objects() -> tuple[StoredObject, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Material:
    """Everything an artifact can be made from.

    `images`: the progressions, parents before children, otherwise oldest first. `read(key)`: the bytes of an original;
    FileNotFoundError if it is gone; reads the storage each time. `objects()`: every object of these projects, each read
    and digested; slow. `origin`: the base URL of this Dali. `left_out`: images that cannot be shown, and why; the
    generator fills it.
    """

    title: str
    projects: tuple[ProjectFacts, ...]
    images: tuple[ImageFacts, ...] = ()
    jobs: tuple[JobFacts, ...] = ()
    tips: tuple[TipFacts, ...] = ()
    origin: str = ""
    read: Callable[[str], bytes] = field(default=_no_bytes, compare=False)
    objects: Callable[[], tuple[StoredObject, ...]] = field(default=_no_objects, compare=False)
    left_out: dict[UUID, str] = field(default_factory=dict, compare=False)
