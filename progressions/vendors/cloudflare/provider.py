"""The provider `workers`: image models of Cloudflare Workers AI, each with its own fields."""

import base64
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from PIL import Image, ImageOps

from dali.lib.calls.answers.usage import Usage
from dali.lib.errors import InputError
from dali.lib.pictures.compositing import Frame, OutpaintPlan, outpainted, plan_outpaint, png, repainted
from dali.lib.pictures.ground import ground_for, on_ground
from dali.lib.pictures.images import CPU_GATE, InvalidImageError, decode, decode_mask
from dali.lib.web.schema.fields import AROUND, NOT_BLANK, at_most, closed, size_pattern
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.provider import Draft, Provider, ProviderImage, ProviderRequest, SizeLimits, size_text
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.api import File
from progressions.vendors.cloudflare.image_models import (
    FLUX_INPUT_PX,
    MODELS,
    Options,
    Size,
    WorkersImageModel,
    parse_options,
)

# Default distance from the start image: 0 is the same image, 1 a different one.
_STRENGTH = {Kind.EDIT: 0.75, Kind.VARIATION: 0.5}
# flux-2 has no mask field: the prompt describes the mask, which is sent as an image; `finish` restores the rest.
_MASKED = "Repaint only the part of the first image where the second image is white; keep all else as it is. There: "


@dataclass(frozen=True, slots=True)
class _Shot:
    """The images to send. `image`, `mask`: encoded files. `size`: the size to ask for; `made`: the final size."""

    size: Size
    made: Size
    image: bytes = b""
    mask: bytes = b""

    @property
    def inputs(self) -> int:
        """The number of images sent."""
        return bool(self.image) + bool(self.mask)


