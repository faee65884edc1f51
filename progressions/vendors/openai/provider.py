"""The provider `openai`: image models of OpenAI, and of servers that implement its API.

The SDK's retries are off. The API has no seed. Masks only guide the model ("the model uses the mask as guidance, but
may not follow its exact shape", guide, read November 2026), so `finish` restores what had to be kept.
"""

from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx2
from django.conf import settings
from PIL import Image

from dali.lib.calls.answers.json_reading import at, text_at
from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import VendorError
from dali.lib.errors import InputError
from dali.lib.pictures.compositing import (
    Frame,
    OutpaintPlan,
    alpha_mask,
    outpainted,
    plan_outpaint,
    png,
    repainted,
)
from dali.lib.pictures.images import CPU_GATE, InvalidImageError, decode, decode_mask
from dali.lib.web.schema.fields import closed
from progressions.enums import Kind
from progressions.provider import Draft, Provider, ProviderImage, ProviderRequest, SizeLimits, size_text
from progressions.vendors.openai import api, image_models
from progressions.vendors.openai.answers import ImageAnswer, last_of, whole_of
from progressions.vendors.openai.image_models import Size, capped, family_of
from progressions.vendors.openai.options import OPTION_SCHEMAS, OpenAIImageOptions, parse_options

_MOST_PROMPT = 32_000  # "The maximum length is 32000 characters" (SDK)
_VARIATION = (
    "A variation of this picture: its subject, style and palette, another composition, other details. "
)
_DEFAULT_SIZE = (1024, 1024)
# Maximum pixels for a job with a start image and no size. Sizes above 2560x1440 are "experimental" (SDK), and the cost
# of an edit depends on its pixels.
_EDIT_PIXELS, _CANVAS_PIXELS = 1536 * 1024, 2560 * 1440
# The longest side of a start image that is sent without a mask. The API accepts 50 MB but uses no more detail.
_LOOK_PX = 2048


@dataclass(frozen=True, slots=True)
class ImageCall:
    """What is sent besides prompt, model and options: the size to ask for, and PNGs of start image and mask.

    `finished`: the size of the image from `finish`; `at`: (left, top) of the start image on an outpaint's canvas.
    """

    size: Size | None
    start: bytes | None = None
    mask: bytes | None = None
    finished: Size | None = None
    at: tuple[int, int] | None = None


