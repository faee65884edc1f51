"""The contract of image providers, and their registry.

Who calls what, and when: `missing` at start, in `GET /api/providers` and at submission; `check` at submission, before
anything is stored or spent, and again in the worker; `call` in a worker thread, at most once at a time for a variant,
with no transaction open and no database connection held. A provider makes one call to its service and returns or
raises. It must not retry, wait for a rate limit, or touch rows, storage or other plug-ins: retries, cooldowns and
budgets belong to the orchestrator.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import UnionType
from typing import Any, ClassVar, TypedDict

from dali.lib.calls.answers.usage import Usage
from dali.lib.cleaning import clean_facts, clean_number, clean_text
from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.registry import Configurable, Registry
from progressions.enums import Kind

# Limits of the database columns.
_MOST_MODEL, _MOST_SEED, _MOST_USD = 120, 2**63 - 1, 100_000


class SizeLimits(TypedDict):
    """The smallest and largest side, in pixels, that a provider accepts."""

    min_px: int
    max_px: int


class PriceEstimate(TypedDict):
    """The expected price of one image. `date`: when it was read, as `2026-11-22`."""

    usd_per_image: float
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """The image that a provider is asked to make.

    `prompt`: refined, 1 to 40,000 characters. `seed`: 0 to 2**32 - 1. `size`: (width, height) in pixels, or None if the
    client gave none. `start_image`: PNG, 8-bit sRGB (RGB or RGBA), upright; None only for `generate`. `mask`: PNG,
    8-bit grey, of the start image's size, 255 = repaint, 0 = keep; only for `inpaint`. `options`: the part of the job's
    options under the provider's name. `variant_index` counts from 0 within the provider, `attempt` from 1 within the
    variant. `deadline` applies to the whole call, including the time to read the answer. `on_partial`: call it with the
    bytes of a preview, in any format, if the service sends previews.
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
    """A provider's answer. Values from the service can be passed as they are: they are cleaned here.

    `content`: the service's own bytes, PNG, JPEG or WebP; they are stored unchanged. `model`: the model that made the
    image. `seed`: the seed that was used, or None if the model takes none. `usage`: what the call used, or None if
    unknown; the price table gives its cost. `cost_usd`: only if the service reports the cost itself; never 0 for
    unknown. `meta`: facts for the record that JSON can hold (requested and actual size, request id, revised prompt).
    Here an invalid seed, cost or usage becomes None.
    """

    content: bytes
    model: str
    seed: int | None = None
    cost_usd: Decimal | None = None
    meta: Mapping[str, object] = field(default_factory=dict)
    usage: Usage | None = None

    def __post_init__(self) -> None:
        """Cleans every value, so that nothing beside the image prevents storing it."""
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
    """The parts of a request that can be checked before anything is stored or fetched; as in ProviderRequest."""

    kind: Kind
    prompt: str
    model: str
    size: tuple[int, int] | None
    options: Mapping[str, object]


def size_text(size: tuple[int, int]) -> str:
    """A size as in the API: `1024x768`."""
    return f"{size[0]}x{size[1]}"


class OptionReader:
    """Reads `options.<provider>` of a job. All methods are pure.

    Raises InputError with the option, its value and what is allowed; also for an option that is not in `known`. Errors
    show at most `most_shown` characters of a value; None: all of it.
    """

    def __init__(
        self,
        provider: str,
        options: Mapping[str, object],
        known: Collection[str],
        *,
        most_shown: int | None = None,
    ) -> None:
        self._provider = provider
        self._options = options
        self._most_shown = most_shown
        for name in options:
            if name not in known:
                raise self.refusal(name, f"not an option of {provider}; known: {', '.join(known)}")

    def refusal(self, name: str, cure: str) -> InputError:
        """The error for one option."""
        shown = repr(self._options[name])
        if self._most_shown is not None and len(shown) > self._most_shown:
            shown = f"{shown[: self._most_shown]}..."
        return InputError(f"options.{self._provider}.{name}", f"{shown} is {cure}")

    def choice(self, name: str, choices: Collection[str], what: str) -> str | None:
        """One of `choices`; None if the option is not given. `what`: as in "a value of gpt-image-2"."""
        if name not in self._options:
            return None
        value = self._options[name]
        if not isinstance(value, str) or value not in choices:
            raise self.refusal(name, f"not {what}; known: {', '.join(choices)}")
        return value

    def number(self, name: str, least: float, most: float, what: str = "number") -> float | None:
        """A number from `least` to `most`; None if the option is not given. `what`: as in "number of seconds"."""
        return self._within(name, int | float, least, most, what)

    def integer(self, name: str, least: int, most: int, what: str = "whole number") -> int | None:
        """As `number`, for whole numbers."""
        found = self._within(name, int, least, most, what)
        return None if found is None else int(found)

    def _within(
        self, name: str, types: type | UnionType, least: float, most: float, what: str
    ) -> float | None:
        if name not in self._options:
            return None
        value: Any = self._options[name]
        is_number = isinstance(value, types) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:
            raise self.refusal(name, f"not a {what} from {least:g} to {most:g}")
        return float(value)


