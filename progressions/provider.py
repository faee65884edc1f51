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
from typing import ClassVar, TypedDict

from dali.lib.clock import Deadline
from dali.lib.registry import Registry
from progressions.enums import Kind


class SizeLimits(TypedDict):
    """Pixels that a provider takes."""

    min_px: int
    max_px: int


class Price(TypedDict):
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
    the one it used, None where it takes none. `cost_usd`: from what it reported, None where unknown
    (never 0 for unknown). `meta`: JSON-able facts for the record (size asked and made, request id, usage).
    """

    content: bytes
    model: str
    seed: int | None = None
    cost_usd: Decimal | None = None
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """What can be checked of a request before anything is stored or fetched."""

    kind: Kind
    prompt: str
    model: str
    size: tuple[int, int] | None
    options: Mapping[str, object]


class Provider(ABC):
    """One image service."""

    name: ClassVar[str]
    title: ClassVar[str]
    kinds: ClassVar[frozenset[Kind]]
    models: ClassVar[tuple[str, ...]]  # the first is the default
    sizes: ClassVar[tuple[str, ...]]  # as "1024x1024": those worth offering; others may be mapped
    limits: ClassVar[SizeLimits]
    price: ClassVar[Price | None] = None

    def missing(self) -> list[str]:
        """Names of the settings that must be set before it can be called; empty: it is configured."""
        return []

    def default_model(self) -> str:
        """The model used where the job names none."""
        return self.models[0]

    @abstractmethod
    def check(self, draft: Draft) -> None:
        """Refuses what this provider does not take: unknown model, size or option.

        Raises InputError whose field is `models.<name>`, `size` or `options.<name>.<option>`.
        Pure: no network, no clock.
        """

    @abstractmethod
    def call(self, request: ProviderRequest) -> ProviderImage:
        """Makes one image, within `request.deadline`.

        Raises ProviderError, with one of the contract's outcomes, and nothing else on purpose; whatever else
        it raises is recorded as `internal`. It need not decode what it answers: the caller does.
        """


providers: Registry[Provider] = Registry(Provider, "progressions.providers")
