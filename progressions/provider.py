"""The contract of image providers, and their registry.

Who calls what, when: `missing` at start, in `GET /api/providers` and at submission; `check` at
submission, before anything is stored or spent, and again by the worker; `call` in a worker thread,
at most once at a time for one variant, with no transaction open and no database connection held. A provider does one
exchange and returns or raises: it never retries, never sleeps on a rate limit, touches no row, no
storage and no other plug-in. Retries, cooldowns and budgets are the orchestrator's.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, TypedDict

from dali.lib.calls.answers.usage import Usage
from dali.lib.cleaning import clean_facts, clean_number, clean_text
from dali.lib.clock import Deadline
from dali.lib.registry import Configurable, Registry
from progressions.enums import Kind

# What the columns hold.
_MOST_MODEL, _MOST_SEED, _MOST_USD = 120, 2**63 - 1, 100_000


class SizeLimits(TypedDict):
    """Pixels that a provider takes."""

    min_px: int
    max_px: int


class PriceEstimate(TypedDict):
    """What one image costs, as far as it is known beforehand."""

    usd_per_image: float
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """What a provider is asked for.

    `prompt`: refined, 1 to 40,000 characters. `seed`: 0 to 2**32 - 1. `size`: (width, height) in pixels, None where
    the client named none. `start_image`: PNG, 8-bit sRGB (RGB or RGBA), upright; there for every kind but
    `generate`. `mask`: PNG, 8-bit grey, 255 = repaint, 0 = keep, of the start image's size; there for `inpaint`.
    `options`: the part of the job's options under the provider's name. `variant_index` counts from 0 within the
    provider, `attempt` from 1 for the variant. `deadline` holds for the whole call, also against a slow drip.
    `on_partial` takes bytes of a preview (any format) where a provider has one before the end.
    """

    kind: Kind
    prompt: str
    seed: int
    model: str
    deadline: Deadline
    variant_index: int = 0
    attempt: int = 1
    size: tuple[int, int] | None = None
    start_image: bytes | None = None
    mask: bytes | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    on_partial: Callable[[bytes], None] | None = None


@dataclass(frozen=True, slots=True)
class ProviderImage:
    """A provider's answer.

    `content`: its own bytes, PNG, JPEG or WebP, kept as they are. `model`: the one that made it. `seed`:
    the one it used, None where it takes none. `usage`: what the call used, as far as it is known; its cost is worked
    out from the price table. `cost_usd`: only where the provider itself knows what it cost (never 0 for
    unknown). `meta`: JSON-able facts for the record (size asked and made, request id, the prompt as it was
    revised). What a service says is taken as it comes: texts and facts are cleaned here, and a seed or cost that is
    none is None.
    """

    content: bytes
    model: str
    seed: int | None = None
    cost_usd: Decimal | None = None
    meta: Mapping[str, object] = field(default_factory=dict)
    usage: Usage | None = None

    def __post_init__(self) -> None:
        """Nothing that is said beside the picture may keep it from being stored."""
        content: object = self.content
        if not isinstance(content, bytes):
            whole = bytes(content) if isinstance(content, bytearray | memoryview) else b""
            object.__setattr__(self, "content", whole)
        object.__setattr__(self, "model", clean_text(self.model, _MOST_MODEL))
        object.__setattr__(self, "meta", clean_facts(self.meta))
        if clean_number(self.seed, _MOST_SEED) is None or not isinstance(self.seed, int):
            object.__setattr__(self, "seed", None)
        if clean_number(self.cost_usd, _MOST_USD) is None:
            object.__setattr__(self, "cost_usd", None)
        if not isinstance(self.usage, Usage):
            object.__setattr__(self, "usage", None)


@dataclass(frozen=True, slots=True)
class Draft:
    """What can be checked of a request before anything is stored or fetched."""

    kind: Kind
    prompt: str
    model: str
    size: tuple[int, int] | None
    options: Mapping[str, object]


class Provider(Configurable, ABC):
    """One image service."""

    name: ClassVar[str]
    title: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]]
    models: ClassVar[tuple[str, ...]]  # the first is the default
    sizes: ClassVar[tuple[str, ...]]  # as "1024x1024": those worth offering; others may be mapped
    limits: ClassVar[SizeLimits]
    is_reproducible: ClassVar[bool] = False  # whether the same request gives the same bytes, always
    price: ClassVar[PriceEstimate | None] = None  # where the price table is not to say it

    def default_model(self) -> str:
        """The model used where the job names none."""
        return self.models[0]

    def default_model_for(self, kind: Kind) -> str:
        """The model used for this kind where the job names none: one that can do it, where there is one."""
        return self.default_model()

    def kinds_of(self, model: str) -> frozenset[Kind]:
        """What one model of `models` can do; together they make `kinds`."""
        return self.kinds

    def concurrency(self) -> int | None:
        """The most calls that one process may have under way; None: as many as it has threads."""
        return None

    def estimate(self, draft: Draft) -> Usage | None:
        """What one image of this draft will use, rather too much than too little; None where nobody can say.

        Pure. For the price in `GET /api/providers` and for caps on spending.
        """
        return None

    def job_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """What `check` refuses, as JSON Schema: of a job's `size`, of the `model` and the `options` for this provider.

        For the OpenAPI document. What is missing here is not restricted there; what depends on the model or on
        other fields may be missing.
        """
        return {}

    @abstractmethod
    def check(self, draft: Draft) -> None:
        """Refuses what this provider does not take: unknown model, size or option.

        Raises InputError whose field is `models.<name>`, `prompt`, `size` or `options.<name>.<option>`.
        Pure: no network, no clock.
        """

    @abstractmethod
    def call(self, request: ProviderRequest) -> ProviderImage:
        """Makes one image, within `request.deadline`.

        Raises ProviderError, or VendorError (dali.lib.calls.failures) as it comes from a service, with one of
        the contract's outcomes, and nothing else on purpose; whatever else it raises is recorded as
        `internal`. It need not decode what it answers: the caller does.
        """

    # The kinds whose answers `finish` has work with.
    finishes: ClassVar[frozenset[Kind]] = frozenset()

    def finish(self, request: ProviderRequest, content: bytes) -> bytes:
        """The image that is kept, made of an answer: for a service that repaints more than it was asked to.

        Called for the kinds in `finishes` alone, once `content`, the answer's own bytes, is stored; also by another
        process than the one that asked, with a request that differs in `deadline`, `attempt` and
        `on_partial` alone. Pure, and the same bytes for the same input. Raises InvalidImageError where `content`
        does not decode. Called holding CPU_GATE.
        """
        return content


providers: Registry[Provider] = Registry(
    Provider, "progressions.vendors", "provider", group="progressions.providers"
)
