"""The provider `gemini`: Google's image models, through the Gemini Developer API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from django.conf import settings
from google.genai import types
from PIL import Image

from dali.lib.calls.answers.json_reading import text_at
from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.errors import InputError
from dali.lib.pictures import compositing
from dali.lib.pictures.compositing import Frame, OutpaintPlan, Size
from dali.lib.pictures.images import CPU_GATE, InvalidImageError, decode, decode_mask
from dali.lib.web.schema.fields import closed, size_pattern
from progressions.enums import Kind
from progressions.provider import (
    Draft,
    OptionReader,
    Provider,
    ProviderImage,
    ProviderRequest,
    SizeLimits,
    size_text,
)
from progressions.vendors.gemini import api
from progressions.vendors.gemini.images import (
    IMAGE_SIZES,
    INSTRUCTIONS,
    MODELS,
    GeminiImageModel,
    image_part,
    unlisted,
)

# The API's `seed` is a TYPE_INT32; Dali's go up to 2**32 - 1.
_MOST_SEED = 2**31 - 1
# Maximum tokens of a sent image (560 with gemini-3-pro-image), and observed tokens of thoughts.
_INPUT_IMAGE_TOKENS, _THOUGHT_TOKENS = 1120, 1000
_GREY = (128, 128, 128)
_Parts = list[types.Part]


@dataclass(frozen=True, slots=True)
class GeminiOptions:
    """`options.gemini`, checked; None: the service's default, or what follows from the requested size."""

    aspect_ratio: str | None = None
    image_size: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    thinking_level: str | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The shape and size to ask for, and the position of the sent image on a canvas of that size."""

    ratio: str
    image_size: str
    frame: Frame
    outpaint: OutpaintPlan | None = None


class GeminiProvider(Provider):
    """One call of `generateContent` for each image."""

    name = "gemini"
    required_settings = ("GEMINI_API_KEY",)
    title = "Google Gemini"
    kinds = frozenset(Kind)
    models = tuple(MODELS)
    sizes = (
        "512x512", "1024x1024", "848x1264", "1264x848", "896x1200", "1200x896", "768x1376", "1376x768", "1584x672",
        "2048x2048", "1696x2528", "2528x1696", "1536x2752", "2752x1536", "4096x4096",
    )  # fmt: skip
    limits: ClassVar[SizeLimits] = {"min_px": 64, "max_px": 12_288}
    finishes = frozenset({Kind.INPAINT, Kind.OUTPAINT, Kind.UPSCALE})

    def default_model(self) -> str:
        """DALI_GEMINI_MODEL."""
        return str(settings.GEMINI_MODEL)

    def default_model_for(self, kind: Kind) -> str:
        """DALI_GEMINI_MODEL; for an upscale another model if that one only makes 1K."""
        named = self.default_model()
        return named if kind in self.kinds_of(named) else self.models[0]

    def kinds_of(self, model: str) -> frozenset[Kind]:
        """All kinds; but an upscale needs a model that makes more than 1K."""
        return self.kinds if _model(model).upscales else self.kinds - {Kind.UPSCALE}

    def concurrency(self) -> int | None:
        """DALI_GEMINI_CONCURRENCY."""
        return int(settings.GEMINI_CONCURRENCY)

    def check(self, draft: Draft) -> None:
        """Checks the model (MODELS or DALI_GEMINI_MODEL), sides of 64 to 12288 pixels, and the options."""
        model = _model(draft.model)
        self.check_size(draft)
        _check_kind(draft.kind, model, parse_options(draft.options, model))

    def job_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """See Provider. The values are those of all models together."""
        options = {
            "aspect_ratio": {"enum": _any_of(model.ratios for model in MODELS.values())},
            "image_size": {"enum": _any_of(model.nameable for model in MODELS.values())},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "top_p": {"type": "number", "minimum": 0, "maximum": 1},
            "thinking_level": {"enum": _any_of(model.thinking for model in MODELS.values())},
        }
        return {
            "size": {"pattern": size_pattern(self.limits["min_px"], self.limits["max_px"])},
            "model": {"enum": _any_of([MODELS, [self.default_model()]])},
            "options": closed(options),
        }

    def estimate(self, draft: Draft) -> Usage | None:
        """The tokens of the requested image size; of the largest if the start image decides it."""
        model = _model(draft.model)
        image_size = parse_options(draft.options, model).image_size
        if draft.kind == Kind.UPSCALE or (image_size is None and draft.kind in self.finishes):
            image_size = model.image_sizes[-1]
        elif image_size is None:
            image_size = "1K" if draft.size is None else model.image_size_for(draft.size)
        images = {Kind.GENERATE: 0, Kind.INPAINT: 2}.get(draft.kind, 1)
        # A token has at least three bytes; the text around the prompt has fewer than 200 tokens.
        units = {
            Unit.TEXT_INPUT: len(draft.prompt.encode()) // 3 + 200,
            Unit.IMAGE_INPUT: images * _INPUT_IMAGE_TOKENS,
            Unit.TEXT_OUTPUT: _THOUGHT_TOKENS if model.takes_image_size else 0,
            Unit.IMAGE_OUTPUT: model.tokens[image_size],
        }
        return Usage(api.SERVICE, draft.model, {unit: count for unit, count in units.items() if count})

    def call(self, request: ProviderRequest) -> ProviderImage:
        """See Provider."""
        model = _model_asked(request.model)
        options = parse_options(request.options, model)
        plan, images = _shown(request, model, options)
        parts = [types.Part(text=INSTRUCTIONS[request.kind].format(prompt=request.prompt)), *images]
        seed = request.seed & _MOST_SEED
        config = _config(model, options, plan, seed)
        body = api.generate(
            settings.GEMINI_CONCURRENCY, model.name, parts, config, request.deadline, paints=True
        )
        usage = api.usage_of(model.name, body, paints=True)
        content = api.image_of(body, usage, request.deadline)
        meta: dict[str, object] = {"image_size": plan.image_size, "aspect_ratio": plan.ratio}
        if request.size is not None:
            meta["requested"] = {"size": size_text(request.size)}
        said = (
            ("request_id", text_at(body, "responseId")),
            ("version", text_at(body, "modelVersion")),
            ("text", api.text_of(body).strip()[:500]),
        )
        meta |= {name: value for name, value in said if value}
        return ProviderImage(content, model.name, seed=seed, meta=meta, usage=usage)

    def finish(self, request: ProviderRequest, content: bytes) -> bytes:
        """Restores what had to be kept; cuts an upscale to the exact shape of its start image."""
        if request.start_image is None:
            return content
        model = _model_asked(request.model)
        start = decode(request.start_image).image
        plan = _plan(request, model, parse_options(request.options, model), start.size)
        if request.kind == Kind.INPAINT and request.mask is not None:
            return compositing.repainted(request.start_image, request.mask, content, plan.frame)
        if plan.outpaint is not None:
            return compositing.outpainted(request.start_image, content, plan.outpaint, plan.frame)
        answer = decode(content).image
        scale = min(answer.width / start.width, answer.height / start.height)
        size = round(start.width * scale), round(start.height * scale)
        return content if size == answer.size else compositing.png(plan.frame.take(answer, size))


def _model(name: str) -> GeminiImageModel:
    if name in MODELS or name == settings.GEMINI_MODEL:
        return _model_asked(name)
    raise InputError("models.gemini", f"'{name}' is not a model of gemini; known: {', '.join(MODELS)}")


def _model_asked(name: str) -> GeminiImageModel:
    """The model, even if it is unlisted: DALI_GEMINI_MODEL may have changed since the job was submitted."""
    return MODELS.get(name) or unlisted(name)


def _check_kind(kind: Kind, model: GeminiImageModel, options: GeminiOptions) -> None:
    if kind in GeminiProvider.finishes and options.aspect_ratio:
        cure = f"not allowed for {kind}, which keeps the shape of its start image"
        raise _refusal("aspect_ratio", options.aspect_ratio, cure)
    if kind != Kind.UPSCALE:
        return
    if not model.upscales:
        able = ", ".join(known.name for known in MODELS.values() if known.upscales)
        cure = f"makes images of 1K and cannot upscale; these can: {able}"
        raise InputError("models.gemini", f"'{model.name}' {cure}")
    if options.image_size in ("512", "1K"):
        raise _refusal("image_size", options.image_size, "too small for an upscale; use 2K or 4K")


def _plan(
    request: ProviderRequest, model: GeminiImageModel, options: GeminiOptions, start: Size | None
) -> _Plan:
    """Depends only on the request and the start image, so that `finish` gets the same plan as `call`."""
    outpaint = None
    shown = start
    if start is not None and request.kind == Kind.OUTPAINT:
        outpaint = compositing.plan_outpaint(start, request.size, most_pixels=settings.MAX_IMAGE_PIXELS)
        shown = outpaint.canvas
    # Kinds with `finish` keep the shape of the sent image; others have the requested shape.
    is_shaped = request.kind in GeminiProvider.finishes
    ratio = options.aspect_ratio or model.ratio_for((None if is_shaped else request.size) or shown or (1, 1))
    if request.kind == Kind.UPSCALE and start is not None:
        image_size = _upscaled(request, model, options, start)
    else:
        sized_by = shown if is_shaped else request.size
        image_size = options.image_size or (model.image_size_for(sized_by) if sized_by else "1K")
    made = model.size_of(ratio, image_size)
    return _Plan(ratio, image_size, Frame.around(shown or made, made), outpaint)


def _upscaled(request: ProviderRequest, model: GeminiImageModel, options: GeminiOptions, start: Size) -> str:
    """The requested image size or 2K, but always larger than the start image."""
    least = model.image_size_above(start)
    if least is None:
        largest = model.size_of(model.ratio_for(start), model.image_sizes[-1])
        raise VendorError(
            "provider_error",
            f"{model.name} makes at most {size_text(largest)} pixels of this shape"
            f" and the start image has {size_text(start)}.",
            is_retryable=False,
        )
    asked = options.image_size or (model.image_size_for(request.size) if request.size else "2K")
    return max(least, asked, key=IMAGE_SIZES.index)


def _config(
    model: GeminiImageModel, options: GeminiOptions, plan: _Plan, seed: int
) -> types.GenerateContentConfig:
    thinking = None
    if options.thinking_level:
        thinking = types.ThinkingConfig(thinking_level=types.ThinkingLevel(options.thinking_level.upper()))
    image_size = plan.image_size if model.takes_image_size else None
    return types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=types.ImageConfig(aspect_ratio=plan.ratio, image_size=image_size),
        seed=seed,
        temperature=options.temperature,
        top_p=options.top_p,
        thinking_config=thinking,
    )


def _shown(request: ProviderRequest, model: GeminiImageModel, options: GeminiOptions) -> tuple[_Plan, _Parts]:
    """The plan and the images to send. Raises VendorError for an unreadable start image or mask."""
    if request.kind == Kind.GENERATE or request.start_image is None:
        return _plan(request, model, options, None), []
    try:
        with CPU_GATE:
            start = decode(request.start_image).image
            plan = _plan(request, model, options, start.size)
            return plan, _images(request, plan, start)
    except InvalidImageError as error:
        raise VendorError("invalid_image", f"The start image or mask: {error}") from error


def _images(request: ProviderRequest, plan: _Plan, start: Image.Image) -> _Parts:
    """The start image as the model should see it, and for an inpaint a mask of the same size."""
    if request.kind in (Kind.EDIT, Kind.VARIATION):
        return [image_part(start, request.start_image)]
    if plan.outpaint is not None:
        canvas = Image.new("RGB", plan.outpaint.canvas, _GREY)
        canvas.paste(start, plan.outpaint.at, start if start.mode == "RGBA" else None)
        return [image_part(plan.frame.put(canvas))]
    images = [image_part(plan.frame.put(start))]
    if request.kind == Kind.INPAINT:
        if request.mask is None:
            raise InvalidImageError("an inpaint needs a mask")
        images.append(image_part(plan.frame.put_mask(decode_mask(request.mask, start.size))))
    return images


def parse_options(options: Mapping[str, object], model: GeminiImageModel) -> GeminiOptions:
    """Checks `options.gemini` for a model. Raises InputError with the option, its value and what is allowed."""
    given = OptionReader("gemini", options, sorted(field.name for field in fields(GeminiOptions)))

    def choice(name: str, known: tuple[str, ...]) -> str | None:
        if name in options and not known:
            raise given.refusal(name, f"not an option of {model.name}")
        return given.choice(name, known, f"a value for {model.name}")

    return GeminiOptions(
        choice("aspect_ratio", model.ratios),
        choice("image_size", model.nameable),
        given.number("temperature", 0, 2),
        given.number("top_p", 0, 1),
        choice("thinking_level", model.thinking),
    )


def _any_of(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(word for words in lists for word in words))


def _refusal(name: str, value: object, cure: str) -> InputError:
    return InputError(f"options.gemini.{name}", f"{value!r} is {cure}")
