"""`options.openai` of a job, checked for the model."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, cast, get_args

from dali.lib.errors import InputError
from progressions.vendors.openai.image_models import ModelFamily

Quality: TypeAlias = Literal["low", "medium", "high", "xhigh", "max", "auto"]
Format: TypeAlias = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class OpenAIImageOptions:
    """The options; None means not given, so that the service's default applies."""

    quality: Quality | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    output_format: Format | None = None
    output_compression: int | None = None  # 0 to 100
    moderation: Literal["low", "auto"] | None = None
    input_fidelity: Literal["low", "high"] | None = None
    complexity: Literal["low", "medium", "high"] | None = None
    partial_images: int = 0  # previews before the end, 0 to 3


# The values of all models together, for the OpenAPI document.
OPTION_SCHEMAS: dict[str, Any] = {
    "quality": {"enum": list(get_args(Quality))},
    "background": {"enum": ["transparent", "opaque", "auto"]},
    "output_format": {"enum": list(get_args(Format))},
    "output_compression": {"type": "integer", "minimum": 0, "maximum": 100},
    "moderation": {"enum": ["low", "auto"]},
    "input_fidelity": {"enum": ["low", "high"]},
    "complexity": {"enum": ["low", "medium", "high"]},
    "partial_images": {"type": "integer", "minimum": 0, "maximum": 3},
}


def parse_options(options: Mapping[str, object], model: str, family: ModelFamily) -> OpenAIImageOptions:
    """Checks `options.openai`. Raises InputError with the option, its value and what is allowed."""
    known = [field.name for field in fields(OpenAIImageOptions)]
    for name in options:
        if name not in known:
            raise refusal(name, options[name], f"not an option of openai; known: {', '.join(known)}")
    parsed = OpenAIImageOptions(
        quality=cast(Quality | None, _choice(options, "quality", family.qualities, f" of {model}")),
        background=cast(
            Literal["transparent", "opaque", "auto"] | None,
            _choice(options, "background", ("transparent", "opaque", "auto")),
        ),
        output_format=cast(Format | None, _choice(options, "output_format", ("png", "jpeg", "webp"))),
        output_compression=_number(options, "output_compression", 100),
        moderation=cast(Literal["low", "auto"] | None, _choice(options, "moderation", ("low", "auto"))),
        input_fidelity=cast(
            Literal["low", "high"] | None,
            _choice(options, "input_fidelity", family.fidelities, f" of {model}"),
        ),
        complexity=cast(
            Literal["low", "medium", "high"] | None,
            _choice(
                options,
                "complexity",
                ("low", "medium", "high") if family.has_complexity else (),
                f" of {model}",
            ),
        ),
        partial_images=_number(options, "partial_images", 3) or 0,
    )
    _check_together(parsed, model, family)
    return parsed


def refusal(name: str, value: object, cure: str) -> InputError:
    """The error for one option."""
    return InputError(f"options.openai.{name}", f"{value!r} is {cure}")


def _check_together(parsed: OpenAIImageOptions, model: str, family: ModelFamily) -> None:
    """Checks combinations of options."""
    if parsed.background == "transparent":
        if not family.has_transparency:
            raise refusal(
                "background", "transparent", f"not supported by {model}; use gpt-image-2.5 or later"
            )
        if parsed.output_format == "jpeg":
            raise refusal(
                "background", "transparent", "not possible with output_format 'jpeg'; use 'png' or 'webp'"
            )
    if parsed.output_compression is not None and parsed.output_format not in ("jpeg", "webp"):
        cure = "only allowed with output_format 'jpeg' or 'webp'; leave it out or set one of them"
        raise refusal("output_compression", parsed.output_compression, cure)


def _choice(options: Mapping[str, object], name: str, choices: tuple[str, ...], of: str = "") -> str | None:
    if name not in options:
        return None
    value = options[name]
    if not choices:
        raise refusal(name, value, f"not an option{of}; leave it out")
    if value not in choices:
        raise refusal(name, value, f"not a value{of}; known: {', '.join(choices)}")
    return str(value)


def _number(options: Mapping[str, object], name: str, most: int) -> int | None:
    if name not in options:
        return None
    value = options[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise refusal(name, value, f"not a whole number from 0 to {most}")
    return value