class WorkersProvider(Provider):
    """One account of Workers AI."""

    name = "workers"
    required_settings = api.REQUIRED
    title = "Cloudflare Workers AI"
    kinds = frozenset({Kind.GENERATE, Kind.EDIT, Kind.INPAINT, Kind.OUTPAINT, Kind.VARIATION})
    models = tuple(MODELS)
    sizes = ("1024x1024", "1024x768", "768x1024", "1536x1024", "1024x1536", "512x512")
    limits: ClassVar[SizeLimits] = {"min_px": 256, "max_px": 2500}
    finishes = frozenset({Kind.INPAINT, Kind.OUTPAINT})

    def default_model(self) -> str:
        """DALI_WORKERS_MODEL."""
        return str(settings.WORKERS_MODEL)

    def default_model_for(self, kind: Kind) -> str:
        """DALI_WORKERS_MODEL if it can do the kind, otherwise the first model that can."""
        chosen = MODELS.get(self.default_model())
        if chosen is None or kind in chosen.kinds:
            return self.default_model()
        return next((model.name for model in MODELS.values() if kind in model.kinds), chosen.name)

    def kinds_of(self, model: str) -> frozenset[Kind]:
        """See Provider."""
        return frozenset(Kind(kind) for kind in MODELS[model].kinds)

    def concurrency(self) -> int | None:
        """DALI_WORKERS_CONCURRENCY."""
        return int(settings.WORKERS_CONCURRENCY)

    def estimate(self, draft: Draft) -> Usage | None:
        """By tiles and steps; a start image of unknown size counts as the largest."""
        model = MODELS.get(draft.model)
        if model is None:
            return None
        if draft.size is not None:
            size = model.size_for(draft.size)
        elif draft.kind == Kind.GENERATE:
            size = model.size
        else:
            size = model.size_like((model.most_start_px, model.most_start_px))
        inputs = 0 if draft.kind == Kind.GENERATE else 1 + (draft.kind == Kind.INPAINT)
        return model.usage(size, parse_options(model, draft.kind, draft.options).steps, inputs)

    def check(self, draft: Draft) -> None:
        """Checks model, kind, options, sides (256 to 2500 pixels), and the length of the prompt."""
        model = MODELS.get(draft.model)
        if model is None:
            known = ", ".join(MODELS)
            raise InputError("models.workers", f"'{draft.model}' is not a model of workers; known: {known}")
        if draft.kind not in model.kinds:
            able = ", ".join(other.name for other in MODELS.values() if draft.kind in other.kinds)
            raise InputError(
                "models.workers", f"'{model.name}' cannot {draft.kind}; {able or 'no model of workers'} can"
            )
        self.check_size(draft)
        if model.most_prompt and len(draft.prompt) > model.most_prompt:
            raise InputError(
                "prompt",
                f"has {len(draft.prompt)} characters: {model.name} takes at most {model.most_prompt};"
                " shorten it, or name another model",
            )
        parse_options(model, draft.kind, draft.options)

    def job_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """See Provider. The ranges are those of all models together."""
        steps = [model.steps for model in MODELS.values() if model.steps_field]
        guidance = [model.guidance for model in MODELS.values() if model.guidance]
        options = {
            "guidance": _bounds("number", guidance),
            "negative_prompt": {"type": "string", "pattern": NOT_BLANK, **at_most(2_000, AROUND)},
            "steps": _bounds("integer", [(least, most) for least, most, _ in steps]),
            "strength": {"type": "number", "minimum": 0, "maximum": 1},
        }
        return {
            "size": {"pattern": size_pattern(self.limits["min_px"], self.limits["max_px"])},
            "model": {"enum": list(MODELS)},
            "options": closed(options),
        }

    def call(self, request: ProviderRequest) -> ProviderImage:
        """Runs the model once."""
        model = MODELS.get(request.model)
        if model is None or request.kind not in model.kinds:
            raise _unable(f"Workers AI's '{request.model}' cannot {request.kind}.")
        options = parse_options(model, request.kind, request.options)
        try:
            # Without an image there is nothing to decode: do not wait for others.
            with CPU_GATE if request.start_image else nullcontext():
                shot = _shot(model, request)
        except InvalidImageError as error:
            raise ProviderError(Code.INVALID_IMAGE, f"The start image or mask: {error}") from error
        prompt = _MASKED + request.prompt if model.form == "multipart" and shot.mask else request.prompt
        prompt = _cut(prompt, model.most_prompt)
        fields = _fields(model, request, options, shot, prompt)
        client = api.api("images", settings.WORKERS_CONCURRENCY)
        if model.form == "multipart":
            answer = client.run(model.name, request.deadline, files=_parts(fields, shot))
        else:
            answer = client.run(model.name, request.deadline, json=_with_images(fields, shot))
        meta: dict[str, object] = {"size": size_text(shot.made), "request_id": answer.request_id}
        if request.size is not None and request.size != shot.made:
            meta["requested"] = {"size": size_text(request.size)}
        if shot.size != shot.made:
            meta["size_of_answer"] = size_text(shot.size)
        if len(prompt) < len(request.prompt):
            meta["prompt_cut_at"] = len(prompt)
        return ProviderImage(
            answer.picture(request.deadline),
            model.name,
            seed=request.seed if model.has_seed else None,
            meta=meta,
            usage=model.usage(shot.size, options.steps, shot.inputs),
        )

    def finish(self, request: ProviderRequest, content: bytes) -> bytes:
        """Restores the start image outside the mask, or inside the canvas."""
        model, start = MODELS[request.model], request.start_image or b""
        size = _start(request).size
        if request.kind == Kind.INPAINT:
            return repainted(start, request.mask or b"", content, _frame(model, size))
        plan = _plan(request, size)
        return outpainted(start, content, plan, _frame(model, plan.canvas))


def _shot(model: WorkersImageModel, request: ProviderRequest) -> _Shot:
    if request.kind == Kind.GENERATE:
        size = model.size_for(request.size) if request.size else model.size
        return _Shot(size, size)
    start = _start(request)
    if request.kind in (Kind.INPAINT, Kind.OUTPAINT):
        return _masked_shot(model, request, start)
    size = model.size_for(request.size) if request.size else model.size_like(start.size)
    image = on_ground(start, ground_for(start))
    if model.form == "multipart":
        return _Shot(size, size, _small(image))
    return _Shot(size, size, png(image if image.size == size else ImageOps.fit(image, size)))