class Provider(Configurable, ABC):
    """One image service."""

    name: ClassVar[str]  # lower case; clients, settings and tips use it
    title: ClassVar[str]  # for people
    kinds: ClassVar[frozenset[Kind]]
    models: ClassVar[tuple[str, ...]]  # the first is the default
    sizes: ClassVar[tuple[str, ...]]  # suggestions, as "1024x1024"; `check` may accept others
    limits: ClassVar[SizeLimits]
    is_reproducible: ClassVar[bool] = False  # the same request always gives the same bytes
    price: ClassVar[PriceEstimate | None] = None  # replaces the price table's estimate

    def default_model(self) -> str:
        """The model for jobs that name none."""
        return self.models[0]

    def default_model_for(self, kind: Kind) -> str:
        """The model for jobs of this kind that name none; one that can do the kind, if there is one."""
        return self.default_model()

    def kinds_of(self, model: str) -> frozenset[Kind]:
        """The kinds that one of `models` can do. All models together give `kinds`."""
        return self.kinds

    def concurrency(self) -> int | None:
        """The maximum number of simultaneous calls in a process; None: no limit but the number of threads."""
        return None

    def estimate(self, draft: Draft) -> Usage | None:
        """The usage of one image of this draft, rather too high than too low; None if unknown. Pure.

        Used for the price in `GET /api/providers` and for spending caps.
        """
        return None

    def job_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """The rules of `check` as JSON Schemas, under the keys `size`, `model` and `options`, for the OpenAPI document.

        A missing key means no restriction. Rules that depend on the model or on other fields may be left out.
        """
        return {}

    def check_size(self, draft: Draft) -> None:
        """For `check`: both sides must be within `limits`. Raises InputError."""
        least, most = self.limits["min_px"], self.limits["max_px"]
        if draft.size is not None and not least <= min(draft.size) <= max(draft.size) <= most:
            cure = f"not a size of {self.name}; each side must be from {least} to {most} pixels"
            raise InputError("size", f"'{size_text(draft.size)}' is {cure}")

    @abstractmethod
    def check(self, draft: Draft) -> None:
        """Rejects a model, size, prompt or option that this provider does not accept. Pure: no network, no clock.

        Raises InputError with the field `models.<name>`, `prompt`, `size` or `options.<name>.<option>`.
        """

    @abstractmethod
    def call(self, request: ProviderRequest) -> ProviderImage:
        """Makes one image, within `request.deadline`. The caller decodes and checks the answer.

        Raises ProviderError or VendorError (dali.lib.calls.failures) with one of the contract's outcomes. Any other
        exception is a fault of the plug-in and is recorded as `internal`.
        """

    # The kinds of which `finish` changes the answers.
    finishes: ClassVar[frozenset[Kind]] = frozenset()

    def finish(self, request: ProviderRequest, content: bytes) -> bytes:
        """The final image, made from an answer: for a service that repaints more than it was asked to.

        Called only for the kinds in `finishes`, after `content`, the answer's own bytes, is stored, and holding
        CPU_GATE. Another process may call it, with a request that differs only in `deadline`, `attempt` and
        `on_partial`. Pure: the same input gives the same bytes. Raises InvalidImageError if `content` does not decode.
        """
        return content


providers: Registry[Provider] = Registry(
    Provider, "progressions.vendors", "provider", group="progressions.providers"
)