class OpenAIProvider(Provider):
    """One call of /images/generations or /images/edits for each image."""

    name = "openai"
    required_settings = ("OPENAI_API_KEY",)
    title = "OpenAI"
    kinds = frozenset({Kind.GENERATE, Kind.EDIT, Kind.INPAINT, Kind.OUTPAINT, Kind.VARIATION})
    models = image_models.MODELS
    sizes = ("1024x1024", "1536x1024", "1024x1536", "2048x2048", "2560x1440", "1440x2560", "3840x2160")
    limits: ClassVar[SizeLimits] = {"min_px": 480, "max_px": 3840}
    finishes = frozenset({Kind.INPAINT, Kind.OUTPAINT})

    def default_model(self) -> str:
        """DALI_OPENAI_MODEL."""
        return str(settings.OPENAI_MODEL)

    def concurrency(self) -> int | None:
        """DALI_OPENAI_CONCURRENCY."""
        return int(settings.OPENAI_CONCURRENCY)

    def estimate(self, draft: Draft) -> Usage | None:
        """By OpenAI's published tables; None for models of compatible servers."""
        family = family_of(draft.model)
        if family.is_open:
            return None
        if draft.kind in (Kind.INPAINT, Kind.OUTPAINT):
            size = family.nearest(capped((4096, 4096), _CANVAS_PIXELS))
        elif draft.kind == Kind.GENERATE or draft.size is not None:
            size = family.nearest(draft.size or _DEFAULT_SIZE)
        else:
            size = family.nearest(capped((4096, 4096), _EDIT_PIXELS))
        options = parse_options(draft.options, draft.model, family)
        return image_models.estimate(
            draft.model,
            size,
            options.quality or "auto",
            prompt=draft.prompt,
            start_images=draft.kind != Kind.GENERATE,
            partials=options.partial_images,
        )

    def check(self, draft: Draft) -> None:
        """Checks model (any on a compatible server), prompt and options. Any size: the nearest legal one is used."""
        if draft.model not in self.models and draft.model != settings.OPENAI_MODEL and _is_openai():
            known = ", ".join(dict.fromkeys((self.default_model(), *self.models)))
            raise InputError("models.openai", f"'{draft.model}' is not a model of openai; known: {known}")
        length = len(_prompt(draft.kind, draft.prompt))
        if length > _MOST_PROMPT:
            raise InputError("prompt", f"openai accepts {_MOST_PROMPT} characters; the prompt has {length}")
        canvas = draft.size if draft.kind == Kind.OUTPAINT else None
        if canvas is not None and canvas[0] * canvas[1] > settings.MAX_IMAGE_PIXELS:
            cure = f"has too many pixels for a canvas; the maximum is {settings.MAX_IMAGE_PIXELS}"
            raise InputError("size", f"'{size_text(canvas)}' {cure}")
        parse_options(draft.options, draft.model, family_of(draft.model))

    def job_rules(self) -> Mapping[str, Mapping[str, Any]]:
        """See Provider. Options have the values of all models together; a compatible server may have any model."""
        known = list(dict.fromkeys((settings.OPENAI_MODEL, self.default_model(), *self.models)))
        return {"model": {"enum": known} if _is_openai() else {}, "options": closed(OPTION_SCHEMAS)}

    def call(self, request: ProviderRequest) -> ProviderImage:
        """One call. With `partial_images`, previews go to `on_partial` as they arrive."""
        options = parse_options(request.options, request.model, family_of(request.model))
        prompt = _prompt(request.kind, request.prompt)
        if len(prompt) > _MOST_PROMPT:  # refining can lengthen it
            message = f"OpenAI accepts {_MOST_PROMPT} characters; the refined prompt has {len(prompt)}."
            raise VendorError("provider_error", message, is_retryable=False)
        # Without an image there is nothing to decode: do not wait for others.
        with CPU_GATE if request.start_image else nullcontext():
            call = _prepare(request)
        arguments = _arguments(request, prompt, options, call)
        is_streamed = options.partial_images > 0 and request.on_partial is not None
        if is_streamed:
            arguments |= {"stream": True, "partial_images": options.partial_images}
        images = api.client("images").images.with_raw_response
        with api.calling(request.deadline) as timeout:
            send: Any = images.edit if call.start is not None else images.generate
            response: httpx2.Response = send(**arguments, timeout=timeout).http_response
            with closing(response):
                if is_streamed and "event-stream" in response.headers.get("content-type", ""):
                    answer = last_of(response, request.deadline, request.on_partial)
                else:
                    answer = whole_of(response)
        return _image(request, call, options, answer)

    def finish(self, request: ProviderRequest, content: bytes) -> bytes:
        """The start image with the repainted part inside or around it."""
        start, mask = request.start_image or b"", request.mask or b""
        size = decode(start).image.size
        if request.kind == Kind.INPAINT:
            return repainted(start, mask, content, _frame(request.model, size))
        plan = _plan(size, request)
        return outpainted(start, content, plan, _frame(request.model, plan.canvas))


def _is_openai() -> bool:
    """Whether the server is OpenAI's own, including `eu.api.openai.com`; others have their own models."""
    host = urlsplit(settings.OPENAI_BASE_URL).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def _prompt(kind: Kind, prompt: str) -> str:
    # POST /images/variations "no longer accepts requests" (SDK, read November 2026).
    return _VARIATION + prompt if kind == Kind.VARIATION else prompt


def _frame(model: str, size: Size) -> Frame:
    """How an image of that size fits into a size of the model."""
    return Frame.around(size, family_of(model).nearest(capped(size, _CANVAS_PIXELS)))