def _masked_shot(model: WorkersImageModel, request: ProviderRequest, start: Image.Image) -> _Shot:
    """Start image and mask on a canvas of a size that the model makes."""
    if request.kind == Kind.OUTPAINT:
        plan = _plan(request, start.size)
        canvas, area = plan.canvas_with(start), plan.mask()
    else:
        if request.mask is None:
            raise _unable("Workers AI cannot inpaint without a mask.")
        canvas, area = start, decode_mask(request.mask, start.size)
    frame = _frame(model, canvas.size)
    image, mask = frame.put(_over_white(canvas)), frame.put_mask(area)
    if model.form == "multipart":
        return _Shot(frame.canvas, canvas.size, _small(image), _small(mask))
    # JSON sends each byte of the mask as a number: compress it well.
    return _Shot(frame.canvas, canvas.size, png(image), png(mask, compress_level=9))


def _plan(request: ProviderRequest, start: Size) -> OutpaintPlan:
    return plan_outpaint(start, request.size, most_pixels=settings.MAX_IMAGE_PIXELS)


def _frame(model: WorkersImageModel, size: Size) -> Frame:
    return Frame.around(size, model.size_like(size))


def _start(request: ProviderRequest) -> Image.Image:
    if request.start_image is None:
        raise _unable(f"Workers AI cannot {request.kind} without a start image.")
    return decode(request.start_image).image


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _small(image: Image.Image) -> bytes:
    """A PNG, scaled down to the limit of flux-2."""
    if max(image.size) > FLUX_INPUT_PX:
        image = image.copy()
        image.thumbnail((FLUX_INPUT_PX, FLUX_INPUT_PX), Image.Resampling.LANCZOS)
    return png(image)


def _fields(
    model: WorkersImageModel, request: ProviderRequest, options: Options, shot: _Shot, prompt: str
) -> dict[str, object]:
    """All fields except images; only those that the model has."""
    fields: dict[str, object] = {"prompt": prompt}
    if model.steps_field:
        fields[model.steps_field] = options.steps
    if model.sides is not None:
        fields["width"], fields["height"] = shot.size
    if model.has_seed:
        fields["seed"] = request.seed
    if options.guidance is not None:
        fields["guidance"] = options.guidance
    if options.negative_prompt:
        fields["negative_prompt"] = options.negative_prompt
    strength = options.strength if options.strength is not None else _STRENGTH.get(request.kind)
    if model.has_strength and strength is not None:
        fields["strength"] = strength
    return fields


def _parts(fields: Mapping[str, object], shot: _Shot) -> dict[str, File]:
    """A multipart form: "even if you just have a prompt" (read November 2026)."""
    parts: dict[str, File] = {name: (None, str(value)) for name, value in fields.items()}
    pictures = [picture for picture in (shot.image, shot.mask) if picture]
    for number, picture in enumerate(pictures):
        parts[f"input_image_{number}"] = (f"{number}.png", picture, "image/png")
    return parts


def _with_images(fields: Mapping[str, object], shot: _Shot) -> dict[str, object]:
    """The JSON form. Masks must be arrays of bytes; images may be base64."""
    body = dict(fields)
    if shot.image:
        body["image_b64"] = base64.b64encode(shot.image).decode()
    if shot.mask:
        body["mask"] = list(shot.mask)
    return body


def _cut(prompt: str, most: int) -> str:
    """The prompt, cut after a word at the model's limit: refining may have made it too long."""
    if not most or len(prompt) <= most:
        return prompt
    head, space, _ = prompt[: most + 1].rpartition(" ")
    return head.rstrip(" ,;") if space and len(head) > most // 2 else prompt[:most]


def _bounds(type_: str, ranges: Sequence[tuple[float, float]]) -> dict[str, Any]:
    least, most = min(least for least, _ in ranges), max(most for _, most in ranges)
    return {"type": type_, "minimum": least, "maximum": most}


def _unable(message: str) -> ProviderError:
    return ProviderError(Code.PROVIDER_ERROR, message, is_retryable=False)
