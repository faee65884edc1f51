"""The provider `mock`: paints images from words on this machine, without a network, and fails on request."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.pictures.fitting import cover
from dali.lib.pictures.images import CPU_GATE, InvalidImageError, decode, decode_mask
from dali.lib.web.schema.fields import closed, size_pattern
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.provider import (
    Draft,
    OptionReader,
    PriceEstimate,
    Provider,
    ProviderImage,
    ProviderRequest,
    SizeLimits,
    size_text,
)
from progressions.vendors.mock.painter import retouch
from progressions.vendors.mock.painter.png import encode_png
from progressions.vendors.mock.painter.scene import paint_scene
from progressions.vendors.mock.painter.treatment import treat
from progressions.vendors.mock.painter.words import Brief, read_prompt

_DEFAULT_SIZE = (1024, 1024)
_FAULTS = {
    "refused": "the mock's safety system refused, as options.mock.fault asked",
    "rate_limited": "the mock's rate limit is reached, as options.mock.fault asked",
    "timeout": "the mock did not answer in time, as options.mock.fault asked",
    "provider_error": "the mock answered 502, as options.mock.fault asked",
    "corrupt": "",  # answers with half an image
    "duplicate": "",  # answers with the same image for every seed and variant
}
_SLICE_S = 0.1


@dataclass(frozen=True, slots=True)
class MockOptions:
    """`options.mock`, checked.

    `latency_s`: duration of a call. `fault`: a key of _FAULTS, or empty. It occurs in the first `fault_attempts` calls
    for a variant (None: in all), and only for variants whose index is in `fault_variants` (None: for all).
    `retry_after_s`: the pause that a rate limit asks for.
    """

    latency_s: float = 0.0
    fault: str = ""
    retry_after_s: float = 1.0
    fault_attempts: int | None = None
    fault_variants: frozenset[int] | None = None

    def fault_for(self, request: ProviderRequest) -> str:
        """The fault of this call; empty for none."""
        if self.fault_attempts is not None and request.attempt > self.fault_attempts:
            return ""
        if self.fault_variants is not None and request.variant_index not in self.fault_variants:
            return ""
        return self.fault


class MockProvider(Provider):
    """Paints on this machine; the same prompt, seed, variant, size and kind give the same bytes."""

    name = "mock"
    title = "Mock painter (built in)"
    kinds = frozenset(Kind)
    is_reproducible = True
    models = ("mock-painter-1",)
    sizes = ("512x512", "1024x1024", "1536x1024", "1024x1536", "2048x2048")
    limits: ClassVar[SizeLimits] = {"min_px": 64, "max_px": 2048}
    price: ClassVar[PriceEstimate | None] = {
        "usd_per_image": 0.0,
        "source": "built in: made on this machine",
        "date": "2026-11-22",
    }

    def check(self, draft: Draft) -> None:
        """Checks the model, sides of 64 to 2048 pixels, and the options."""
        if draft.model not in self.models:
            raise InputError(
                "models.mock", f"'{draft.model}' is not a model of mock; known: {', '.join(self.models)}"
            )
        self.check_size(draft)
        parse_options(draft.options)

    def job_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """See Provider."""
        return {
            "size": {"pattern": size_pattern(self.limits["min_px"], self.limits["max_px"])},
            "model": {"enum": list(self.models)},
            "options": closed(_OPTION_SCHEMAS),
        }

    def call(self, request: ProviderRequest) -> ProviderImage:
        """Paints one image, with the latency and the fault of the options."""
        options = parse_options(request.options)
        fault = options.fault_for(request)
        _wait(options.latency_s, request.deadline)
        if _FAULTS.get(fault):
            raise ProviderError(
                Code(fault),
                _FAULTS[fault],
                retry_after_s=options.retry_after_s if fault == "rate_limited" else None,
            )
        with CPU_GATE:
            image, meta = _paint(request, is_duplicate=fault == "duplicate")
            content = encode_png(image)
        if fault == "corrupt":
            content = content[: len(content) // 2]
        if request.size is not None:
            meta["requested"] = {"size": size_text(request.size)}
        meta["size"] = size_text(image.size)
        return ProviderImage(content, self.models[0], seed=request.seed, cost_usd=Decimal(0), meta=meta)


def parse_options(options: Mapping[str, object]) -> MockOptions:
    """Checks `options.mock`. Raises InputError with the option, its value and what is allowed."""
    given = OptionReader("mock", options, sorted(_OPTION_SCHEMAS))
    values = {
        "latency_s": given.number("latency_s", 0, 3600, "number of seconds"),
        "fault": given.choice("fault", sorted(_FAULTS), "a fault"),
        "retry_after_s": given.number("retry_after_s", 0, 3600, "number of seconds"),
        "fault_attempts": given.integer("fault_attempts", 1, 20, "number of attempts"),
        "fault_variants": _variants(given, options),
    }
    return MockOptions(**{name: values[name] for name in options})  # type: ignore[arg-type] # each fits its field


def _variants(given: OptionReader, options: Mapping[str, object]) -> frozenset[int] | None:
    if "fault_variants" not in options:
        return None
    indexes = options["fault_variants"]
    if not isinstance(indexes, list | tuple) or not indexes:
        raise given.refusal("fault_variants", "not a list of variant indexes, as in [0, 2]")
    if not all(isinstance(index, int) and not isinstance(index, bool) and index >= 0 for index in indexes):
        cure = "not a list of variant indexes: each must be a whole number from 0"
        raise given.refusal("fault_variants", cure)
    return frozenset(indexes)


_SECONDS = {"type": "number", "minimum": 0, "maximum": 3600}
_OPTION_SCHEMAS = {
    "latency_s": {**_SECONDS, "description": "Duration of a call, in seconds."},
    "fault": {"enum": sorted(_FAULTS), "description": "The fault to simulate."},
    "retry_after_s": {**_SECONDS, "description": "The pause that a rate limit asks for, in seconds."},
    "fault_attempts": {
        "type": "integer",
        "minimum": 1,
        "maximum": 20,
        "description": "Number of first calls for a variant in which the fault occurs; default: all.",
    },
    "fault_variants": {
        "type": "array",
        "minItems": 1,
        "items": {"type": "integer", "minimum": 0},
        "description": "Indexes of the variants in which the fault occurs; default: all.",
    },
}


def _wait(seconds: float, deadline: Deadline) -> None:
    """Sleeps in slices. Raises ProviderError `timeout` if the deadline passes first."""
    until = Deadline.after(seconds)
    while not until.has_passed and not deadline.has_passed:
        time.sleep(min(_SLICE_S, until.left_s(), deadline.left_s()))
    if deadline.has_passed:
        raise ProviderError(Code.TIMEOUT, "the mock did not answer before the deadline")


def _paint(request: ProviderRequest, *, is_duplicate: bool) -> tuple[Image.Image, dict[str, object]]:
    brief = read_prompt(request.prompt)
    rng = _generator(request, brief, is_duplicate=is_duplicate)
    meta: dict[str, object] = {"understood": brief.understood}
    if request.kind == Kind.GENERATE:
        scene = paint_scene(brief, rng, request.size or _DEFAULT_SIZE)
        return treat(scene, brief.treatment, rng, is_monochrome=brief.is_monochrome), meta
    start = _opened(request, request.start_image, "start image", lambda content: decode(content).image)
    if request.kind == Kind.INPAINT:
        mask = _opened(request, request.mask, "mask", lambda content: decode_mask(content, start.size))
        return retouch.inpaint(start, mask, brief, rng), meta
    if request.kind == Kind.OUTPAINT:
        image, at = retouch.outpaint(start, _wider(start.size, request.size), brief, rng)
        meta["start_image_at"] = list(at)
        return image, meta
    if request.kind == Kind.UPSCALE:
        return retouch.upscale(start, _larger(start.size, request.size)), meta
    framed = _framed(start, request.size)
    return (retouch.edit if request.kind == Kind.EDIT else retouch.vary)(framed, brief, rng), meta


def _generator(request: ProviderRequest, brief: Brief, *, is_duplicate: bool) -> np.random.Generator:
    """A random generator that depends only on the request. Not seeded by `hash()`, which differs between processes."""
    whims = "" if is_duplicate else f"{request.seed}/{request.variant_index}"
    digest = hashlib.sha256(f"{request.kind}/{whims}/".encode() + brief.digest).digest()
    return np.random.default_rng(int.from_bytes(digest))


def _opened(
    request: ProviderRequest, content: bytes | None, what: str, read: Callable[[bytes], Image.Image]
) -> Image.Image:
    """The start image or mask. Raises ProviderError if it is missing or unreadable."""
    if content is None:
        message = f"mock cannot {request.kind} without a {what}"
        raise ProviderError(Code.PROVIDER_ERROR, message, is_retryable=False)
    try:
        return read(content)
    except InvalidImageError as error:
        raise ProviderError(Code.INVALID_IMAGE, f"the {what}: {error}") from error


def _framed(start: Image.Image, size: tuple[int, int] | None) -> Image.Image:
    """The start image cut to the requested size; without one, scaled down to at most 2048 pixels a side."""
    if size is None:
        scale = min(1.0, 2048 / max(start.size))
        size = max(1, round(start.width * scale)), max(1, round(start.height * scale))
    return start if size == start.size else cover(start, size, resample=Image.Resampling.LANCZOS)


def _wider(start: tuple[int, int], asked: tuple[int, int] | None) -> tuple[int, int]:
    """The canvas of an outpaint: the requested size, at least that of the start image; by default 1.5 times that."""
    width, height = (max(side, wanted) for side, wanted in zip(start, asked or start, strict=True))
    return (width, height) if (width, height) != start else (round(start[0] * 1.5), round(start[1] * 1.5))


def _larger(start: tuple[int, int], asked: tuple[int, int] | None) -> tuple[int, int]:
    """The size of an upscale: the requested size if it is larger, otherwise twice as large, up to 2048 a side."""
    if asked is not None and asked[0] >= start[0] and asked[1] >= start[1] and asked != start:
        return asked
    scale = min(2.0, 2048 / max(start))
    size = round(start[0] * scale), round(start[1] * scale)
    if size <= start:
        raise ProviderError(
            Code.PROVIDER_ERROR,
            f"mock upscales to at most 2048 pixels a side, and the start image has {size_text(start)}",
            is_retryable=False,
        )
    return size
