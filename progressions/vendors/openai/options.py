"""`options.openai` of a job, checked for the model."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from progressions.provider import OptionReader
from progressions.vendors.openai.image_models import ModelFamily


@dataclass(frozen=True, slots=True)
class OpenAIImageOptions:
    """The options; None means not given, so that the service's default applies."""

    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None  # 0 to 100
    moderation: str | None = None
    input_fidelity: str | None = None
    complexity: str | None = None
    partial_images: int = 0  # previews before the end, 0 to 3


# The values of all models together, for the OpenAPI document.
OPTION_SCHEMAS: dict[str, Any] = {
    "quality": {"enum": ["low", "medium", "high", "xhigh", "max", "auto"]},
    "background": {"enum": ["transparent", "opaque", "auto"]},
    "output_format": {"enum": ["png", "jpeg", "webp"]},
    "output_compression": {"type": "integer", "minimum": 0, "maximum": 100},
    "moderation": {"enum": ["low", "auto"]},
    "input_fidelity": {"enum": ["low", "high"]},
    "complexity": {"enum": ["low", "medium", "high"]},
    "partial_images": {"type": "integer", "minimum": 0, "maximum": 3},
}


def parse_options(options: Mapping[str, object], model: str, family: ModelFamily) -> OpenAIImageOptions:
    """Checks `options.openai`. Raises InputError with the option, its value and what is allowed."""
    given = OptionReader("openai", options, tuple(OPTION_SCHEMAS))

    def choice(name: str) -> str | None:
        return given.choice(name, OPTION_SCHEMAS[name]["enum"], "a value")

    def choice_of_model(name: str, known: Collection[str]) -> str | None:
        if name in options and not known:
            raise given.refusal(name, f"not an option of {model}; leave it out")
        return given.choice(name, known, f"a value of {model}")

    parsed = OpenAIImageOptions(
        choice_of_model("quality", family.qualities),
        choice("background"),
        choice("output_format"),
        given.integer("output_compression", 0, 100),
        choice("moderation"),
        choice_of_model("input_fidelity", family.fidelities),
        choice_of_model("complexity", OPTION_SCHEMAS["complexity"]["enum"] if family.has_complexity else ()),
        given.integer("partial_images", 0, 3) or 0,
    )
    _check_together(given, parsed, model, family)
    return parsed


def _check_together(given: OptionReader, parsed: OpenAIImageOptions, model: str, family: ModelFamily) -> None:
    """Checks combinations of options."""
    if parsed.background == "transparent":
        if not family.has_transparency:
            raise given.refusal("background", f"not supported by {model}; use gpt-image-2.5 or later")
        if parsed.output_format == "jpeg":
            cure = "not possible with output_format 'jpeg'; use 'png' or 'webp'"
            raise given.refusal("background", cure)
    if parsed.output_compression is not None and parsed.output_format not in ("jpeg", "webp"):
        cure = "only allowed with output_format 'jpeg' or 'webp'; leave it out or set one of them"
        raise given.refusal("output_compression", cure)