def _plan(start: Size, request: ProviderRequest) -> OutpaintPlan:
    return plan_outpaint(start, request.size, most_pixels=settings.MAX_IMAGE_PIXELS)


def _prepare(request: ProviderRequest) -> ImageCall:
    """The images to send and the size to ask for. Raises VendorError for an unreadable start image or mask."""
    family = family_of(request.model)
    if request.kind == Kind.GENERATE:
        return ImageCall(
            None if family.is_open and request.size is None else family.nearest(request.size or _DEFAULT_SIZE)
        )
    try:
        start = decode(request.start_image or b"").image
        if request.kind == Kind.INPAINT:
            frame = _frame(request.model, start.size)
            area = frame.put_mask(decode_mask(request.mask or b"", start.size))
            return ImageCall(frame.canvas, png(frame.put(start)), _mask(area), start.size)
    except InvalidImageError as error:
        raise VendorError("invalid_image", f"The start image or mask: {error}") from error
    if request.kind == Kind.OUTPAINT:
        plan = _plan(start.size, request)
        frame = _frame(request.model, plan.canvas)
        shown, area = frame.put(plan.canvas_with(start)), frame.put_mask(plan.mask(), 255)
        return ImageCall(frame.canvas, png(shown), _mask(area), plan.canvas, plan.at)
    size = None if family.is_open else family.nearest(capped(start.size, _EDIT_PIXELS))
    shown = start.copy()
    shown.thumbnail((_LOOK_PX, _LOOK_PX), Image.Resampling.LANCZOS)
    return ImageCall(family.nearest(request.size) if request.size else size, png(shown))


def _mask(area: Image.Image) -> bytes:
    """The mask as PNG with alpha 0 or 255, so that blended edges are repainted too. Far below the 4 MB limit."""
    return png(alpha_mask(area.point(lambda value: 255 if value else 0)), compress_level=6)


def _arguments(
    request: ProviderRequest, prompt: str, options: OpenAIImageOptions, call: ImageCall
) -> dict[str, Any]:
    """Arguments of images.generate or images.edit, only those that are set."""
    arguments: dict[str, Any] = {"model": request.model, "prompt": prompt, "n": 1}
    if call.size is not None:
        arguments["size"] = size_text(call.size)
    names = ["quality", "background", "output_format", "output_compression", "complexity"]
    if call.start is None:
        names.append("moderation")
    else:
        names.append("input_fidelity")
        # Without a name and a type the part would be application/octet-stream, which the API rejects.
        arguments["image"] = ("image.png", call.start, "image/png")
        if options.moderation is not None:  # the API accepts it, but the SDK's `edit` has no such argument
            arguments["extra_body"] = {"moderation": options.moderation}
    if call.mask is not None:
        arguments["mask"] = ("mask.png", call.mask, "image/png")
    given = {name: getattr(options, name) for name in names}
    return arguments | {name: value for name, value in given.items() if value is not None}


def _image(
    request: ProviderRequest, call: ImageCall, options: OpenAIImageOptions, answer: ImageAnswer
) -> ProviderImage:
    body = answer.body
    usage = api.usage_of_image(request.model, at(body, "usage"))
    content = answer.image(request.deadline, usage)
    asked = size_text(call.size) if call.size else "auto"
    answered = text_at(body, "size") or asked
    meta: dict[str, object] = {
        "size": size_text(call.finished) if call.finished else answered,
        "quality": text_at(body, "quality") or options.quality or "auto",
    }
    if answer.request_id:
        meta["request_id"] = answer.request_id
    if revised := text_at(body, "data", 0, "revised_prompt") or text_at(body, "revised_prompt"):
        meta["revised_prompt"] = revised
    if call.finished:
        meta["answer_size"] = answered
    if call.at:
        meta["start_image_at"] = list(call.at)
    if request.size and size_text(request.size) != meta["size"]:
        meta["requested"] = {"size": size_text(request.size)}
    return ProviderImage(content, request.model, seed=None, meta=meta, usage=usage)
